"""Layouts that two images share, such as a page or a post, with another image inset in each."""

from collections.abc import Sequence

import numpy as np

from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.geometry import (
    Box,
    box_corners,
    homography_from_corners,
    image_corners,
    intersection_area,
    polygon_area,
    to_pixel_centres,
    transform_points,
)
from mediafp.types.media import Pixels
from mediafp.types.rectangles import find_rectangles

MIN_INSET_SHARE = 0.1
"""Smallest share of the query's area that an inset takes. Chosen, not measured."""
MAX_INSET_SHARE = 0.9
"""Largest share of the query's area that an inset takes. Chosen, not measured."""
MIN_INSET_IOU = 0.75
"""Intersection over union from which a rectangle of the query and one of the reference count as the same inset. Chosen, not
measured."""
INSET_SIDE = 64
"""Side, in pixels, of the grid on which the contents of the two insets are compared. Chosen, not measured."""
MIN_INSET_NORM = 4 * INSET_SIDE
"""Norm of an inset's pixels, less their mean, below which its NCC is meaningless: a standard deviation of 4 grey levels."""
DIFFERENT_INSET_NCC = 0.4
"""Normalised cross-correlation of the two contents below which the insets show different images. Of 37 pairs of posts of one
layout, or of pages that share a chart, with another photograph in each, 32 are below; the others have no clear rectangle."""


def shows_different_inset(
    query: LocalFeatures, reference: LocalFeatures, fit: PlacementFit, boxes: Sequence[Box]
) -> bool:
    """Return True if both images have a rectangle in the same place with different content.

    Args:
        query: Features of the query.
        reference: Features of the reference.
        fit: Placement of the query in the reference.
        boxes: Rectangles of the query, the clearest first, in pixels of its image.
    """
    height, width = query.image.shape[:2]
    zoom = max(reference.image.shape[:2]) / max(reference.size)
    query_to_reference = homography_from_corners(image_corners(width, height), np.array(fit.placement.quad) * zoom)
    reference_boxes: list[Box] | None = None
    for left, top, right, bottom in boxes:
        box_area = (right - left) * (bottom - top)
        if not MIN_INSET_SHARE * width * height <= box_area <= MAX_INSET_SHARE * width * height:
            continue
        query_inset = box_corners((left, top, right, bottom))
        reference_inset = transform_points(query_to_reference, query_inset)
        if reference_boxes is None:
            reference_boxes = find_rectangles(reference.image)
        if any(_polygon_iou(reference_inset, box_corners(box)) >= MIN_INSET_IOU for box in reference_boxes):
            # The clearest rectangle decides: less clear ones include the page around it, or cover only a part.
            query_content = _rectify_inset(query.image, query_inset)
            return _ncc(query_content, _rectify_inset(reference.image, reference_inset)) < DIFFERENT_INSET_NCC
    return False


def _polygon_iou(a: Float64Array, b: Float64Array) -> float:
    """Return the intersection over union of two convex polygons: a rectangle under a perspective map is not upright."""
    intersection = intersection_area(a, b)
    return intersection / max(1e-6, polygon_area(a) + polygon_area(b) - intersection)


def _rectify_inset(image: Pixels, corners: Float64Array) -> Float32Array:
    """Return the content between four corners in grey, `INSET_SIDE` pixels square, without its finest detail."""
    import cv2

    twice = 2 * INSET_SIDE
    matrix = to_pixel_centres(homography_from_corners(corners, image_corners(twice, twice)))
    rectified = cv2.warpPerspective(
        image, matrix, (twice, twice), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    grey = cv2.cvtColor(np.asarray(rectified, np.uint8), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (INSET_SIDE, INSET_SIDE), interpolation=cv2.INTER_AREA), np.float32)


def _ncc(a: Float32Array, b: Float32Array) -> float:
    """Return the normalised cross-correlation of two images; 1 if either is flat (nearly one colour)."""
    a, b = a - a.mean(), b - b.mean()
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(norms) < MIN_INSET_NORM:
        return 1.0
    return float((a * b).sum()) / (norms[0] * norms[1])
