"""Where a picture comes from: every place in which it was seen, the oldest first, and the one that shows most of it."""

from collections.abc import Callable, Sequence

from mediafp.evidence import Answer, Match, Trace, Traced
from mediafp.media import Sighting

WHOLE = 0.9
"""Share of the query that a source must show; a picture that shows less is cut elsewhere."""
LARGER = 1.02
"""Times the area from which one picture shows more than another: placements are some tenths of a percent off."""


def trace(answer: Answer, sightings: Callable[[str], Sequence[Sighting]]) -> Trace:
    """The matches of an answer by their oldest sighting, those without a date last, and the least-cut picture among them."""
    found = [_traced(match, sightings(match.sha256)) for match in answer.matches if match.verdict != "same_scene"]
    found.sort(key=lambda one: (one.first_seen is None, one.first_seen or "", -one.match.probability, one.match.sha256))
    return Trace(answer=answer, found=tuple(found), source=_source(found))


def first_seen(sighting: Sighting) -> str | None:
    """When it was posted, else when it was captured; None where neither is known."""
    return sighting.posted_at or sighting.captured_at


def _traced(match: Match, seen: Sequence[Sighting]) -> Traced:
    dated = sorted(seen, key=lambda one: (first_seen(one) is None, first_seen(one) or "", one.uri))
    placement = match.placement
    extent = placement.shown / placement.covered if placement and placement.covered else None
    return Traced(
        match=match,
        sightings=tuple(dated),
        first_seen=first_seen(dated[0]) if dated else None,
        extent=None if extent is None or match.kind != "image" else round(extent, 3),
    )


def _source(found: Sequence[Traced]) -> Traced | None:
    """The picture that shows the query and most around it; of those alike the oldest."""
    wholes = [one for one in found if one.extent and one.match.placement and one.match.placement.shown >= WHOLE]
    most = max((one.extent or 0.0 for one in wholes), default=0.0)
    return next((one for one in wholes if (one.extent or 0.0) * LARGER >= most), None)
