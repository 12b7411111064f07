"""Maps from one image plane to another, as homographies, and areas of polygons.

Coordinates are (x, y) in pixels, x to the right and y down. The edges of pixels are whole numbers: the top-left corner of
an image is (0, 0), its bottom-right corner (width, height).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float64Array

Homography = npt.NDArray[np.float64]
"""Matrix (3, 3) that maps homogeneous (x, y, 1): an affine map if its last row is (0, 0, 1)."""
Points = npt.NDArray[np.floating]
"""Points (N, 2): x and y."""
Box = tuple[int, int, int, int]
"""Left, top, right and bottom of an upright rectangle in whole pixels."""


MAX_POINT_COORDINATE = 1e9
"""Greatest coordinate of a mapped point that is stated, pixels: points near the horizon of a map lie arbitrarily far away.
Chosen, not measured."""
_TO_HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]], np.float64)
_FROM_HALF = np.linalg.inv(_TO_HALF)


def rounded_points(points: Points) -> tuple[tuple[float, float], ...]:
    """Return mapped points (N, 2) to a hundredth of a pixel, each coordinate within `MAX_POINT_COORDINATE`."""
    rounded = points.astype(np.float64).clip(-MAX_POINT_COORDINATE, MAX_POINT_COORDINATE).round(2)
    return tuple((x, y) for x, y in rounded.tolist())


def image_corners(width: float, height: float) -> Float64Array:
    """Return the corners (4, 2) of an image: top-left, top-right, bottom-right, bottom-left."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def box_corners(box: tuple[float, float, float, float]) -> Float64Array:
    """Return the corners (4, 2) of a box (left, top, right, bottom), in the order of `image_corners`."""
    left, top, right, bottom = box
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def homography_from_corners(source: Points, target: Points) -> Homography:
    """Return the homography that maps four points (4, 2) to four others."""
    import cv2

    matrix = cv2.getPerspectiveTransform(source.astype(np.float32), target.astype(np.float32))
    return np.asarray(matrix, np.float64)


def projective_depths(matrix: Homography, points: Points) -> Float64Array:
    """Return the third homogeneous coordinate (N,) of mapped points: 1 for an affine map, 0 on the horizon."""
    return np.asarray(points @ matrix[2, :2] + matrix[2, 2], np.float64)


def transform_points(matrix: Homography, points: Points) -> Float64Array:
    """Return the mapped points (N, 2)."""
    mapped = points @ matrix[:2, :2].T + matrix[:2, 2]
    return np.asarray(mapped / projective_depths(matrix, points)[:, None], np.float64)


def jacobian_at(matrix: Homography, point: Points) -> Float64Array:
    """Return the derivative (2, 2) of the map at a point (2,): the rotation, scale and shear of its surroundings."""
    depth = float(projective_depths(matrix, point[None])[0])
    return np.asarray(
        (matrix[:2, :2] - np.outer(transform_points(matrix, point[None])[0], matrix[2, :2])) / depth, np.float64
    )


def to_pixel_centres(matrix: Homography) -> Homography:
    """Return the homography for `cv2.warpPerspective`, in whose coordinates whole numbers are the centres of pixels."""
    return np.asarray(_FROM_HALF @ matrix @ _TO_HALF, np.float64)


def from_pixel_centres(matrix: npt.NDArray[np.floating]) -> Homography:
    """Return the homography of a map (3, 3) between pixels whose centres have whole numbers: `to_pixel_centres` undone."""
    return np.asarray(_TO_HALF @ matrix @ _FROM_HALF, np.float64)


def reference_to_query(quad: Sequence[tuple[float, float]], size: tuple[float, float], points: Points) -> Float64Array:
    """Return points (N, 2) of the reference in query pixels.

    Args:
        quad: The query's corners in reference pixels, in the order of `image_corners`.
        size: Width and height of the query.
        points: Points (N, 2) in reference pixels.
    """
    return transform_points(homography_from_corners(np.array(quad), image_corners(*size)), points)


def polygon_area(polygon: Points) -> float:
    """Return the area of a polygon (N, 2), in square pixels."""
    import cv2

    return float(cv2.contourArea(polygon.astype(np.float32)))


def intersection_area(a: Points, b: Points) -> float:
    """Return the area that two convex polygons (N, 2) share, in square pixels."""
    shared = polygon_intersection(a, b)
    return polygon_area(shared) if len(shared) else 0.0


def polygon_intersection(a: Points, b: Points) -> Float64Array:
    """Return the polygon (N, 2) that two convex polygons share; no rows if they do not intersect.

    One polygon is cut along each edge of the other (Sutherland and Hodgman, Reentrant polygon clipping, 1974). OpenCV's function
    loses up to half of the area if edges nearly coincide, as those of an image and its copy do.
    """
    shared, edges = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if _signed_area(edges) < 0:
        edges = edges[::-1]
    for start, end in zip(edges, np.roll(edges, -1, axis=0), strict=True):
        direction, offsets = end - start, shared - start
        depths = direction[0] * offsets[:, 1] - direction[1] * offsets[:, 0]
        kept: list[Float64Array] = []
        for n, depth in enumerate(depths.tolist()):
            before = float(depths[n - 1])
            if (before < 0) != (depth < 0):
                kept.append(shared[n - 1] + (shared[n] - shared[n - 1]) * (before / (before - depth)))
            if depth >= 0:
                kept.append(shared[n])
        if len(kept) < 3:
            return np.empty((0, 2))
        shared = np.array(kept)
    return shared if _signed_area(shared) else np.empty((0, 2))


def _signed_area(polygon: Float64Array) -> float:
    """Return the area of a polygon (N, 2); negative if its corners are in the opposite order."""
    following = np.roll(polygon, -1, axis=0)
    return float((polygon[:, 0] * following[:, 1] - polygon[:, 1] * following[:, 0]).sum() / 2)
