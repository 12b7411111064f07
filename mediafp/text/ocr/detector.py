"""Detection of text lines: PP-OCR's probability map of text, and the quads of the lines in it."""

import numpy as np

from mediafp.text.ocr.rectify import Quad
from mediafp.text.ocr.sessions import load_session
from mediafp.types.arrays import Float32Array
from mediafp.types.media import Pixels

INPUT_UNIT = 32
"""Pixels; the sides of the model's input are multiples of it (PP-OCR)."""
MIN_PIXEL_PROBABILITY = 0.3
"""Probability from which a pixel is text (PP-OCR)."""
MIN_LINE_PROBABILITY = 0.5
"""Mean probability of the pixels of a line, below which it is dropped (rapidocr)."""
UNCLIP_RATIO = 1.6
"""Growth of a line, which the map shows shrunk: its area times this, divided by its perimeter, on every side (rapidocr)."""
MIN_LINE_HEIGHT = 3.0
"""Shorter side, pixels of the map, of the smallest line (PP-OCR)."""


class TextDetector:
    """The loaded detection model.

    Raises:
        ModelError: The model file is missing or changed.
    """

    def __init__(self) -> None:
        self._session = load_session("ppocr_det")

    def detect(self, bgr: Pixels, zoom: float) -> list[Quad]:
        """Return the quads of the text lines in an image, which the model gets resized by about `zoom`."""
        import cv2

        height, width = bgr.shape[:2]
        size = _input_side(width * zoom), _input_side(height * zoom)
        resized = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA if size[0] < width else cv2.INTER_CUBIC)
        values = np.ascontiguousarray((resized * np.float32(2 / 255) - 1).transpose(2, 0, 1)[None])
        (probabilities,) = self._session.run(None, {self._session.get_inputs()[0].name: values})
        scale = np.array([width / size[0], height / size[1]], np.float32)
        corner = np.array([width - 1, height - 1], np.float32)
        return [np.clip(quad * scale, 0, corner) for quad in find_quads(probabilities[0, 0])]


def find_quads(probabilities: Float32Array) -> list[Quad]:
    """Return the quads of the text lines in a map of probabilities (H, W), in its pixels."""
    import cv2

    mask = cv2.dilate((probabilities > MIN_PIXEL_PROBABILITY).astype(np.uint8), np.ones((2, 2), np.uint8))
    quads = []
    for contour in cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]:
        centre, sides, angle = cv2.minAreaRect(contour)
        corners = np.asarray(cv2.boxPoints((centre, sides, angle)), np.float32)
        if min(sides) < MIN_LINE_HEIGHT or _mean_inside(probabilities, corners) < MIN_LINE_PROBABILITY:
            continue
        growth = 2 * UNCLIP_RATIO * sides[0] * sides[1] / (2 * (sides[0] + sides[1]))
        grown = cv2.boxPoints((centre, (sides[0] + growth, sides[1] + growth), angle))
        quads.append(_in_reading_order(np.asarray(grown, np.float32)))
    return quads


def _input_side(length: float) -> int:
    return max(INPUT_UNIT, round(length / INPUT_UNIT) * INPUT_UNIT)


def _mean_inside(values: Float32Array, corners: Quad) -> float:
    """Return the mean of the values inside a polygon."""
    import cv2

    left, top = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, None)
    right, bottom = np.ceil(corners.max(axis=0)).astype(int) + 1
    part = values[top:bottom, left:right]
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [(corners - (left, top)).astype(np.int32)], 1)
    return float(cv2.mean(part, mask)[0])


def _in_reading_order(corners: Quad) -> Quad:
    """Return the corners of a rectangle from the top left, clockwise."""
    left, right = np.split(corners[np.argsort(corners[:, 0], kind="stable")], 2)
    top_left, bottom_left = left[np.argsort(left[:, 1])]
    top_right, bottom_right = right[np.argsort(right[:, 1])]
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)
