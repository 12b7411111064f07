"""Image files as decoded media: stills, animations and files of several pages."""

import time
from typing import Final

from PIL import Image

from mediafp.ingest.animations import ANIMATED_FORMATS, read_animation
from mediafp.ingest.container_boxes import box_clues
from mediafp.ingest.cpu_budget import BudgetCheck, unlimited
from mediafp.ingest.embedded_thumbnails import find_uncut, read_embedded_thumbnail, uncut_clues
from mediafp.ingest.files import OpenFile
from mediafp.ingest.image_clues import image_clues
from mediafp.ingest.image_files import exif_orientation, format_name, open_image, pillow_step, upright_size
from mediafp.ingest.limits import MAX_PAGE_PARTS
from mediafp.ingest.page_rows import cut_sides, decoded_sides, read_page_rows
from mediafp.ingest.pages import PAGED_FORMATS, has_pages, read_pages
from mediafp.ingest.sniff import check_size
from mediafp.types.errors import TooLargeMedia
from mediafp.types.media import DecodedMedia, Frame
from mediafp.types.pages import Page, format_pages

PRIMARY_FORMAT: Final = "HEIF"
"""Format of which only the primary image is read if a file has several."""
MAX_REPEATED_CPU_SECONDS: Final = 2.0
"""CPU seconds of reading a reduced image above which it is not read again at its full size: that takes .1 to .3 seconds more,
and both must fit in `CPU_SECONDS_PER_FILE`. JPEGs of 117 megapixels took .1 to 1.4 seconds, one of 126 MB 3.8. Chosen."""


def read_image(file: OpenFile, *, within_budget: BudgetCheck = unlimited) -> DecodedMedia:
    """Return an image as one upright RGB frame, a file of several pages as one for each, an animation as a video.

    A thumbnail in the metadata that shows more than the picture, the picture before it was cut, is a page of its own.

    Transparent pixels are composited on the ground that shows most of the image, which the property `ground` states; if it is
    clearly another one on a second ground, that is a frame too. Sections of a long image are further frames
    (`page_rows`). A large image is decoded at reduced scale, its longer side no shorter than `MIN_DECODED_SIDE`; `width`
    and `height` of the properties are always those of the original, upright.

    Raises:
        CorruptMedia, TooLargeMedia, UnsupportedMedia, UnreadableMedia: The file cannot be decoded.
    """
    warnings: list[str] = []
    started = time.process_time()
    check_size(file.name, file.bytes, "image")
    with file.reader() as reader, pillow_step(file.name, warnings):
        clues = box_clues(reader)
        image = open_image(reader, file.bytes)
        orientation = exif_orientation(image, warnings)
        width, height = upright_size(image, orientation)
        properties: dict[str, str | int | float | bool | None] = {
            "format": format_name(image),
            "width": width,
            "height": height,
        }
        is_animated = image.format in ANIMATED_FORMATS and getattr(image, "n_frames", 1) > 1
        is_paged = image.format in PAGED_FORMATS and has_pages(image)
        clues += image_clues(image)
        if not is_animated and not is_paged:
            if image.format == PRIMARY_FORMAT and (count := getattr(image, "n_frames", 1)) > 1:
                warnings.append(f"skipped {count - 1} of {count} images: only the primary one of a HEIF file is read")
            # Shrinks a JPEG while it is decoded.
            stored_size = image.size
            image.draft(None, decoded_sides(stored_size))
            thumbnail = read_embedded_thumbnail(image, orientation)
            is_reduced = image.size != stored_size

            def reopen() -> Image.Image:
                if time.process_time() - started > MAX_REPEATED_CPU_SECONDS:
                    raise TooLargeMedia("decoding it twice would take too long")
                larger = open_image(reader, file.bytes)
                larger.draft(None, cut_sides(stored_size))
                return larger

            rows = read_page_rows(
                image,
                orientation,
                number=1,
                size=(width, height),
                max_parts=MAX_PAGE_PARTS,
                warnings=warnings,
                reopen=reopen if is_reduced else None,
            )
            pages, pixels = [Page(number=1, size=(width, height))], [rows.pixels]
            if thumbnail is not None and (uncut := find_uncut(rows.pixels, thumbnail)):
                clues += uncut_clues(uncut)
                size = uncut.pixels.shape[1], uncut.pixels.shape[0]
                pages.append(Page(number=2, size=size, is_thumbnail=True))
                pixels.append(uncut.pixels)
            pages += [page for page, _ in rows.parts]
            pixels += [part for _, part in rows.parts]
            if rows.ground:
                properties["ground"] = rows.ground
            if len(pages) > 1:
                properties["pages"] = format_pages(pages)
            frames = (Frame(pixels=one, start=0.0, end=0.0) for one in pixels)
            return DecodedMedia(kind="image", properties=properties, frames=frames, warnings=warnings, clues=clues)
    # Its EXIF data may have loaded it, and the file is opened again.
    del image
    read = read_animation if is_animated else read_pages
    media = read(file, properties, warnings, within_budget)
    media.clues = clues
    return media
