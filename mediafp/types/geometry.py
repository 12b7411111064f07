"""Maps of one flat picture on another: 3 x 3 matrices, affine ones and those of a picture seen in perspective."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

Homography = npt.NDArray[np.float64]
Points = npt.NDArray[np.floating]
"""Places (N, 2), x and y."""


def image_corners(width: float, height: float) -> Homography:
    """The corners of a picture: top-left, top-right, bottom-right, bottom-left."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def box_corners(box: tuple[float, float, float, float]) -> Homography:
    """The corners of a box of left, top, right and bottom, in the order of `frame`."""
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def homography_from_corners(here: Points, there: Points) -> Homography:
    """The map that brings four corners to four others."""
    return np.asarray(cv2.getPerspectiveTransform(here.astype(np.float32), there.astype(np.float32)), np.float64)


def projective_depths(matrix: Homography, points: Points) -> Homography:
    """How near the horizon each point lies (N,): 1 everywhere under an affine map, 0 on the horizon."""
    return np.asarray(points @ matrix[2, :2] + matrix[2, 2], np.float64)


def transform_points(matrix: Homography, points: Points) -> Homography:
    """Where the map brings points (N, 2)."""
    brought = points @ matrix[:2, :2].T + matrix[:2, 2]
    return np.asarray(brought / projective_depths(matrix, points)[:, None], np.float64)


def jacobian_at(matrix: Homography, point: Points) -> Homography:
    """The map's 2 x 2 derivative at a point (2,): how it turns and scales what lies there."""
    depth = float(projective_depths(matrix, point[None])[0])
    return np.asarray(
        (matrix[:2, :2] - np.outer(transform_points(matrix, point[None])[0], matrix[2, :2])) / depth, np.float64
    )


def to_pixel_centres(matrix: Homography) -> Homography:
    """The map that `cv2.warpPerspective` needs: there whole numbers are the centres of pixels, here their edges."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    return np.asarray(np.linalg.inv(half) @ matrix @ half, np.float64)


def reference_to_query(quad: Sequence[tuple[float, float]], size: tuple[float, float], points: Points) -> Homography:
    """Where points lie in a picture of that size whose corners are brought to `quad`."""
    return transform_points(homography_from_corners(np.array(quad), image_corners(*size)), points)


def polygon_area(polygon: Points) -> float:
    """Of a polygon."""
    return float(cv2.contourArea(polygon.astype(np.float32)))


def intersection_area(a: Points, b: Points) -> float:
    """The area that two convex polygons share."""
    return float(cv2.intersectConvexConvex(a.astype(np.float32), b.astype(np.float32))[0])


def polygon_intersection(a: Points, b: Points) -> Homography:
    """The polygon that two convex ones share; no rows where they do not meet."""
    size, overlap = cv2.intersectConvexConvex(a.astype(np.float32), b.astype(np.float32))
    return np.empty((0, 2)) if overlap is None or size <= 0 else np.asarray(overlap, np.float64).reshape(-1, 2)
