"""The command `match`, and the text form of a match."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Annotated

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import (
    HotwordsOption,
    JsonOption,
    MinProbabilityOption,
    ModelOption,
    OcrOption,
    StoreOption,
    TranscribeMode,
    UnsafeOption,
    YesNo,
    open_selected_case,
    speech_options,
)
from mediafp.cli.output import Part, first_path, print_json, print_line, print_warning, progress_bar
from mediafp.report import jsonl
from mediafp.types.counted_nouns import count_of
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY, DEFAULT_MODEL, DEFAULT_TOP
from mediafp.types.errors import UsageError
from mediafp.types.matches import Match, QueryResult, format_probability
from mediafp.types.media import TimeSpan
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.timestamps import format_time

MIN_NEAR_MISS_PROBABILITY = 0.01
"""Probability from which a near miss is printed next to matches. Chosen, not measured."""

MAX_CLUE_LINES = 6
"""Clues of one file that are printed. Chosen, not measured."""
MAX_SIGHTING_LINES = 3
"""Sightings that are printed below a match, the oldest first; the others are counted. Chosen, not measured."""
MAX_SEGMENT_LINES = 3
"""Matching segments of a match that are printed, the first ones. Chosen, not measured."""
MAX_PATH_LINES = 3
"""Further paths of a reference that are printed; the others are counted. Chosen, not measured."""


def match(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Files and folders; folders are searched.", show_default=False)
    ] = None,
    hashes: Annotated[
        list[str] | None,
        typer.Option(
            "--hash", help="Ask by a hash alone: pdq:HEX, phash:HEX, dhash:HEX or sha256:HEX.", show_default=False
        ),
    ] = None,
    top: Annotated[int, typer.Option(help="Largest number of matches per query.", min=1)] = DEFAULT_TOP,
    min_probability: MinProbabilityOption = DEFAULT_MIN_PROBABILITY,
    transcribe: Annotated[
        TranscribeMode, typer.Option(help="Compare speech too; auto: if the store contains transcripts.")
    ] = TranscribeMode.AUTO,
    ocr: OcrOption = YesNo.YES,
    model: ModelOption = DEFAULT_MODEL,
    hotwords: HotwordsOption = None,
    since: Annotated[
        str | None,
        typer.Option(help="List only references added since this date or time (UTC).", show_default=False),
    ] = None,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find where files were used before; queries are not added to the store."""
    found, failed = False, False
    paths = paths or []
    if not (paths or hashes):
        raise UsageError("cannot match: no query is named; name a file or a folder, or a hash with --hash")
    with open_selected_case(store, unsafe=unsafe) as case, progress_bar() as bar:
        task = bar.add_task("matching", total=case.count_files(paths) + len(hashes or ()))
        speech = speech_options(transcribe, model, hotwords) if case.has_transcripts() else None
        by_hash = (
            case.match_hash(text, top=top, min_probability=min_probability, since=since) for text in hashes or ()
        )
        by_file = case.match(
            paths, top=top, min_probability=min_probability, ocr=ocr is YesNo.YES, speech=speech, since=since
        )
        for result in chain(by_hash, by_file):
            bar.advance(task)
            found = found or bool(result.matches or result.listed)
            failed = failed or result.error is not None
            if as_json:
                print_json(jsonl.result_to_json(result))
            else:
                print_result(result)
    exit_with_result(found=found, failed=failed)


def exit_with_result(*, found: bool, failed: bool) -> None:
    """End the command with the status for what was found; return if something was found and nothing failed."""
    if failed:
        raise typer.Exit(ExitStatus.SOME_FAILED)
    if not found:
        raise typer.Exit(ExitStatus.NOTHING_FOUND)


def print_result(result: QueryResult) -> None:
    """Print the matches and near misses of one query."""
    print_query(result, found=bool(result.matches or result.listed))
    for hit in result.listed:
        print_line("  ", ("listed", "bold magenta"), f"  {hit.text}")
    for match in result.matches:
        print_match(match)
        print_sightings(match.sightings, limit=MAX_SIGHTING_LINES)
        print_clues("the reference", match.clues)
    if result.more_matches:
        print_line(f"  and {count_of(result.more_matches, 'more match', 'more matches')}: see --top", style="bold")
    print_near_misses(result)


def print_query(result: QueryResult, *, found: bool) -> None:
    """Print the name of a query, and its error or that nothing was found."""
    print_line()
    print_line((result.query, "bold"))
    if result.error:
        print_line("  ", (result.error, "red"))
    elif not found:
        print_line("  nothing found")
    for warning in result.warnings:
        print_warning(warning, result.query)
    print_clues("the query", result.clues)


def print_match(match: Match, *, prefix: str = "") -> None:
    """Print one match with its reasons, the text that was cropped off and its paths; `prefix` precedes the verdict."""
    colour = {"copy": "green", "possible": "yellow"}.get(match.verdict, "cyan")
    verdict = match.verdict.replace("_", " ")
    print_line(
        f"  {prefix}", (verdict, colour), f" {format_probability(match.probability)}  {match.relation}  {match.uris[0]}"
    )
    print_line(f"      {'; '.join(match.why)}", style="dim")
    if match.placement and match.placement.removed_text:
        text = " / ".join(line.text for line in match.placement.removed_text)
        handles = ", ".join(match.placement.handles)
        with_handles: tuple[Part, ...] = (", with the handle ", (handles, "bold")) if handles else ()
        print_line("      cropped off: ", (text, "bold red"), *with_handles)
    _print_segments(match)
    _print_further_paths(match)


def _print_segments(match: Match) -> None:
    """Print when a video shows the other image, or which stretches of the two files match, and what is said in them."""
    words = iter(match.words or ())
    for segment in match.segments[:MAX_SEGMENT_LINES]:
        if segment.query is None:
            print_line(f"      seen at {_span(segment.reference)} of the reference")
        elif match.kind == "image":
            print_line(f"      seen at {_span(segment.query)} of the query")
        else:
            spans = f"{_span(segment.query)} of the query, {_span(segment.reference)} of the reference"
            print_line(f"      {segment.channel}: {spans}")
            quotation = next(words, None) if segment.channel == "script" else None
            if quotation:
                print_line("          ", *_quoted(quotation))
    if more := len(match.segments[MAX_SEGMENT_LINES:]):
        print_line(f"      and {count_of(more, 'more segment')}: see --json", style="dim")


def _quoted(said: tuple[str, str]) -> Iterator[Part]:
    """Yield the words of the query and those of the reference, once if they are written the same."""
    query, reference = said
    yield (f"“{query}”", "bold")
    if reference != query:
        yield " / "
        yield (f"“{reference}”", "bold")


def _span(span: TimeSpan) -> str:
    """Return a time span, or one time if it has no length that would be stated."""
    start, end = map(format_time, span)
    return start if start == end else f"{start}–{end}"


def _print_further_paths(match: Match) -> None:
    """Print the paths of a reference beside the first one, but for those that its sightings are printed with."""
    stated = {seen.uri for seen in match.sightings if seen.source}
    paths = [uri for uri in match.uris[1:] if uri not in stated]
    for uri in paths[:MAX_PATH_LINES]:
        print_line(f"      also at: {uri}")
    if more := len(paths[MAX_PATH_LINES:]):
        print_line(f"      and at {count_of(more, 'more path')}: see --json", style="dim")


def print_sightings(sightings: Sequence[Sighting], *, limit: int | None = None) -> None:
    """Print who posted a reference, when and where, each sighting in one line; no more than `limit` lines."""
    known = [seen for seen in sightings if seen.source]
    for seen in known[:limit]:
        time = (
            f"posted {seen.posted_at}"
            if seen.posted_at
            else f"captured {seen.captured_at}"
            if seen.captured_at
            else None
        )
        fields = (
            time or "no date",
            " on ".join(filter(None, (seen.account_label, seen.platform))),
            seen.role,
            seen.removed_at and f"removed {seen.removed_at}",
            seen.url,
            seen.uri,
        )
        print_line(f"      seen: {' · '.join(filter(None, fields))}")
    if limit is not None and len(known) > limit:
        print_line(f"      and {count_of(len(known) - limit, 'more sighting')}: see --json", style="dim")


def print_clues(owner: str, clues: Sequence[Clue]) -> None:
    """Print the statements of a file about its source, one in a line."""
    for clue in clues[:MAX_CLUE_LINES]:
        kind = clue.kind.replace("_", " ")
        print_line(
            f"      clue of {owner}: ", (f"{kind} {clue.value}", "bold"), f" ({clue.source}, trust: {clue.trust})"
        )
    if more := len(clues[MAX_CLUE_LINES:]):
        print_line(f"      and {count_of(more, 'more clue')}: see --json", style="dim")


def print_near_misses(result: QueryResult) -> None:
    """Print the text in the query, and the candidates below the probability threshold."""
    if result.text:
        print_line(f"  text in the query: {' / '.join(line.text for line in result.text)}")
    near = [
        match
        for match in result.near_misses
        if match.verdict == "same_scene" or match.probability >= MIN_NEAR_MISS_PROBABILITY
    ]
    # Without any match, the nearest candidate shows that the search ran.
    for match in near or result.near_misses[: 0 if result.matches else 1]:
        reasons = "; ".join(match.why)
        print_line(
            "  ", (f"near miss {format_probability(match.probability)}  {first_path(match.uris)}: {reasons}", "dim")
        )
