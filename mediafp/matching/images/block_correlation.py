"""Block-wise normalised cross-correlation (NCC) of two images that a homography aligns."""

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import Homography, to_pixel_centres

MATCHING_BLOCK_NCC = 0.7
"""NCC from which a block counts as matching: both images show the same content in the block. Chosen, not measured; the threshold
on the share of matching blocks, `placement_fit.MIN_MATCHING_BLOCKS`, is measured with it."""
CORRELATION_SIDE = 128
"""Side, in pixels, of the square grid on which the aligned images are compared."""
BLOCKS_PER_SIDE = 8
"""Blocks on each side of the grid: 64 blocks of 16 × 16 pixels."""
MIN_BLOCK_NORM = 2 * CORRELATION_SIDE // BLOCKS_PER_SIDE
"""Norm of a block's pixels, less their mean, from which its NCC is meaningful: a standard deviation of 2 grey levels."""
MIN_TEXTURED_BLOCKS = 4
"""Blocks that must be textured in both images for a comparison; with fewer, nothing contradicts the placement."""


def correlate_blocks(
    query: npt.NDArray[np.uint8],
    reference: npt.NDArray[np.uint8],
    homography: Homography,
    low: Float64Array,
    high: Float64Array,
) -> tuple[float, float]:
    """Return the median NCC of the blocks, -1..1, and the share of matching blocks, 0..1.

    Both images are sampled on one grid over the bounding box of their overlap. Only blocks that are textured in both
    images count. If fewer than `MIN_TEXTURED_BLOCKS` are, the result is (0, 1): no block contradicts the placement.

    Args:
        query: Grey pixels of the query.
        reference: Grey pixels of the reference.
        homography: Map from query to reference pixels.
        low: Left and top of the bounding box of the overlap, in reference pixels.
        high: Right and bottom of the same box.
    """
    pixels_per_cell = (high - low) / CORRELATION_SIDE
    grid_to_reference = np.array(
        [[pixels_per_cell[0], 0, low[0]], [0, pixels_per_cell[1], low[1]], [0, 0, 1]], np.float64
    )
    grid_to_query = np.linalg.inv(homography) @ grid_to_reference
    query_blocks = _sample_blocks(query, grid_to_query)
    reference_blocks = _sample_blocks(reference, grid_to_reference)
    query_norms, reference_norms = np.linalg.norm(query_blocks, axis=1), np.linalg.norm(reference_blocks, axis=1)
    textured = (query_norms > MIN_BLOCK_NORM) & (reference_norms > MIN_BLOCK_NORM)
    if textured.sum() < MIN_TEXTURED_BLOCKS:
        return 0.0, 1.0
    products = (query_blocks * reference_blocks).sum(axis=1)
    ncc = products[textured] / (query_norms * reference_norms)[textured]
    return float(np.median(ncc)), float((ncc >= MATCHING_BLOCK_NCC).mean())


def _sample_blocks(image: npt.NDArray[np.uint8], grid_to_image: Homography) -> npt.NDArray[np.float32]:
    """Return the blocks (64, 256) of the grid, sampled from an image, each less its mean."""
    import cv2

    sampled = cv2.warpPerspective(
        image,
        to_pixel_centres(grid_to_image),
        (CORRELATION_SIDE, CORRELATION_SIDE),
        flags=cv2.INTER_AREA | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    side = CORRELATION_SIDE // BLOCKS_PER_SIDE
    grid = sampled.astype(np.float32).reshape(BLOCKS_PER_SIDE, side, BLOCKS_PER_SIDE, side)
    blocks = grid.transpose(0, 2, 1, 3).reshape(BLOCKS_PER_SIDE**2, -1)
    return np.asarray(blocks - blocks.mean(axis=1, keepdims=True))
