"""The trace of an image: its matches by their oldest sighting, and the most complete one."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mediafp.accounts.identities import identify_accounts
from mediafp.case.handle_readings import merge_handles
from mediafp.types.geometry import intersection_area, polygon_area
from mediafp.types.instants import may_be_earlier, time_key
from mediafp.types.matches import Match, Placement, Point, QueryResult, Trace, TraceEntry
from mediafp.types.sightings import Sighting

MIN_QUERY_SHOWN = 0.9
"""Share of the query's area that the source of a trace must show; references that show less were cropped differently. Chosen, not
measured."""
MIN_EXTENT_RATIO = 1.02
"""Ratio of extents from which one reference shows more than another: placements are inexact by a few tenths of a
percent."""
MIN_SHARE_IN_RECTANGLE = 0.97
"""Share of the overlap of query and reference that must lie in a rectangle of the reference for the rectangle to be the
border of the image; the area outside it is then a page, a frame or other images. Chosen, not measured."""
MAX_RECTANGLE_SHARE = 0.75
"""Share of the reference's area that such a rectangle has at most: larger ones are found in photographs as well."""
RectangleLookup = Callable[[str], Sequence[Sequence[Point]]]
"""Function that returns the rectangles in a stored image, in its pixels: the image in a screenshot, the tiles of a
collage."""


def build_trace(result: QueryResult, rectangles: RectangleLookup, own: Match | None = None) -> Trace:
    """Return the matches of a query by their oldest sighting, its source, and who posted it first.

    Args:
        result: The result of the query; its matches with the verdict `same_scene` are omitted.
        rectangles: Function that returns the rectangles in a stored image.
        own: Match of the query with itself, with all of its sightings, if the store contains it. It is no entry unless it is
            among the matches, but the query may be its own source, and its own first post.

    Returns:
        The trace: entries by date, those without a date last.
    """
    entries = [_build_entry(match, rectangles) for match in result.matches if match.verdict != "same_scene"]
    entries.sort(key=_by_date)
    known = entries
    if own:
        others = [entry for entry in entries if entry.match.sha256 != own.sha256]
        known = sorted([*others, _build_entry(own, rectangles)], key=_by_date)
    copies = [entry.match for entry in known if entry.match.verdict == "copy"]
    posted = [
        (time_key(seen.posted_at), seen.uri, seen) for match in copies for seen in match.sightings if seen.posted_at
    ]
    posts = [seen for *_, seen in sorted(posted, key=lambda one: one[:2])]
    source, equally_complete = _find_source(known)
    return Trace(
        result=result,
        entries=tuple(entries),
        source=source,
        equally_complete=equally_complete,
        first_posted=posts[0] if posts else None,
        perhaps_first=tuple(_find_perhaps_earlier(posts)),
        handles=merge_handles(copies),
    )


def _by_date(entry: TraceEntry) -> tuple[bool, tuple[float, float, str], float, str]:
    """Return the sort key of an entry: the oldest first, those without a date last."""
    return (
        entry.first_seen is None,
        time_key(entry.first_seen or ""),
        -entry.match.probability,
        entry.match.sha256,
    )


def _find_perhaps_earlier(posts: Sequence[Sighting]) -> Iterator[Sighting]:
    """Yield the first post of each other account that may be earlier than the first one of these posts, which are in order."""
    known = set[object]()
    for seen, identity in zip(posts, identify_accounts(posts), strict=True):
        # One account may be named by its handle here and by its number there, and one post lie at several paths.
        own = {identity or (seen.platform, seen.account_name or seen.uri), *filter(None, (seen.url,))}
        if known.isdisjoint(own) and may_be_earlier(seen.posted_at or "", posts[0].posted_at or ""):
            if known:
                yield seen
            known |= own


def _build_entry(match: Match, rectangles: RectangleLookup) -> TraceEntry:
    placement = match.placement if match.kind == "image" else None
    return TraceEntry(
        match=match,
        first_seen=match.sightings[0].date if match.sightings else None,
        # Rectangles are those of the first page.
        extent=_extent(placement, () if match.rows[1] else rectangles(match.sha256))
        if placement and placement.covered
        else None,
    )


def _extent(placement: Placement, rectangles: Sequence[Sequence[Point]]) -> float:
    """Return the image area that the reference shows, in areas of the query."""
    overlap = np.array(placement.overlap)
    overlap_area = polygon_area(overlap)
    reference_area = image_area = overlap_area / placement.covered
    for rectangle in rectangles:
        corners = np.array(rectangle)
        if (
            polygon_area(corners) <= MAX_RECTANGLE_SHARE * reference_area
            and intersection_area(overlap, corners) >= MIN_SHARE_IN_RECTANGLE * overlap_area
        ):
            image_area = min(image_area, polygon_area(corners))
    return round(placement.shown * max(1.0, image_area / overlap_area), 3)


def _find_source(entries: Sequence[TraceEntry]) -> tuple[TraceEntry | None, tuple[TraceEntry, ...]]:
    """Return the entry that shows the query and most around it, of nearly equal ones the oldest, and those that may be older.

    The first is None if no entry shows the query, or if equal ones have the same time or none: the second has all of these then.
    """
    complete = [
        entry
        for entry in entries
        if entry.extent and entry.match.placement and entry.match.placement.shown >= MIN_QUERY_SHOWN
    ]
    # A merely possible copy is the source only if there is no certain one.
    complete = [entry for entry in complete if entry.match.verdict == "copy"] or complete
    largest = max((entry.extent or 0.0 for entry in complete), default=0.0)
    nearly = [entry for entry in complete if (entry.extent or 0.0) * MIN_EXTENT_RATIO >= largest]
    if not nearly:
        return None, ()
    first, *others = nearly
    equal = tuple(entry for entry in others if _may_be_older(entry.first_seen, first.first_seen))
    if any(entry.first_seen == first.first_seen for entry in equal):
        return None, (first, *equal)
    return first, equal


def _may_be_older(first_seen: str | None, other: str | None) -> bool:
    """Return True if no dates say that an entry is later than another one."""
    return first_seen is None or other is None or first_seen == other or may_be_earlier(first_seen, other)
