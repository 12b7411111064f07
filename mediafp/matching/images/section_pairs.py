"""Sections of two long pages that lie on each other under one map, compared at their own resolution.

In the strip to which the capture of a page shrinks, two posts of one account are alike, and lines of text are as soft as a
photograph.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Final

import numpy as np

from mediafp.matching.images.changes import MAX_DIFFERING, find_changes
from mediafp.matching.images.dense_comparison import DenseComparison
from mediafp.matching.images.dense_grid import compare_densely, measure_sharpness
from mediafp.matching.images.placement import place_image
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import (
    box_corners,
    homography_from_corners,
    image_corners,
    intersection_area,
    polygon_area,
    rounded_points,
    transform_points,
)
from mediafp.types.matches import Change, Placement, Point
from mediafp.types.media import Asset
from mediafp.types.pages import Page

MIN_TILE_SHARE: Final = 0.9
"""Share of the shorter side of a page that a section must take to be compared: others are pictures on the page, and lie in these.
Chosen, not measured."""
MIN_PAGE_ASPECT: Final = 1.5
"""Longer side of an image divided by its shorter one from which it can be the capture of a page. Chosen, not measured."""
MIN_SHARED_SHARE: Final = 0.25
"""Share of the smaller one of two sections that both show, below which they are not compared. Chosen, not measured."""
MAX_SECTION_SHIFT: Final = 0.1
"""Distance of two positions of a corner of a section, divided by the diagonal of the other one, up to which keypoints confirm the
map: that of a strip 30 pixels wide is off by a twentieth. Chosen, not measured."""
MAX_UNLIKE_SHARPNESS: Final = 0.35
"""Share of the sharpness of one image below which the other is blurred. Of 8 blurred copies of long photographs the largest is
.26; of 136 copies with other standard edits none is below .41, of 85 pairs of pages of one make none below .51."""
FindFeatures = Callable[[int], LocalFeatures | None]
"""Function that returns the local features of what a row of an image shows; None if there is no picture of it."""
Tile = tuple[int, Page]
"""Row of a section that is as wide as its page, and the section."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SectionPair:
    """Two sections that were compared.

    Attributes:
        tiles: The section of the query and that of the reference.
        query: Local features of the first.
        reference: Local features of the second.
        fit: Placement by keypoints; None if they give none, or another one than the map.
        dense: Dense comparison under that placement, else under the map.
    """

    tiles: tuple[Page, Page]
    query: LocalFeatures
    reference: LocalFeatures
    fit: PlacementFit | None
    dense: DenseComparison

    @property
    def content(self) -> float:
        """Content of the sections, in blocks of the dense comparison."""
        return self.dense.total_content

    @property
    def corners(self) -> tuple[Float64Array, Float64Array]:
        """Corners (4, 2) of the section of the query in its page, and in the page of the reference by the dense comparison."""
        height, width = self.query.image.shape[:2]
        moved = transform_points(self.dense.query_to_reference, image_corners(width, height))
        return box_corners(self.tiles[0].box), moved + np.array(self.tiles[1].box[:2])

    @property
    def correspondences(self) -> list[tuple[Point, Point]]:
        """Keypoints that agree, in pixels of the pages."""
        if self.fit is None:
            return []
        corners = self.tiles[0].box[:2], self.tiles[1].box[:2]
        moved = np.array(self.fit.placement.correspondences) + np.array(corners)
        return list(zip(rounded_points(moved[:, 0]), rounded_points(moved[:, 1]), strict=True))

    @property
    def differs_as_whole(self) -> bool:
        """True if so much of the sections differs that no changes of them are stated."""
        return self.dense.differing_share > MAX_DIFFERING

    def find_changes(self) -> list[Change]:
        """Return what is changed, in pixels of the page of the reference."""
        left, top = self.tiles[1].box[:2]
        return [
            replace(change, box=tuple((x + left, y + top) for x, y in change.box))
            for change in find_changes(self.query, self.reference, self.dense)
        ]


def find_tiles(asset: Asset, page: int) -> list[Tile]:
    """Return the sections of a page that are as wide as its shorter side; of one that is not long the page itself, or nothing.

    Args:
        asset: Image with the page.
        page: Row of the page as a whole.
    """
    if asset.kind != "image" or page >= len(asset.pages):
        return []
    whole = asset.pages[page]
    shorter, longer = sorted(whole.size)
    tiles = [
        (row, section)
        for row, section in enumerate(asset.pages)
        if section.number == whole.number
        and section.corner is not None
        and min(section.size) >= MIN_TILE_SHARE * shorter
        and max(section.size) < longer
    ]
    return tiles or ([(page, whole)] if longer >= MIN_PAGE_ASPECT * shorter else [])


def pair_tiles(
    tiles: Sequence[Tile], others: Sequence[Tile], quad: Float64Array, size: tuple[int, int]
) -> Iterator[tuple[Tile, Tile]]:
    """Yield each section of the page whose sections show less, and the section of the other one that shows most of it.

    Sections that share too little are left.

    Args:
        tiles: Sections of a page of the query.
        others: Sections of a page of the reference.
        quad: Corners (4, 2) of the first page in pixels of the second.
        size: Width and height of the first page.
    """
    to_reference = homography_from_corners(image_corners(*size), quad)
    places = [transform_points(to_reference, box_corners(tile.box)) for _, tile in tiles]
    other_places = [box_corners(other.box) for _, other in others]
    shared = np.array([[intersection_area(place, other) for other in other_places] for place in places])
    areas, other_areas = (np.array([polygon_area(place) for place in side]) for side in (places, other_places))
    if areas.mean() <= other_areas.mean():
        found = [(row, int(column)) for row, column in enumerate(shared.argmax(axis=1))]
    else:
        found = [(int(row), column) for column, row in enumerate(shared.argmax(axis=0))]
    for row, column in found:
        if shared[row, column] >= MIN_SHARED_SHARE * min(areas[row], other_areas[column]):
            yield tiles[row], others[column]


def compare_tiles(
    pair: tuple[Tile, Tile],
    features: tuple[FindFeatures, FindFeatures],
    placement: Placement,
    size: tuple[int, int],
) -> SectionPair | None:
    """Return the comparison of two sections; None if there is no picture of one, or both are flat.

    Args:
        pair: Section of the query and of the reference.
        features: Local features of the rows of each image.
        placement: Placement of the page of the query in that of the reference.
        size: Width and height of the first page.
    """
    (row, tile), (other_row, other) = pair
    query, reference = features[0](row), features[1](other_row)
    if query is None or reference is None:
        return None
    to_reference = homography_from_corners(image_corners(*size), np.array(placement.quad, np.float64))
    quad = transform_points(to_reference, box_corners(tile.box)) - np.array(other.box[:2])
    fit = place_image(query, reference)
    if fit and _corner_distance(fit.placement, quad) > MAX_SECTION_SHIFT * hypot(*other.size):
        fit = None
    by_map = replace(placement, quad=rounded_points(quad))  # type: ignore[arg-type]
    dense = compare_densely(query, reference, fit.placement if fit else by_map)
    if dense is None:
        return None
    return SectionPair(tiles=(tile, other), query=query, reference=reference, fit=fit, dense=dense)


def is_of_unlike_sharpness(pairs: Sequence[SectionPair]) -> bool:
    """Return True if one page is so much more blurred that its details do not agree with those of the other."""
    measured = [measure_sharpness(pair.query, pair.reference, pair.dense) for pair in pairs]
    blurred, sharp = sorted(map(sum, zip(*measured, strict=True)))
    return blurred < MAX_UNLIKE_SHARPNESS * sharp


def _corner_distance(placement: Placement, quad: Float64Array) -> float:
    """Return the largest distance between the corners of a placement and others (4, 2)."""
    return float(np.linalg.norm(np.array(placement.quad) - quad, axis=1).max())
