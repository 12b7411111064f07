"""Verified placements as they are stated: by the most exact map, in the plainest orientation, of the part that both images show.

None of it decides if the images are copies.
"""

from dataclasses import replace
from itertools import product
from operator import itemgetter
from typing import Final

import numpy as np

from mediafp.matching.images.dense_comparison import GRID_SIDE, DenseComparison
from mediafp.matching.images.dense_grid import compare_densely, warp_to_grid
from mediafp.matching.images.equalised_pair import fill_polygon
from mediafp.matching.images.placement import describe_map
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.scoring import MIN_REPORTED_ROTATION
from mediafp.matching.images.shared_part import restrict_to_shared_part
from mediafp.matching.images.template_search import correlation, fit_blocks, from_grey, place_under, to_grey
from mediafp.matching.images.transform import MAX_DEPTH_RATIO
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import (
    homography_from_corners,
    image_corners,
    projective_depths,
    rounded_points,
    transform_points,
)
from mediafp.types.scaled_images import scaled_size

MIN_MAP_DISTANCE: Final = 1.5
"""Pixels of the usual grid by which the map of the dense comparison must move a corner of the overlap to be stated in place of
that of the keypoints. Of 569 copies with known edits that of the keypoints is off by more than 1 % of the diagonal in 13, up to
7 % at an angle; the stated one in 1 (a small one at an angle, 2.4 %)."""
MAX_UNEVEN_SIDES: Final = 0.1
"""Difference of the sides of an overlap, as a share of the longer one, up to which it may be turned onto its side. Chosen, not
measured."""
MAX_LESS_AGREEMENT: Final = 0.005
"""Agreement by which a plainer orientation may explain less: a symmetric drawing is neither mirrored nor rotated. Chosen, not
measured."""

LIKENESS_SIDE: Final = 32
"""Longest side, in pixels, at which another orientation is tried first. Chosen, not measured."""
MIN_LIKENESS: Final = 0.8
"""NCC at that size below which another orientation is not compared densely, which takes 15 ms. Chosen, not measured."""


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
        if _likeness(quad, query, reference) < MIN_LIKENESS:
            continue
        dense = compare_densely(query, reference, replace(fit.placement, quad=rounded_points(quad)))  # type: ignore[arg-type]
        if dense and dense.steady_agreement >= least:
            found = fit_blocks(dense, dense.same_blocks, query, reference)
            return found or best
    return best


def _likeness(quad: Float64Array, query: LocalFeatures, reference: LocalFeatures) -> float:
    """Return the NCC of two small images of what both show if the corners of the query fall on a quad (4, 2); takes .2 ms."""
    to_reference = homography_from_corners(image_corners(*query.size), quad)
    small = np.diag((*np.repeat(LIKENESS_SIDE / max(reference.size), 2), 1.0))
    size = scaled_size(*reference.size, LIKENESS_SIDE / max(reference.size))
    zooms = [max(one.size) / max(one.grey.shape) for one in (query, reference)]
    maps = [small @ to_reference @ np.diag((zooms[0], zooms[0], 1.0)), small @ np.diag((zooms[1], zooms[1], 1.0))]
    shown, other = (
        warp_to_grid(one.blurred, to_small, size) for one, to_small in zip((query, reference), maps, strict=True)
    )
    inside = fill_polygon(transform_points(small, quad), shown.shape)
    return correlation(shown[inside], other[inside]) if inside.sum() >= LIKENESS_SIDE else 0.0


def _plainer_quads(fit: PlacementFit, query: LocalFeatures) -> list[Float64Array]:
    """Return where the corners (4, 2) of a query fall if the overlap is turned in its place, the plainest orientation first."""
    quad, overlap = np.array(fit.placement.quad), np.array(fit.placement.overlap)
    low, high = overlap.min(axis=0), overlap.max(axis=0)
    middle, is_square = (low + high) / 2, np.ptp(high - low) <= MAX_UNEVEN_SIDES * (high - low).max()
    corners = image_corners(*query.size)
    ranked = []
    for across, down, swapped in product((1, -1), (1, -1), (False, True) if is_square else (False,)):
        turn = np.array([[0, across], [down, 0]] if swapped else [[across, 0], [0, down]])
        turned = (quad - middle) @ turn.T + middle
        to_reference = homography_from_corners(corners, turned)
        centre = transform_points(np.linalg.inv(to_reference), middle[None])[0]
        mirrored, rotation, _ = describe_map(to_reference, centre)
        ranked.append(((mirrored, abs(rotation)), turned))
    stated = fit.placement.mirrored, abs(fit.placement.rotation) - MIN_REPORTED_ROTATION
    return [turned for rank, turned in sorted(ranked, key=itemgetter(0)) if rank < stated]


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
    placed = place_under(to_grey(reference) @ dense.query_to_reference @ from_grey(query), query, reference)
    if placed is None:
        return fit
    return replace(
        fit,
        placement=replace(placed, inliers=fit.placement.inliers, correspondences=fit.placement.correspondences),
    )
