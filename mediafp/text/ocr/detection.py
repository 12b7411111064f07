"""Detection of text lines by a PP-OCR model, whose output is a probability map (Differentiable Binarization).

The steps and numbers are those of rapidocr 3.10.0 (Apache-2.0), which loads in .4 CPU seconds more: it reads the lists of
all models that it could download. tests/text/ocr/test_models.py compares both on real images.
Liao et al., Real-time Scene Text Detection with Differentiable Binarization, AAAI 2020.
"""

from pathlib import Path

import numpy as np

from mediafp.text.ocr.rectify import Quad
from mediafp.text.ocr.sessions import open_session
from mediafp.types.arrays import Float32Array
from mediafp.types.media import Pixels

MAX_INPUT_SIDE = 4096
"""Longest side of the model's input, pixels; a larger image is reduced."""
SIDE_MULTIPLE = 32
"""Sides of the model's input are multiples of this."""
MIN_PIXEL_PROBABILITY = 0.3
"""Probability above which a pixel belongs to a line (PP-OCR)."""
MIN_LINE_PROBABILITY = 0.5
"""Mean probability of the pixels of a line (PP-OCR)."""
MAX_LINES = 1000
"""Contours that are examined (PP-OCR)."""
UNCLIP_RATIO = 1.6
"""Factor of the distance by which a line grows: the model marks only its core (DB, section 3.4; PP-OCR)."""
MIN_CORE_SIDE = 3
"""Shorter side of a line before it grows, pixels of the map (PP-OCR)."""
MIN_LINE_SIDE = 5
"""Shorter side of a line after it has grown, pixels of the map (PP-OCR)."""
MIN_QUAD_SIDE = 4
"""Width and height of a line, pixels of the image (PP-OCR)."""
SAME_ROW_PIXELS = 10
"""Vertical distance below which successive lines are in one row, and are ordered by x (PP-OCR)."""


class TextDetector:
    """The loaded detection model."""

    def __init__(self, model: Path) -> None:
        self._session = open_session(model)
        self._input = self._session.get_inputs()[0].name

    def detect(self, bgr: Pixels) -> Quad:
        """Return the quads (N, 4, 2) of the text lines in an image (H, W, 3), in its pixels, by rows."""
        import cv2

        height, width = bgr.shape[:2]
        side = max(height, width)
        fitted = bgr if side <= MAX_INPUT_SIDE else _resize(bgr, MAX_INPUT_SIDE / side)
        resized = None if fitted is None else _resize(fitted, 1.0)
        if fitted is None or resized is None:
            return np.empty((0, 4, 2), np.float32)
        # In this order and precision: the text must not depend on whether rapidocr or this computes it.
        normalised = (resized.astype(np.float32) * (1 / 255.0) - np.full(3, 0.5)) / np.full(3, 0.5)
        batch = np.expand_dims(normalised.transpose(2, 0, 1), 0).astype(np.float32)
        probability: Float32Array = self._session.run(None, {self._input: batch})[0][0, 0]
        mask = cv2.dilate((probability > MIN_PIXEL_PROBABILITY).astype(np.uint8), np.ones((2, 2), np.uint8))
        quads = _find_quads(probability, np.asarray(mask, np.uint8), fitted.shape[:2])
        scale = np.array([width / fitted.shape[1], height / fitted.shape[0]])
        in_image = (_order_by_rows(quads) * scale).astype(np.float32)
        return np.asarray(np.clip(in_image, 0, [width, height]), np.float32)


def _resize(bgr: Pixels, scale: float) -> Pixels | None:
    """Return an image whose sides are multiples of SIDE_MULTIPLE, or None if one of them would be 0."""
    import cv2

    height, width = (round(int(side * scale) / SIDE_MULTIPLE) * SIDE_MULTIPLE for side in bgr.shape[:2])
    return None if not height or not width else np.asarray(cv2.resize(bgr, (width, height)), np.uint8)


def _find_quads(probability: Float32Array, mask: Pixels, size: tuple[int, ...]) -> Quad:
    """Return the quads (N, 4, 2) of the lines in a probability map, in pixels of an image of `size` (height, width)."""
    import cv2

    height, width = size
    contours, _ = cv2.findContours(mask * 255, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads = []
    for contour in contours[:MAX_LINES]:
        core, side = _enclosing_quad(contour)
        if side < MIN_CORE_SIDE or _mean_probability(probability, core) < MIN_LINE_PROBABILITY:
            continue
        grown, side = _enclosing_quad(_grow(core))
        if side < MIN_LINE_SIDE:
            continue
        grown[:, 0] = np.clip(np.round(grown[:, 0] / mask.shape[1] * width), 0, width)
        grown[:, 1] = np.clip(np.round(grown[:, 1] / mask.shape[0] * height), 0, height)
        quad = np.clip(_order_corners(grown.astype(np.int32)), 0, [width - 1, height - 1])
        if min(int(np.linalg.norm(quad[0] - quad[1])), int(np.linalg.norm(quad[0] - quad[3]))) >= MIN_QUAD_SIDE:
            quads.append(quad)
    return np.array(quads, np.float32).reshape(-1, 4, 2)


def _enclosing_quad(points: np.ndarray) -> tuple[Quad, float]:
    """Return the smallest rotated rectangle (4, 2) around points, from its top-left corner, and its shorter side."""
    import cv2

    rectangle = cv2.minAreaRect(points)
    corners = sorted(cv2.boxPoints(rectangle), key=lambda corner: corner[0])
    left = sorted(corners[:2], key=lambda corner: corner[1])
    right = sorted(corners[2:], key=lambda corner: corner[1])
    return np.array([left[0], right[0], right[1], left[1]]), min(rectangle[1])


def _mean_probability(probability: Float32Array, quad: Quad) -> float:
    """Return the mean of a probability map within a quad."""
    import cv2

    height, width = probability.shape
    left, right = np.clip([int(np.floor(quad[:, 0].min())), int(np.ceil(quad[:, 0].max()))], 0, width - 1)
    top, bottom = np.clip([int(np.floor(quad[:, 1].min())), int(np.ceil(quad[:, 1].max()))], 0, height - 1)
    inside = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    shifted = quad.copy()
    shifted[:, 0] -= left
    shifted[:, 1] -= top
    cv2.fillPoly(inside, [shifted.astype(np.int32)], 1)
    return float(cv2.mean(probability[top : bottom + 1, left : right + 1], inside)[0])


def _grow(quad: Quad) -> np.ndarray:
    """Return the outline (N, 1, 2) of a quad that has grown by its area over its perimeter, times UNCLIP_RATIO."""
    import pyclipper
    from shapely.geometry import Polygon

    polygon = Polygon(quad)
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(quad, pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return np.array(offset.Execute(polygon.area * UNCLIP_RATIO / polygon.length)).reshape(-1, 1, 2)


def _order_corners(quad: np.ndarray) -> Quad:
    """Return the corners top-left, top-right, bottom-right, bottom-left."""
    by_x = quad[np.argsort(quad[:, 0])]
    left, right = by_x[:2], by_x[2:]
    top_left, bottom_left = left[np.argsort(left[:, 1])]
    top_right, bottom_right = right[np.argsort(right[:, 1])]
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)


def _order_by_rows(quads: Quad) -> Quad:
    """Return quads from top to bottom, those of one row from left to right."""
    if not len(quads):
        return quads
    by_y = quads[np.argsort(quads[:, 0, 1], kind="stable")]
    row = np.concatenate([[0], np.cumsum(np.diff(by_y[:, 0, 1]) >= SAME_ROW_PIXELS)])
    return by_y[np.lexsort((by_y[:, 0, 0], row))]
