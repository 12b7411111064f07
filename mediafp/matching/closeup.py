"""A second look at a placed pair: the area in which the points agree, through the full SSCD."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from mediafp.matching.place import Fit, Sketch, is_sure
from mediafp.matching.search import Vectors
from mediafp.media import Pixels
from mediafp.plane import Matrix, around, by_centres, carried, frame, from_corners

SIDE = 224
"""Side, pixels, of the square on which both are looked at: the model's input."""
MARGIN = 0.15
"""Share of the points' bounding box that is added on each side, so that what lies around them has a say."""
LEAST_MARGIN = 8.0
"""Pixels of the reference's thumbnail that are added at least."""
SURE_LIKENESS = 0.7
"""What is taken for a fit beyond doubt, which is not looked at again: the median of true copies in doubt.

Development set, hard edits: of the placed pairs in doubt, true copies lie at .42 to .85 (5 % and 95 %), other
photographs of one person at .38 at most; the distilled model mixes the two.
"""
SURE_HELD = 0.85
"""Share of the blocks that must agree so that a fit is not looked at again. Below it something was laid over a copy, or a
page holds another picture: the likeness of the one is .3 to .75, of the other .1 to .5 (development set)."""
Embed = Callable[[list[Pixels]], tuple[Vectors, npt.NDArray[np.float32]]]
"""Pictures to their unit vectors (N, 512) and their likeness (N,) to unrelated pictures."""


def look(query: Sketch, reference: Sketch, fit: Fit, embed: Embed) -> float:
    """How alike the two pictures are where their points agree: normalised cosine.

    SURE_LIKENESS where the fit is beyond doubt, 0 where it is loose.
    """
    if not fit.firm:
        return 0.0
    if is_sure(fit) and fit.held >= SURE_HELD:
        return SURE_LIKENESS
    vectors, levels = embed(list(cut_out(query, reference, fit)))
    return float(vectors[0].astype(np.float32) @ vectors[1].astype(np.float32) - levels.max())


def cut_out(query: Sketch, reference: Sketch, fit: Fit) -> tuple[Pixels, Pixels]:
    """The area around the agreeing points, of the query and of the reference, both SIDE x SIDE on the reference's grid."""
    height, width = reference.picture.shape[:2]
    zoom = max(height, width) / max(reference.size)
    points = np.array([there for _, there in fit.placement.points]) * zoom
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.maximum((high - low) * MARGIN, LEAST_MARGIN)
    overlap = np.array(fit.placement.overlap) * zoom
    start = np.maximum(low - margin, overlap.min(axis=0)).clip(0, (width - 1, height - 1)).astype(int)
    end = np.ceil(np.minimum(high + margin, overlap.max(axis=0))).clip(start + 1, (width, height)).astype(int)
    (left, top), (right, bottom) = start, end
    theirs = cv2.resize(reference.picture[top:bottom, left:right], (SIDE, SIDE), interpolation=cv2.INTER_AREA)

    tall, wide = query.picture.shape[:2]
    target = (np.array(fit.placement.quad) * zoom - start) * (SIDE / (end - start))
    return _warped(query.picture, from_corners(frame(wide, tall), target)), np.asarray(theirs, np.uint8)


def _warped(picture: Pixels, matrix: Matrix) -> Pixels:
    """SIDE x SIDE pixels of a picture under a map of its pixels, area-averaged first where it shrinks."""
    middle = carried(np.linalg.inv(matrix), np.array([[SIDE / 2, SIDE / 2]]))[0]
    shrink = float(np.linalg.norm(around(matrix, middle), axis=0).max())
    if shrink < 0.5:
        height, width = picture.shape[:2]
        size = (max(1, round(width * 2 * shrink)), max(1, round(height * 2 * shrink)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix @ np.diag((width / size[0], height / size[1], 1))
    matrix, side = by_centres(matrix), (SIDE, SIDE)
    flat = cv2.warpPerspective(picture, matrix, side, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)
