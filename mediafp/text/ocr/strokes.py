"""Strokes of a frame, and their similarity in two frames: text that stays keeps its strokes, whatever moves behind it."""

import numpy as np
import numpy.typing as npt

from mediafp.text.ocr.screen import CELL
from mediafp.types.arrays import Float32Array
from mediafp.types.media import Pixels

STROKE_SIDE = 9
"""Pixels; strokes up to this width are in the map, so that those of a headline are. Chosen, not measured."""
MIN_BLOCK_SIDE = 8
"""Shortest length, pixels, of the blocks in which a line is compared. Chosen, not measured."""
MIN_CELL_ENERGY = 6.0
"""Root mean square, of 127, of the strokes of a cell below which it contains no text. Chosen, not measured."""
NEIGHBOURHOOD = (3, 3)
"""Cells over which the similarity of a cell is measured: a letter is larger than one. Chosen, not measured."""

type StrokeMap = npt.NDArray[np.int8]
"""Contrast of thin strokes (H, W), above 0 for bright and below 0 for dark ones; the sides are multiples of CELL."""
type CellMask = npt.NDArray[np.bool_]
"""Cells (rows, columns) of CELL pixels."""


def stroke_map(image: Pixels) -> StrokeMap:
    """Return the strokes of an RGB image; beyond its right and its bottom, its last pixels are repeated."""
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    grey = cv2.copyMakeBorder(grey, 0, -height % CELL, 0, -width % CELL, cv2.BORDER_REPLICATE)
    kernel = np.ones((STROKE_SIDE, STROKE_SIDE), np.uint8)
    bright, dark = (
        np.asarray(cv2.morphologyEx(grey, kind, kernel), np.uint8) for kind in (cv2.MORPH_TOPHAT, cv2.MORPH_BLACKHAT)
    )
    strokes: StrokeMap = (bright >> 1).astype(np.int8) - (dark >> 1).astype(np.int8)
    return strokes


def cells_with_strokes(strokes: StrokeMap) -> CellMask:
    """Return the cells that contain strokes."""
    values = strokes.astype(np.float32)
    cells: CellMask = _cell_means(values * values) >= MIN_CELL_ENERGY**2
    return cells


def cell_similarities(strokes: StrokeMap, others: StrokeMap) -> Float32Array:
    """Return the cosine of two stroke maps around each cell, -1..1."""
    a, b = strokes.astype(np.float32), others.astype(np.float32)
    norms: Float32Array = np.sqrt(_cell_means(a * a) * _cell_means(b * b)) + np.float32(1e-3)
    return _cell_means(a * b) / norms


def line_similarities(strokes: StrokeMap, others: StrokeMap, heights: float = 1.0) -> list[float]:
    """Return the cosines of the strokes of a line in two frames, by blocks as long as some heights of it, -1..1."""
    a, b = strokes.astype(np.float32), others.astype(np.float32)
    if a.shape[0] > a.shape[1]:
        a, b = a.T, b.T
    side = max(MIN_BLOCK_SIDE, round(a.shape[0] * heights))
    blocks = range(0, max(1, a.shape[1] - side // 2), side)
    return [_cosine(a[:, left : left + side], b[:, left : left + side]) for left in blocks]


def _cosine(a: Float32Array, b: Float32Array) -> float:
    return float((a * b).sum() / (np.sqrt((a * a).sum() * (b * b).sum()) + 1e-3))


def _cell_means(values: Float32Array) -> Float32Array:
    import cv2

    size = values.shape[1] // CELL, values.shape[0] // CELL
    means = cv2.blur(cv2.resize(values, size, interpolation=cv2.INTER_AREA), NEIGHBOURHOOD)
    return np.asarray(means, np.float32)
