"""Map from a query to a reference: descriptors, correspondences, RANSAC, and refinement to a homography.

The method is Lowe's (2004): nearest descriptors that pass the ratio test, then one geometric model for many of them. Four
parameters are estimated first (RANSAC, similarity), then six (least squares, affine), and eight (perspective) only if they
explain clearly more.
"""

from dataclasses import dataclass
from math import ceil, log1p

import numpy as np
import numpy.typing as npt

from mediafp.matching.local_features import Keypoints
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.geometry import (
    Homography,
    image_corners,
    jacobian_at,
    polygon_area,
    polygon_intersection,
    projective_depths,
    transform_points,
)

LOWE_RATIO = 0.85
"""Largest ratio of the distances to the nearest and the second-nearest descriptor. Above Lowe's 0.8, as the geometry
rejects wrong correspondences. Chosen, not measured."""
REPROJECTION_THRESHOLD = 2.5
"""Reprojection error, in pixels of `LocalFeatures.grey`, below which a correspondence is an inlier. Chosen, not measured."""
MIN_INLIERS = 6
"""Distinct inliers that a map needs. Chosen, not measured."""
DISTINCT_CELL = 4
"""Side, in pixels, of the cells of which each counts one inlier at most, as SIFT detects one spot at several scales and
orientations."""
CELLS_PER_ROW = 1 << 20
"""Factor that makes one number of the row and the column of a cell: above the columns of any image."""
RANSAC_CONFIDENCE = 0.999
"""Confidence at which RANSAC stops sampling. Chosen, not measured."""
SIMILARITY_ITERATIONS = 3000
"""Largest number of RANSAC samples for the similarity. Chosen, not measured."""
REFINEMENTS = 3
"""Rounds of least squares on the inliers of the round before. Chosen, not measured."""
MAX_STRETCH = 1.6
"""Largest ratio of the two singular values of an affine map; a map above it is degenerate. Chosen, not measured."""
MAX_SCALE = 16.0
"""Largest factor by which a map may enlarge or shrink. Chosen, not measured."""
PERSPECTIVE_ERROR = 0.4
"""Reprojection error of the affine map, in pixels of `LocalFeatures.grey`, from which a perspective map is tried: the
median of copies without perspective is 0.22, of copies at an angle that shortens one side by 15 % it is 1.0."""
PERSPECTIVE_GAIN = 1.3
"""Factor by which a perspective map must explain the correspondences better than the affine map. None of 1,020 copies
without perspective passes. Of 180 copies at an angle that shortens a side by 15 to 45 %, 160 pass and are placed with an IoU
above .9, which no affine map reaches."""
MIN_PERSPECTIVE_INLIERS = 12
"""Distinct inliers that a perspective map needs: it has eight parameters, an affine map six. Chosen, not measured."""
PERSPECTIVE_ITERATIONS = 2000
"""Largest number of RANSAC samples for the perspective map; fewer where they find any that has `MIN_PERSPECTIVE_INLIERS`. Chosen,
not measured."""
MAX_DEPTH_RATIO = 12.0
"""Largest ratio of the projective depths of two corners of the query. Chosen, not measured."""
MAX_PERSPECTIVE_STRETCH = 2.5
"""Largest ratio of the two singular values of a perspective map in the middle of the overlap: that of an image viewed at 66
degrees from its normal."""
MIN_CONTAINED_SHARE = 0.97
"""Share of one of the images that must lie in the other if the map is perspective.

Two frames of a camera that turns or zooms are aligned by a homography too, but each shows an area that the other lacks. Of 130
pairs of frames of one clip, seconds apart, 21 are placed without this threshold, and 2 with it; 13 more are called copies
without it, and 2 more with it.
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transform:
    """Homography from query to reference, and the correspondences (N, 2) and (N, 2) that are its inliers.

    All are in pixels of `LocalFeatures.grey`.
    """

    homography: Homography
    query_inliers: Float32Array
    reference_inliers: Float32Array

    @property
    def distinct_inliers(self) -> int:
        """Number of inliers, counting one per cell of `DISTINCT_CELL` pixels in either image."""
        return _count_distinct(self.query_inliers, self.reference_inliers)

    @property
    def reprojection_error(self) -> float:
        """Mean reprojection error of the inliers, in pixels."""
        return float(_reprojection_errors(self.homography, self.query_inliers, self.reference_inliers).mean())


def estimate_transform(
    query_keypoints: Keypoints,
    reference_keypoints: Keypoints,
    *,
    query_size: tuple[int, int],
    reference_size: tuple[int, int],
    mirrored: bool,
) -> Transform | None:
    """Return the map that most keypoints of a query and a reference agree on, or None.

    Args:
        query_keypoints: Keypoints of the query, with mirrored descriptors if `mirrored`.
        reference_keypoints: Keypoints of the reference.
        query_size: Width and height of the query in pixels.
        reference_size: Width and height of the reference in pixels.
        mirrored: True to find a map that reverses orientation, False to find one that keeps it.
    """
    if len(query_keypoints[0]) < MIN_INLIERS or len(reference_keypoints[0]) < MIN_INLIERS:
        return None
    query_points, reference_points = _match_descriptors(query_keypoints, reference_keypoints)
    if len(query_points) < MIN_INLIERS:
        return None
    similarity = _fit_similarity(query_points, reference_points, mirrored)
    if similarity is None:
        return None
    affine = _refine_affine(similarity, query_points, reference_points, mirrored)
    if affine is None:
        return None
    homography = affine
    perspective = _fit_homography(affine, query_points, reference_points)
    if perspective is not None and _is_plausible_perspective(perspective, query_size, reference_size, mirrored):
        homography = perspective
    inliers = _find_inliers(homography, query_points, reference_points)
    return Transform(
        homography=homography, query_inliers=query_points[inliers], reference_inliers=reference_points[inliers]
    )


def _match_descriptors(query: Keypoints, reference: Keypoints) -> tuple[Float32Array, Float32Array]:
    """Return the correspondences that pass Lowe's ratio test, best first, each reference keypoint used once."""
    (query_positions, query_descriptors), (reference_positions, reference_descriptors) = query, reference
    cosines = query_descriptors @ reference_descriptors.T
    rows = np.arange(len(query_descriptors))
    nearest = cosines.argmax(axis=1)
    nearest_cosine = cosines[rows, nearest]
    cosines[rows, nearest] = -1
    second_cosine = cosines.max(axis=1)
    # Descriptors have unit length, so the squared distance is 2 - 2 cos.
    nearest_distance = np.sqrt(np.maximum(2 - 2 * nearest_cosine, 0))
    second_distance = np.sqrt(np.maximum(2 - 2 * second_cosine, 1e-9))
    passing = np.flatnonzero(nearest_distance < LOWE_RATIO * second_distance)
    by_distance = passing[np.argsort(nearest_distance[passing])]
    _, first_use = np.unique(nearest[by_distance], return_index=True)
    chosen = by_distance[np.sort(first_use)]
    return query_positions[chosen], reference_positions[nearest[chosen]]


def _fit_similarity(query_points: Float32Array, reference_points: Float32Array, mirrored: bool) -> Homography | None:
    """Return a similarity by RANSAC, or None.

    A mirrored query is flipped first, as a similarity keeps orientation.
    """
    import cv2

    flip = np.array([-1.0 if mirrored else 1.0, 1.0], np.float32)
    cv2.setRNGSeed(1)
    estimate, _ = cv2.estimateAffinePartial2D(
        query_points * flip,
        reference_points,
        method=cv2.RANSAC,
        ransacReprojThreshold=REPROJECTION_THRESHOLD,
        maxIters=SIMILARITY_ITERATIONS,
        confidence=RANSAC_CONFIDENCE,
    )
    if estimate is None:
        return None
    similarity = np.vstack((estimate, [0, 0, 1]))
    similarity[:, 0] *= flip[0]
    return similarity if _is_plausible(similarity, mirrored) else None


def _refine_affine(
    similarity: Homography, query_points: Float32Array, reference_points: Float32Array, mirrored: bool
) -> Homography | None:
    """Return the affine map fitted to the inliers by least squares, or None if there are too few inliers."""
    affine = similarity
    for _ in range(REFINEMENTS):
        inliers = _find_inliers(affine, query_points, reference_points)
        if _count_distinct(query_points[inliers], reference_points[inliers]) < MIN_INLIERS:
            return None
        refined = _least_squares_affine(query_points[inliers], reference_points[inliers])
        if not _is_plausible(refined, mirrored):
            break
        affine = refined
    inliers = _find_inliers(affine, query_points, reference_points)
    if _count_distinct(query_points[inliers], reference_points[inliers]) < MIN_INLIERS:
        return None
    return affine if _is_plausible(affine, mirrored) else None


def _fit_homography(
    affine: Homography, query_points: Float32Array, reference_points: Float32Array
) -> Homography | None:
    """Return the perspective map by RANSAC, or None if it explains the correspondences hardly better than the affine map."""
    import cv2

    affine_errors = _reprojection_errors(affine, query_points, reference_points)
    is_exact = affine_errors[affine_errors < REPROJECTION_THRESHOLD].mean() < PERSPECTIVE_ERROR
    if is_exact or len(query_points) < MIN_PERSPECTIVE_INLIERS:
        return None
    cv2.setRNGSeed(1)
    estimate, _ = cv2.findHomography(
        query_points,
        reference_points,
        method=cv2.RANSAC,
        ransacReprojThreshold=REPROJECTION_THRESHOLD,
        maxIters=_count_samples(MIN_PERSPECTIVE_INLIERS / len(query_points)),
        confidence=RANSAC_CONFIDENCE,
    )
    for _ in range(REFINEMENTS):
        if estimate is None or not np.isfinite(estimate).all():
            return None
        homography = np.asarray(estimate, np.float64)
        inliers = _find_inliers(homography, query_points, reference_points)
        if _count_distinct(query_points[inliers], reference_points[inliers]) < MIN_PERSPECTIVE_INLIERS:
            return None
        estimate, _ = cv2.findHomography(query_points[inliers], reference_points[inliers])
    errors = _reprojection_errors(homography, query_points, reference_points)
    return homography if _msac_score(errors) > PERSPECTIVE_GAIN * _msac_score(affine_errors) else None


def _count_samples(inlier_share: float) -> int:
    """Return the RANSAC samples of four correspondences that find a map with this share of inliers at `RANSAC_CONFIDENCE`."""
    of_inliers_alone = min(inlier_share, 0.999) ** 4
    return min(PERSPECTIVE_ITERATIONS, ceil(log1p(-RANSAC_CONFIDENCE) / log1p(-of_inliers_alone)))


def _msac_score(errors: Float64Array) -> float:
    """Return the number of explained correspondences, weighted by error as in MSAC (Torr and Zisserman 2000)."""
    return float(np.maximum(0, 1 - (errors / REPROJECTION_THRESHOLD) ** 2).sum())


def _least_squares_affine(query_points: Float32Array, reference_points: Float32Array) -> Homography:
    """Return the affine map (3, 3) with the smallest squared error."""
    design = np.column_stack((query_points, np.ones(len(query_points))))
    solution = np.linalg.lstsq(design.astype(np.float64), reference_points.astype(np.float64), rcond=None)[0].T
    return np.vstack((solution, [0, 0, 1]))


def _reprojection_errors(
    homography: Homography, query_points: Float32Array, reference_points: Float32Array
) -> Float64Array:
    """Return the distances (N,) of mapped query points from their reference points, in pixels."""
    return np.asarray(np.linalg.norm(transform_points(homography, query_points) - reference_points, axis=1))


def _find_inliers(
    homography: Homography, query_points: Float32Array, reference_points: Float32Array
) -> npt.NDArray[np.bool_]:
    """Return a mask (N,) of the correspondences within the reprojection threshold."""
    return _reprojection_errors(homography, query_points, reference_points) < REPROJECTION_THRESHOLD


def _count_distinct(query_points: Float32Array, reference_points: Float32Array) -> int:
    """Return the number of correspondences, counting each cell of either image once."""
    if not len(query_points):
        return 0
    return min(_count_cells(points) for points in (query_points, reference_points))


def _count_cells(points: Float32Array) -> int:
    """Return the number of cells of `DISTINCT_CELL` pixels in which points (N, 2) lie."""
    columns, rows = (points // DISTINCT_CELL).astype(np.int64).T
    return len(set((rows * CELLS_PER_ROW + columns).tolist()))


def _is_plausible(matrix: Float64Array, mirrored: bool, max_stretch: float = MAX_STRETCH) -> bool:
    """Return True if a map reverses orientation exactly if `mirrored`, and neither its scale nor its stretch is out of range."""
    if not np.isfinite(matrix).all() or (np.linalg.det(matrix[:2, :2]) < 0) != mirrored:
        return False
    large, small = np.linalg.svd(matrix[:2, :2], compute_uv=False)
    return bool(small > 1 / MAX_SCALE and large < MAX_SCALE and large / small < max_stretch)


def _is_plausible_perspective(
    homography: Homography, query_size: tuple[int, int], reference_size: tuple[int, int], mirrored: bool
) -> bool:
    """Return True if a perspective map neither folds nor degenerates, and nearly all of one image lies in the other."""
    query_corners, reference_corners = image_corners(*query_size), image_corners(*reference_size)
    depths = projective_depths(homography, query_corners)
    if depths.min() <= 0 or depths.max() > MAX_DEPTH_RATIO * depths.min():
        return False
    overlap = polygon_intersection(transform_points(homography, query_corners), reference_corners)
    if len(overlap) < 3:
        return False
    query_overlap = transform_points(np.linalg.inv(homography), overlap)
    contained = max(
        polygon_area(overlap) / (reference_size[0] * reference_size[1]),
        polygon_area(query_overlap) / (query_size[0] * query_size[1]),
    )
    return contained > MIN_CONTAINED_SHARE and _is_plausible(
        jacobian_at(homography, query_overlap.mean(axis=0)), mirrored, MAX_PERSPECTIVE_STRETCH
    )
