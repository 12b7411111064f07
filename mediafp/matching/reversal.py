"""Reversal of a match: the same match seen from its reference."""

import re
from dataclasses import replace

import numpy as np

from mediafp.matching.images.change_evidence import with_changes
from mediafp.matching.images.placement import describe_map, removed_shares
from mediafp.types.geometry import Homography, homography_from_corners, image_corners, rounded_points, transform_points
from mediafp.types.matches import MIRRORED_RELATIONS, Change, ChangeType, Match, Placement, Segment
from mediafp.types.media import Asset

_SIDE = re.compile(r"\b(query|reference)\b")


def reverse_match(match: Match, query: Asset, reference: Asset, uris: tuple[str, ...]) -> Match:
    """Return a match as it is seen from its reference, without the text evidence of its placements.

    Args:
        match: Match of the query.
        query: The query, which is the reference of the returned match.
        reference: The reference of the match.
        uris: Paths and URLs of the query's sightings.
    """
    placements = [
        reverse_placement(placement, query.row_size(match.rows[0]), reference.row_size(match.rows[1]))
        for placement in (match.placement, *match.more_placements)
        if placement
    ]
    changes: tuple[Change, ...] = ()
    if match.placement and match.changes:
        size = query.row_size(match.rows[0])
        to_query = homography_from_corners(np.array(match.placement.quad), image_corners(*size))
        changes = tuple(_reverse_change(change, to_query) for change in match.changes)
    reversed_match = replace(
        match,
        sha256=query.sha256,
        uris=uris,
        kind=query.kind,
        relation=MIRRORED_RELATIONS.get(match.relation, match.relation),
        coverage=match.coverage[::-1],
        placement=placements[0] if placements else None,
        more_placements=tuple(placements[1:]),
        segments=tuple(sorted((_reverse_segment(s, query, reference) for s in match.segments), key=_start)),
        why=tuple(_SIDE.sub(_other_side, reason) for reason in match.why),
        rows=match.rows[::-1],
    )
    # Its reason states a place and what was added, which only the reversed changes tell.
    return with_changes(reversed_match, changes) if changes else reversed_match


def reverse_placement(placement: Placement, query_size: tuple[int, int], reference_size: tuple[int, int]) -> Placement:
    """Return the position of the reference in the query; sizes are width and height in pixels."""
    to_query = homography_from_corners(np.array(placement.quad), image_corners(*query_size))
    overlap = transform_points(to_query, np.array(placement.overlap))
    centre = np.array(placement.overlap).mean(axis=0)
    mirrored, rotation, scale = describe_map(to_query, centre)
    return Placement(
        quad=rounded_points(transform_points(to_query, image_corners(*reference_size))),  # type: ignore[arg-type]
        overlap=rounded_points(overlap),
        covered=placement.shown,
        shown=placement.covered,
        mirrored=mirrored,
        rotation=rotation,
        scale=round(scale, 4),
        removed=removed_shares(overlap, query_size),
        inliers=placement.inliers,
        correspondences=tuple((b, a) for a, b in placement.correspondences),
    )


def _reverse_change(change: Change, to_query: Homography) -> Change:
    what: ChangeType = {"added": "removed", "removed": "added"}.get(change.what, change.what)  # type: ignore[assignment]
    box = rounded_points(transform_points(to_query, np.array(change.box)))
    return replace(change, box=box, what=what, before=change.after, after=change.before)


def _reverse_segment(segment: Segment, query: Asset, reference: Asset) -> Segment:
    if reference.kind == "image":
        # Seen from the image, which has no times.
        return replace(segment, query=None, reference=segment.query or segment.reference, speed=1.0, weakest=None)
    if query.kind == "image":
        return replace(segment, query=segment.reference, reference=(0.0, 0.0), speed=1.0, weakest=None)
    assert segment.query, "only an image has segments without times of the query"
    return replace(
        segment,
        query=segment.reference,
        reference=segment.query,
        speed=round(1 / segment.speed, 3) if segment.speed else 0.0,
        weakest=segment.weakest and segment.weakest[::-1],
        tracks=segment.tracks and segment.tracks[::-1],
        audio_channels=segment.audio_channels and segment.audio_channels[::-1],
    )


def _start(segment: Segment) -> tuple[float, float]:
    return (segment.query or segment.reference)[0], segment.reference[0]


def _other_side(found: re.Match[str]) -> str:
    return "reference" if found[0] == "query" else "query"
