"""Straightening of a line of text."""

import cv2
import numpy as np
import numpy.typing as npt

from mediafp.types.media import Pixels

LINE_HEIGHT = 48
"""Pixels of a line of text as the model takes it."""
LONGEST_LINE = 40.0
"""Times its height that a line is long at most; a longer one is squeezed."""
AT_SIGNS = frozenset("@＠")
Quad = npt.NDArray[np.float32]
"""Corners (4, 2) in pixels: top left, top right, bottom right, bottom left, as one reads."""
LINE_PADDING = (1.2, 1.2, 0.08)
"""Heights by which a line is widened to the left, to the right, and up and down for a second reading, of which a handle
alone is taken: the detector takes an @ for a part of the picture now and then, and cuts a last character off."""


def _place_of_at(text: str) -> int | None:
    return next((place for place, character in enumerate(text) if character in AT_SIGNS), None)


def rectify_line(bgr: Pixels, box: Quad, left: float = 0.0, right: float = 0.0, beyond: float = 0.0) -> Pixels:
    """A line of text laid flat, LINE_HEIGHT high, widened by so many of its heights; one that stands is laid on its side."""
    top_left, top_right, bottom_right, bottom_left = box.astype(np.float64)
    along, down = top_right - top_left, bottom_left - top_left
    width = max(1.0, float(np.linalg.norm(along)), float(np.linalg.norm(bottom_right - bottom_left)))
    height = max(1.0, float(np.linalg.norm(down)), float(np.linalg.norm(bottom_right - top_right)))
    along, down = along / max(1e-6, float(np.linalg.norm(along))), down / max(1e-6, float(np.linalg.norm(down)))
    upright = height < 1.5 * width
    unit = height if upright else width
    corners = np.array(
        [
            top_left - unit * (left * along + beyond * down),
            top_right + unit * (right * along - beyond * down),
            bottom_right + unit * (right * along + beyond * down),
            bottom_left - unit * (left * along - beyond * down),
        ],
        np.float32,
    )
    length = round(LINE_HEIGHT * min(LONGEST_LINE, max(width, height) / min(width, height) + left + right))
    flat = (length, LINE_HEIGHT) if upright else (LINE_HEIGHT, length)
    target = np.array([[0, 0], [flat[0], 0], [flat[0], flat[1]], [0, flat[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    line = cv2.warpPerspective(bgr, matrix, flat, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(line if upright else np.rot90(line))
