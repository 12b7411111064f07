"""Dense comparisons with blocks of given correlations."""

import numpy as np

from mediafp.matching.images.dense_comparison import DenseComparison


def even_comparison(ncc: float, *, side: int = 8, photographic: bool = True) -> DenseComparison:
    """Return the comparison of `side` × `side` blocks, all of which have one correlation."""
    blocks = np.full((side, side), ncc, np.float32)
    return DenseComparison(
        to_reference=np.eye(3),
        query_to_reference=np.eye(3),
        content=np.ones_like(blocks),
        ncc=blocks,
        steady_ncc=blocks,
        displacement=np.zeros_like(blocks),
        photographic=np.full(blocks.shape, photographic),
        surrounded=np.full(blocks.shape, True),
    )
