"""One page, post or layout that holds another picture each time."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from mediafp.matching.place import Box, Fit, Sketch
from mediafp.matching.views import rectangles
from mediafp.plane import Matrix, area, by_centres, carried, common, corners, frame, from_corners

LEAST_PART, MOST_PART = 0.1, 0.9
"""Share of the query that a frame takes."""
SAME_FRAME = 0.75
"""Intersection over union from which a rectangle of the query and one of the reference are one frame."""
SIDE = 64
"""Side, pixels, of the grid on which what stands in the frames is compared."""
OTHER_AT = 0.4
"""Correlation of the two contents below which they are two pictures. Of 37 pairs of posts of one layout, or of pages that
share a chart, with another photograph in each, 32 lie below, the others having no clear frame."""


def holds_another(query: Sketch, reference: Sketch, fit: Fit, boxes: Sequence[Box]) -> bool:
    """Whether a frame of the query is one in the reference too and shows another picture there.

    `boxes` are its rectangles, the clearest first, in pixels of its picture.
    """
    height, width = query.picture.shape[:2]
    zoom = max(reference.picture.shape[:2]) / max(reference.size)
    placed = from_corners(frame(width, height), np.array(fit.placement.quad) * zoom)
    theirs: list[Box] | None = None
    for left, top, right, bottom in boxes:
        if not LEAST_PART * width * height <= (right - left) * (bottom - top) <= MOST_PART * width * height:
            continue
        mine = corners((left, top, right, bottom))
        brought = carried(placed, mine)
        theirs = rectangles(reference.picture) if theirs is None else theirs
        if any(_overlap(brought, corners(box)) >= SAME_FRAME for box in theirs):
            # The clearest frame decides: less clear ones join it to the page around, or cut a part off.
            return _likeness(_content(query.picture, mine), _content(reference.picture, brought)) < OTHER_AT
    return False


def _overlap(a: Matrix, b: Matrix) -> float:
    """Intersection over union of two convex polygons."""
    both = common(a, b)
    return both / max(1e-6, area(a) + area(b) - both)


def _content(picture: npt.NDArray[np.uint8], where: Matrix) -> npt.NDArray[np.float32]:
    """What stands between four corners, in grey, SIDE x SIDE, without its finest detail."""
    twice = 2 * SIDE
    matrix = by_centres(from_corners(where, frame(twice, twice)))
    flat = cv2.warpPerspective(picture, matrix, (twice, twice), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(np.asarray(flat, np.uint8), cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)


def _likeness(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Normalised correlation; 1 where either is plain, which says nothing."""
    a, b = a - a.mean(), b - b.mean()
    norms = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if min(norms) < 4 * SIDE:
        return 1.0
    return float((a * b).sum()) / (norms[0] * norms[1])
