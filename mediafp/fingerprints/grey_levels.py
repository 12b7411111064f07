"""Sampled grey levels, whose standard deviation states how flat an image is."""

from typing import Final

import numpy as np

from mediafp.types.arrays import Float32Array
from mediafp.types.media import Pixels

PIXEL_STEP: Final = 4
"""Every how many pixels, in both directions, the grey levels are sampled: 4 costs a sixteenth. Chosen, not measured."""


def sample_grey_levels(images: Pixels) -> Float32Array:
    """Return the mean of the channels, 0..255, of every PIXEL_STEP-th pixel of images (..., height, width, 3)."""
    levels: Float32Array = images[..., ::PIXEL_STEP, ::PIXEL_STEP, :].mean(axis=-1, dtype=np.float32)
    return levels
