"""Taking files in, what failed of them, and whether the store is sound."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from mediafp.case.case import estimate_ingest
from mediafp.case.ingestion.estimate import IngestEstimate
from mediafp.cli.common import (
    ExitStatus,
    HotwordsOption,
    JsonOption,
    ModelOption,
    PathsArgument,
    StoreOption,
    Transcribe,
    UnsafeOption,
    YesNo,
    app,
    err,
    escape_markup,
    open_selected_case,
    out,
    print_json,
    progress,
    sandboxed,
    selected_store,
    speech_options,
    suggest_command,
)
from mediafp.fingerprints.registry import declarations
from mediafp.ingest.walk import walk
from mediafp.report import jsonl
from mediafp.report.exports.csv import write_csv
from mediafp.store.sqlite import custody_log, ledger
from mediafp.types.errors import UsageError
from mediafp.types.runs import DEFAULT_MODEL, AnalysisOptions, IngestOptions


@app.command()
def ingest(
    paths: PathsArgument,
    jobs: Annotated[int, typer.Option(help="Workers; 0 is one a core.", min=0)] = 0,
    no_sidecars: Annotated[bool, typer.Option("--no-sidecars", help="Leave .info.json and the like unread.")] = False,
    full_decode: Annotated[
        bool, typer.Option("--full-decode", help="Decode every video frame: slower, exact at cuts.")
    ] = False,
    views: Annotated[
        YesNo, typer.Option(help="Keep crops of each picture too, so that a tenth of it is found; slower.")
    ] = YesNo.YES,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done and roughly how long it would take.")
    ] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Read again what failed before.")] = False,
    log_file: Annotated[
        Path | None,
        typer.Option("--log", help="Add what becomes of each file to this file, a line each.", show_default=False),
    ] = None,
    transcribe: Annotated[
        Transcribe, typer.Option(help="Write down what is said; auto: where the speech model is here.")
    ] = Transcribe.AUTO,
    text: Annotated[
        YesNo, typer.Option(help="Read what stands in pictures: names, captions, marks. A third of a second each.")
    ] = YesNo.YES,
    model: ModelOption = DEFAULT_MODEL,
    words: HotwordsOption = None,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take files into the store: what they show and say, where they were seen. Run it again to add what is new.

    Sidecars of yt-dlp (.info.json) and gallery-dl (.json), or a sightings.csv, fill in account, platform and dates.
    """
    started = time.monotonic()
    reading = AnalysisOptions(
        full_decode=full_decode,
        reference_crops=views is YesNo.YES,
        sidecars=not no_sidecars,
        ocr=text is YesNo.YES,
        speech=speech_options(transcribe, model, words),
    )
    options = IngestOptions(jobs=jobs, analysis=reading, retry_failed=retry_failed)
    if dry_run:
        _print_plan(
            estimate_ingest(selected_store(store), paths, options, sandboxed=sandboxed(unsafe)), as_json=as_json
        )
        return
    counts: Counter[str] = Counter()
    errors = []
    with (
        open_selected_case(store, create=True, unsafe=unsafe) as case,
        open_log_file(log_file) as note,
        progress() as bar,
    ):
        left_out: list[Path] = []
        task = bar.add_task("taking in", total=sum(1 for _ in walk(paths, left_out.append)))
        for path in left_out:
            note({"path": os.fspath(path), "left_out": "a pipe, a device, or a link that leads out or nowhere"})
        for outcome in case.ingest(paths, options):
            counts[outcome.status] += 1
            # What lies in archives was not counted before.
            bar.update(task, advance=1, total=max(bar.tasks[0].total or 0, counts.total()))
            note(jsonl.outcome_to_json(outcome))
            if outcome.status == "failed":
                errors.append({"path": outcome.path, "kind": outcome.kind, "message": outcome.message})
                if not as_json:
                    err.print(f"[red]failed[/] {escape_markup(outcome.path)}: {escape_markup(outcome.message or '')}")
            if as_json:
                print_json(jsonl.outcome_to_json(outcome))
            else:
                for warning in outcome.warnings:
                    err.print(f"[yellow]warning[/] {escape_markup(outcome.path)}: {escape_markup(warning)}")
        summary = {
            "seen": counts.total(),
            **{status: counts[status] for status in ("added", "known", "failed", "skipped")},
            "left_out": len(left_out),
            "seconds": round(time.monotonic() - started, 2),
            "errors": errors,
        }
        note(summary)
    if as_json:
        print_json(summary)
    else:
        out.print(
            f"{summary['seen']} files in {summary['seconds']} s: {counts['added']} added, {counts['known']} known,"
            f" {counts['failed']} failed, {counts['skipped']} not media"
            + (f"; {len(left_out)} left out (links that lead out or nowhere, pipes, devices)" if left_out else "")
        )
    if errors:
        if not as_json:
            kinds = Counter(str(error["kind"]) for error in errors).most_common()
            counted = ", ".join(f"{count} {kind}" for kind, count in kinds)
            out.print(f"failed: {counted}; see: {escape_markup(suggest_command('errors', store))}")
        raise typer.Exit(ExitStatus.SOME_FAILED)


def _print_plan(found: IngestEstimate, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(found))
        return
    out.print(f"{found.seen} files would be looked at: {found.known} known, {found.skipped} not media", end="")
    if found.failed_before:
        out.print(f", {found.failed_before} failed before and would be left (--retry-failed tries again)", end="")
    if found.unreadable:
        out.print(f", {found.unreadable} that cannot be opened", end="")
    out.print(f", {found.new} to read ({found.new_bytes / 1e6:,.1f} MB)")
    if found.archives:
        out.print(f"{found.archives} of them are archives, whose files are not counted here")
    if found.seconds is not None:
        out.print(f"that would take roughly {timedelta(seconds=round(found.seconds))}")


@contextmanager
def open_log_file(file: Path | None) -> Iterator[Callable[[jsonl.JsonObject], None]]:
    """Writes what became of each file, with the time, behind what a log file holds already."""
    with ExitStack() as stack:
        try:
            journal = stack.enter_context(file.open("a", encoding="utf-8")) if file else None
        except OSError as error:
            raise UsageError(f"the log file {file} cannot be written: {error.strerror}") from error

        def note(value: jsonl.JsonObject) -> None:
            if journal:
                at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
                journal.write(jsonl.json_line({"at": at, **value}) + "\n")
                journal.flush()

        yield note


@app.command()
def errors(
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table, safe to open in a spreadsheet.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the files that could not be taken in, and why."""
    with open_selected_case(store) as case:
        failures = ledger.failures(case._store)
    if as_csv:
        rows = ((f.path, f.kind, f.message, f.attempts) for f in failures)
        write_csv(sys.stdout, ("path", "kind", "message", "attempts"), rows)
        return
    for f in failures:
        if as_json:
            print_json({"path": f.path, "kind": f.kind, "message": f.message, "attempts": f.attempts})
        else:
            out.print(
                f"[red]{f.kind}[/] {escape_markup(f.path)}: {escape_markup(f.message or '')} (tried {f.attempts}×)"
            )
    if failures and not as_json:
        again = suggest_command("ingest --retry-failed PATH", store)
        out.print(f"they are not read again unless they change; to try again: {escape_markup(again)}")
    if not failures and not as_json:
        out.print("no file failed")


@app.command()
def verify(
    no_originals: Annotated[bool, typer.Option("--no-originals", help="Leave the original files unread.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the store against itself and its log, and the originals where they can be reached.

    Exit status 0 on a sound store, 2 otherwise. Originals that are gone or were changed since are told, and are no
    fault of the store. Write the last line's seal down elsewhere: it vouches for all that was logged before.
    """
    with open_selected_case(store) as case, progress() as bar:
        problems = case._store.check_integrity(declarations())
        count = 0 if problems else case._store.count()
        originals: Counter[str] = Counter()
        changed = []
        if not (problems or no_originals):
            task = bar.add_task("reading originals", total=None)
            for original in case.check_originals():
                bar.advance(task)
                originals[original.state] += 1
                if original.state == "changed":
                    changed.append(original.uri)
        number, seal = (0, "") if problems else custody_log.last_entry(case._store)
    told = {
        "assets": count,
        "problems": problems,
        "originals": {"same": originals["same"], "changed": changed, "out_of_reach": originals["out of reach"]},
        "log": {"entries": number, "seal": seal},
    }
    if as_json:
        print_json(told)
    elif problems:
        out.print(f"{len(problems)} problems")
        for problem in problems:
            out.print(f"[red]{escape_markup(problem)}[/]")
    else:
        out.print(f"{count} assets; the store is sound")
        if not no_originals:
            out.print(f"originals: {originals['same']} unchanged, {originals['out of reach']} gone or in archives")
        for uri in changed:
            out.print(f"[yellow]changed since it was taken in[/] {escape_markup(uri)}")
        out.print(f"log: {number} entries, sealed {seal}")
    if problems:
        raise typer.Exit(ExitStatus.COULD_NOT_RUN)
