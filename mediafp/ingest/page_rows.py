"""Rows of one page of an image: the page, its other rendering, and its sections."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from mediafp.ingest.image_pixels import MIN_DECODED_SIDE, render
from mediafp.ingest.page_sections import cut_factor, find_sections, find_small_pictures, is_long
from mediafp.types.geometry import Box
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE
from mediafp.types.media import Pixels
from mediafp.types.pages import Ground, Page
from mediafp.types.scaled_images import shrink


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PageRows:
    """A page, and what has rows besides it."""

    pixels: Pixels
    """The page as a whole, upright."""
    ground: Ground | None
    """Ground of its transparent pixels; None if it has none."""
    parts: list[tuple[Page, Pixels]] = field(default_factory=list)
    """Its other rendering and its sections, as pages and as pixels no larger than a thumbnail."""


def decoded_sides(size: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height that an image of this size must keep when it is decoded at reduced scale."""
    width, height = size
    longer = max(size)
    if is_long(size):
        return cut_sides(size)
    if longer <= MIN_DECODED_SIDE:
        return size
    return -(-width * MIN_DECODED_SIDE // longer), -(-height * MIN_DECODED_SIDE // longer)


def cut_sides(size: tuple[int, int]) -> tuple[int, int]:
    """Return the width and height that an image of this size must keep for sections to be cut from it."""
    factor = cut_factor(size)
    return -(-size[0] // factor), -(-size[1] // factor)


def read_page_rows(
    image: Image.Image,
    orientation: int,
    *,
    number: int,
    size: tuple[int, int],
    max_parts: int,
    warnings: list[str],
    reopen: Callable[[], Image.Image] | None = None,
) -> PageRows:
    """Return what the rows of the current page of an image show.

    Args:
        image: The image in Pillow's form, at the page, possibly decoded at reduced scale.
        orientation: EXIF orientation of the page, 1 to 8.
        number: Number of the page.
        size: Width and height of the page in pixels, upright.
        max_parts: Largest number of sections and further renderings.
        warnings: Receives that small pictures have less detail.
        reopen: Opens the image again at the size of `cut_sides`, for small pictures on it; None if `image` is not reduced.
            If it fails, they are cut from `image`.
    """
    if not max_parts or not is_long(size):
        first, *others = render(image, orientation)
        whole = first.pixels
    else:
        image.load()
        first, *others = render(image, orientation, factor=cut_factor(image.size))
        whole = _shrink(first.pixels, MIN_DECODED_SIDE)
    parts: list[tuple[Page, Pixels]] = []
    for other in others[:max_parts]:
        parts.append((Page(number=number, size=size, ground=other.ground), _shrink(other.pixels, MAX_THUMBNAIL_SIDE)))
    room = max_parts - len(parts)
    boxes = find_sections(first.pixels, room) if is_long(size) else find_small_pictures(first.pixels)[:room]
    sections = [_section(number, box, first.pixels, size) for box in boxes]
    pixels = first.pixels
    if sections and not is_long(size):
        # At half the size of the page, half of the detail of a profile picture would be lost.
        try:
            larger = reopen() if reopen else image
            pixels = render(larger, orientation, factor=cut_factor(larger.size), ground=first.ground)[0].pixels
        except Exception as error:
            # The page itself was read; what is larger takes more memory.
            reason = (
                "it does not fit in memory" if isinstance(error, MemoryError) else str(error) or type(error).__name__
            )
            warnings.append(
                f"skipped the detail of small images on page {number}: its full size cannot be read ({reason})"
            )
    parts += [(section, _cut(pixels, section, size)) for section in sections]
    return PageRows(pixels=whole, ground=first.ground, parts=parts)


def _section(number: int, box: Box, pixels: Pixels, size: tuple[int, int]) -> Page:
    """Return a section, given its box in the pixels of its page, which has another size."""
    scale = np.array(size) / (pixels.shape[1], pixels.shape[0])
    corners = (np.array(box).reshape(2, 2) * scale).round().astype(int)
    left, top, right, bottom = corners.reshape(-1).tolist()
    return Page(number=number, size=(max(1, right - left), max(1, bottom - top)), corner=(left, top))


def _cut(pixels: Pixels, section: Page, size: tuple[int, int]) -> Pixels:
    """Return the pixels of a section, no larger than a thumbnail, from those of a page of this size, which may be fewer."""
    scale = np.array(pixels.shape[1::-1]) / size
    corners = (np.array(section.box, np.float64).reshape(2, 2) * scale).round().astype(int)
    (left, top), (right, bottom) = corners.tolist()
    return _shrink(pixels[top : max(top + 1, bottom), left : max(left + 1, right)], MAX_THUMBNAIL_SIDE)


def _shrink(pixels: Pixels, side: int) -> Pixels:
    """Return pixels with at most `side` of them on the longer side, read-only; a copy that does not keep a larger array."""
    small = shrink(pixels, side)
    small = small.copy() if small is pixels else small
    small.flags.writeable = False
    return small
