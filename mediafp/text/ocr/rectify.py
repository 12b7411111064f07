"""Rectification of text lines: a quad of an image, cut out as an upright strip."""

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array
from mediafp.types.media import Pixels

Quad = Float32Array
"""Corners (4, 2) of a text line in pixels: top left, top right, bottom right, bottom left, in reading direction."""
STRIP_HEIGHT = 48
"""Height of the recognition model's input, pixels (PP-OCR)."""
MAX_STRIP_ASPECT = 40.0
"""Maximum width of a strip, in strip heights; a longer line is compressed. Chosen, not measured."""
VERTICAL_ASPECT = 1.5
"""Height of a quad divided by its width from which its text is vertical, and is turned by 90 degrees (PP-OCR)."""


def rectify_line(bgr: Pixels, quad: Quad, left: float = 0.0, right: float = 0.0, across: float = 0.0) -> Pixels:
    """Return a text line as a horizontal strip (STRIP_HEIGHT, W, 3).

    Args:
        bgr: The image (H, W, 3), uint8.
        quad: Corners of the line.
        left: Padding at the start of the line, in line heights.
        right: Padding at its end, in line heights.
        across: Padding above and below, in line heights.
    """
    # Imported on first use: most commands read no text.
    import cv2

    top_left, top_right, bottom_right, bottom_left = quad.astype(np.float64)
    x_axis, y_axis = top_right - top_left, bottom_left - top_left
    width = max(1.0, _length(x_axis), _length(bottom_right - bottom_left))
    height = max(1.0, _length(y_axis), _length(bottom_right - top_right))
    x_axis, y_axis = x_axis / max(1e-6, _length(x_axis)), y_axis / max(1e-6, _length(y_axis))
    is_horizontal = height < VERTICAL_ASPECT * width
    unit = height if is_horizontal else width
    corners = np.array(
        [
            top_left - unit * (left * x_axis + across * y_axis),
            top_right + unit * (right * x_axis - across * y_axis),
            bottom_right + unit * (right * x_axis + across * y_axis),
            bottom_left - unit * (left * x_axis - across * y_axis),
        ],
        np.float32,
    )
    length = round(STRIP_HEIGHT * min(MAX_STRIP_ASPECT, max(width, height) / min(width, height) + left + right))
    size = (length, STRIP_HEIGHT) if is_horizontal else (STRIP_HEIGHT, length)
    target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    strip = cv2.warpPerspective(bgr, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(strip if is_horizontal else np.rot90(strip))


def _length(vector: npt.NDArray[np.floating]) -> float:
    return float(np.linalg.norm(vector))
