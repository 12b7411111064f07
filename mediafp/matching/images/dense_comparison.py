"""Measurements of a dense comparison: what two placed images show in each block of their overlap, the same or something else.

`dense_grid` takes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.geometry import Homography

GRID_SIDE = 256
"""Largest longest side of the grid, in pixels. Chosen, not measured."""
BLOCK_SIDE = 16
"""Side of a block, in pixels of the grid. Chosen, not measured."""
SEARCH_SHIFT = 2
"""Pixels of the grid by which a block may be displaced. Chosen, not measured."""
DIFFERENT_NCC, SAME_NCC = 0.4, 0.8
"""NCC up to which a block is different, and from which it is the same; between them it agrees in part. Chosen, not measured."""
PHOTOGRAPHIC_NCC = 0.7, 0.9
"""NCC up to which a photographic block shows another photograph, and from which the same: two pages of text that is too small to
read, and two faces, have many blocks of .4 to .7. Chosen, not measured."""
MIN_BLOCK_AGREEMENT = 0.5
"""Agreement of a block below which it differs. Chosen, not measured."""
FULL_AGREEMENT = 0.972
"""Agreement from which two images show one drawing: of 2,890 placed pairs that show no photograph and are no copies, most of one
make, it is .964 at most on the finer grid (tables with other numbers; 7 pairs that share a part are 1), of 195 copies .979 at
least, but for the few that are below .95 (development set)."""
EQUAL_NCC = 0.9
"""NCC below which a drawn block is alike at best: other digits in the same places have .6 to .9 (`MAX_ALIKE_SHARE`)."""
MAX_ALIKE_SHARE = 0.07
"""Share of the content in drawn blocks that are not equal up to which two images show one drawing. Of 156 copies of drawings with
light and heavy edits that agree in full it is .054 at most, of 9 tables and keyboards of one layout with other figures and
letters, which do too, .098 at least (tables, charts, codes, board games, pages drawn by a seed; 10 graphics)."""
MIN_ALIKE_BLOCKS = 64
"""Blocks with content below which two drawings may be alike at best: an avatar of 48 pixels has 16, and a photograph of so few
pixels is as soft as a drawing. Chosen, not measured; a table has hundreds."""
MIN_PHOTOGRAPHIC_BLOCKS = 6.0
"""Photographic blocks that agree from which the images show one photograph. Chosen, not measured."""
MIN_PHOTOGRAPHIC_AREA = 0.1
"""Share of the overlap, flat blocks included, in which a photograph agrees from which the images show one, whatever differs
besides. Of 583 copies of photographs with heavy edits 3 are below; of 310 pairs of charts, forms and pages of one make 1 is
above (.12), of 98 pairs of images that share a logo, a watermark, a banner or a layout 2 (development set)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DenseComparison:
    """Blocks of the overlap of two placed images, in rows and columns (R, C) of the grid.

    Attributes:
        to_reference: Map from pixels of the grid to pixels of the reference.
        query_to_reference: Map from pixels of the query's image to pixels of the reference, refined.
        content: Weight (R, C) of each block by what it shows, 0..1; 0 if it is flat in both images or not in both.
        ncc: NCC (R, C) of each block, displaced by up to `SEARCH_SHIFT`; -1..1, 0 without content.
        steady_ncc: NCC of each block where it is.
        displacement: Distance (R, C) at which the block is found, in pixels of the grid.
        photographic: True (R, C) of the blocks that are photographic in both images.
        surrounded: True (R, C) of the blocks that agree where they are, and next to which no block differs.
        weight: Weight (R, C) with which each block counts, 1 on the usual grid.
        shared: Polygon (N, 2) in pixels of the reference beside which no block has content; None for all of the overlap.
    """

    to_reference: Homography
    query_to_reference: Homography
    content: Float32Array
    ncc: Float32Array
    steady_ncc: Float32Array
    displacement: Float32Array
    photographic: npt.NDArray[np.bool_]
    surrounded: npt.NDArray[np.bool_]
    weight: Float32Array | float = 1.0
    shared: Float64Array | None = None

    @property
    def same_blocks(self) -> npt.NDArray[np.bool_]:
        """True (R, C) of the blocks with content that are the same where they are."""
        return (self.content > 0) & (self.steady_ncc >= SAME_NCC)

    @property
    def has_content(self) -> bool:
        """True if a block shows something."""
        return self.total_content > 0

    @property
    def total_content(self) -> float:
        """Content of both images, in blocks."""
        return float((self.content * self.weight).sum())

    @property
    def agreement(self) -> float:
        """Share of the content that agrees, 0..1, blocks displaced by up to `SEARCH_SHIFT`."""
        return _share(self.content * self.weight, agreement_of(self.ncc))

    @property
    def steady_agreement(self) -> float:
        """Share of the content that agrees where it is, 0..1."""
        return _share(self.content * self.weight, agreement_of(self.steady_ncc))

    @property
    def mean_displacement(self) -> float:
        """Mean displacement of the blocks that agree, in pixels of the grid: two photographs of one scene reach the limit."""
        agreeing = (self.content > 0) & (self.ncc > SAME_NCC - 0.1)
        return float(self.displacement[agreeing].mean()) if agreeing.any() else float(SEARCH_SHIFT + 1)

    @property
    def photographic_blocks(self) -> float:
        """Number of photographic blocks that agree where they are."""
        return float((photographic_agreement_of(self) * self.weight).sum())

    @property
    def photographic_share(self) -> float:
        """Share of the blocks, flat ones included, that are photographic and agree where they are."""
        return self.photographic_blocks / float(np.broadcast_to(self.weight, self.content.shape).sum())

    @property
    def differing_share(self) -> float:
        """Share of the blocks, flat ones included, that differ."""
        return float(((self.content > 0) & (agreement_of(self.ncc) < MIN_BLOCK_AGREEMENT)).mean())

    @property
    def solid_blocks(self) -> float:
        """Number of photographic blocks that agree where they are, and next to which nothing differs.

        Those under the strokes of a watermark agree too, and what is beside them differs.
        """
        return float((photographic_agreement_of(self) * self.surrounded * self.weight).sum())

    @property
    def shows_one_image(self) -> bool:
        """True if all that both show agrees, or a photograph does: then what differs lies over it, or was changed.

        Of two charts, forms, pages or maps of one make the layout agrees, and the content differs throughout.
        """
        return self.shows_photograph or (self.agreement >= FULL_AGREEMENT and self.alike_share <= MAX_ALIKE_SHARE)

    @property
    def alike_share(self) -> float:
        """Share of the content that is drawn, and alike at best: not equal in both images; 0 of fewer than `MIN_ALIKE_BLOCKS`."""
        if (self.content > 0).sum() < MIN_ALIKE_BLOCKS:
            return 0.0
        return _share(self.content * self.weight, ((self.ncc < EQUAL_NCC) & ~self.photographic).astype(np.float32))

    @property
    def shows_photograph(self) -> bool:
        """True if the images show one photograph."""
        return self.photographic_blocks >= MIN_PHOTOGRAPHIC_BLOCKS and self.photographic_share >= MIN_PHOTOGRAPHIC_AREA

    @property
    def agreeing_blocks(self) -> float:
        """Content, in blocks, that agrees where it is."""
        return float((self.content * self.weight * agreement_of(self.steady_ncc)).sum())


def join_comparisons(comparisons: Sequence[DenseComparison]) -> DenseComparison:
    """Return the comparison of all blocks (N, 1) of parts of two images; its maps are those of the first one.

    Each part has the weight of its blocks on the usual grid, divided by the number of parts: a page in sections has as many
    blocks as one image.
    """
    names = ("content", "ncc", "steady_ncc", "displacement", "photographic", "surrounded")
    columns = {name: np.concatenate([getattr(one, name).reshape(-1, 1) for one in comparisons]) for name in names}
    weights = [
        np.full(
            (one.content.size, 1), min(1.0, (GRID_SIDE / BLOCK_SIDE / max(one.content.shape)) ** 2) / len(comparisons)
        )
        for one in comparisons
    ]
    return replace(comparisons[0], **columns, weight=np.concatenate(weights).astype(np.float32))


def agreement_of(ncc: Float32Array) -> Float32Array:
    """Return how far blocks agree, 0..1, by their NCC."""
    return np.asarray(np.clip((ncc - DIFFERENT_NCC) / (SAME_NCC - DIFFERENT_NCC), 0, 1), np.float32)


def photographic_agreement_of(comparison: DenseComparison) -> Float32Array:
    """Return how far each block (R, C) that is photographic agrees where it is, 0..1; 0 for the others."""
    low, high = PHOTOGRAPHIC_NCC
    agreeing = np.clip((comparison.steady_ncc - low) / (high - low), 0, 1)
    return np.asarray(agreeing * comparison.photographic * (comparison.content > 0), np.float32)


def _share(weights: Float32Array, values: Float32Array) -> float:
    return float((weights * values).sum() / max(float(weights.sum()), 1e-6))
