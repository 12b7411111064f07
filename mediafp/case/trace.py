"""Where a picture comes from: every place in which it was seen, the oldest first, and the one that shows most of it."""

from collections.abc import Callable, Sequence

import numpy as np

from mediafp.types.geometry import intersection_area, polygon_area
from mediafp.types.matches import Match, Placement, Point, QueryResult, Trace, TraceEntry
from mediafp.types.media import Sighting

MIN_QUERY_SHOWN = 0.9
"""Share of the query that a source must show; a picture that shows less is cut elsewhere."""
MIN_EXTENT_RATIO = 1.02
"""Times the area from which one picture shows more than another: placements are some tenths of a percent off."""
MIN_SHARE_IN_RECTANGLE = 0.97
"""Share of what the query and the reference share that must lie in a rectangle of the reference so that it is the frame of
the picture, and what lies outside of it a page, a border or other pictures."""
MAX_RECTANGLE_SHARE = 0.75
"""Share of the reference that a frame takes at most: larger rectangles are found in photographs as well."""
RectangleLookup = Callable[[str], Sequence[Sequence[Point]]]
"""The rectangles that stand out in a stored picture, in its pixels: a screenshot's picture, the tiles of a collage."""


def build_trace(answer: QueryResult, sightings: Callable[[str], Sequence[Sighting]], frames: RectangleLookup) -> Trace:
    """The matches of an answer by their oldest sighting, those without a date last, and the least-cut picture among them."""
    found = [
        _traced(match, sightings(match.sha256), frames) for match in answer.matches if match.verdict != "same_scene"
    ]
    found.sort(key=lambda one: (one.first_seen is None, one.first_seen or "", -one.match.probability, one.match.sha256))
    return Trace(result=answer, entries=tuple(found), source=_source(found))


def _traced(match: Match, seen: Sequence[Sighting], frames: RectangleLookup) -> TraceEntry:
    dated = sorted(seen, key=lambda one: (one.date is None, one.date or "", one.uri))
    placement = match.placement if match.kind == "image" else None
    return TraceEntry(
        match=match,
        sightings=tuple(dated),
        first_seen=dated[0].date if dated else None,
        extent=_extent(placement, frames(match.sha256)) if placement and placement.covered else None,
    )


def _extent(placement: Placement, frames: Sequence[Sequence[Point]]) -> float:
    """How much of the picture the reference shows, in areas of the query."""
    overlap = np.array(placement.overlap)
    seen = polygon_area(overlap)
    whole = image = seen / placement.covered
    for frame in frames:
        corners = np.array(frame)
        if (
            polygon_area(corners) <= MAX_RECTANGLE_SHARE * whole
            and intersection_area(overlap, corners) >= MIN_SHARE_IN_RECTANGLE * seen
        ):
            image = min(image, polygon_area(corners))
    return round(placement.shown * max(1.0, image / seen), 3)


def _source(found: Sequence[TraceEntry]) -> TraceEntry | None:
    """The picture that shows the query and most around it; of those alike the oldest."""
    wholes = [
        one for one in found if one.extent and one.match.placement and one.match.placement.shown >= MIN_QUERY_SHOWN
    ]
    # What is hardly a copy is no source where there are surer ones.
    wholes = [one for one in wholes if one.match.verdict == "copy"] or wholes
    most = max((one.extent or 0.0 for one in wholes), default=0.0)
    return next((one for one in wholes if (one.extent or 0.0) * MIN_EXTENT_RATIO >= most), None)
