"""Slices across two placed pages: along which of their length they show the same.

A photograph on another ground agrees along nearly all of its length, however little of its area that is. Of two pages of one
site, of one account, or with one photograph, a part agrees, and a long stretch does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mediafp.matching.images.dense_comparison import (
    BLOCK_SIDE,
    MIN_PHOTOGRAPHIC_AREA,
    agreement_of,
    photographic_agreement_of,
)
from mediafp.matching.images.section_pairs import SectionPair
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.geometry import transform_points

SLICE_LENGTH: Final = 0.25
"""Length of a slice across a page, in its shorter sides. Chosen, not measured."""
MIN_SLICE_CONTENT: Final = 0.02
"""Share of the blocks of a slice that must show something, or else it says nothing. Chosen, not measured."""
SAME_AGREEMENT: Final = 0.95
"""Agreement from which a slice without a photograph is the same. Chosen, not measured."""
MIN_SAME_SHARE: Final = 0.65
"""Share of the slices from which two pages are the same, wherever they differ; measured with `MAX_DIFFERENCE`."""
MAX_DIFFERENCE: Final = 1.0
"""Length, in shorter sides of a page, from which a stretch that differs is too long, though a photograph agrees.

Of 476 placed copies with a banner, another picture or further posts 441 are the same by either limit, and 19 of 23 long
photographs on another ground; of 208 placed pairs of pages of one make, or with one photograph, 2, both forms of 480 to 540
pixels (pages as of scripts/bench/long_pages.py).
"""
MIN_LENGTH_SHARE: Final = 0.38
"""Share of the slices that must be the same in that case: it is .40 at least of 11 long photographs on another ground that need
it, and .33 of two pairs of pages that overlap around one photograph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceComparison:
    """Slices of two pages: how far they are the same.

    Attributes:
        same_share: Share of the slices with content that are the same, 0..1; 1 without any.
        longest_difference: Length of the longest stretch that differs, in shorter sides of the page of the reference. Slices in
            which both pages are flat are no part of it, and do not end it.
        photographic_share: Share of the area of all slices in which a photograph agrees, 0..1.
    """

    same_share: float
    longest_difference: float
    photographic_share: float

    @property
    def shows_one_image(self) -> bool:
        """True if the pages show one image."""
        if self.photographic_share < MIN_PHOTOGRAPHIC_AREA or self.longest_difference >= MAX_DIFFERENCE:
            return self.same_share >= MIN_SAME_SHARE
        return self.same_share >= MIN_LENGTH_SHARE


def compare_slices(pairs: Sequence[SectionPair], size: tuple[int, int]) -> SliceComparison:
    """Return the comparison of two pages by their slices.

    Args:
        pairs: Sections of the pages that were compared.
        size: Width and height of the page of the reference.
    """
    areas = _sum_slices(pairs, size)
    shown = areas[areas[:, 1] >= np.maximum(MIN_SLICE_CONTENT * areas[:, 0], 1e-9)]
    is_same = (shown[:, 2] >= SAME_AGREEMENT * shown[:, 1]) | (shown[:, 3] >= MIN_PHOTOGRAPHIC_AREA * shown[:, 0])
    longest = run = 0
    for same in is_same.tolist():
        run = 0 if same else run + 1
        longest = max(longest, run)
    return SliceComparison(
        same_share=float(is_same.mean()) if len(is_same) else 1.0,
        longest_difference=longest * SLICE_LENGTH,
        photographic_share=float(areas[:, 3].sum() / max(areas[:, 0].sum(), 1e-9)),
    )


def _sum_slices(pairs: Sequence[SectionPair], size: tuple[int, int]) -> Float64Array:
    """Return areas (S, 4) of each slice: all blocks, what they show, what of that agrees, and photographs that agree."""
    axis, length = int(size[1] > size[0]), SLICE_LENGTH * min(size)
    count = int(np.ceil(max(size) / length))
    areas: Float64Array = np.zeros((count, 4))
    for pair in pairs:
        dense = pair.dense
        rows, columns = np.indices(dense.content.shape)
        centres = (np.stack((columns, rows), axis=-1).reshape(-1, 2) + 0.5) * BLOCK_SIDE
        along = transform_points(dense.to_reference, centres)[:, axis] + pair.tiles[1].box[axis]
        slices = np.clip((along / length).astype(int), 0, count - 1)
        values = np.stack(
            (
                np.ones_like(dense.content),
                dense.content,
                dense.content * agreement_of(dense.ncc),
                _without_lines(photographic_agreement_of(dense)),
            ),
            axis=-1,
        )
        block_area = abs(np.linalg.det(dense.to_reference[:2, :2]))
        np.add.at(areas, slices, values.reshape(-1, 4) * block_area)
    return areas


def _without_lines(agreement: Float32Array) -> Float32Array:
    """Return what agrees of photographs (R, C) without what is less than three blocks high.

    A line of small text is as soft as a photograph: the labels of a form agree, and what is entered there does not.
    """
    import cv2

    opened = cv2.morphologyEx(agreement, cv2.MORPH_OPEN, np.ones((3, 1), np.uint8), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(opened, np.float32)
