"""Verified placements as they are stated: by the most exact map, in the plainest orientation, of the part that both images show.

None of it decides if the images are copies.
"""

from dataclasses import replace
from operator import itemgetter
from typing import Final

import numpy as np

from mediafp.matching.images.dense_comparison import GRID_SIDE, SAME_NCC, DenseComparison
from mediafp.matching.images.dense_grid import compare_densely
from mediafp.matching.images.placement import describe_map, place_by_map
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.scoring import MIN_REPORTED_ROTATION
from mediafp.matching.images.shared_part import restrict_to_shared_part
from mediafp.matching.images.template_search import fit_blocks, from_grey, to_grey
from mediafp.matching.images.transform import MAX_DEPTH_RATIO, Transform
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import (
    Homography,
    homography_from_corners,
    image_corners,
    jacobian_at,
    projective_depths,
    rounded_points,
    transform_points,
)

MIN_MAP_DISTANCE: Final = 1.5
"""Pixels of the usual grid by which the map of the dense comparison must move a corner of the overlap to be stated in place of
that of the keypoints: of 700 copies with exactly known edits those at an angle are off by up to 7 % of the diagonal by keypoints,
by .4 % by the dense comparison; of others both are exact."""
MAX_MORE_STRETCH: Final = 1.15
"""Factor by which another orientation may stretch the query more. Chosen, not measured."""
MAX_LESS_AGREEMENT: Final = 0.005
"""Agreement by which a plainer orientation may explain less: a symmetric drawing is neither mirrored nor rotated. Chosen, not
measured."""


def state_fit(fit: PlacementFit, query: LocalFeatures, reference: LocalFeatures) -> PlacementFit:
    """Return a verified fit as it is stated.

    Args:
        fit: Placement of the query in the reference; it is compared densely here if it was not yet.
        query: The query.
        reference: The reference.
    """
    if fit.dense is None:
        fit = replace(fit, dense=compare_densely(query, reference, fit.placement))
    fit = _orient_plainly(fit, query, reference)
    if fit.dense is None:
        return fit
    return restrict_to_shared_part(_place_exactly(fit, fit.dense, query, reference), query, reference)


def _orient_plainly(fit: PlacementFit, query: LocalFeatures, reference: LocalFeatures) -> PlacementFit:
    """Return a fit in the most upright orientation in which the images agree as well: symmetric ones agree in several."""
    if fit.dense is None or not (fit.placement.mirrored or abs(fit.placement.rotation) >= MIN_REPORTED_ROTATION):
        return fit
    best, least = fit, fit.dense.steady_agreement - MAX_LESS_AGREEMENT
    for quad in _plainer_quads(fit, query):
        dense = compare_densely(query, reference, replace(fit.placement, quad=rounded_points(quad)))  # type: ignore[arg-type]
        if dense and dense.steady_agreement >= least:
            found = fit_blocks(dense, (dense.content > 0) & (dense.steady_ncc >= SAME_NCC), query, reference)
            return found or best
    return best


def _plainer_quads(fit: PlacementFit, query: LocalFeatures) -> list[Float64Array]:
    """Return where the corners (4, 2) of a query fall if it has the same place in plainer orientations, the plainest first."""
    quad, corners, middle = np.array(fit.placement.quad), image_corners(*query.size), np.array(query.size) / 2
    orders = [np.roll(np.arange(4)[::step], turn) for step in (1, -1) for turn in range(4)]
    maps = [homography_from_corners(corners, quad[order]) for order in orders]
    # Of an image that is not square, those on its side would stretch it.
    largest = MAX_MORE_STRETCH * _stretch(maps[0], middle)
    ranked = [
        ((mirrored, abs(rotation)), order)
        for homography, order in zip(maps, orders, strict=True)
        if _stretch(homography, middle) <= largest
        for mirrored, rotation, _ in (describe_map(homography, middle),)
    ]
    stated = fit.placement.mirrored, abs(fit.placement.rotation) - MIN_REPORTED_ROTATION
    return [quad[order] for rank, order in sorted(ranked, key=itemgetter(0)) if rank < stated]


def _stretch(homography: Homography, point: Float64Array) -> float:
    """Return the ratio of the two singular values of a map around a point (2,)."""
    larger, smaller = np.linalg.svd(jacobian_at(homography, point), compute_uv=False)
    return float(larger / max(smaller, 1e-9))


def _place_exactly(
    fit: PlacementFit, dense: DenseComparison, query: LocalFeatures, reference: LocalFeatures
) -> PlacementFit:
    """Return a fit with the map of its dense comparison if that of its keypoints is off: an affine one of a perspective."""
    height, width = query.image.shape[:2]
    corners = image_corners(width, height)
    depths = projective_depths(dense.query_to_reference, corners)
    if depths.min() <= 0 or depths.max() > MAX_DEPTH_RATIO * depths.min():
        # A perspective that fits a small part would bend what is around it.
        return fit
    by_keypoints = homography_from_corners(corners, np.array(fit.placement.quad))
    overlap = np.array(fit.placement.overlap)
    moved = transform_points(dense.query_to_reference @ np.linalg.inv(by_keypoints), overlap)
    pixel = float(np.ptp(overlap, axis=0).max()) / GRID_SIDE
    if np.linalg.norm(moved - overlap, axis=1).max() < MIN_MAP_DISTANCE * pixel:
        return fit
    none = np.empty((0, 2), np.float32)
    homography = to_grey(reference) @ dense.query_to_reference @ from_grey(query)
    placed = place_by_map(
        Transform(homography=homography, query_inliers=none, reference_inliers=none), query, reference
    )
    if placed is None:
        return fit
    return replace(
        fit,
        placement=replace(placed, inliers=fit.placement.inliers, correspondences=fit.placement.correspondences),
    )
