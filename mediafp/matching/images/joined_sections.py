"""Two long images of which several sections agree on one map: what both show is then more than a shared part.

A section that two captures of one site have in common, such as a banner, shows nothing beyond itself. Of two long photographs
each section agrees, and all on the same map of one image to the other, without a stretch in which nothing does.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Final

import numpy as np

from mediafp.matching.images.change_evidence import with_changes
from mediafp.matching.images.placement import removed_shares
from mediafp.matching.images.placement_fit import MIN_OVERLAP_SHARE
from mediafp.matching.images.whole_pages import restate_placement
from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import image_corners, intersection_area, polygon_area, polygon_intersection, rounded_point
from mediafp.types.matches import Change, Match
from mediafp.types.media import Asset

MIN_JOINED_SHARE: Final = 0.8
"""Share of what two images show of each other, by the map of their sections, that these sections cover at least. Chosen, not
measured."""
MAX_CORNER_SHARE: Final = 0.03
"""Distance of two positions of a corner of the query, divided by the diagonal of the reference, up to which two maps are one.
Chosen, not measured."""
MAX_GAP: Final = 0.35
"""Length along the reference, divided by its shorter side, over which no keypoint of the sections agrees, between others that do:
there, two pages of one site or of one account differ. It is .28 at most of 16 edits of long photographs (another ground, a
caption), and .45 at least of 7 pairs of pages that share a profile, the frames of their posts, or a header and a footer."""
CELLS: Final = 64
"""Cells along each side of the overlap by which the share that sections cover is counted. Chosen, not measured."""


def join_sections(matches: Sequence[Match], query: Asset, reference: Asset) -> Match | None:
    """Return the match of two images whose sections agree on one map and cover what both show by it; else None.

    What both show is at least `MIN_OVERLAP_SHARE` of one of them, as of two whole images: a banner at the end of one page and at
    the start of another may be in several sections of both.

    Args:
        matches: Matches of sections of the images, in the pixels of their pages, with the probabilities of the sections.
        query: The query.
        reference: The reference, all of the matches.
    """
    copies = [match for match in matches if match.verdict == "copy" and match.placement]
    if len(copies) < 2:
        return None
    best = max(copies, key=lambda match: match.probability)
    assert best.placement, "those without a placement were skipped"
    reference_size = reference.row_size(best.rows[1])
    quad = np.array(best.placement.quad, np.float64)
    overlap = polygon_intersection(quad, image_corners(*reference_size))
    agreeing = [
        match
        for match in copies
        # Sections of other pages of the files show nothing of these two.
        if match.rows == best.rows and _corner_distance(match, quad) <= MAX_CORNER_SHARE * np.hypot(*reference_size)
    ]
    if len(agreeing) < 2 or len(overlap) < 3 or _covered_share(agreeing, overlap) < MIN_JOINED_SHARE:
        return None
    if _longest_gap(agreeing, reference_size) > MAX_GAP * min(reference_size):
        return None
    area = polygon_area(overlap)
    placement = replace(
        best.placement,
        overlap=tuple(rounded_point(x, y) for x, y in overlap),
        covered=round(min(1.0, area / prod(reference_size)), 4),
        shown=round(min(1.0, area / polygon_area(quad)), 4),
        removed=removed_shares(overlap, reference_size),
    )
    if max(placement.covered, placement.shown) < MIN_OVERLAP_SHARE:
        return None
    joined = replace(
        best,
        placement=placement,
        coverage=(placement.shown, placement.covered),
        why=(f"{len(agreeing)} parts of the images agree on one placement", *restate_placement(best, placement)),
    )
    return with_changes(joined, _merge_changes(agreeing))


def _corner_distance(match: Match, quad: Float64Array) -> float:
    """Return the largest distance of a corner of the query from its position by another match."""
    return float(np.linalg.norm(np.array(match.placement.quad) - quad, axis=1).max()) if match.placement else np.inf


def _covered_share(matches: Sequence[Match], overlap: Float64Array) -> float:
    """Return the share of a polygon that the overlaps of matches cover together."""
    import cv2

    low, high = overlap.min(axis=0), overlap.max(axis=0)
    masks = [np.zeros((CELLS, CELLS), np.uint8) for _ in range(2)]
    polygons = [np.array(match.placement.overlap) for match in matches if match.placement]
    for mask, shapes in zip(masks, ([overlap], polygons), strict=True):
        for shape in shapes:
            cells = (shape - low) / np.maximum(high - low, 1e-6) * (CELLS - 1)
            cv2.fillConvexPoly(mask, np.round(cells).astype(np.int32), [1])
    covered, whole = int(np.count_nonzero(masks[0] & masks[1])), int(np.count_nonzero(masks[0]))
    return covered / max(1, whole)


def _longest_gap(matches: Sequence[Match], size: tuple[int, int]) -> float:
    """Return the longest distance, along a reference of this size, of neighbouring keypoints of matches; without any its length.

    Beyond the outermost keypoints, the images may differ as the edge of a copy does.
    """
    axis = int(size[1] > size[0])
    points = [point[axis] for match in matches if match.placement for _, point in match.placement.correspondences]
    return float(np.diff(np.sort(points)).max()) if len(points) > 1 else float(size[axis])


def _merge_changes(matches: Sequence[Match]) -> tuple[Change, ...]:
    """Return the changes of all matches, the largest first, one of those that share a place."""
    changes = sorted(
        (one for match in matches for one in match.changes), key=lambda one: -polygon_area(np.array(one.box))
    )
    merged: list[Change] = []
    for change in changes:
        if not any(intersection_area(np.array(change.box), np.array(one.box)) for one in merged):
            merged.append(change)
    return tuple(merged)
