"""What a store is asked: matches, words, clusters, the evidence page."""

from pathlib import Path
from typing import Annotated

import typer

from mediafp import wire
from mediafp.case import LEAST_PROBABILITY, TOP
from mediafp.cli.common import (
    NOTHING_FOUND,
    SOME_FAILED,
    Json,
    Model,
    Paths,
    Store,
    Transcribe,
    Unsafe,
    Words,
    YesNo,
    app,
    case_of,
    out,
    progress,
    say,
    shown,
    speech_options,
)
from mediafp.evidence import Answer, Match, Trace
from mediafp.ingest.walk import walk
from mediafp.reading.models import EMBEDDED
from mediafp.store import transcripts
from mediafp.trace import first_seen

NEAR = 0.01
"""Probability from which a candidate that was turned down is told beside matches."""
LEAST_MORE = 0.02
"""Share by which a picture must show more than another before it is said."""

Least = Annotated[float, typer.Option(help="Leave out matches below it; 0 lists weak candidates too.", min=0, max=1)]
ReadText = Annotated[
    YesNo, typer.Option(help="Read what stands in the query, and in matched pictures whose text the store lacks.")
]


@app.command()
def match(
    paths: Paths,
    top: Annotated[int, typer.Option(help="Most matches a query.", min=1)] = TOP,
    min_probability: Least = LEAST_PROBABILITY,
    transcribe: Annotated[
        Transcribe, typer.Option(help="Look for the same words too; auto: where the store holds transcripts.")
    ] = Transcribe.AUTO,
    text: ReadText = YesNo.YES,
    model: Model = EMBEDDED,
    words: Words = None,
    unsafe: Unsafe = False,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Ask where files were used before. They need not be in the store, and are not added."""
    found, failed = False, False
    with case_of(store, unsafe=unsafe) as case, progress() as bar:
        task = bar.add_task("matching", total=sum(1 for _ in walk(paths)))
        speech = speech_options(transcribe, model, words) if transcripts.any_transcript(case.store) else None
        wanted = text is YesNo.YES
        for answer in case.match(paths, top=top, least=min_probability, text=wanted, speech=speech):
            bar.advance(task)
            found = found or bool(answer.matches)
            failed = failed or answer.error is not None
            if as_json:
                say(wire.answer(answer))
                continue
            out.print(f"\n[bold]{shown(answer.query)}[/]")
            if answer.error:
                out.print(f"  [red]{shown(answer.error)}[/]")
            elif not answer.matches:
                out.print("  nothing found")
            for m in answer.matches:
                _print_match(m)
            _print_rest(answer)
    _end(found=found, failed=failed)


def _end(*, found: bool, failed: bool) -> None:
    """Nothing; ends the program with the status that says so."""
    if failed:
        raise typer.Exit(SOME_FAILED)
    if not found:
        raise typer.Exit(NOTHING_FOUND)


def _print_match(m: Match, *, when: str = "") -> None:
    colour = {"copy": "green", "possible": "yellow"}.get(m.verdict, "cyan")
    verdict = m.verdict.replace("_", " ")
    out.print(f"  {when}[{colour}]{verdict}[/] {m.probability:.3f}  {m.relation}  {shown(m.uris[0])}")
    out.print(f"      {shown('; '.join(m.why))}", style="dim")
    if m.placement and m.placement.removed_text:
        text = " / ".join(line.text for line in m.placement.removed_text)
        handles = f", with the handle [bold]{shown(', '.join(m.placement.handles))}[/]" if m.placement.handles else ""
        out.print(f"      cut away: [bold red]{shown(text)}[/]{handles}")


def _print_rest(answer: Answer) -> None:
    """What stands in the query, and the candidates that are no match."""
    if answer.text:
        out.print(f"  text in it: {shown(' / '.join(line.text for line in answer.text))}")
    near = [m for m in answer.turned_down if m.verdict == "same_scene" or m.probability >= NEAR]
    # Where nothing was found, the nearest shows that something was looked at.
    for m in near or answer.turned_down[: 0 if answer.matches else 1]:
        out.print(f"  [dim]turned down {m.probability:.3f}  {shown(m.uris[0])}: {shown('; '.join(m.why))}[/]")


@app.command()
def trace(
    paths: Paths,
    min_probability: Least = LEAST_PROBABILITY,
    text: ReadText = YesNo.YES,
    page: Annotated[
        Path | None, typer.Option("--report", help="Write the evidence as a page too (one PHOTO).", show_default=False)
    ] = None,
    unsafe: Unsafe = False,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Follow a picture to its source: where it was seen, oldest first, by whom, and what was cut away since."""
    found, failed = False, False
    with case_of(store, unsafe=unsafe) as case, progress() as bar:
        task = bar.add_task("tracing", total=sum(1 for _ in walk(paths)))
        for traced in case.trace(paths, least=min_probability, text=text is YesNo.YES, page=page):
            bar.advance(task)
            found = found or bool(traced.found)
            failed = failed or traced.answer.error is not None
            if as_json:
                say(wire.trace(traced))
            else:
                _print_trace(traced)
    if page and not as_json:
        out.print(f"\nevidence page: {shown(str(page))}")
    _end(found=found, failed=failed)


def _print_trace(traced: Trace) -> None:
    answer, source = traced.answer, traced.source
    out.print(f"\n[bold]{shown(answer.query)}[/]")
    if answer.error:
        out.print(f"  [red]{shown(answer.error)}[/]")
    elif not traced.found:
        out.print("  nothing found")
    if source:
        more = (source.extent or 1.0) - 1
        shows = (
            f"it shows {more * 100:.0f} % more than the query"
            if more >= LEAST_MORE
            else "it shows no more than the query"
        )
        out.print(f"  least cut: [bold]{shown(source.match.uris[0])}[/]; {shows}")
    for one in traced.found:
        _print_match(one.match, when=f"{one.first_seen or 'no date':<20}  ")
        for seen in one.sightings:
            told = (first_seen(seen) or "no date", " on ".join(filter(None, (seen.account, seen.platform))), seen.url)
            out.print(f"      seen: {shown(' · '.join(filter(None, (*told, seen.uri))))}")
    _print_rest(answer)


@app.command()
def search(
    text: Annotated[str, typer.Argument(help='Words, or a "phrase in quotes".', show_default=False)],
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Find words in what is said and what stands in pictures. Simplified and traditional characters find each other."""
    found = False
    with case_of(store) as case:
        for hit in case.search(text):
            found = True
            if as_json:
                say(wire.hit(hit))
                continue
            at, marked = 0, ""
            for start, end in hit.marks:
                marked += shown(hit.text[at:start]) + f"[bold yellow]{shown(hit.text[max(at, start) : end])}[/]"
                at = max(at, end)
            where = "in the picture" if hit.source == "picture" else f"{hit.start:.1f}–{hit.end:.1f} s"
            out.print(f"{shown(hit.uris[0])}  {where}  {marked}{shown(hit.text[at:])}")
    if not found:
        if not as_json:
            out.print("nothing found")
        raise typer.Exit(NOTHING_FOUND)


@app.command()
def cluster(store: Store = None, as_json: Json = False) -> None:
    """Group near-duplicate pictures and videos. A shared intro, clip or song alone joins nothing."""
    with case_of(store) as case, progress() as bar:
        task = bar.add_task("comparing", total=case.store.count())
        relations = []
        for relation in case.relations():
            relations.append(relation)
            bar.advance(task)
        clustering = case.cluster(relations)
    if as_json:
        say(wire.clustering(clustering))
        return
    for group in clustering.clusters:
        out.print(f"\n[bold]{group.id}[/]  {len(group.members)} {group.kind}s, weakest link {group.weakest_link:.2f}")
        for member in group.members:
            mark = "*" if member.sha256 == group.representative else " "
            out.print(f"  {mark} {shown(member.uris[0])}")
    out.print(f"\n{len(clustering.clusters)} clusters; {clustering.unclustered} files stand alone (* best face)")


@app.command()
def report(
    page: Annotated[Path, typer.Argument(metavar="OUT.html", help="The page to write.", show_default=False)],
    clips: Annotated[
        bool, typer.Option("--clips", help="Cut every matched stretch side by side into OUT-clips/*.mp4.")
    ] = False,
    unsafe: Unsafe = False,
    store: Store = None,
) -> None:
    """Write the evidence page: every match of the store with its proof, and the clusters."""
    with case_of(store, unsafe=unsafe) as case, progress() as bar:
        task = bar.add_task("comparing", total=case.store.count())
        cutting = bar.add_task("cutting clips", total=None, visible=clips)
        written = case.report(page, clips=clips, step=lambda: bar.advance(task), cut=lambda: bar.advance(cutting))
    out.print(f"evidence page: {shown(str(page))}")
    if clips and not written:
        out.print("no clips: no two videos share a stretch")
    for clip in written:
        out.print(shown(str(clip.path) if clip.path else clip.message))
