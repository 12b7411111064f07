"""Changes of a copy in words: the reason of a match, and the text that was read before and after."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import box_corners, intersection_area, polygon_area, rounded_points
from mediafp.types.matches import Change, ChangeKind, ChangeType, Match, Placement, Point
from mediafp.types.tokens import tokenise

REASON_START: Final = "the same picture, changed here: "
"""First words of the reason that names the changes."""
MAX_NAMED: Final = 3
"""Changes that a reason names, the largest ones. Chosen, not measured."""
MIN_LINE_SHARE: Final = 0.3
"""Share of a line of text, or of a change, that must lie in the other so that the change is one of the line. Chosen, not
measured."""
MAX_WORDS: Final = 60
"""Characters of a text that a reason quotes. Chosen, not measured."""
_WORDS: Final[dict[tuple[ChangeKind, ChangeType], str]] = {
    ("object", "added"): "something was added",
    ("object", "removed"): "something was removed",
    ("object", "changed"): "something was replaced",
    ("face", "added"): "a face was added",
    ("face", "removed"): "a face was removed",
    ("face", "changed"): "a face was replaced",
    ("overlay", "added"): "something was laid over it",
    ("overlay", "removed"): "something that lay over it was removed",
    ("overlay", "changed"): "something that lies over it was replaced",
}

LocatedText = tuple[str, Float64Array]
"""Text of a line, and its corners (4, 2) in pixels of the reference."""


def with_changes(match: Match, changes: tuple[Change, ...]) -> Match:
    """Return a match with these changes, named in its first reason, in place of those that it has."""
    why = tuple(reason for reason in match.why if not reason.startswith(REASON_START))
    if not changes or match.placement is None:
        return replace(match, changes=changes, why=why)
    named = [_describe(change, match.placement) for change in changes[:MAX_NAMED]]
    more = len(changes) - len(named)
    tail = f"; and {more} more {'places' if more > 1 else 'place'}" if more else ""
    return replace(match, changes=changes, why=(REASON_START + "; ".join(named) + tail, *why))


def read_changes(
    changes: Sequence[Change], query: Sequence[LocatedText], reference: Sequence[LocatedText]
) -> tuple[Change, ...]:
    """Return changes with the text that was read in each, before and after; one whose words differ is of the kind `text`.

    Args:
        changes: The changes.
        query: Lines of text of the query.
        reference: Lines of text of the reference.
    """
    found: dict[tuple[tuple[int, ...], ...], Change] = {}
    for number, change in enumerate(changes):
        before, after = (_lines_in(change, lines) for lines in (reference, query))
        read = _read(change, *(_join(lines, of) for lines, of in ((reference, before), (query, after))))
        # Two places in the same lines of text are one change of these.
        key = (before, after) if read.kind == "text" else ((number,),)
        found[key] = replace(read, box=_common_box(found[key], read)) if key in found else read
    return tuple(found.values())


def _read(change: Change, before: str, after: str) -> Change:
    if _words(before) == _words(after):
        return change
    what: ChangeType = "changed" if before and after else "added" if after else "removed"
    return replace(change, what=what, kind="text", before=before or None, after=after or None)


def _lines_in(change: Change, lines: Sequence[LocatedText]) -> tuple[int, ...]:
    """Return the numbers of the lines that lie in a change, or in which it lies."""
    region = np.array(change.box)
    area = polygon_area(region)
    shared = [intersection_area(box, region) for _, box in lines]
    return tuple(
        number
        for number, (_, box) in enumerate(lines)
        if shared[number] > MIN_LINE_SHARE * min(area, polygon_area(box)) and shared[number] > 0
    )


def _join(lines: Sequence[LocatedText], numbers: Sequence[int]) -> str:
    return " / ".join(lines[number][0] for number in numbers)


def _common_box(change: Change, other: Change) -> tuple[Point, ...]:
    """Return the upright box around those of two changes, as four corners."""
    corners = np.array((*change.box, *other.box))
    return rounded_points(box_corners((*corners.min(axis=0), *corners.max(axis=0))))


def _words(text: str) -> list[str]:
    return [token.text for token in tokenise(text)]


def _describe(change: Change, placement: Placement) -> str:
    overlap = np.array(placement.overlap)
    box = np.array(change.box)
    low, high = overlap.min(axis=0), overlap.max(axis=0)
    across, down = ((box.mean(axis=0) - low) / np.maximum(high - low, 1e-6)).tolist()
    share = polygon_area(box) / max(polygon_area(overlap), 1e-6)
    return f"{_name_place(across, down)}, {_format_share(share)} of it, {_describe_content(change)}"


def _describe_content(change: Change) -> str:
    before, after = (_quote(text) for text in (change.before, change.after))
    if change.kind != "text":
        return _WORDS[change.kind, change.what]
    if before and after:
        return f"the text {before} became {after}"
    return f"the text {after} was added" if after else f"the text {before} was removed"


def _quote(text: str | None) -> str:
    if not text:
        return ""
    return f"“{text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + '…'}”"


def _name_place(across: float, down: float) -> str:
    """Return where a point is, given its shares of width and height."""
    row = "top" if down < 1 / 3 else "bottom" if down > 2 / 3 else ""
    column = "left" if across < 1 / 3 else "right" if across > 2 / 3 else ""
    if not (row or column):
        return "in the middle"
    return f"at the {' '.join(filter(None, (row, column)))}"


def _format_share(share: float) -> str:
    return "less than 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")
