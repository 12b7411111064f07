"""Screening for text: the cells of an image in which there may be text, by a small network on local contrasts.

The detection model takes .13 CPU seconds per million pixels and overlooks small marks where the image is shrunk; the screen
takes .02. Only the regions that it names are given to the detection model.
"""

import numpy as np

from mediafp.text.ocr.regions import TextCells
from mediafp.types import model_files
from mediafp.types.arrays import Float32Array
from mediafp.types.media import Pixels
from mediafp.types.scaled_images import scaled_size

SCREEN_SIDE = 736
"""Longest side, pixels, of the image that is screened. A line of 12 pixels in an image of 500 is not shrunk."""
CELL = 8
"""Side of a cell, pixels. Chosen, not measured."""
LEVELS = (1, 2, 4, 8)
"""Factors by which the screened image is shrunk: in one of these levels a line of 7 to 200 pixels is 7 to 25 high. Without
the last, 3 of 10 lines of 240 pixels are lost."""
NEIGHBOUR_ROWS = 1
"""Cells above and below a cell that the network gets with it."""
NEIGHBOUR_COLUMNS = 3
"""Cells left and right of a cell that the network gets with it. With 2 rows and 4 columns the network, at the threshold that
loses none of 339 lines, names .029 of the photographs without text; with these .024 (`scripts/fit_text_screen.py`)."""
STROKE = 5
"""Pixels; the strokes of letters are thinner. Chosen, not measured."""
STRONG_STROKE = 20
"""Contrast, of 255, from which a stroke counts in the share of a cell that is stroke. Chosen, not measured."""
MIN_SEED_PROBABILITY = 0.5
"""Mean probability of three cells side by side from which they are text. Of 339 lines on photographs that the network was not
fitted on, none is lost with .6, one with .7, two with .8; with .5, .3 of the photographs without text have such cells."""
MIN_CELL_PROBABILITY = 0.3
"""Probability from which a cell that touches such cells is text. Chosen, not measured."""


class TextScreen:
    """The loaded screening network, which `scripts/fit_text_screen.py` fits.

    Raises:
        ModelError: The model file is missing or changed.
    """

    def __init__(self) -> None:
        with np.load(model_files.model_path("text_screen"), allow_pickle=False) as weights:
            self._hidden_weights, self._hidden_bias = weights["hidden_weights"], weights["hidden_bias"]
            self._weights, self._bias = weights["weights"], weights["bias"]

    def find_text(self, bgr: Pixels) -> TextCells:
        """Return the cells of an image in which there may be text."""
        import cv2

        levels, side = screened_levels(bgr)
        height, width = levels[0].shape[0] // CELL, levels[0].shape[1] // CELL
        mask = np.zeros((height, width), np.uint8)
        for level in levels:
            probabilities = self._text_probabilities(cell_features(level))
            seeds = cv2.blur(probabilities, (3, 1)) >= MIN_SEED_PROBABILITY
            if seeds.any():
                near = (seeds | (probabilities >= MIN_CELL_PROBABILITY)).astype(np.uint8)
                _, labels = cv2.connectedComponents(near)
                # The ends of a line are fainter than its middle.
                cells = cv2.dilate(np.isin(labels, labels[seeds]).astype(np.uint8), np.ones((1, 3), np.uint8))
                mask |= cv2.resize(cells, (width, height), interpolation=cv2.INTER_NEAREST)
        return TextCells(mask, side)

    def _text_probabilities(self, cells: Float32Array) -> Float32Array:
        """Return the probability (H, W) of text for the features of cells."""
        windows = cell_windows(cells)
        hidden = np.maximum(windows.reshape(-1, windows.shape[2]) @ self._hidden_weights + self._hidden_bias, 0)
        probabilities: Float32Array = 1 / (1 + np.exp(-(hidden @ self._weights + self._bias)))
        return probabilities.reshape(cells.shape[:2])


def screened_levels(bgr: Pixels) -> tuple[list[Pixels], float]:
    """Return the grey image at each of the LEVELS, and the side of a cell of the first in pixels of the image."""
    import cv2

    zoom = min(1.0, SCREEN_SIDE / max(bgr.shape[:2]))
    size = scaled_size(bgr.shape[1], bgr.shape[0], zoom)
    grey = cv2.cvtColor(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA) if zoom < 1 else bgr, cv2.COLOR_BGR2GRAY)
    # Cells of all levels end where the image does: it is repeated at its right and at its bottom.
    unit = CELL * LEVELS[-1]
    grey = cv2.copyMakeBorder(grey, 0, -size[1] % unit, 0, -size[0] % unit, cv2.BORDER_REPLICATE)
    height, width = grey.shape
    shrunk = (cv2.resize(grey, (width // n, height // n), interpolation=cv2.INTER_AREA) for n in LEVELS)
    return [np.asarray(level, np.uint8) for level in shrunk], CELL / zoom


def cell_features(grey: Pixels) -> Float32Array:
    """Return 13 features (H / CELL, W / CELL, 13) of the cells of a grey image (H, W).

    They are the means of: the differences of neighbours in four directions; bright and dark strokes; the difference from the
    surroundings; weak bright strokes; the strokes around; the shares of strong strokes; the level; the relief.
    """
    import cv2

    height, width = grey.shape
    size = width // CELL, height // CELL
    stroke = np.ones((STROKE, STROKE), np.uint8)
    right = cv2.copyMakeBorder(grey[:, 1:], 0, 0, 0, 1, cv2.BORDER_REPLICATE)
    below = cv2.copyMakeBorder(grey[1:], 0, 1, 0, 0, cv2.BORDER_REPLICATE)
    diagonal = cv2.copyMakeBorder(grey[1:, 1:], 0, 1, 0, 1, cv2.BORDER_REPLICATE)
    bright = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, stroke)
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, stroke)
    levels = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    maps = (
        cv2.absdiff(grey, right),
        cv2.absdiff(grey, below),
        cv2.absdiff(grey, diagonal),
        cv2.absdiff(right, below),
        bright,
        dark,
        cv2.absdiff(grey, cv2.blur(grey, (3, 3))),
        np.minimum(bright, 3 * STRONG_STROKE),
        cv2.dilate(bright, stroke),
        cv2.threshold(bright, STRONG_STROKE, 255, cv2.THRESH_BINARY)[1],
        cv2.threshold(dark, STRONG_STROKE, 255, cv2.THRESH_BINARY)[1],
        cv2.absdiff(grey, cv2.resize(levels, (width, height), interpolation=cv2.INTER_LINEAR)),
    )
    means = np.dstack([cv2.resize(values, size, interpolation=cv2.INTER_AREA) for values in maps])
    features: Float32Array = np.dstack([np.log1p(means.astype(np.float32)), levels.astype(np.float32) / 64])
    return features


def cell_windows(cells: Float32Array) -> Float32Array:
    """Return the features of each cell and its neighbours (H, W, N); beyond the border the last cells are repeated."""
    height, width, count = cells.shape
    rows, columns = 2 * NEIGHBOUR_ROWS + 1, 2 * NEIGHBOUR_COLUMNS + 1
    padding = (NEIGHBOUR_ROWS, NEIGHBOUR_ROWS), (NEIGHBOUR_COLUMNS, NEIGHBOUR_COLUMNS), (0, 0)
    padded = np.ascontiguousarray(np.pad(cells, padding, mode="edge"))
    down, right, step = padded.strides
    # The cells of one row are beside each other in memory.
    windows = np.lib.stride_tricks.as_strided(
        padded, (height, width, rows, columns * count), (down, right, down, step), writeable=False
    )
    return windows.reshape(height, width, rows * columns * count)
