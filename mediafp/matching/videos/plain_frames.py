"""Plain frames: bars, title cards and sheets of one colour, which unrelated videos share."""

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array

CELLS = 4
"""Cells of a tiny frame on each side of a block. Chosen, not measured."""
MIN_STRUCTURE = 0.3
"""Smaller eigenvalue of the structure tensor, squared grey levels per cell, from which a block changes in both directions."""
MAX_PLAIN_SHARE = 0.5
"""Share of such blocks below which a frame is plain: colour bars and a title card have .33, still photographs .67 and more, a
quiet road .92; a thing in the sky has .17, and moves."""


def is_plain(frames: npt.NDArray[np.floating] | npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return which of some tiny frames (N, H, W) are plain."""
    grey = frames.astype(np.float32)
    across = np.diff(grey, axis=2, append=grey[:, :, -1:])
    down = np.diff(grey, axis=1, append=grey[:, -1:])
    xx, yy, xy = (_block_means(product) for product in (across * across, down * down, across * down))
    smaller = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy * xy)
    return np.asarray((smaller >= MIN_STRUCTURE).mean(axis=(1, 2)) < MAX_PLAIN_SHARE)


def _block_means(values: Float32Array) -> Float32Array:
    count, height, width = values.shape
    rows, columns = height // CELLS, width // CELLS
    blocks = values[:, : rows * CELLS, : columns * CELLS].reshape(count, rows, CELLS, columns, CELLS)
    return np.asarray(blocks.mean(axis=(2, 4)))
