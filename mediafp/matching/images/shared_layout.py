"""One page, post or layout that holds another picture each time."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from mediafp.matching.images.local_features import Box, LocalFeatures
from mediafp.matching.images.placement import PlacementFit
from mediafp.matching.images.rectangles import find_rectangles
from mediafp.types.geometry import (
    Homography,
    box_corners,
    homography_from_corners,
    image_corners,
    intersection_area,
    polygon_area,
    to_pixel_centres,
    transform_points,
)

MIN_PART, MAX_PART = 0.1, 0.9
"""Share of the query that a frame takes."""
MIN_INSET_IOU = 0.75
"""Intersection over union from which a rectangle of the query and one of the reference are one frame."""
INSET_SIDE = 64
"""Side, pixels, of the grid on which what stands in the frames is compared."""
DIFFERENT_INSET_NCC = 0.4
"""Correlation of the two contents below which they are two pictures. Of 37 pairs of posts of one layout, or of pages that
share a chart, with another photograph in each, 32 lie below, the others having no clear frame."""


def shows_different_inset(
    query: LocalFeatures, reference: LocalFeatures, fit: PlacementFit, boxes: Sequence[Box]
) -> bool:
    """Whether a frame of the query is one in the reference too and shows another picture there.

    `boxes` are its rectangles, the clearest first, in pixels of its picture.
    """
    height, width = query.image.shape[:2]
    zoom = max(reference.image.shape[:2]) / max(reference.size)
    placed = homography_from_corners(image_corners(width, height), np.array(fit.placement.quad) * zoom)
    theirs: list[Box] | None = None
    for left, top, right, bottom in boxes:
        if not MIN_PART * width * height <= (right - left) * (bottom - top) <= MAX_PART * width * height:
            continue
        mine = box_corners((left, top, right, bottom))
        brought = transform_points(placed, mine)
        theirs = find_rectangles(reference.image) if theirs is None else theirs
        if any(_overlap(brought, box_corners(box)) >= MIN_INSET_IOU for box in theirs):
            # The clearest frame decides: less clear ones join it to the page around, or cut a part off.
            return _similarity(_content(query.image, mine), _content(reference.image, brought)) < DIFFERENT_INSET_NCC
    return False


def _overlap(a: Homography, b: Homography) -> float:
    """Intersection over union of two convex polygons."""
    both = intersection_area(a, b)
    return both / max(1e-6, polygon_area(a) + polygon_area(b) - both)


def _content(image: npt.NDArray[np.uint8], where: Homography) -> npt.NDArray[np.float32]:
    """What stands between four corners, in grey, SIDE x SIDE, without its finest detail."""
    twice = 2 * INSET_SIDE
    matrix = to_pixel_centres(homography_from_corners(where, image_corners(twice, twice)))
    flat = cv2.warpPerspective(image, matrix, (twice, twice), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(np.asarray(flat, np.uint8), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (INSET_SIDE, INSET_SIDE), interpolation=cv2.INTER_AREA), np.float32)


def _similarity(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Normalised correlation; 1 where either is plain, which says nothing."""
    a, b = a - a.mean(), b - b.mean()
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(norms) < 4 * INSET_SIDE:
        return 1.0
    return float((a * b).sum()) / (norms[0] * norms[1])
