"""Where the query lies in the reference: SIFT points (Lowe 2004) that agree on one sane map, flat or in perspective."""

from dataclasses import dataclass, replace
from math import atan2, degrees, hypot

import cv2
import numpy as np
import numpy.typing as npt

from mediafp.matching.images.local_features import (
    FINE_CONTRAST,
    FINE_KEYPOINTS,
    FINE_SIDE,
    MIRRORED_DESCRIPTOR_ORDER,
    Box,
    Floats,
    Keypoints,
    LocalFeatures,
)
from mediafp.types.geometry import (
    Homography,
    image_corners,
    intersection_area,
    jacobian_at,
    polygon_area,
    polygon_intersection,
    projective_depths,
    reference_to_query,
    to_pixel_centres,
    transform_points,
)
from mediafp.types.matches import Placement

LOWE_RATIO = 0.85
"""Lowe's ratio; loose, since geometry decides."""
REPROJECTION_THRESHOLD = 2.5
"""Pixels (of SIDE) by which a matched point may miss the common map."""
MIN_INLIERS = 6
CONCLUSIVE_INLIERS = 24
CONCLUSIVE_NCC = 0.5
CONCLUSIVE_ERROR = 0.6
CONCLUSIVE_SUPPORT = 0.2
"""Frames of other clips of one room reach a support of .19, copies one of .2 to .6 (development set)."""
MAX_REPROJECTION_ERROR = 0.85
"""Mean miss, pixels of SIDE, from which the points are those of another picture of the scene, which no flat map joins.

Development set: 1,454 placed copies miss by .82 at most, other photographs of one person by .72 to 1.32.
"""
MATCHING_BLOCK_NCC = 0.7
"""Correlation from which two blocks are taken to show the same."""
MIN_MATCHING_BLOCKS = 0.25
"""Share of the overlap's blocks that must show the same. Of 1,020 copies with all edits the least have .29, copies with other
text or another photograph over half of them .37; photographs that share a logo a fifth as wide as they are, .22 at most."""
MIN_OVERLAP_SHARE = 0.2
"""Share of one of the pictures that the overlap must be: one logo in different corners joins .16 of two photographs."""
MAX_STRETCH = 1.6
"""Most a map may stretch one axis against the other; above it the fit is degenerate."""
MAX_SCALE = 16.0
PERSPECTIVE_MISS = 0.4
"""Mean miss, pixels of SIDE, from which a map in perspective is tried at all: of copies laid flat the median misses by .22,
of those at an angle that shortens one side by 15 % by 1.0."""
PERSPECTIVE_GAIN = 1.3
"""How many times as well it must explain the points. Of 1,020 copies laid flat none is taken for one at an angle; of 180 at an
angle that shortens a side by 15 to 45 %, 160 are, and are placed with an IoU above .9, which no affine map reaches."""
MIN_BENT_INLIERS = 12
"""Points that it must explain: it has eight parameters, an affine map six."""
PERSPECTIVE_TRIES = 2000
"""Most samples of four points that are tried."""
MAX_DEPTH = 12.0
"""How many times as near to the horizon one corner of the query may lie as another."""
MAX_BENT_STRETCH = 2.5
"""As MAX_STRETCH, of a map in perspective where the pictures meet: a picture seen from 66 degrees aside."""
MIN_CONTAINED_SHARE = 0.97
"""Share of one of the pictures that must lie in the other where the map is in perspective.

A camera that turns or zooms joins its pictures by such maps too, but each then shows what the other lacks: of 130 pairs of
frames of one clip, seconds apart, 21 would be placed so, and 13 more called copies; with this 2 and 2.
"""
MIN_AREA = 64.0
"""Pixels of `Sketch.grey` that two pictures share at least."""
CORRELATION_SIDE = 128
"""Side, pixels, of the grid on which the two pictures are compared once placed."""
BLOCKS = 8
DRAWN_POINTS = 60
MAX_SHOWN_FOR_COPIES = 0.85
"""Share of the query above which a placement leaves no room for a further copy of the reference."""
MAX_AGAIN = 8
"""Further copies that are sought."""
MIN_COPY_INLIERS = 8
"""Points of a further copy. Of 500 queries that show their reference once, 130 of them with room for more, none has a second
placement; of 2 to 6 copies in a collage of up to 3 x 2, 95 % are found, of 9 in 3 x 3 83 %."""
MAX_COPY_OVERLAP = 0.1
"""Share of the smaller of two copies' areas in the query that may lie in the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementFit:
    """A placement with what its trust rests on.

    `agreement`: median correlation of the two pictures' blocks in the overlap, -1..1; `held`: the share of the blocks
    that correlate by HELD_AT or more, 0..1; `support`: inliers as a
    share of the points that either side has in the overlap, the lesser number; `miss`: mean distance of the
    inliers from the map, pixels of SIDE. Two photographs of one face miss by 1.0 with a support of .2, copies
    by .2 with .5 (development set). `other_content`: a frame that both have, as a post's, shows another picture in each.
    """

    placement: Placement
    median_ncc: float
    matching_blocks: float
    support: float
    reprojection_error: float
    different_inset: bool = False

    @property
    def is_verified(self) -> bool:
        """Whether one flat map joins the pictures, so that the placement holds."""
        return self.reprojection_error < MAX_REPROJECTION_ERROR and not self.is_partial and not self.different_inset

    @property
    def is_partial(self) -> bool:
        """Whether a small part alone is common to both, as a logo or a caption on different photographs is."""
        placement = self.placement
        return self.matching_blocks < MIN_MATCHING_BLOCKS or max(placement.covered, placement.shown) < MIN_OVERLAP_SHARE


def place_image(query: LocalFeatures, reference: LocalFeatures, part: Box | None = None) -> PlacementFit | None:
    """The placement of the query in the reference that most points support, or None where none is sane.

    `part`: where in the query the reference is most likely seen; there the points are sought more closely.
    """
    return _best(query, query.keypoints_with_crop(part), reference)


def place_small_crop(query: LocalFeatures, reference: LocalFeatures) -> PlacementFit | None:
    """As `place`, of a small crop that has too few points to be placed at once; some 90 ms."""
    fine = replace(reference, max_keypoints=FINE_KEYPOINTS, detection_side=FINE_SIDE, contrast=FINE_CONTRAST)
    return place_image(replace(query, contrast=FINE_CONTRAST), fine)


def place_all_copies(query: LocalFeatures, reference: LocalFeatures, part: Box | None = None) -> list[PlacementFit]:
    """The placement of the query, and one more for each further copy of the reference in it, as in a collage.

    A further one is sought among the points that lie in none of those before, and judged by its own points alone.
    """
    first = place_image(query, reference, part)
    if first is None:
        return []
    if not first.is_verified or first.placement.shown > MAX_SHOWN_FOR_COPIES:
        return [first]
    here, mine = query.keypoints_with_crop(part)
    fits, feet = [first], [_query_footprint(first, query)]
    left = ~_inside(here, feet[0])
    for _ in range(MAX_AGAIN):
        found = _best(query, (here[left], mine[left]), reference)
        if found is None:
            break
        own = left & _inside(here, _query_footprint(found, query))
        left &= ~own
        alone = _best(query, (here[own], mine[own]), reference)
        if alone is None or not _stands_alone(alone):
            continue
        foot = _query_footprint(alone, query)
        if all(
            intersection_area(foot, other) <= MAX_COPY_OVERLAP * min(polygon_area(foot), polygon_area(other))
            for other in feet
        ):
            fits.append(alone)
            feet.append(foot)
    if len(fits) > 1:
        # The others took points from it.
        own = _inside(here, feet[0])
        alone = _best(query, (here[own], mine[own]), reference)
        fits[0] = alone if alone and alone.is_verified else first
    return fits


def _best(query: LocalFeatures, points: Keypoints, reference: LocalFeatures) -> PlacementFit | None:
    """The better placement of these points of the query, as they are or mirrored."""
    places, descriptors = points
    straight = _fit(query, points, reference, mirrored=False)
    if straight and is_conclusive(straight):
        return straight
    mirrored = _fit(query, (places, descriptors[:, MIRRORED_DESCRIPTOR_ORDER]), reference, mirrored=True)
    fits = [fit for fit in (straight, mirrored) if fit]
    return max(fits, key=lambda fit: (fit.is_verified, fit.placement.inliers), default=None)


def _stands_alone(fit: PlacementFit) -> bool:
    """Whether a fit is that of a further copy: as sure as a first one, but for the points that a small copy has."""
    return _is_sure(fit, MIN_COPY_INLIERS)


def _query_footprint(fit: PlacementFit, query: LocalFeatures) -> Homography:
    """The polygon of the query, in pixels of its `grey`, that shows the reference."""
    seen = reference_to_query(fit.placement.quad, query.size, np.array(fit.placement.overlap))
    return np.asarray(cv2.convexHull(seen.astype(np.float32)), np.float64).reshape(-1, 2) / query.scale


def _inside(points: Floats, polygon: Homography) -> npt.NDArray[np.bool_]:
    """Which points lie in a convex polygon."""
    edges = np.roll(polygon, -1, axis=0) - polygon
    offsets = points[:, None] - polygon[None]
    sides = edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0]
    return np.asarray((sides >= 0).all(axis=1) | (sides <= 0).all(axis=1))


def is_conclusive(fit: PlacementFit) -> bool:
    """Whether a fit is beyond doubt, so that nothing better need be sought."""
    return _is_sure(fit, CONCLUSIVE_INLIERS)


def _is_sure(fit: PlacementFit, inliers: int) -> bool:
    return (
        fit.is_verified
        and fit.placement.inliers >= inliers
        and fit.support >= CONCLUSIVE_SUPPORT
        and fit.median_ncc > CONCLUSIVE_NCC
        and fit.reprojection_error < CONCLUSIVE_ERROR
    )


def _fit(query: LocalFeatures, points: Keypoints, reference: LocalFeatures, *, mirrored: bool) -> PlacementFit | None:
    (here, mine), (there, theirs) = points, reference.keypoints
    if len(here) < MIN_INLIERS or len(there) < MIN_INLIERS:
        return None
    source, target = _match_descriptors(here, mine, there, theirs)
    if len(source) < MIN_INLIERS:
        return None
    flat = _ransac(source, target, mirrored)
    if flat is None or (flat := _refined(flat, source, target, mirrored)) is None:
        return None
    bent = _fit_homography(flat, source, target, mirrored)
    matrix = flat if bent is None or not _sane_bent(bent, query, reference, mirrored) else bent
    inside = _misses(matrix, source, target) < REPROJECTION_THRESHOLD
    return _describe(query, here, reference, matrix, (source[inside], target[inside]))


def _match_descriptors(here: Floats, mine: Floats, there: Floats, theirs: Floats) -> tuple[Floats, Floats]:
    """Matched points that pass Lowe's ratio towards the reference, each reference point used once."""
    similarity = mine @ theirs.T
    rows = np.arange(len(mine))
    best = similarity.argmax(axis=1)
    first = similarity[rows, best]
    similarity[rows, best] = -1
    second = similarity.max(axis=1)
    distance, rival = np.sqrt(np.maximum(2 - 2 * first, 0)), np.sqrt(np.maximum(2 - 2 * second, 1e-9))
    good = np.flatnonzero(distance < LOWE_RATIO * rival)
    order = good[np.argsort(distance[good])]
    _, once = np.unique(best[order], return_index=True)
    order = order[np.sort(once)]
    return here[order], there[best[order]]


def _ransac(source: Floats, target: Floats, mirrored: bool) -> Homography | None:
    """A similarity from RANSAC; a mirrored query is flipped first, since a similarity cannot."""
    flip = np.array([-1.0 if mirrored else 1.0, 1.0], np.float32)
    cv2.setRNGSeed(1)
    found, _ = cv2.estimateAffinePartial2D(
        source * flip,
        target,
        method=cv2.RANSAC,
        ransacReprojThreshold=REPROJECTION_THRESHOLD,
        maxIters=3000,
        confidence=0.999,
    )
    if found is None:
        return None
    matrix = np.vstack((found, [0, 0, 1]))
    matrix[:, 0] *= flip[0]
    return matrix if _is_plausible(matrix, mirrored) else None


def _refined(matrix: Homography, source: Floats, target: Floats, mirrored: bool) -> Homography | None:
    """The affine map of least squares of the points that agree on it, or None where too few do."""
    for _ in range(3):
        inside = _misses(matrix, source, target) < REPROJECTION_THRESHOLD
        if _count_distinct(source[inside], target[inside]) < MIN_INLIERS:
            return None
        refined = _least_squares(source[inside], target[inside])
        if not _is_plausible(refined, mirrored):
            break
        matrix = refined
    inside = _misses(matrix, source, target) < REPROJECTION_THRESHOLD
    if _count_distinct(source[inside], target[inside]) < MIN_INLIERS or not _is_plausible(matrix, mirrored):
        return None
    return matrix


def _fit_homography(flat: Homography, source: Floats, target: Floats, mirrored: bool) -> Homography | None:
    """The map of a picture seen at an angle, where it explains the points clearly better than the flat map does."""
    misses = _misses(flat, source, target)
    if misses[misses < REPROJECTION_THRESHOLD].mean() < PERSPECTIVE_MISS:
        return None
    cv2.setRNGSeed(1)
    bent, _ = cv2.findHomography(
        source,
        target,
        method=cv2.RANSAC,
        ransacReprojThreshold=REPROJECTION_THRESHOLD,
        maxIters=PERSPECTIVE_TRIES,
        confidence=0.999,
    )
    for _ in range(3):
        if bent is None or not np.isfinite(bent).all():
            return None
        best = np.asarray(bent, np.float64)
        inside = _misses(best, source, target) < REPROJECTION_THRESHOLD
        if _count_distinct(source[inside], target[inside]) < MIN_BENT_INLIERS:
            return None
        bent, _ = cv2.findHomography(source[inside], target[inside])
    return best if _explained(_misses(best, source, target)) > PERSPECTIVE_GAIN * _explained(misses) else None


def _explained(misses: npt.NDArray[np.float64]) -> float:
    """How many points a map explains, each the less the further it misses (MSAC)."""
    return float(np.maximum(0, 1 - (misses / REPROJECTION_THRESHOLD) ** 2).sum())


def _least_squares(source: Floats, target: Floats) -> Homography:
    design = np.column_stack((source, np.ones(len(source))))
    found = np.linalg.lstsq(design.astype(np.float64), target.astype(np.float64), rcond=None)[0].T
    return np.vstack((found, [0, 0, 1]))


def _misses(matrix: Homography, source: Floats, target: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(np.linalg.norm(transform_points(matrix, source) - target, axis=1))


def _count_distinct(source: Floats, target: Floats) -> int:
    """Matches that are no repetition of a neighbour: one a cell of 4 x 4 pixels on each side."""
    return min(len(np.unique((points // 4).astype(int), axis=0)) for points in (source, target)) if len(source) else 0


def _is_plausible(matrix: Homography, mirrored: bool, stretch: float = MAX_STRETCH) -> bool:
    """Whether an affine map neither folds, nor squeezes, nor shrinks to a dot."""
    if not np.isfinite(matrix).all() or (np.linalg.det(matrix[:2, :2]) < 0) != mirrored:
        return False
    large, small = np.linalg.svd(matrix[:2, :2], compute_uv=False)
    return bool(small > 1 / MAX_SCALE and large < MAX_SCALE and large / small < stretch)


def _sane_bent(matrix: Homography, query: LocalFeatures, reference: LocalFeatures, mirrored: bool) -> bool:
    """Whether a map in perspective neither folds nor squeezes, and lays the whole of one picture in the other."""
    corners = image_corners(*query.grey.shape[::-1])
    deep = projective_depths(matrix, corners)
    if deep.min() <= 0 or deep.max() > MAX_DEPTH * deep.min():
        return False
    polygon = polygon_intersection(transform_points(matrix, corners), image_corners(*reference.grey.shape[::-1]))
    if len(polygon) < 3:
        return False
    seen = transform_points(np.linalg.inv(matrix), polygon)
    whole = max(polygon_area(polygon) / reference.grey.size, polygon_area(seen) / query.grey.size)
    return whole > MIN_CONTAINED_SHARE and _is_plausible(
        jacobian_at(matrix, seen.mean(axis=0)), mirrored, MAX_BENT_STRETCH
    )


def _describe(
    query: LocalFeatures, here: Floats, reference: LocalFeatures, matrix: Homography, inliers: tuple[Floats, Floats]
) -> PlacementFit | None:
    """The map in the contract's terms; None where the pictures hardly overlap. `here`: all points of the query."""
    source, target = inliers
    count = _count_distinct(source, target)
    (height, width), (tall, wide) = query.grey.shape, reference.grey.shape
    quad = transform_points(matrix, image_corners(width, height))
    polygon = polygon_intersection(quad, image_corners(wide, tall))
    if len(polygon) < 3 or polygon_area(polygon) < MIN_AREA:
        return None
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    inverse = np.linalg.inv(matrix)
    seen = transform_points(inverse, polygon)
    middle = jacobian_at(matrix, seen.mean(axis=0))
    mirrored = bool(np.linalg.det(middle) < 0)
    scale = reference.scale / query.scale
    turn = -atan2(-middle[1, 0], -middle[0, 0]) if mirrored else atan2(middle[1, 0], middle[0, 0])
    kept = np.linspace(0, len(source) - 1, min(len(source), DRAWN_POINTS)).round().astype(int)
    removed = (low[0] / wide, low[1] / tall, 1 - high[0] / wide, 1 - high[1] / tall)
    placement = Placement(
        quad=tuple(_point(p, reference.scale) for p in quad),  # type: ignore[arg-type]
        overlap=tuple(_point(p, reference.scale) for p in polygon),
        covered=round(min(1.0, polygon_area(polygon) / (tall * wide)), 4),
        shown=round(min(1.0, polygon_area(seen) / (height * width)), 4),
        mirrored=mirrored,
        rotation=round(degrees(turn), 2) + 0.0,
        scale=round(hypot(middle[0, 0], middle[1, 0]) * scale, 4),
        removed=tuple(round(float(min(1, max(0, r))), 4) for r in removed),  # type: ignore[arg-type]
        inliers=count,
        correspondences=tuple((_point(source[n], query.scale), _point(target[n], reference.scale)) for n in kept),
    )
    agreement, held = _agreement(query.blurred, reference.blurred, matrix, low, high)
    common = min(_within(here, matrix, (wide, tall)), _within(reference.keypoints[0], inverse, (width, height)))
    return PlacementFit(
        placement=placement,
        median_ncc=agreement,
        matching_blocks=held,
        support=min(1.0, count / max(1, common)),
        reprojection_error=float(_misses(matrix, source, target).mean()),
    )


def _within(points: Floats, matrix: Homography, size: tuple[int, int]) -> int:
    """How many points the map brings inside a picture of that size."""
    brought = transform_points(matrix, points)
    ahead = projective_depths(matrix, points) > 0
    return int((ahead & ((brought >= 0) & (brought < size)).all(axis=1)).sum())


def _point(point: npt.NDArray[np.floating], scale: float) -> tuple[float, float]:
    return round(float(point[0]) * scale, 2), round(float(point[1]) * scale, 2)


def _agreement(
    query: npt.NDArray[np.uint8],
    reference: npt.NDArray[np.uint8],
    matrix: Homography,
    low: Homography,
    high: Homography,
) -> tuple[float, float]:
    """Of the normalised correlations of the blocks of the overlap's box: the median, and the share from HELD_AT up.

    Both pictures are sampled on one grid; where hardly a block has detail, nothing speaks against the placement.
    """
    block_step = (high - low) / CORRELATION_SIDE
    grid = np.array([[block_step[0], 0, low[0]], [0, block_step[1], low[1]], [0, 0, 1]], np.float64)
    to_query = np.linalg.inv(matrix) @ grid
    size, flags = (CORRELATION_SIDE, CORRELATION_SIDE), cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    mine = cv2.warpPerspective(query, to_pixel_centres(to_query), size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    theirs = cv2.warpPerspective(reference, to_pixel_centres(grid), size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    side = CORRELATION_SIDE // BLOCKS
    blocks = []
    for image in (mine, theirs):
        cut = image.astype(np.float32).reshape(BLOCKS, side, BLOCKS, side).transpose(0, 2, 1, 3).reshape(BLOCKS**2, -1)
        blocks.append(cut - cut.mean(axis=1, keepdims=True))
    norms = [np.linalg.norm(block, axis=1) for block in blocks]
    telling = (norms[0] > 2 * side) & (norms[1] > 2 * side)
    if telling.sum() < 4:
        return 0.0, 1.0
    each = (blocks[0] * blocks[1]).sum(axis=1)[telling] / (norms[0] * norms[1])[telling]
    return float(np.median(each)), float((each >= MATCHING_BLOCK_NCC).mean())
