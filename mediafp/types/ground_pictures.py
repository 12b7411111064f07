"""Pictures on a plain ground: a round profile picture in an app, a photograph in a post, a cut-out on a page."""

import numpy as np
import numpy.typing as npt

from mediafp.types.geometry import Box
from mediafp.types.media import Pixels
from mediafp.types.rectangles import (
    DUPLICATE_IOU,
    MAX_CLEAR_RECTANGLES,
    MIN_CLEAR_DEVIATION,
    PAGE_LEVELS,
    box_iou,
    find_clear_rectangles,
)
from mediafp.types.scaled_images import scaled_size

SEARCH_SIDE = 512
"""Longest side, in pixels, of the resized image in which pictures are sought: a profile picture on the page of a phone may be a
fifteenth as wide as the page is high."""
COLOUR_BINS = 32
"""Parts into which each channel is divided to count colours. Chosen, not measured."""
MIN_GROUND_SHARE = 0.25
"""Share of the pixels that must have the colour of the ground. Chosen, not measured."""
CLOSED_GAP = 3
"""Pixels of the ground's colour that a picture may have between others. Chosen, not measured."""
MIN_PICTURE_SIDE = 20
"""Smallest side of a picture, in pixels of the resized image. Chosen, not measured."""
MAX_ASPECT = 2.5
"""Largest ratio of the sides of a picture: lines of text are longer. Chosen, not measured."""
MIN_FILLED = 0.6
"""Share of its box that a picture fills: a circle fills .79. Chosen, not measured."""
MIN_SOFT_PICTURE = 0.3
"""Share of the pixels of a picture whose colour is neither that of the neighbour nor far from it, as in a photograph. Chosen, not
measured."""
SOFT_STEPS = (1, 24)
"""Grey levels between such neighbours. Chosen, not measured."""
MAX_PICTURES = 3
"""Largest number of pictures on a ground, the largest first. Chosen, not measured."""
MAX_IMAGE_PARTS = MAX_CLEAR_RECTANGLES + MAX_PICTURES
"""Largest number of parts of an image that most likely hold an image of their own."""


def find_image_parts(image: Pixels) -> list[Box]:
    """Return the parts of an image that most likely hold an image of their own: clear rectangles, then pictures on its ground."""
    return add_distinct(find_clear_rectangles(image), find_pictures_on_ground(image))


def add_distinct(boxes: list[Box], further: list[Box]) -> list[Box]:
    """Return boxes with those of further ones that are none of them already."""
    return [*boxes, *(box for box in further if all(box_iou(box, other) < DUPLICATE_IOU for other in boxes))]


def find_pictures_on_ground(image: Pixels) -> list[Box]:
    """Return the photographic regions on a plain ground of an image, whatever their outline, in its pixels; the largest first."""
    import cv2

    height, width = image.shape[:2]
    zoom = min(1.0, SEARCH_SIDE / max(height, width))
    size = scaled_size(width, height, zoom)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    ground = _ground_colour(small)
    if ground is None:
        return []
    shown = (np.abs(small.astype(np.int16) - ground).max(axis=2) >= PAGE_LEVELS).astype(np.uint8)
    closed = cv2.morphologyEx(shown, cv2.MORPH_CLOSE, np.ones((CLOSED_GAP, CLOSED_GAP), np.uint8))
    # Opened, so that a line of text beside a picture is not a part of it.
    closed = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((MIN_PICTURE_SIDE // 2,) * 2, np.uint8))
    count, _, regions, _ = cv2.connectedComponentsWithStats(closed, connectivity=4)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    found: list[tuple[int, Box]] = []
    for left, top, columns, rows, area in regions[1:count].tolist():
        if min(columns, rows) < MIN_PICTURE_SIDE or max(columns, rows) > MAX_ASPECT * min(columns, rows):
            continue
        if area < MIN_FILLED * columns * rows or columns * rows > 0.9 * size[0] * size[1]:
            continue
        if _is_photographic(np.asarray(grey[top : top + rows, left : left + columns], np.uint8)):
            found.append((area, (left, top, left + columns, top + rows)))
    found.sort(key=lambda one: (-one[0], one[1]))
    return [_to_image(box, zoom, (width, height)) for _, box in found[:MAX_PICTURES]]


def _ground_colour(small: Pixels) -> npt.NDArray[np.int16] | None:
    """Return the most frequent colour (3,) of an image; None if it is no ground."""
    import cv2

    counts = cv2.calcHist([small], [0, 1, 2], None, [COLOUR_BINS] * 3, [0, 256] * 3)
    most = np.array(np.unravel_index(int(counts.argmax()), counts.shape))
    if counts[tuple(most)] < MIN_GROUND_SHARE * small.shape[0] * small.shape[1]:
        return None
    lowest = most * (256 // COLOUR_BINS)
    in_bin = cv2.inRange(small, lowest, lowest + 256 // COLOUR_BINS - 1) > 0
    return np.asarray(np.median(small[in_bin], axis=0), np.int16)


def _is_photographic(grey: npt.NDArray[np.uint8]) -> bool:
    """Return True if a region is neither flat nor drawn in few colours."""
    steps = np.abs(np.diff(grey.astype(np.int16), axis=1))
    soft = ((steps >= SOFT_STEPS[0]) & (steps <= SOFT_STEPS[1])).mean()
    return bool(grey.std() >= MIN_CLEAR_DEVIATION and soft >= MIN_SOFT_PICTURE)


def _to_image(box: Box, zoom: float, size: tuple[int, int]) -> Box:
    left, top, right, bottom = box
    return (
        int(left / zoom),
        int(top / zoom),
        min(size[0], int(np.ceil(right / zoom))),
        min(size[1], int(np.ceil(bottom / zoom))),
    )
