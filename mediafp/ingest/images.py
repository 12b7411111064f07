"""Image files as decoded media: stills, animations and files of several pages."""

from typing import Final

from mediafp.ingest.animations import ANIMATED_FORMATS, read_animation
from mediafp.ingest.cpu_budget import BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile
from mediafp.ingest.image_files import exif_orientation, format_name, open_image, pillow_step, upright_size
from mediafp.ingest.image_pixels import MIN_DECODED_SIDE, image_pixels
from mediafp.ingest.pages import PAGED_FORMATS, has_pages, read_pages
from mediafp.ingest.sniff import check_size
from mediafp.types.media import DecodedMedia, Frame

PRIMARY_FORMAT: Final = "HEIF"
"""Format of which only the primary image is read if a file has several."""


def read_image(file: OpenFile, *, within_budget: BudgetCheck = unlimited) -> DecodedMedia:
    """Return an image as one upright RGB frame, a file of several pages as one for each, an animation as a video.

    Transparent pixels are composited on white. A large image is decoded at reduced scale, its longer side no shorter than
    `MIN_DECODED_SIDE`; `width` and `height` of the properties are always those of the original, upright.

    Raises:
        CorruptMedia, TooLargeMedia, UnsupportedMedia, UnreadableMedia: The file cannot be decoded.
    """
    warnings: list[str] = []
    check_size(file.name, file.bytes, "image")
    with file.reader() as reader, pillow_step(file.name, warnings):
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
        if not is_animated and not is_paged:
            if image.format == PRIMARY_FORMAT and (count := getattr(image, "n_frames", 1)) > 1:
                warnings.append(f"skipped {count - 1} of {count} images: only the primary one of a HEIF file is read")
            longer_side = max(width, height)
            if longer_side > MIN_DECODED_SIDE:
                # Shrinks a JPEG while it is decoded.
                image.draft(
                    None,
                    (
                        -(-image.width * MIN_DECODED_SIDE // longer_side),
                        -(-image.height * MIN_DECODED_SIDE // longer_side),
                    ),
                )
            frame = Frame(pixels=image_pixels(image, orientation), start=0.0, end=0.0)
            return DecodedMedia(kind="image", properties=properties, frames=iter((frame,)), warnings=warnings)
    # Its EXIF data may have loaded it, and the file is opened again.
    del image
    read = read_animation if is_animated else read_pages
    return read(file, properties, warnings, within_budget)
