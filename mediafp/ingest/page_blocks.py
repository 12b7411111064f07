"""Blocks of a long page: images and cards that plain space or a seam separates, found by cutting the page along it.

The recursive X-Y cut of Nagy and Seth (Hierarchical representation of optically scanned documents, ICPR 1984): a page is cut
along plain rows, each part along plain columns, and so on. What is left of lines of text is too flat to be a block.
"""

import itertools
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.types.geometry import Box
from mediafp.types.media import Pixels
from mediafp.types.rectangles import DUPLICATE_IOU, MIN_CLEAR_DEVIATION, box_iou
from mediafp.types.scaled_images import scaled_size

SEARCHED_SIDE: Final = 256
"""Pixels of the page's shorter side at which it is cut: a line of text has 3 of them or more. Chosen, not measured."""
PLAIN_LEVELS: Final = 16
"""Levels of the channel that differs most up to which a pixel has the colour of the space around. Chosen: that of JPEG noise
beside letters."""
MAX_GAP_SHARE: Final = 0.01
"""Share of a row or a column that may have another colour if it is plain space. Chosen, not measured."""
MIN_PLAIN_ROWS: Final = 2
"""Rows or columns of plain space that separate two parts, pixels: less than between two lines of text. Chosen, not measured."""
MIN_BLOCK_SHARE: Final = 0.2
"""Shorter side of a block as a share of the page's shorter side. Chosen: three columns of thumbnails are blocks."""
MAX_BLOCK_ASPECT: Final = 2.5
"""Longer side of a block divided by its shorter one. Chosen, not measured."""
MAX_BLOCK_LENGTH: Final = 2.0
"""Longer side of a block as a multiple of the page's shorter side: what is longer is a part of the page. Chosen, not measured."""
MIN_BLOCK_FILL: Final = 0.5
"""Share of its pixels that differ from the space around, from which a part that is cut further is a block too, such as a card or
an image with plain areas: letters cover a quarter. Chosen, not measured."""
MIN_EDGE_FILL: Final = 0.3
"""The same share of the first and the last row and column of a block. Chosen, not measured."""
MIN_SEAM_SHARE: Final = 0.7
"""Share of the columns in which two rows differ if there is a seam between them. Chosen, not measured."""
MAX_CUTS: Final = 8
"""Cuts in succession. Chosen, not measured: a column, a post, its card, its image take two each."""


type _Colour = npt.NDArray[np.int16]
"""Red, green and blue (3,), 0..255."""


def find_blocks(page: Pixels, limit: int) -> list[Box]:
    """Return the blocks of a page, at most `limit`, the largest first, in its pixels."""
    import cv2

    height, width = page.shape[:2]
    zoom = min(1.0, SEARCHED_SIDE / min(height, width))
    size = scaled_size(width, height, zoom)
    small = np.asarray(cv2.resize(page, size, interpolation=cv2.INTER_AREA), np.uint8) if zoom < 1 else page
    found: list[Box] = []
    for box in _iter_blocks(small):
        if len(found) < limit and all(box_iou(box, other) < DUPLICATE_IOU for other in found):
            found.append(box)
    scale = np.array([width / size[0], height / size[1]] * 2)
    return [tuple((np.array(box) * scale).round().astype(int).tolist()) for box in found]


def _iter_blocks(page: Pixels) -> Iterator[Box]:
    """Yield the blocks of a page: those in plain space, the largest first, then those between seams."""
    height, width = page.shape[:2]
    short = min(height, width)
    whole = (0, 0, width, height)
    ground = _edge_colour(page, whole)
    yield from sorted(_cut(page, whole, short, ground, 0), key=_by_area)
    # Images below each other without space between or beside them.
    upright = page if height >= width else page.transpose(1, 0, 2)
    for start, end in itertools.pairwise((0, *_find_seams(upright), len(upright))):
        ink = _differs(upright[start:end], ground)
        box = (0, start, width, end) if height >= width else (start, 0, end, height)
        if min(ink[:, 0].mean(), ink[:, -1].mean(), ink.mean()) >= MIN_BLOCK_FILL and _is_block(page, box, short):
            yield box


def _find_seams(page: Pixels) -> list[int]:
    """Return the rows of a page that differ abruptly from the row before in nearly all columns."""
    levels = page.astype(np.int16)
    steps = (np.abs(levels[1:] - levels[:-1]).max(axis=2) > PLAIN_LEVELS).mean(axis=1)
    beside = np.pad(steps, 2, mode="edge")
    # In a texture the rows beside it differ as much; a seam may be blurred over two.
    is_seam = (steps >= MIN_SEAM_SHARE) & (np.maximum(beside[:-4], beside[4:]) <= steps / 2)
    rows = np.flatnonzero(is_seam) + 1
    return [int(row) for row in rows[np.diff(rows, prepend=-MIN_PLAIN_ROWS) >= MIN_PLAIN_ROWS]]


def _cut(page: Pixels, box: Box, short: int, ground: _Colour, depth: int) -> Iterator[Box]:
    """Yield the blocks in a part of a page.

    Args:
        page: The page.
        box: The part.
        short: Shorter side of the page, pixels.
        ground: Colour of the space around the part.
        depth: Cuts that led to the part.
    """
    left, top, right, bottom = box
    if depth > MAX_CUTS or min(right - left, bottom - top) < MIN_BLOCK_SHARE * short:
        return
    part = page[top:bottom, left:right]
    ink = _differs(part, ground)
    rows, columns = (_parts(ink.mean(axis=axis) > MAX_GAP_SHARE) for axis in (1, 0))
    if not rows or not columns:
        return
    inner = (columns[0][0], rows[0][0], columns[-1][1], rows[-1][1])
    is_cut = len(rows) > 1 or len(columns) > 1
    fill = float(ink[inner[1] : inner[3], inner[0] : inner[2]].mean())
    trimmed = _moved(inner, left, top)
    block = _moved(_without_sparse_edges(ink, inner), left, top)
    if (not is_cut or fill >= MIN_BLOCK_FILL) and _is_block(page, block, short):
        yield block
    if len(rows) > 1:
        parts = [(trimmed[0], top + start, trimmed[2], top + end) for start, end in rows]
    elif len(columns) > 1:
        parts = [(left + start, trimmed[1], left + end, trimmed[3]) for start, end in columns]
    else:
        # Again with the colour at its own edge: a card, or a column of another colour.
        own = _edge_colour(page, trimmed)
        parts = [trimmed] if np.abs(own - ground).max() > PLAIN_LEVELS else []
        ground = own
    for one in parts:
        yield from _cut(page, one, short, ground, depth + 1)


def _without_sparse_edges(ink: npt.NDArray[np.bool_], box: Box) -> Box:
    """Return a part without the columns and rows at its edges that have little, such as a line of text below an image."""
    left, top, right, bottom = box
    columns = np.flatnonzero(ink[top:bottom, left:right].mean(axis=0) >= MIN_EDGE_FILL)
    if not len(columns):
        return box
    left, right = left + int(columns[0]), left + int(columns[-1]) + 1
    rows = np.flatnonzero(ink[top:bottom, left:right].mean(axis=1) >= MIN_EDGE_FILL)
    return (left, top + int(rows[0]), right, top + int(rows[-1]) + 1) if len(rows) else box


def _moved(box: Box, left: int, top: int) -> Box:
    return box[0] + left, box[1] + top, box[2] + left, box[3] + top


def _differs(part: Pixels, ground: _Colour) -> npt.NDArray[np.bool_]:
    """Return which pixels of a part of a page (H, W) have another colour than the space around it."""
    return np.asarray(np.abs(part.astype(np.int16) - ground).max(axis=2) > PLAIN_LEVELS)


def _edge_colour(page: Pixels, box: Box) -> _Colour:
    """Return the colour of most of the edge of a part of a page."""
    left, top, right, bottom = box
    part = page[top:bottom, left:right]
    edge = np.concatenate((part[0], part[-1], part[:, 0], part[:, -1]))
    colour: _Colour = np.median(edge, axis=0).astype(np.int16)
    return colour


def _parts(is_filled: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and end of the stretches that are filled; gaps shorter than `MIN_PLAIN_ROWS` are none."""
    edges = np.flatnonzero(np.diff(np.pad(is_filled.astype(np.int8), 1)))
    stretches: list[tuple[int, int]] = []
    for start, end in edges.reshape(-1, 2).tolist():
        if stretches and start - stretches[-1][1] < MIN_PLAIN_ROWS:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    return stretches


def _is_block(page: Pixels, box: Box, short: int) -> bool:
    """Return True if a part of a page is large enough, not too long, and not flat."""
    left, top, right, bottom = box
    sides = sorted((right - left, bottom - top))
    if sides[0] < MIN_BLOCK_SHARE * short or sides[1] > min(MAX_BLOCK_ASPECT * sides[0], MAX_BLOCK_LENGTH * short):
        return False
    return float(page[top:bottom, left:right].mean(axis=2).std()) >= MIN_CLEAR_DEVIATION


def _by_area(box: Box) -> tuple[int, Box]:
    left, top, right, bottom = box
    return (left - right) * (bottom - top), box
