"""Where a picture comes from: every place in which it was seen, the oldest first, and the one that shows most of it."""

from collections.abc import Callable, Sequence

import numpy as np

from mediafp.evidence import Answer, Match, Placement, Point, Trace, Traced
from mediafp.media import Sighting
from mediafp.plane import area, common

WHOLE = 0.9
"""Share of the query that a source must show; a picture that shows less is cut elsewhere."""
LARGER = 1.02
"""Times the area from which one picture shows more than another: placements are some tenths of a percent off."""
IN_FRAME = 0.97
"""Share of what the query and the reference share that must lie in a rectangle of the reference so that it is the frame of
the picture, and what lies outside of it a page, a border or other pictures."""
LARGEST_FRAME = 0.75
"""Share of the reference that a frame takes at most: larger rectangles are found in photographs as well."""
Frames = Callable[[str], Sequence[Sequence[Point]]]
"""The rectangles that stand out in a stored picture, in its pixels: a screenshot's picture, the tiles of a collage."""


def trace(answer: Answer, sightings: Callable[[str], Sequence[Sighting]], frames: Frames) -> Trace:
    """The matches of an answer by their oldest sighting, those without a date last, and the least-cut picture among them."""
    found = [
        _traced(match, sightings(match.sha256), frames) for match in answer.matches if match.verdict != "same_scene"
    ]
    found.sort(key=lambda one: (one.first_seen is None, one.first_seen or "", -one.match.probability, one.match.sha256))
    return Trace(answer=answer, found=tuple(found), source=_source(found))


def first_seen(sighting: Sighting) -> str | None:
    """When it was posted, else when it was captured; None where neither is known."""
    return sighting.posted_at or sighting.captured_at


def _traced(match: Match, seen: Sequence[Sighting], frames: Frames) -> Traced:
    dated = sorted(seen, key=lambda one: (first_seen(one) is None, first_seen(one) or "", one.uri))
    placement = match.placement if match.kind == "image" else None
    return Traced(
        match=match,
        sightings=tuple(dated),
        first_seen=first_seen(dated[0]) if dated else None,
        extent=_extent(placement, frames(match.sha256)) if placement and placement.covered else None,
    )


def _extent(placement: Placement, frames: Sequence[Sequence[Point]]) -> float:
    """How much of the picture the reference shows, in areas of the query."""
    overlap = np.array(placement.overlap)
    seen = area(overlap)
    whole = picture = seen / placement.covered
    for frame in frames:
        corners = np.array(frame)
        if area(corners) <= LARGEST_FRAME * whole and common(overlap, corners) >= IN_FRAME * seen:
            picture = min(picture, area(corners))
    return round(placement.shown * max(1.0, picture / seen), 3)


def _source(found: Sequence[Traced]) -> Traced | None:
    """The picture that shows the query and most around it; of those alike the oldest."""
    wholes = [one for one in found if one.extent and one.match.placement and one.match.placement.shown >= WHOLE]
    # What is hardly a copy is no source where there are surer ones.
    wholes = [one for one in wholes if one.match.verdict == "copy"] or wholes
    most = max((one.extent or 0.0 for one in wholes), default=0.0)
    return next((one for one in wholes if (one.extent or 0.0) * LARGER >= most), None)
