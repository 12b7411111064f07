"""What a store is asked: matches, words, clusters, the evidence page."""

from pathlib import Path
from typing import Annotated

import typer

from mediafp.case.case import DEFAULT_MIN_PROBABILITY, DEFAULT_TOP
from mediafp.case.trace import sighting_date
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
    escape_markup,
    open_selected_case,
    out,
    print_json,
    progress,
    speech_options,
)
from mediafp.ingest.walk import walk
from mediafp.report import jsonl
from mediafp.store.sqlite import transcripts
from mediafp.types.matches import Match, QueryResult, Trace
from mediafp.types.runs import DEFAULT_MODEL

MIN_NEAR_MISS_PROBABILITY = 0.01
"""Probability from which a candidate that was turned down is told beside matches."""
MIN_EXTRA_EXTENT = 0.02
"""Share by which a picture must show more than another before it is said."""

MinProbabilityOption = Annotated[
    float, typer.Option(help="Leave out matches below it; 0 lists weak candidates too.", min=0, max=1)
]
OcrOption = Annotated[
    YesNo, typer.Option(help="Read what stands in the query, and in matched pictures whose text the store lacks.")
]


@app.command()
def match(
    paths: PathsArgument,
    top: Annotated[int, typer.Option(help="Most matches a query.", min=1)] = DEFAULT_TOP,
    min_probability: MinProbabilityOption = DEFAULT_MIN_PROBABILITY,
    transcribe: Annotated[
        Transcribe, typer.Option(help="Look for the same words too; auto: where the store holds transcripts.")
    ] = Transcribe.AUTO,
    text: OcrOption = YesNo.YES,
    model: ModelOption = DEFAULT_MODEL,
    words: HotwordsOption = None,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask where files were used before. They need not be in the store, and are not added."""
    found, failed = False, False
    with open_selected_case(store, unsafe=unsafe) as case, progress() as bar:
        task = bar.add_task("matching", total=sum(1 for _ in walk(paths)))
        speech = speech_options(transcribe, model, words) if transcripts.has_transcripts(case._store) else None
        wanted = text is YesNo.YES
        for answer in case.match(paths, top=top, min_probability=min_probability, text=wanted, speech=speech):
            bar.advance(task)
            found = found or bool(answer.matches)
            failed = failed or answer.error is not None
            if as_json:
                print_json(jsonl.result_to_json(answer))
                continue
            out.print(f"\n[bold]{escape_markup(answer.query)}[/]")
            if answer.error:
                out.print(f"  [red]{escape_markup(answer.error)}[/]")
            elif not answer.matches:
                out.print("  nothing found")
            for m in answer.matches:
                _print_match(m)
            print_near_misses(answer)
    _end(found=found, failed=failed)


def _end(*, found: bool, failed: bool) -> None:
    """Nothing; ends the program with the status that says so."""
    if failed:
        raise typer.Exit(ExitStatus.SOME_FAILED)
    if not found:
        raise typer.Exit(ExitStatus.NOTHING_FOUND)


def _print_match(m: Match, *, when: str = "") -> None:
    colour = {"copy": "green", "possible": "yellow"}.get(m.verdict, "cyan")
    verdict = m.verdict.replace("_", " ")
    out.print(f"  {when}[{colour}]{verdict}[/] {m.probability:.3f}  {m.relation}  {escape_markup(m.uris[0])}")
    out.print(f"      {escape_markup('; '.join(m.why))}", style="dim")
    if m.placement and m.placement.removed_text:
        text = " / ".join(line.text for line in m.placement.removed_text)
        handles = (
            f", with the handle [bold]{escape_markup(', '.join(m.placement.handles))}[/]" if m.placement.handles else ""
        )
        out.print(f"      cut away: [bold red]{escape_markup(text)}[/]{handles}")


def print_near_misses(answer: QueryResult) -> None:
    """What stands in the query, and the candidates that are no match."""
    if answer.text:
        out.print(f"  text in it: {escape_markup(' / '.join(line.text for line in answer.text))}")
    near = [m for m in answer.near_misses if m.verdict == "same_scene" or m.probability >= MIN_NEAR_MISS_PROBABILITY]
    # Where nothing was found, the nearest shows that something was looked at.
    for m in near or answer.near_misses[: 0 if answer.matches else 1]:
        out.print(
            f"  [dim]turned down {m.probability:.3f}  {escape_markup(m.uris[0])}: {escape_markup('; '.join(m.why))}[/]"
        )


@app.command()
def trace(
    paths: PathsArgument,
    min_probability: MinProbabilityOption = DEFAULT_MIN_PROBABILITY,
    text: OcrOption = YesNo.YES,
    page: Annotated[
        Path | None, typer.Option("--report", help="Write the evidence as a page too (one PHOTO).", show_default=False)
    ] = None,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Follow a picture to its source: where it was seen, oldest first, by whom, and what was cut away since."""
    found, failed = False, False
    with open_selected_case(store, unsafe=unsafe) as case, progress() as bar:
        task = bar.add_task("tracing", total=sum(1 for _ in walk(paths)))
        for traced in case.trace(paths, min_probability=min_probability, text=text is YesNo.YES, report_path=page):
            bar.advance(task)
            found = found or bool(traced.entries)
            failed = failed or traced.result.error is not None
            if as_json:
                print_json(jsonl.trace_to_json(traced))
            else:
                _print_trace(traced)
    if page and not as_json:
        out.print(f"\nevidence page: {escape_markup(str(page))}")
    _end(found=found, failed=failed)


def _print_trace(traced: Trace) -> None:
    answer, source = traced.result, traced.source
    out.print(f"\n[bold]{escape_markup(answer.query)}[/]")
    if answer.error:
        out.print(f"  [red]{escape_markup(answer.error)}[/]")
    elif not traced.entries:
        out.print("  nothing found")
    if source:
        more = (source.extent or 1.0) - 1
        shows = (
            f"it shows {more * 100:.0f} % more than the query"
            if more >= MIN_EXTRA_EXTENT
            else "it shows no more than the query"
        )
        out.print(f"  least cut: [bold]{escape_markup(source.match.uris[0])}[/]; {shows}")
    for one in traced.entries:
        _print_match(one.match, when=f"{one.first_seen or 'no date':<20}  ")
        for seen in one.sightings:
            told = (
                sighting_date(seen) or "no date",
                " on ".join(filter(None, (seen.account, seen.platform))),
                seen.url,
            )
            out.print(f"      seen: {escape_markup(' · '.join(filter(None, (*told, seen.uri))))}")
    print_near_misses(answer)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help='Words, or a "phrase in quotes".', show_default=False)],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find words in what is said and what stands in pictures. Simplified and traditional characters find each other."""
    found = False
    with open_selected_case(store) as case:
        for hit in case.search(text):
            found = True
            if as_json:
                print_json(jsonl.hit_to_json(hit))
                continue
            at, marked = 0, ""
            for start, end in hit.marks:
                marked += (
                    escape_markup(hit.text[at:start])
                    + f"[bold yellow]{escape_markup(hit.text[max(at, start) : end])}[/]"
                )
                at = max(at, end)
            where = "in the picture" if hit.source == "picture" else f"{hit.start:.1f}–{hit.end:.1f} s"
            out.print(f"{escape_markup(hit.uris[0])}  {where}  {marked}{escape_markup(hit.text[at:])}")
    if not found:
        if not as_json:
            out.print("nothing found")
        raise typer.Exit(ExitStatus.NOTHING_FOUND)


@app.command()
def cluster(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Group near-duplicate pictures and videos. A shared intro, clip or song alone joins nothing."""
    with open_selected_case(store) as case, progress() as bar:
        task = bar.add_task("comparing", total=case._store.count())
        relations = []
        for relation in case.match_all():
            relations.append(relation)
            bar.advance(task)
        clustering = case.cluster(relations)
    if as_json:
        print_json(jsonl.clustering_to_json(clustering))
        return
    for group in clustering.clusters:
        out.print(f"\n[bold]{group.id}[/]  {len(group.members)} {group.kind}s, weakest link {group.weakest_link:.2f}")
        for member in group.members:
            mark = "*" if member.sha256 == group.representative else " "
            out.print(f"  {mark} {escape_markup(member.uris[0])}")
    out.print(f"\n{len(clustering.clusters)} clusters; {clustering.unclustered} files stand alone (* best face)")


@app.command()
def report(
    page: Annotated[Path, typer.Argument(metavar="OUT.html", help="The page to write.", show_default=False)],
    clips: Annotated[
        bool, typer.Option("--clips", help="Cut every matched stretch side by side into OUT-clips/*.mp4.")
    ] = False,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
) -> None:
    """Write the evidence page: every match of the store with its proof, and the clusters."""
    with open_selected_case(store, unsafe=unsafe) as case, progress() as bar:
        task = bar.add_task("comparing", total=case._store.count())
        cutting = bar.add_task("cutting clips", total=None, visible=clips)
        written = case.report(
            page, clips=clips, on_progress=lambda: bar.advance(task), on_clip=lambda: bar.advance(cutting)
        )
    out.print(f"evidence page: {escape_markup(str(page))}")
    if clips and not written:
        out.print("no clips: no two videos share a stretch")
    for clip in written:
        out.print(escape_markup(str(clip.path) if clip.path else clip.message))
