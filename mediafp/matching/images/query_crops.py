"""Views: the parts of a picture that are fingerprinted beside the whole, since a copy may be a part or hold one."""

from dataclasses import dataclass

from mediafp.matching.images.local_features import Box
from mediafp.matching.images.rectangles import find_rectangles
from mediafp.types.media import Pixels

HALF_STEPS = (0.0, 0.25, 0.5)


@dataclass(frozen=True, slots=True)
class QueryCrop:
    """A part of a picture; `box` is where it is, None of the whole."""

    pixels: Pixels
    box: Box | None


def make_query_crops(image: Pixels) -> tuple[list[QueryCrop], int]:
    """The whole, its rectangles and its half crops, and how many of them are clear: all but the halves.

    A half is a part of many pictures. What has no straight edges, such as a picture faded into another, has only them.
    """
    parts = find_rectangles(image)
    boxes = [*parts, *half_boxes(image.shape[1], image.shape[0])]
    return [QueryCrop(image, None), *(QueryCrop(crop(image, box), box) for box in boxes)], 1 + len(parts)


def half_boxes(width: int, height: int) -> list[Box]:
    """The 3 x 3 overlapping half crops of a picture."""
    across, down = max(1, width // 2), max(1, height // 2)
    corners = [(int(left * width), int(top * height)) for top in HALF_STEPS for left in HALF_STEPS]
    return [(x, y, x + across, y + down) for x, y in corners]


def crop(image: Pixels, box: Box) -> Pixels:
    """That part of the picture."""
    left, top, right, bottom = box
    return image[top:bottom, left:right]
