"""Placement with its measurements, and the thresholds by which it is verified, partial or conclusive."""

from dataclasses import dataclass

from mediafp.matching.images.dense_comparison import DenseComparison
from mediafp.types.matches import Placement

MAX_REPROJECTION_ERROR = 0.85
"""Reprojection error, in pixels of `LocalFeatures.grey`, from which the images are two photographs of one scene, which no
homography aligns.

Development set: 1,454 placed copies have .82 at most, other photographs of one person .72 to 1.32.
"""
MIN_MATCHING_BLOCKS = 0.25
"""Share of the textured blocks of the overlap that must match. Of 1,020 copies with all edits the smallest share is .29; of
copies with other text or another photograph over half of them, .37. Of photographs that share a logo a fifth as wide as they
are, the largest is .22."""
MIN_OVERLAP_SHARE = 0.2
"""Share of one of the images that the overlap must cover: for one logo in different corners of two photographs, it is .16."""
MAX_MEAN_DISPLACEMENT = 1.7
"""Mean displacement of agreeing blocks, in pixels of the grid, up to which one map aligns two images with inexact keypoints, as
those of a small or coarse image are. Of 560 copies with heavy edits 2 are above, of 12 pairs of other photographs of one person
and of one scene none is below (development set)."""
CONTRADICTING_DISPLACEMENT = 1.9
"""Mean displacement of agreeing blocks, in pixels of the grid, from which the map does not align two images, however exact the
keypoints are: of 941 placed copies with heavy edits and drawings none reaches it, of 73 other pairs, most of them photographs of
one scene or person, 5 do; the two portraits of which a crop was called a copy have 2.0 (development set)."""
CONCLUSIVE_INLIERS = 24
"""Inliers of a conclusive fit. Chosen, not measured."""
CONCLUSIVE_NCC = 0.5
"""Median block NCC of a conclusive fit. Chosen, not measured."""
CONCLUSIVE_ERROR = 0.6
"""Reprojection error of a conclusive fit, in pixels of `LocalFeatures.grey`. Chosen, not measured."""
CONCLUSIVE_SUPPORT = 0.2
"""Support of a conclusive fit. Frames of other clips of one room reach .19, copies .2 to .6 (development set)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementFit:
    """Placement with its error, support and block correlation.

    Two photographs of one face have a reprojection error of 1.0 with a support of .2, copies have .2 and .5 (development set).

    Attributes:
        placement: Position of the query in the reference.
        matching_blocks: Share, 0..1, of the blocks textured in both images whose correlation is at least
            `block_correlation.MATCHING_BLOCK_NCC`; 1 if fewer than `block_correlation.MIN_TEXTURED_BLOCKS` are textured.
            Below `MIN_MATCHING_BLOCKS` the fit is not verified.
        median_ncc: Median normalised cross-correlation of the same blocks, -1..1; 0 if too few are textured.
        support: Inliers divided by the smaller number of keypoints that either image has in the overlap, 0..1.
        reprojection_error: Mean reprojection error of the inliers, in pixels of `LocalFeatures.grey`.
        dense: Dense comparison of two still images; None for frames of videos, and without content.
        different_inset: True if both images have a rectangle in the same place with different content, such as two posts in
            one layout.
        agrees_along: True if two long pages agree along enough of their length, False if not; None for other images.
        by_blocks: True if the placement follows from the blocks that agree: its inliers are their middles, and no keypoints.
    """

    placement: Placement
    median_ncc: float
    matching_blocks: float
    support: float
    reprojection_error: float
    dense: DenseComparison | None = None
    different_inset: bool = False
    agrees_along: bool | None = None
    by_blocks: bool = False

    @property
    def is_verified(self) -> bool:
        """True if one homography aligns the images, and they show the same there: a verified fit proves a copy."""
        return self.is_aligned and not self.is_partial and not self.different_inset

    @property
    def is_aligned(self) -> bool:
        """True if the keypoints are where the homography maps them and no blocks contradict it, or else if the blocks are."""
        displacement = self.dense.mean_displacement if self.dense else None
        if self.reprojection_error < MAX_REPROJECTION_ERROR:
            return displacement is None or displacement < CONTRADICTING_DISPLACEMENT
        return displacement is not None and displacement <= MAX_MEAN_DISPLACEMENT

    @property
    def is_partial(self) -> bool:
        """True if the images share too small a part to prove a copy, as different photographs with one logo or caption do.

        Either too little of the overlap is the same, or the overlap is a small part of both images.
        """
        placement = self.placement
        if self.agrees_along is not None:
            too_different = not self.agrees_along
        elif self.dense:
            too_different = not self.dense.shows_one_image
        else:
            too_different = self.matching_blocks < MIN_MATCHING_BLOCKS
        return too_different or max(placement.covered, placement.shown) < MIN_OVERLAP_SHARE

    @property
    def is_conclusive(self) -> bool:
        """True if the fit needs no further check, and no better one is sought."""
        return self.is_conclusive_with(CONCLUSIVE_INLIERS)

    def is_conclusive_with(self, min_inliers: int) -> bool:
        """Return True if the fit has this many inliers and is conclusive in all other respects."""
        return (
            self.is_verified
            and self.placement.inliers >= min_inliers
            and self.support >= CONCLUSIVE_SUPPORT
            and self.median_ncc > CONCLUSIVE_NCC
            and self.reprojection_error < CONCLUSIVE_ERROR
        )
