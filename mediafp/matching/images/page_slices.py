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
from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import transform_points

SLICE_LENGTH: Final = 0.25
"""Length of a slice across a page, in its shorter sides. Chosen, not measured."""
MIN_SLICE_CONTENT: Final = 0.02
"""Share of the blocks of a slice that must show something, or else it says nothing. Chosen, not measured."""
SAME_AGREEMENT: Final = 0.95
"""Agreement from which a slice without a photograph is the same. Chosen, not measured."""
MIN_SAME_SHARE: Final = 0.65
"""Share of the slices from which two pages are the same, wherever they differ: of 71 placed pairs of pages of one make 1 reaches
it, of 170 placed copies with a banner, another picture or further posts 160 (generated pages)."""
MAX_DIFFERENCE: Final = 1.0
"""Length, in shorter sides of a page, from which a stretch that differs is too long, though a photograph agrees: 21 of 23 long
photographs on another ground have less, and 1 of 45 pairs of pages that share photographs (generated pages)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceComparison:
    """Slices of two pages: how far they are the same.

    Attributes:
        same_share: Share of the slices with content that are the same, 0..1; 1 without any.
        longest_difference: Length of the longest stretch that differs, in shorter sides of the page of the reference. Slices in
            which both pages are flat are no part of it, and do not end it.
    """

    same_share: float
    longest_difference: float

    def shows_one_image(self, *, with_photograph: bool) -> bool:
        """Return True if the pages show one image, given that a photograph agrees in them or not."""
        return self.same_share >= MIN_SAME_SHARE or (with_photograph and self.longest_difference < MAX_DIFFERENCE)


def compare_slices(pairs: Sequence[SectionPair], size: tuple[int, int]) -> SliceComparison:
    """Return the comparison of two pages by their slices.

    Args:
        pairs: Sections of the pages that were compared.
        size: Width and height of the page of the reference.
    """
    differs = _slices_that_differ(pairs, size)
    longest = run = 0
    for one in differs:
        run = run + 1 if one else 0
        longest = max(longest, run)
    share = 1 - sum(differs) / len(differs) if differs else 1.0
    return SliceComparison(same_share=share, longest_difference=longest * SLICE_LENGTH)


def _slices_that_differ(pairs: Sequence[SectionPair], size: tuple[int, int]) -> list[bool]:
    """Return for each slice that shows something, in order, if it differs."""
    axis, length = int(size[1] > size[0]), SLICE_LENGTH * min(size)
    count = int(np.ceil(max(size) / length))
    # Blocks, what they show, what of that agrees, and photographic blocks that agree, as areas of the page.
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
                photographic_agreement_of(dense),
            ),
            axis=-1,
        )
        block_area = abs(np.linalg.det(dense.to_reference[:2, :2]))
        np.add.at(areas, slices, values.reshape(-1, 4) * block_area)
    shown = areas[areas[:, 1] >= np.maximum(MIN_SLICE_CONTENT * areas[:, 0], 1e-9)]
    is_same = (shown[:, 2] >= SAME_AGREEMENT * shown[:, 1]) | (shown[:, 3] >= MIN_PHOTOGRAPHIC_AREA * shown[:, 0])
    return [not same for same in is_same.tolist()]
