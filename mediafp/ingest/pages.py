"""Pages of a TIFF, and the images of an MPO file: one frame each."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck
from mediafp.ingest.files import OpenFile
from mediafp.ingest.image_files import error_reason, exif_orientation, open_image, pillow_step, upright_size
from mediafp.ingest.limits import ANIMATION_PIXELS, MAX_PAGE_PARTS, MAX_PAGES, MAX_PIXELS
from mediafp.ingest.page_rows import read_page_rows
from mediafp.types.errors import MediaError
from mediafp.types.media import DecodedMedia, Frame, Pixels
from mediafp.types.pages import Page, format_pages

PAGED_FORMATS: Final = frozenset(("TIFF", "MPO"))
"""Formats whose further images are pages, the other eye of a stereo pair, or a depth map."""
PREVIEW_SIDE: Final = 32
"""Width and height at which a page that is declared a preview is compared with the pages before it, pixels."""
MAX_PREVIEW_DIFFERENCE: Final = 8.0
"""Mean difference of the grey levels (0..255) up to which such a page is the preview of one of them. Chosen, not measured."""
_SUBFILE_TYPE_TAG: Final = 254
_REDUCED_IMAGE: Final = 1
"""Bit of a TIFF's subfile type: a smaller version of another image in the file."""
_MP_ENTRIES: Final = 0xB002
_PREVIEW_TYPES: Final = ("Large Thumbnail (VGA Equivalent)", "Large Thumbnail (Full HD Equivalent)")
"""Pillow's names of the types of MPO images that are smaller versions of another one."""

type Properties = dict[str, str | int | float | bool | None]
type _Look = npt.NDArray[np.float32]
"""Grey levels of a page in a square of `PREVIEW_SIDE`."""


def has_pages(image: Image.Image) -> bool:
    """Return True if an image of one of `PAGED_FORMATS` has a second page; it is at its first page afterwards."""
    if image.format == "MPO":
        return int(image.n_frames) > 1  # type: ignore[attr-defined]
    try:
        # Not `n_frames`, for which all of a million pages are read.
        is_paged = _seek(image, 1)
        image.seek(0)
    except Exception:
        # Its second page is damaged, which is a warning once the pages are read.
        return True
    return is_paged


def read_pages(file: OpenFile, properties: Properties, warnings: list[str], within_budget: BudgetCheck) -> DecodedMedia:
    """Return a file of several pages as an image with a frame for each, in their order, without times.

    A page that is not read is a warning, except the preview of another one. The property `pages` states number and size of
    each page that was read.

    Args:
        file: The open file.
        properties: Its `format`, `width` and `height`, those of the first page; completed while the frames are iterated.
        warnings: Receives what was not read.
        within_budget: Check that ends decoding early.
    """
    frames = _iter_pages(file, properties, warnings, within_budget)
    return DecodedMedia(kind="image", properties=properties, frames=frames, warnings=warnings)


def _iter_pages(
    file: OpenFile, properties: Properties, warnings: list[str], within_budget: BudgetCheck
) -> Iterator[Frame]:
    """Yield a frame for each page that can be read; the first one must be."""
    pages: list[Page] = []
    parts: list[tuple[Page, Pixels]] = []
    looks: list[_Look] = []
    pixels_left = ANIMATION_PIXELS
    with file.reader() as reader:
        with pillow_step(file.name, warnings):
            image = open_image(reader, file.bytes)
        for number in range(1, MAX_PAGES + 2):
            try:
                with pillow_step(file.name, warnings):
                    if number > 1 and not _seek(image, number - 1):
                        break
            except MediaError as error:
                if image.format == "MPO":
                    # Its pages do not depend on one another, while those of a TIFF are a chain.
                    warnings.append(f"skipped page {number}: {error_reason(error)}")
                    continue
                warnings.append(f"skipped the pages from page {number} on: {error_reason(error)}")
                break
            if reason := _stop_reason(number, image, pixels_left, within_budget):
                warnings.append(f"skipped the pages from page {number} on: {reason}")
                break
            try:
                with pillow_step(file.name, warnings):
                    is_preview = _is_declared_preview(image)
                    orientation = exif_orientation(image, warnings)
                    size = upright_size(image, orientation)
                    if size[0] * size[1] > MAX_PIXELS:
                        warnings.append(
                            f"skipped page {number}: {size[0]} x {size[1]} pixels are over the limit of {MAX_PIXELS}"
                        )
                        continue
                    pixels_left -= size[0] * size[1]
                    rows = read_page_rows(
                        image,
                        orientation,
                        number=number,
                        size=size,
                        max_parts=MAX_PAGE_PARTS - len(parts),
                        warnings=warnings,
                    )
            except MediaError as error:
                if number == 1:
                    raise
                warnings.append(f"skipped page {number}: {error_reason(error)}")
                continue
            look = _shrink(rows.pixels)
            if is_preview and any(float(np.abs(look - other).mean()) <= MAX_PREVIEW_DIFFERENCE for other in looks):
                continue
            looks.append(look)
            pages.append(Page(number=number, size=size))
            parts += rows.parts
            if number == 1 and rows.ground:
                properties["ground"] = rows.ground
            yield Frame(pixels=rows.pixels, start=0.0, end=0.0)
    if len(pages) + len(parts) > 1:
        properties["pages"] = format_pages([*pages, *(page for page, _ in parts)])
    for _, pixels in parts:
        yield Frame(pixels=pixels, start=0.0, end=0.0)


def _stop_reason(number: int, image: Image.Image, pixels_left: int, within_budget: BudgetCheck) -> str | None:
    """Return the reason why a page and those after it are not read; None if it is read."""
    if number == 1:
        return None
    if number > MAX_PAGES:
        return f"the limit is {MAX_PAGES} pages"
    if min(image.width * image.height, MAX_PIXELS) > pixels_left:
        return f"the limit is {ANIMATION_PIXELS} pixels in all"
    return None if within_budget(0.0) else CPU_LIMIT_MESSAGE


def _seek(image: Image.Image, index: int) -> bool:
    """Go to a page, and return False if there is none."""
    try:
        image.seek(index)
    except EOFError:
        return False
    return True


def _is_declared_preview(image: Image.Image) -> bool:
    """Return True if the file declares the current page a smaller version of another one."""
    if image.format == "TIFF":
        subfile_type = image.tag_v2.get(_SUBFILE_TYPE_TAG, 0)  # type: ignore[attr-defined]
        return isinstance(subfile_type, int) and bool(subfile_type & _REDUCED_IMAGE)
    entry = image.mpinfo[_MP_ENTRIES][image.tell()]  # type: ignore[attr-defined]
    return entry["Attribute"]["MPType"] in _PREVIEW_TYPES


def _shrink(pixels: Pixels) -> _Look:
    """Return the grey levels of a page, in a square of `PREVIEW_SIDE`."""
    import cv2

    small = cv2.resize(pixels, (PREVIEW_SIDE, PREVIEW_SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small.mean(axis=2), np.float32)
