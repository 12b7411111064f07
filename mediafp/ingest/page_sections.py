"""Sections of a long page, such as the capture of a whole web page: as a whole it shrinks to a strip that shows nothing."""

from typing import Final

import numpy as np

from mediafp.ingest.page_blocks import find_blocks
from mediafp.types.geometry import Box
from mediafp.types.ground_pictures import find_pictures_on_ground
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE
from mediafp.types.media import Pixels
from mediafp.types.rectangles import MIN_CLEAR_DEVIATION

MIN_LONG_ASPECT: Final = 2.25
"""Longer side of a page divided by its shorter one from which it has sections: above that of most screens of phones (20:9),
whose captures are embedded whole."""
MIN_SHORT_SIDE: Final = 128
"""Pixels of the shorter side of a page that has sections: a narrower one is a bar. Chosen, not measured."""
TILE_LENGTH: Final = 1.5
"""Length of a tile along the page, as a multiple of the page's shorter side."""
TILE_STEP: Final = 1.0
"""Distance of two tiles, in the same unit: a third of a tile lies in the next one too, so that an image of half the width of the
page is whole in one of them."""
MAX_TILES: Final = 32
"""Tiles of one page, enough for 32 times its shorter side; those of a longer one are as long as it takes, so that they still
cover it. Chosen, not measured."""
MAX_BLOCKS: Final = 32
"""Blocks of one page that are sections, the largest ones. Chosen, not measured."""
MIN_THUMBNAIL_PICTURE: Final = 128
"""Longer side, in pixels of the thumbnail of a page, of a picture on it, below which the picture is a section of its own:
the round picture of a person on the page of a phone has 27 to 67. Chosen, not measured."""
SECTION_SIDE: Final = 512
"""Pixels of the shorter side of a page down to which it is shrunk before it is cut: that of a thumbnail."""
MAX_CUT_PIXELS: Final = 24_000_000
"""Pixels of a page that is cut; a larger one is shrunk more. Chosen: a page of 1,080 x 90,000 pixels is cut at half its size, in
150 MB."""


def is_long(size: tuple[int, int]) -> bool:
    """Return True if a page of this width and height has sections."""
    return min(size) >= MIN_SHORT_SIDE and max(size) >= MIN_LONG_ASPECT * min(size)


def cut_factor(size: tuple[int, int]) -> int:
    """Return the whole number by which a page of this width and height is shrunk before sections are cut from it."""
    width, height = size
    shown = min(size) // SECTION_SIDE if is_long(size) else 1
    return max(1, shown, int(np.ceil(np.sqrt(width * height / MAX_CUT_PIXELS))))


def find_small_pictures(page: Pixels) -> list[Box]:
    """Return the pictures on the ground of a page that its thumbnail would show in too few pixels, in its pixels."""
    reduced = MAX_THUMBNAIL_SIDE / max(page.shape[:2])
    if reduced >= 1:
        return []
    return [
        box
        for box in find_pictures_on_ground(page)
        if max(box[2] - box[0], box[3] - box[1]) * reduced < MIN_THUMBNAIL_PICTURE
    ]


def find_sections(page: Pixels, limit: int) -> list[Box]:
    """Return the sections of a long page, in its pixels: its blocks, and overlapping tiles that cover it, without flat ones.

    Args:
        page: The page.
        limit: Largest number of sections.
    """
    blocks = find_blocks(page, min(limit, MAX_BLOCKS))
    tiles = [box for box in tile_boxes(page.shape[1], page.shape[0]) if _shows_something(page, box)]
    return [*blocks, *tiles][:limit]


def tile_boxes(width: int, height: int) -> list[Box]:
    """Return the boxes of the tiles of a long page, from its left or its top on."""
    long, short = max(width, height), min(width, height)
    count = min(MAX_TILES, int(np.ceil((long - TILE_LENGTH * short) / (TILE_STEP * short))) + 1)
    # Evenly: with the overlap of a third, they cover the page however long it is.
    length = min(long, int(np.ceil(max(TILE_LENGTH * short, long / (1 + (count - 1) * TILE_STEP / TILE_LENGTH)))))
    starts = np.linspace(0, long - length, count).round().astype(int).tolist()
    if height >= width:
        return [(0, start, width, start + length) for start in starts]
    return [(start, 0, start + length, height) for start in starts]


def _shows_something(page: Pixels, box: Box) -> bool:
    left, top, right, bottom = box
    return float(page[top:bottom:4, left:right:4].mean(axis=2).std()) >= MIN_CLEAR_DEVIATION
