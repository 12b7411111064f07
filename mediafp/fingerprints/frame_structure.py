"""Structure of frames: where two of them differ, and if one shows anything at all."""

from typing import Final

import numpy as np

from mediafp.types.arrays import Float32Array
from mediafp.types.media import Pixels

BLOCK_SIDE: Final = 16
"""Pixels of a side of the blocks in which two frames of 320 pixels are compared: about a word. Chosen, not measured."""
CONTENT_BLOCK_SIDE: Final = 8
"""Pixels of a side of the blocks whose mean levels show content: noise averages out, a distant aeroplane does not. Chosen,
not measured."""
MAX_FLAT_STD: Final = 12.0
"""Standard deviation of the grey levels (0..255) from which a frame has content, however it is distributed. Chosen, not
measured."""
MAX_FLAT_RANGE: Final = 6.0
"""Range of the mean grey levels (0..255) of the blocks of a frame of one colour, without what its noise adds: black,
white and compressed noise stay below 3, night, fog and sky of three seeds of awkward files above 26."""
HALF_QUALITY_DEVIATION: Final = 3.0
"""Standard deviation of the mean grey levels (0..255) of the blocks at which quality is one half. Chosen, not measured."""


def block_differences(a: Pixels, b: Pixels) -> Float32Array:
    """Return the mean differences (rows, columns) of the blocks of two images, of the channel that differs most.

    Differences are levels, 0..255. All of images of unlike size are the greatest.
    """
    import cv2

    height, width = a.shape[:2]
    if a.shape != b.shape:
        return np.full((1, 1), 255, np.float32)
    size = (max(1, round(width / BLOCK_SIDE)), max(1, round(height / BLOCK_SIDE)))
    means = cv2.resize(cv2.absdiff(a, b), size, interpolation=cv2.INTER_AREA)
    return np.asarray(means.max(axis=-1), np.float32)


def differ_by_more(a: Pixels, b: Pixels, levels: float) -> bool:
    """Return True if some block of two images differs by more than `levels`, 0..255, in the mean of a channel."""
    import cv2

    # If all channels and blocks together differ by more, rounding included, some block does, at a tenth of the cost.
    if a.shape == b.shape and cv2.norm(a, b, cv2.NORM_L1) > (levels + 1) * a.size:
        return True
    return float(block_differences(a, b).max()) > levels


def content_quality(image: Pixels) -> float:
    """Return how much an image shows besides one colour and noise, 0..1; 0 if it is flat.

    Night, fog and sky have little contrast, and content: their blocks differ by more than the noise within the blocks.
    """
    import cv2

    levels = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    height, width = levels.shape
    size = (max(1, width // CONTENT_BLOCK_SIDE), max(1, height // CONTENT_BLOCK_SIDE))
    means = cv2.resize(levels, size, interpolation=cv2.INTER_AREA)
    if levels.std() < MAX_FLAT_STD:
        squares = cv2.resize(levels**2, size, interpolation=cv2.INTER_AREA)
        noise = float(np.median(np.sqrt(np.maximum(0, squares - means**2)))) / CONTENT_BLOCK_SIDE
        # The means of some thousand blocks of noise alone range over seven of their standard deviations.
        if float(np.ptp(means)) < MAX_FLAT_RANGE + 7 * noise:
            return 0.0
    variance = float(means.var())
    return variance / (variance + HALF_QUALITY_DEVIATION**2)
