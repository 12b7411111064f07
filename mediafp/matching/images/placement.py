"""Placement of a query in a reference, by the keypoints that both have.

A placement states where the query lies in the reference (the quad, and `removed`, the part cut off on each side), and the
overlap, the polygon that both images show.
"""

from dataclasses import replace
from math import atan2, degrees, hypot

import numpy as np
import numpy.typing as npt

from mediafp.matching.images.block_correlation import correlate_blocks
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.transform import Transform, estimate_transform
from mediafp.matching.local_features import (
    FINE_CONTRAST,
    FINE_KEYPOINTS,
    FINE_SIDE,
    MIRRORED_DESCRIPTOR_ORDER,
    Keypoints,
    LocalFeatures,
)
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.geometry import (
    Box,
    Homography,
    image_corners,
    intersection_area,
    jacobian_at,
    polygon_area,
    polygon_intersection,
    projective_depths,
    reference_to_query,
    rounded_points,
    transform_points,
)
from mediafp.types.matches import Placement

MIN_OVERLAP_AREA = 64.0
"""Area of the overlap, in square pixels of `LocalFeatures.grey`, below which there is no placement. Chosen, not measured."""
MAX_STORED_CORRESPONDENCES = 60
"""Inliers that a placement keeps to be drawn in reports, evenly chosen."""
MAX_SHOWN_FOR_OCCURRENCES = 0.85
"""Share of the query above which a placement leaves no room for a further occurrence of the reference. Chosen, not measured."""
MAX_OCCURRENCE_SEARCHES = 8
"""Largest number of searches for a further occurrence of the reference in one query. Chosen, not measured."""
MIN_OCCURRENCE_INLIERS = 8
"""Inliers of a further occurrence. Of 500 queries that show their reference once, none has a second placement; 130 of them have
room for one. In collages of up to 3 × 2 tiles, 95 % of 2 to 6 occurrences are found; in collages of 3 × 3 tiles, 83 % of 9."""
MAX_OCCURRENCE_OVERLAP = 0.1
"""Share of the smaller of two occurrences' footprints that may lie in the other. Chosen, not measured."""


def place_image(
    query: LocalFeatures, reference: LocalFeatures, crop: Box | None = None, *, mirrored_first: bool = False
) -> PlacementFit | None:
    """Return the placement of the query in the reference that most keypoints support, or None.

    Args:
        query: Features of the query.
        reference: Features of the reference.
        crop: Part of the query, in pixels of its image, that most likely shows the reference; its keypoints are detected
            at a higher resolution.
        mirrored_first: Try the mirrored orientation first, as where the query is mirrored in a similar reference: it saves time.
    """
    return _place_keypoints(query, query.keypoints_with_crop(crop), reference, mirrored_first=mirrored_first)


def place_small_crop(query: LocalFeatures, reference: LocalFeatures) -> PlacementFit | None:
    """Return the placement of a small crop that has too few keypoints for `place_image`; takes about 90 ms."""
    fine_reference = replace(reference, max_keypoints=FINE_KEYPOINTS, detection_side=FINE_SIDE, contrast=FINE_CONTRAST)
    return place_image(replace(query, contrast=FINE_CONTRAST), fine_reference)


def place_all_occurrences(
    query: LocalFeatures, reference: LocalFeatures, crop: Box | None = None, *, mirrored_first: bool = False
) -> list[PlacementFit]:
    """Return one placement for each occurrence of the reference in the query, such as in a collage; empty without one.

    A further occurrence is sought among the keypoints outside of the footprints of all earlier ones. Its fit is computed
    from the keypoints inside its own footprint.

    Args:
        query: Features of the query.
        reference: Features of the reference.
        crop: As in `place_image`.
        mirrored_first: As in `place_image`.
    """
    first = place_image(query, reference, crop, mirrored_first=mirrored_first)
    if first is None:
        return []
    if not first.is_verified or first.placement.shown > MAX_SHOWN_FOR_OCCURRENCES:
        return [first]
    positions, descriptors = query.keypoints_with_crop(crop)
    fits, footprints = [first], [query_footprint(first.placement, query)]
    unused = ~points_inside(positions, footprints[0])
    for _ in range(MAX_OCCURRENCE_SEARCHES):
        candidate = _place_keypoints(query, (positions[unused], descriptors[unused]), reference)
        if candidate is None:
            break
        own_keypoints = unused & points_inside(positions, query_footprint(candidate.placement, query))
        unused &= ~own_keypoints
        fit = _place_keypoints(query, (positions[own_keypoints], descriptors[own_keypoints]), reference)
        if fit is None or not fit.is_conclusive_with(MIN_OCCURRENCE_INLIERS):
            continue
        footprint = query_footprint(fit.placement, query)
        if all(_are_separate(footprint, other) for other in footprints):
            fits.append(fit)
            footprints.append(footprint)
    if len(fits) > 1:
        # The first fit also used keypoints of the other occurrences: compute it without them.
        own_keypoints = points_inside(positions, footprints[0])
        fit = _place_keypoints(query, (positions[own_keypoints], descriptors[own_keypoints]), reference)
        fits[0] = fit if fit and fit.is_verified else first
    return fits


def query_footprint(placement: Placement, query: LocalFeatures) -> Float64Array:
    """Return the polygon (N, 2) of the query that shows the reference, in pixels of the query's `grey`."""
    import cv2

    overlap_in_query = reference_to_query(placement.quad, query.size, np.array(placement.overlap))
    hull = np.asarray(cv2.convexHull(overlap_in_query.astype(np.float32)), np.float64)
    return hull.reshape(-1, 2) / query.scale


def describe_map(homography: Homography, point: npt.NDArray[np.floating]) -> tuple[bool, float, float]:
    """Return what a map does around a point (2,): whether it mirrors, the rotation in degrees (rounded), and the scale."""
    jacobian = jacobian_at(homography, point)
    mirrored = bool(np.linalg.det(jacobian) < 0)
    rotation = -atan2(-jacobian[1, 0], -jacobian[0, 0]) if mirrored else atan2(jacobian[1, 0], jacobian[0, 0])
    # + 0.0 turns -0.0 into 0.0.
    return mirrored, round(degrees(rotation), 2) + 0.0, hypot(jacobian[0, 0], jacobian[1, 0])


def removed_shares(overlap: Float64Array, size: tuple[float, float]) -> tuple[float, float, float, float]:
    """Return the share of a reference that is missing on its left, top, right and bottom side.

    Args:
        overlap: Polygon (N, 2) that both images show, in pixels of the reference.
        size: Width and height of the reference.
    """
    (left, top), (right, bottom) = overlap.min(axis=0) / size, overlap.max(axis=0) / size
    return tuple(round(float(min(1, max(0, share))), 4) for share in (left, top, 1 - right, 1 - bottom))  # type: ignore[return-value]


def _are_separate(footprint: Float64Array, other: Float64Array) -> bool:
    """Return True if two footprints overlap too little to be one occurrence."""
    smaller = min(polygon_area(footprint), polygon_area(other))
    return intersection_area(footprint, other) <= MAX_OCCURRENCE_OVERLAP * smaller


def points_inside(points: Float32Array, polygon: Float64Array) -> npt.NDArray[np.bool_]:
    """Return a mask (N,) of the points (N, 2) inside a convex polygon."""
    edges = np.roll(polygon, -1, axis=0) - polygon
    offsets = points[:, None] - polygon[None]
    sides = edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0]
    return np.asarray((sides >= 0).all(axis=1) | (sides <= 0).all(axis=1))


def _place_keypoints(
    query: LocalFeatures, keypoints: Keypoints, reference: LocalFeatures, *, mirrored_first: bool = False
) -> PlacementFit | None:
    """Return the better placement of these keypoints of the query, as they are or mirrored: the first one if it is conclusive."""
    positions, descriptors = keypoints
    fits = []
    for mirrored in (mirrored_first, not mirrored_first):
        oriented = (positions, descriptors[:, MIRRORED_DESCRIPTOR_ORDER]) if mirrored else keypoints
        if fit := _fit_placement(query, oriented, reference, mirrored=mirrored):
            if fit.is_conclusive:
                return fit
            fits.append(fit)
    return max(fits, key=lambda fit: (fit.is_verified, fit.placement.inliers), default=None)


def _fit_placement(
    query: LocalFeatures, keypoints: Keypoints, reference: LocalFeatures, *, mirrored: bool
) -> PlacementFit | None:
    """Return the placement in one orientation, with its measurements; None if there is no homography, or hardly an overlap."""
    query_height, query_width = query.grey.shape
    reference_height, reference_width = reference.grey.shape
    query_size, reference_size = (query_width, query_height), (reference_width, reference_height)
    transform = estimate_transform(
        keypoints, reference.keypoints, query_size=query_size, reference_size=reference_size, mirrored=mirrored
    )
    if transform is None:
        return None
    placed = _place_corners(transform, query, reference)
    if placed is None:
        return None
    placement, overlap = placed
    median_ncc, matching_blocks = correlate_blocks(
        query.blurred, reference.blurred, transform.homography, overlap.min(axis=0), overlap.max(axis=0)
    )
    keypoints_in_overlap = min(
        _count_inside(keypoints[0], transform.homography, reference_size),
        _count_inside(reference.keypoints[0], np.linalg.inv(transform.homography), query_size),
    )
    return PlacementFit(
        placement=placement,
        median_ncc=median_ncc,
        matching_blocks=matching_blocks,
        support=min(1.0, placement.inliers / max(1, keypoints_in_overlap)),
        reprojection_error=transform.reprojection_error,
    )


def place_by_map(transform: Transform, query: LocalFeatures, reference: LocalFeatures) -> Placement | None:
    """Return the placement that a map from query to reference gives, or None if the images hardly overlap."""
    placed = _place_corners(transform, query, reference)
    return placed and placed[0]


def _place_corners(
    transform: Transform, query: LocalFeatures, reference: LocalFeatures
) -> tuple[Placement, Float64Array] | None:
    """Return a placement, and its overlap (N, 2) in pixels of the reference's `grey`; None if the images hardly overlap."""
    query_height, query_width = query.grey.shape
    reference_height, reference_width = reference.grey.shape
    quad = transform_points(transform.homography, image_corners(query_width, query_height))
    overlap = polygon_intersection(quad, image_corners(reference_width, reference_height))
    if len(overlap) < 3 or polygon_area(overlap) < MIN_OVERLAP_AREA:
        return None
    return _to_placement(transform, quad, overlap, query, reference), overlap


def _to_placement(
    transform: Transform, quad: Float64Array, overlap: Float64Array, query: LocalFeatures, reference: LocalFeatures
) -> Placement:
    """Return a placement in pixels of the originals.

    Args:
        transform: Map from query to reference, in pixels of `grey`.
        quad: Corners (4, 2) of the query in the reference, in pixels of `grey`.
        overlap: Polygon (N, 2) that both images show, in the same pixels.
        query: Features of the query.
        reference: Features of the reference.
    """
    query_height, query_width = query.grey.shape
    reference_height, reference_width = reference.grey.shape
    query_overlap = transform_points(np.linalg.inv(transform.homography), overlap)
    mirrored, rotation, scale = describe_map(transform.homography, query_overlap.mean(axis=0))
    query_inliers, reference_inliers = transform.query_inliers, transform.reference_inliers
    count = min(len(query_inliers), MAX_STORED_CORRESPONDENCES)
    stored = np.linspace(0, len(query_inliers) - 1, count).round().astype(int)
    return Placement(
        quad=rounded_points(quad * reference.scale),  # type: ignore[arg-type]
        overlap=rounded_points(overlap * reference.scale),
        covered=round(min(1.0, polygon_area(overlap) / (reference_height * reference_width)), 4),
        shown=round(min(1.0, polygon_area(query_overlap) / (query_height * query_width)), 4),
        mirrored=mirrored,
        rotation=rotation,
        scale=round(scale * (reference.scale / query.scale), 4),
        removed=removed_shares(overlap, (reference_width, reference_height)),
        inliers=transform.distinct_inliers,
        correspondences=tuple(
            zip(
                rounded_points(query_inliers[stored] * query.scale),
                rounded_points(reference_inliers[stored] * reference.scale),
                strict=True,
            )
        ),
    )


def _count_inside(points: Float32Array, homography: Homography, size: tuple[int, int]) -> int:
    """Return the number of points that a homography maps inside an image of this width and height."""
    mapped = transform_points(homography, points)
    in_front = projective_depths(homography, points) > 0
    return int((in_front & ((mapped >= 0) & (mapped < size)).all(axis=1)).sum())
