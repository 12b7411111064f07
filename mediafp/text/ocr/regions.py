"""Regions of an image: the parts around the cells in which the screen finds text."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mediafp.types.media import Pixels

MARGIN_CELLS = 2
"""Cells above, below, left and right of text that belong to its region: the detection model finds no line without some
ground around it."""
MAX_JOINED_GROWTH = 1.2
"""Area of the box of two regions, divided by the sum of their areas, up to which they become one.
Chosen, not measured."""


class Region(NamedTuple):
    """Part of an image, in pixels; the right and the bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Pixels of the region."""
        return (self.right - self.left) * (self.bottom - self.top)

    def joined(self, other: "Region") -> "Region":
        """Return the smallest region that contains both."""
        corners = min(self.left, other.left), min(self.top, other.top)
        return Region(*corners, max(self.right, other.right), max(self.bottom, other.bottom))

    def clipped(self, bounds: "Region") -> "Region":
        """Return the part of the region that is inside other bounds."""
        corners = max(self.left, bounds.left), max(self.top, bounds.top)
        return Region(*corners, min(self.right, bounds.right), min(self.bottom, bounds.bottom))

    def cut(self, image: Pixels) -> Pixels:
        """Return the pixels of the region."""
        return image[self.top : self.bottom, self.left : self.right]

    def aligned(self, bounds: "Region", unit: float) -> "Region":
        """Return the region, grown inside the bounds so that its sides are multiples of a unit if there is room."""
        left, right = _align(self.left, self.right, bounds.left, bounds.right, unit)
        top, bottom = _align(self.top, self.bottom, bounds.top, bounds.bottom, unit)
        return Region(left, top, right, bottom)


@dataclass(frozen=True, slots=True)
class TextCells:
    """Cells of an image in which there may be text."""

    mask: npt.NDArray[np.uint8]
    """Rows and columns of cells; 1 for text."""
    side: float
    """Side of a cell, in pixels of the image."""

    def touching(self, wanted: npt.NDArray[np.bool_]) -> "TextCells":
        """Return the groups of connected cells that contain one of the wanted cells; cells beyond their mask are not wanted."""
        import cv2

        _, labels = cv2.connectedComponents(self.mask)
        is_kept = np.zeros(int(labels.max()) + 1, np.uint8)
        is_kept[labels[: wanted.shape[0], : wanted.shape[1]][wanted]] = 1
        is_kept[0] = 0
        return TextCells(is_kept[labels], self.side)

    def regions(self, bounds: Region) -> list[Region]:
        """Return the regions around the cells of text that lie in a part of the image."""
        import cv2

        part = np.zeros_like(self.mask)
        rows = slice(int(bounds.top / self.side), ceil(bounds.bottom / self.side))
        part[rows] = self.mask[rows]
        # Words of one line lie some cells apart.
        joined = cv2.dilate(part, np.ones((3, 5), np.uint8))
        count, _, boxes, _ = cv2.connectedComponentsWithStats(joined)
        regions = []
        for left, top, width, height, _ in boxes[1:count].tolist():
            sides = left, top - MARGIN_CELLS + 1, left + width, top + height + MARGIN_CELLS - 1
            regions.append(Region(*(round(side * self.side) for side in sides)).clipped(bounds))
        return join_regions(region for region in regions if region.left < region.right and region.top < region.bottom)


def join_regions(regions: Iterable[Region]) -> list[Region]:
    """Return the regions, those that are close to each other or overlap as one."""
    joined: list[Region] = []
    for region in regions:
        while other := next((other for other in joined if _belong_together(region, other)), None):
            joined.remove(other)
            region = region.joined(other)
        joined.append(region)
    return joined


def _belong_together(region: Region, other: Region) -> bool:
    return region.joined(other).area <= MAX_JOINED_GROWTH * (region.area + other.area)


def _align(start: int, end: int, first: int, last: int, unit: float) -> tuple[int, int]:
    """Return an interval, grown between the first and the last position to a multiple of a unit."""
    length = min(last - first, round(ceil((end - start) / unit) * unit))
    start = min(max(first, start - (length - end + start) // 2), last - length)
    return start, start + length
