"""Query crops: the parts of a query that are embedded besides the whole, as a copy may be a part of it."""

from dataclasses import dataclass

from mediafp.types.geometry import Box
from mediafp.types.ground_pictures import add_distinct, find_pictures_on_ground
from mediafp.types.media import Pixels
from mediafp.types.rectangles import find_rectangles

HALF_SIZE_OFFSETS = (0.0, 0.25, 0.5)
"""Left and top of the 3 × 3 half-size crops, as shares of the image's width and height. A half-size crop is half as wide and
half as high as the image, a quarter of its area."""


@dataclass(frozen=True, slots=True)
class QueryCrop:
    """Pixels of a part of a query, and its position in pixels; `box` is None for the whole query."""

    pixels: Pixels
    box: Box | None


def make_query_crops(image: Pixels) -> tuple[list[QueryCrop], int]:
    """Return the whole query, the images in it and its half-size crops, and the number of primary crops.

    The primary crops come first: the whole query, its rectangles, and the pictures on its ground. A half-size crop resembles
    parts of many images; only images without straight edges, such as one faded into another, are found only by them.
    """
    rectangles = add_distinct(find_rectangles(image), find_pictures_on_ground(image))
    boxes = [*rectangles, *half_size_boxes(image.shape[1], image.shape[0])]
    return [QueryCrop(image, None), *(QueryCrop(crop(image, box), box) for box in boxes)], 1 + len(rectangles)


def half_size_boxes(width: int, height: int) -> list[Box]:
    """Return the boxes of the 3 × 3 overlapping half-size crops of an image, row by row."""
    crop_width, crop_height = max(1, width // 2), max(1, height // 2)
    corners = [(int(left * width), int(top * height)) for top in HALF_SIZE_OFFSETS for left in HALF_SIZE_OFFSETS]
    return [(left, top, left + crop_width, top + crop_height) for left, top in corners]


def crop(image: Pixels, box: Box) -> Pixels:
    """Return the pixels of an image inside a box, as a view."""
    left, top, right, bottom = box
    return image[top:bottom, left:right]
