"""The command `timeline`."""

from pathlib import Path
from typing import Annotated, Final

import typer

from mediafp.cli.accounts import print_lines
from mediafp.cli.comparing import comparison_progress
from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line, print_message, progress_bar
from mediafp.report import jsonl
from mediafp.types.counted_nouns import count_of
from mediafp.types.errors import UsageError
from mediafp.types.timelines import Timeline

DRAWING_START: Final = b"<svg"
"""First bytes of a drawing that this command writes."""


def timeline(
    target: Annotated[
        str | None, typer.Argument(help="Account, file, SHA-256 or cluster; else everything.", show_default=False)
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(help="Draw the accounts and their posts to this SVG file.", show_default=False)
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was posted, captured and removed, oldest first, with the gaps.

    With an account come the accounts of the same media before and after it. Files that were not compared yet are compared
    first.
    """
    if svg:
        _check_drawing_path(svg)
    with open_selected_case(store) as case, progress_bar() as bar:
        found = case.timeline(target, comparison_progress(bar, case))
    if svg:
        _draw(svg, found)
    if as_json:
        for event in found.events:
            print_json(jsonl.event_to_json(event))
    else:
        _print_timeline(found)
        if svg:
            print_line(f"drawing: {svg}")
    if as_json and found.undated:
        print_message(f"{count_of(found.undated, 'sighting')} without a date")


def _check_drawing_path(svg: Path) -> None:
    """Raise UsageError if a drawing would replace a file that is not one: `--svg photo.jpg` must not cost an original."""
    try:
        is_other = svg.exists() and (not svg.is_file() or not _begins_like_drawing(svg))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot write the drawing to {str(svg)!r}: {error}; choose another path") from error
    if is_other:
        raise UsageError(
            f"cannot write the drawing to {str(svg)!r}: the file exists and is not an SVG drawing; choose another path"
        )


def _begins_like_drawing(svg: Path) -> bool:
    with svg.open("rb") as file:
        return file.read(len(DRAWING_START)) == DRAWING_START


def _draw(svg: Path, found: Timeline) -> None:
    from mediafp.report.account_lanes import draw_account_lanes

    try:
        svg.write_text(draw_account_lanes(found), encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"cannot write the drawing to {str(svg)!r}: {error.strerror}; choose another path") from error


def _print_timeline(found: Timeline) -> None:
    for event in found.events:
        if event.gap_days is not None:
            print_line(f"{'':22}{event.gap_days} days without a post", style="dim")
        number = f"{event.iteration}. " if event.iteration else ""
        who = " on ".join(filter(None, (event.account or event.account_key, event.platform)))
        fields = (f"{number}{who}", event.role, event.url, event.uri)
        print_line(f"{event.at:<22}", (f"{event.event:<10}", "bold"), " · ".join(filter(None, fields)))
    print_lines(found.accounts)
    print_line()
    counted = f"{count_of(len(found.events), 'event')} of {count_of(len(found.accounts), 'account')}"
    print_line(f"{counted}, {count_of(found.undated, 'sighting')} without a date")
