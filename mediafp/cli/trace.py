"""The command `trace`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mediafp.cli.match import (
    exit_with_result,
    print_clues,
    print_match,
    print_near_misses,
    print_query,
    print_sightings,
)
from mediafp.cli.options import (
    JsonOption,
    MinProbabilityOption,
    OcrOption,
    PathsArgument,
    StoreOption,
    UnsafeOption,
    YesNo,
    open_selected_case,
)
from mediafp.cli.output import print_json, print_line, progress_bar
from mediafp.report import jsonl
from mediafp.types.counted_nouns import count_of
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.matches import Trace, TraceEntry
from mediafp.types.sightings import Sighting

MAX_EQUALLY_COMPLETE = 3
"""References that are printed of those that may be the source. Chosen, not measured."""
MAX_OWNER_CLUES = 3
"""Clues to owners that are printed if several references may be the source. Chosen, not measured."""
MAX_PERHAPS_FIRST = 3
"""Posts that may be earlier than the first one that are printed. Chosen, not measured."""


def trace(
    paths: PathsArgument,
    min_probability: MinProbabilityOption = DEFAULT_MIN_PROBABILITY,
    ocr: OcrOption = YesNo.YES,
    report_path: Annotated[
        Path | None,
        typer.Option("--report", help="Write the evidence of one image to this HTML page.", show_default=False),
    ] = None,
    show_paths: Annotated[
        bool, typer.Option("--paths", help="Show whole paths of files on the page; else only their names.")
    ] = False,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trace an image to its source: sightings, oldest first, and text cropped off."""
    found, failed = False, False
    with open_selected_case(store, unsafe=unsafe) as case, progress_bar() as bar:
        task = bar.add_task("tracing", total=case.count_files(paths))
        traces = case.trace(
            paths,
            min_probability=min_probability,
            ocr=ocr is YesNo.YES,
            report_path=report_path,
            paths=show_paths,
        )
        for traced in traces:
            bar.advance(task)
            found = found or bool(traced.entries)
            failed = failed or traced.result.error is not None
            if as_json:
                print_json(jsonl.trace_to_json(traced))
            else:
                _print_trace(traced)
    # Of an image that could not be read no page was written.
    if report_path and not as_json and not failed:
        print_line()
        print_line(f"evidence page: {report_path}")
    exit_with_result(found=found, failed=failed)


def _describe_post(seen: Sighting) -> str:
    """Return when and by whom a post was made, and its address."""
    who = (
        seen.account_label and f"by {seen.account_label}",
        seen.platform and f"on {seen.platform}",
        "as a repost" if seen.role == "repost" else None,
        seen.url,
    )
    return " ".join(filter(None, (seen.posted_at, *who)))


def _name_entries(traced: Trace, entries: Sequence[TraceEntry]) -> str:
    """Return the paths of the first ones of some entries, and the number of the others."""
    names = ", ".join(
        entry.match.uris[0] + (" (the query itself)" if traced.is_query(entry) else "")
        for entry in entries[:MAX_EQUALLY_COMPLETE]
    )
    unlisted = len(entries[MAX_EQUALLY_COMPLETE:])
    return f"{names} and {unlisted} more: see --json" if unlisted else names


def _print_trace(traced: Trace) -> None:
    result = traced.result
    print_query(result, found=bool(traced.entries))
    if first := traced.first_posted:
        print_line("  first posted: ", (_describe_post(first), "bold"))
    for seen in traced.perhaps_first[:MAX_PERHAPS_FIRST]:
        print_line("  perhaps earlier, its time is not exact enough: ", (_describe_post(seen), "bold"))
    if unlisted := len(traced.perhaps_first[MAX_PERHAPS_FIRST:]):
        print_line(f"  and {unlisted} more that may be earlier: see --json", style="dim")
    for readings in traced.handles:
        print_line("  handle in the removed part: ", (readings.text, "bold red"))
    if traced.entries:
        _print_source(traced)
    for entry in traced.entries:
        print_match(entry.match, prefix=f"{entry.first_seen or 'no date':<20}  ")
        print_sightings(entry.match.sightings)
        print_clues("the reference", entry.match.clues)
    if result.more_matches:
        print_line(f"  and {count_of(result.more_matches, 'more match', 'more matches')}", style="bold")
    print_near_misses(result)


def _print_source(traced: Trace) -> None:
    """Print the source, what may be it too, and their clues to its owner."""
    source = traced.source
    if source and traced.is_query(source):
        print_line("  source: ", (source.match.uris[0], "bold"), ", the query itself: no reference shows more")
    elif source:
        print_line("  source: ", (source.match.uris[0], "bold"), f"; it shows {source.extent_words}")
    if equal := traced.equally_complete:
        names = _name_entries(traced, equal)
        print_line(
            "  as complete, and perhaps older: "
            if source
            else "  equally complete, and no date decides which is the source: ",
            (names, "bold"),
            "" if source else f"; they show {equal[0].extent_words}",
        )
    owners = list(traced.owner_clues().items())
    for clue, stating in owners[:MAX_OWNER_CLUES]:
        print_line(
            "  clue to the owner: ",
            (f"{clue.kind.replace('_', ' ')} {clue.value}", "bold red"),
            f" ({clue.source}, trust: {clue.trust}), of {_name_entries(traced, stating)}",
        )
    if unlisted := len(owners[MAX_OWNER_CLUES:]):
        print_line(f"  and {count_of(unlisted, 'more clue')} to owners: see --json", style="dim")
