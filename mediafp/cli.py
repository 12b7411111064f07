"""The command line: parses and prints, nothing else."""

import os
import sqlite3
import sys
import time
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from typer.core import TyperGroup

import mediafp
from mediafp import weights, wire
from mediafp.case import LEAST_PROBABILITY, TOP, Case, open_case
from mediafp.errors import MediafpError, ModelError, UsageError
from mediafp.ingest.walk import walk
from mediafp.jobs import IngestOptions
from mediafp.pipeline import ReadOptions
from mediafp.reading.models import EMBEDDED, cached
from mediafp.reading.speech import SpeechOptions, read_words, transcriber
from mediafp.reading.tells import SHIPPED
from mediafp.report import subtitles
from mediafp.report.page import printable
from mediafp.scribe import Transcription
from mediafp.store import transcripts

DONE, NOTHING_FOUND, COULD_NOT_RUN, SOME_FAILED, INTERRUPTED = 0, 1, 2, 3, 130

err = Console(stderr=True, emoji=False, highlight=False, soft_wrap=True)
out = Console(emoji=False, highlight=False, soft_wrap=True)


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # Caught here: the library underneath would end without a word.
            err.print("stopped; what was acknowledged is kept, and the same command goes on from there")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader has had enough (| head). What Python still holds for it must go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(DONE) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Find where a picture, a clip or a script was used before, see the evidence, group the copies.

    A first run:   mediafp ingest FOLDER   then   mediafp match PICTURE   or   mediafp report evidence.html

    Nothing leaves this machine. Originals are never changed. A match says "same media", never "same operator".
    Exit status: 0 done (match: something was found), 1 nothing found, 2 could not run, 3 some files failed.""",
)
export_app = typer.Typer(no_args_is_help=True, help="Write the store's content for other tools.")
models_app = typer.Typer(no_args_is_help=True, help="Show and check the model files.")
app.add_typer(export_app, name="export")
app.add_typer(models_app, name="models")

Json = Annotated[bool, typer.Option("--json", help="Print JSON only, one object a line.")]
Paths = Annotated[
    list[Path], typer.Argument(help="Files and folders; folders are walked.", show_default=False, readable=False)
]
_store: dict[str, Path | None] = {"folder": None}


def _version(asked: bool) -> None:
    if asked:
        print(f"mediafp {mediafp.__version__}")
        raise typer.Exit


class Transcribe(StrEnum):
    """Whether to listen."""

    AUTO, YES, NO = "auto", "yes", "no"


class Form(StrEnum):
    """How a transcript is written."""

    TEXT, SRT, VTT, JSON = "text", "srt", "vtt", "json"


Model = Annotated[
    str, typer.Option(help="Speech model: whisper-base is built in; others by name from the hub's cache, or a folder.")
]
Words = Annotated[
    Path | None,
    typer.Option(help="A text file of names, places and slogans to listen for, one a line.", show_default=False),
]


def _speech(transcribe: Transcribe, model: str, words: Path | None) -> SpeechOptions | None:
    """How to listen; None where that is not wanted, or `auto` finds no model."""
    if transcribe is Transcribe.NO:
        return None
    options = SpeechOptions(model=model, hotwords=read_words(words) if words else ())
    try:
        transcriber(options)
    except ModelError as error:
        if transcribe is Transcribe.YES or model != EMBEDDED:
            raise
        err.print(f"[yellow]warning[/] nothing is transcribed: {_shown(str(error))}")
        return None
    return options


@app.callback()
def common(
    store: Annotated[
        Path | None,
        typer.Option(
            "--store", help="The case's folder. Else MEDIAFP_STORE, else the user's data folder.", show_default=False
        ),
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Remembers the store that every command works on."""
    if store is not None:
        _store["folder"] = store


Store = Annotated[
    Path | None, typer.Option("--store", help="The case's folder (also before the command).", show_default=False)
]


def _case(store: Path | None, *, create: bool = False) -> Case:
    return open_case(_store["folder"] if store is None else store, create=create)


def _say(value: wire.Object) -> None:
    sys.stdout.write(wire.line(value) + "\n")
    sys.stdout.flush()


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def _shown(name: str) -> str:
    """A file name fit for a terminal: no control characters, no lone surrogates, no markup."""
    return escape(printable(name))


@app.command()
def ingest(
    paths: Paths,
    jobs: Annotated[int, typer.Option(help="Workers; 0 is one a core.", min=0)] = 0,
    no_sidecars: Annotated[bool, typer.Option("--no-sidecars", help="Leave .info.json and the like unread.")] = False,
    full_decode: Annotated[
        bool, typer.Option("--full-decode", help="Decode every video frame: slower, exact at cuts.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the files.")] = False,
    transcribe: Annotated[
        Transcribe, typer.Option(help="Write down what is said; auto: where the speech model is here.")
    ] = Transcribe.AUTO,
    model: Model = EMBEDDED,
    words: Words = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Take files into the store: what they show and say, where they were seen. Run it again to add what is new.

    Sidecars of yt-dlp (.info.json) and gallery-dl (.json), or a sightings.csv, fill in account, platform and dates.
    """
    started = time.monotonic()
    files = list(walk(paths))
    if dry_run:
        _say({"seen": len(files)}) if as_json else out.print(f"{len(files)} files would be looked at")
        return
    counts: Counter[str] = Counter()
    errors = []
    reading = ReadOptions(full_decode=full_decode, sidecars=not no_sidecars, speech=_speech(transcribe, model, words))
    options = IngestOptions(jobs=jobs, read=reading)
    with _case(store, create=True) as case, _progress() as bar:
        task = bar.add_task("taking in", total=len(files))
        for outcome in case.ingest(paths, options):
            counts[outcome.status] += 1
            bar.advance(task)
            if outcome.status == "failed":
                errors.append({"path": outcome.path, "kind": outcome.kind, "message": outcome.message})
                if not as_json:
                    err.print(f"[red]failed[/] {_shown(outcome.path)}: {_shown(outcome.message or '')}")
            if as_json:
                _say(wire.outcome(outcome))
            else:
                for warning in outcome.warnings:
                    err.print(f"[yellow]warning[/] {_shown(outcome.path)}: {_shown(warning)}")
    summary = {
        "seen": sum(counts.values()),
        **{status: counts[status] for status in ("added", "known", "failed", "skipped")},
        "seconds": round(time.monotonic() - started, 2),
        "errors": errors,
    }
    if as_json:
        _say(summary)
    else:
        out.print(
            f"{summary['seen']} files in {summary['seconds']} s: {counts['added']} added, {counts['known']} known,"
            f" {counts['failed']} failed, {counts['skipped']} not media"
        )
    if errors:
        raise typer.Exit(SOME_FAILED)


@app.command()
def match(
    paths: Paths,
    top: Annotated[int, typer.Option(help="Most matches a query.", min=1)] = TOP,
    min_probability: Annotated[
        float, typer.Option(help="Leave out matches below it; 0 lists weak candidates too.", min=0, max=1)
    ] = LEAST_PROBABILITY,
    transcribe: Annotated[
        Transcribe, typer.Option(help="Look for the same words too; auto: where the store holds transcripts.")
    ] = Transcribe.AUTO,
    model: Model = EMBEDDED,
    words: Words = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Ask where files were used before. They need not be in the store, and are not added."""
    found, failed = False, False
    with _case(store) as case, _progress() as bar:
        task = bar.add_task("matching", total=sum(1 for _ in walk(paths)))
        speech = _speech(transcribe, model, words) if transcripts.any_transcript(case.store) else None
        for answer in case.match(paths, top=top, least=min_probability, speech=speech):
            bar.advance(task)
            found = found or bool(answer.matches)
            failed = failed or answer.error is not None
            if as_json:
                _say(wire.answer(answer))
                continue
            out.print(f"\n[bold]{_shown(answer.query)}[/]")
            if answer.error:
                out.print(f"  [red]{_shown(answer.error)}[/]")
            elif not answer.matches:
                out.print("  nothing found")
            for m in answer.matches:
                colour = {"copy": "green", "possible": "yellow"}.get(m.verdict, "cyan")
                out.print(
                    f"  [{colour}]{m.verdict.replace('_', ' ')}[/] {m.probability:.3f}  {m.relation}  {_shown(m.uris[0])}"
                )
                out.print(f"      {'; '.join(m.why)}", style="dim")
    if failed:
        raise typer.Exit(SOME_FAILED)
    if not found:
        raise typer.Exit(NOTHING_FOUND)


@app.command()
def transcribe(
    paths: Paths,
    model: Model = EMBEDDED,
    words: Words = None,
    form: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TEXT,
    to: Annotated[
        Path | None, typer.Option("--out", help="Write one file for each into this folder.", show_default=False)
    ] = None,
    tells: Annotated[
        Path | None,
        typer.Option(help="Your own list of slips of synthetic voices, in the form of tells.toml.", show_default=False),
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Write down what is said, in which language, with times and doubts. What was heard before comes from the store.

    Files need not be in the store; their transcripts are kept in it, and of those that are, can be searched.
    """
    speech = _speech(Transcribe.YES, model, words)
    assert speech, "yes never means no"
    form = Form.JSON if as_json else form
    failed = False
    with _case(store, create=True) as case, _progress() as bar:
        task = bar.add_task("transcribing", total=sum(1 for _ in walk(paths)))

        def step(files: float) -> None:
            bar.update(task, completed=files)

        for found in case.transcribe(paths, speech, tells=tells or SHIPPED, step=step):
            failed = failed or found.error is not None
            if to:
                _write_transcript(found, form, to)
            elif form is Form.JSON:
                _say(wire.transcription(found))
            elif form is Form.TEXT:
                _print_transcript(found)
            elif found.transcript:
                sys.stdout.write(_written(found, form) + "\n")
            if found.error and (to or form in (Form.SRT, Form.VTT)):
                err.print(f"[red]failed[/] {_shown(str(found.path))}: {_shown(found.error)}")
    if failed:
        raise typer.Exit(SOME_FAILED)


def _print_transcript(found: Transcription) -> None:
    out.print(f"\n[bold]{_shown(str(found.path))}[/]")
    if found.error:
        out.print(f"  [red]{_shown(found.error)}[/]")
        return
    for warning in found.warnings:
        err.print(f"[yellow]warning[/] {_shown(str(found.path))}: {_shown(warning)}")
    if found.transcript is None:
        out.print("  the file holds no sound")
        return
    for line in subtitles.text(found.transcript).split("\n"):
        out.print(f"  {_shown(line)}")
    lost = found.transcript.untranscribed_seconds
    if lost:
        out.print(f"  [yellow]{lost:.1f} s of speech gave no words[/]")
    for hint in found.hints:
        out.print(f"  [cyan]hint[/] {hint.start:.1f} s: {_shown(hint.heard)!r}: {hint.name} ({_shown(hint.source)})")


def _written(found: Transcription, form: Form) -> str:
    if form is Form.JSON or found.transcript is None:
        return wire.line(wire.transcription(found))
    return {Form.SRT: subtitles.srt, Form.VTT: subtitles.vtt, Form.TEXT: subtitles.text}[form](found.transcript)


def _write_transcript(found: Transcription, form: Form, folder: Path) -> None:
    """One file for each, named after it and its bytes: two dumps may hold files of one name."""
    if found.transcript is None:
        return
    name = f"{found.path.name}.{(found.sha256 or '')[:8]}.{'txt' if form is Form.TEXT else form.value}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(_written(found, form) + "\n", encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{folder / name} cannot be written: {error.strerror}") from error
    out.print(_shown(str(folder / name)))


@app.command()
def search(
    text: Annotated[str, typer.Argument(help='Words, or a "phrase in quotes".', show_default=False)],
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Find passages by their words in what is said. Simplified and traditional characters find each other."""
    found = False
    with _case(store) as case:
        for hit in case.search(text):
            found = True
            if as_json:
                _say(wire.hit(hit))
                continue
            at, shown = 0, ""
            for start, end in hit.marks:
                shown += _shown(hit.text[at:start]) + f"[bold yellow]{_shown(hit.text[max(at, start) : end])}[/]"
                at = max(at, end)
            out.print(f"{_shown(hit.uris[0])}  {hit.start:.1f}–{hit.end:.1f} s  {shown}{_shown(hit.text[at:])}")
    if not found:
        if not as_json:
            out.print("nothing found")
        raise typer.Exit(NOTHING_FOUND)


@app.command()
def cluster(store: Store = None, as_json: Json = False) -> None:
    """Group near-duplicate pictures and videos. A shared intro, clip or song alone joins nothing."""
    with _case(store) as case, _progress() as bar:
        task = bar.add_task("comparing", total=case.store.count())
        relations = []
        for relation in case.relations():
            relations.append(relation)
            bar.advance(task)
        clustering = case.cluster(relations)
    if as_json:
        _say(wire.clustering(clustering))
        return
    for group in clustering.clusters:
        out.print(f"\n[bold]{group.id}[/]  {len(group.members)} {group.kind}s, weakest link {group.weakest_link:.2f}")
        for member in group.members:
            mark = "*" if member.sha256 == group.representative else " "
            out.print(f"  {mark} {_shown(member.uris[0])}")
    out.print(f"\n{len(clustering.clusters)} clusters; {clustering.unclustered} files stand alone (* best face)")


@app.command()
def report(
    page: Annotated[Path, typer.Argument(metavar="OUT.html", help="The page to write.", show_default=False)],
    clips: Annotated[
        bool, typer.Option("--clips", help="Cut every matched stretch side by side into OUT-clips/*.mp4.")
    ] = False,
    store: Store = None,
) -> None:
    """Write the evidence page: every match of the store with its proof, and the clusters."""
    with _case(store) as case, _progress() as bar:
        task = bar.add_task("comparing", total=case.store.count())
        written = case.report(page, clips=clips, step=lambda: bar.advance(task))
    out.print(f"evidence page: {_shown(str(page))}")
    for clip in written:
        out.print(_shown(str(clip.path) if clip.path else clip.message))


@app.command()
def errors(store: Store = None, as_json: Json = False) -> None:
    """List the files that could not be taken in, and why."""
    with _case(store) as case:
        failures = case.store.failures()
    for f in failures:
        if as_json:
            _say({"path": f.path, "kind": f.kind, "message": f.message, "attempts": f.attempts})
        else:
            out.print(f"[red]{f.kind}[/] {_shown(f.path)}: {_shown(f.message)} (tried {f.attempts}×)")
    if not failures and not as_json:
        out.print("no file failed")


@app.command()
def verify(store: Store = None, as_json: Json = False) -> None:
    """Check the store against itself. Exit status 0 on a sound store, 2 otherwise."""
    with _case(store) as case:
        problems = case.store.problems()
        count = case.store.count()
    if as_json:
        _say({"assets": count, "problems": problems})
    else:
        out.print(f"{count} assets; " + ("the store is sound" if not problems else f"{len(problems)} problems"))
        for problem in problems:
            out.print(f"[red]{_shown(problem)}[/]")
    if problems:
        raise typer.Exit(COULD_NOT_RUN)


@export_app.command("jsonl")
def export_jsonl(store: Store = None) -> None:
    """One line an asset, by SHA-256: sightings, properties, fingerprints' types and versions."""
    with _case(store) as case:
        for asset in case.store.assets():
            sha256 = asset.sha256
            _say(
                wire.asset(
                    asset,
                    case.store.sightings(sha256),
                    case.store.fingerprint_types(sha256),
                    case.store.warnings(sha256),
                    transcripts.transcript_of(case.store, sha256),
                )
            )


@models_app.command("list")
def models_list(as_json: Json = False) -> None:
    """What models there are, of which version and licence, and whether their files are there."""
    table = Table("name", "version", "licence", "state", "sha256")
    for weight, state in weights.verify():
        if as_json:
            _say({"name": weight.name, "version": weight.version, "licence": weight.licence, "state": state,
                  "sha256": weight.sha256, "source": weight.source})  # fmt: skip
        else:
            table.add_row(weight.name, weight.version, weight.licence, state, weight.sha256[:16])
    for model in cached():
        if as_json:
            _say({"name": model.name, "version": model.revision, "licence": None, "state": "ok", "sha256": None,
                  "source": "the hub's cache"})  # fmt: skip
        else:
            table.add_row(model.name, model.revision[:12], "see its page", "in the hub's cache", "")
    if not as_json:
        out.print(table)


@models_app.command("verify")
def models_verify() -> None:
    """Check every model file's SHA-256. Exit status 2 where one is missing or changed."""
    bad = [(weight, state) for weight, state in weights.verify() if state != "ok"]
    for weight, state in bad:
        out.print(f"[red]{weight.name}: {state}[/]")
    if bad:
        raise typer.Exit(COULD_NOT_RUN)
    out.print("all model files are as the manifest names them")


@app.command()
def doctor() -> None:
    """Say whether everything that mediafp needs is here."""
    from mediafp.doctor import examine

    table = Table("what", "state", "detail")
    sound = True
    for finding in examine():
        sound = sound and finding.good
        table.add_row(finding.what, "[green]ok[/]" if finding.good else "[red]missing[/]", _shown(finding.detail))
    out.print(table)
    if not sound:
        raise typer.Exit(COULD_NOT_RUN)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to make the demo case.")] = Path("demo-case"),
) -> None:
    """Make a small case of real photographs and clips and of the copies an investigator meets; show what matches."""
    from mediafp.demo import run

    with _progress() as bar:
        run(folder, bar, out)


def main() -> None:
    """Runs the command line; every foreseen error is one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except UsageError as error:
        err.print(f"[red]mediafp:[/] {_shown(str(error))}")
        sys.exit(COULD_NOT_RUN)
    except MediafpError as error:
        err.print(f"[red]mediafp:[/] {_shown(str(error))}")
        sys.exit(SOME_FAILED)
    except sqlite3.Error as error:
        err.print(f"[red]mediafp:[/] the store cannot be read ({_shown(str(error))}); see: mediafp verify")
        sys.exit(COULD_NOT_RUN)
