"""Still and animated pictures, upright and in RGB, by Pillow."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageOps, UnidentifiedImageError

from mediafp.errors import CorruptMedia, TooLargeMedia, UnsupportedMedia
from mediafp.ingest.walk import shown
from mediafp.media import Frame, Media, Pixels
from mediafp.settings import ANIMATION_FRAMES, MAX_PIXELS

pillow_heif.register_heif_opener()
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF", "MPO")
DRAFT_SIDE = 1024
"""A JPEG is decoded at half, quarter or eighth size while its longest side stays over this."""
MEND = "the file is damaged or cut short; get it again from its source"


def read_picture(path: Path) -> Media:
    """The picture, or sampled frames of an animation. Raises MediaError, some while `frames` is read."""
    Image.MAX_IMAGE_PIXELS = None  # our own limit below has an error of its own
    name = shown(path)
    file = path.open("rb")
    try:
        with warnings.catch_warnings(action="ignore"):
            image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        file.close()
        raise CorruptMedia(f"{name} is no readable picture: {MEND}") from error
    except Exception as error:
        file.close()
        raise CorruptMedia(f"{name} cannot be opened as a picture ({error}): {MEND}") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        file.close()
        raise TooLargeMedia(f"{name} has {width} x {height} pixels, and {MAX_PIXELS} is the limit; scale it down")
    turned = _turned(image)
    properties: dict[str, str | int | float | bool | None] = {
        "format": (image.format or "").lower(),
        "width": height if turned else width,
        "height": width if turned else height,
    }
    count = int(getattr(image, "n_frames", 1))
    if count > 1 and image.format in ("GIF", "WEBP", "PNG", "AVIF"):
        properties["frames"] = count
    else:
        count = 1
    return Media(kind="image", properties=properties, frames=_frames(image, count, name))


def _turned(image: Image.Image) -> bool:
    try:
        return image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except Exception:
        return False  # broken EXIF: the picture is taken as it stands


def _frames(image: Image.Image, count: int, name: str) -> Iterator[Frame]:
    wanted = set(np.linspace(0, count - 1, min(count, ANIMATION_FRAMES)).round().astype(int).tolist())
    start = 0.0
    try:
        with image, warnings.catch_warnings(action="ignore"):
            if count == 1 and image.format == "JPEG" and max(image.size) > DRAFT_SIDE:
                image.draft(None, (DRAFT_SIDE, DRAFT_SIDE))
            for number in range(count):
                if count > 1:
                    image.seek(number)
                image.load()
                length = float(image.info.get("duration") or 0) / 1000 if count > 1 else 0.0
                if number in wanted:
                    yield Frame(pixels=_rgb(image), start=start, end=start + length)
                start += length
    except MemoryError:
        raise
    except NotImplementedError as error:
        raise UnsupportedMedia(f"{name} is of a kind that is not read: {error}") from error
    except Exception as error:
        raise CorruptMedia(f"{name} cannot be decoded ({error}): {MEND}") from error


def _rgb(image: Image.Image) -> Pixels:
    """Upright RGB; what is transparent shows white, 16-bit grey is scaled to 8."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.asarray(image, np.float32)
        top = 65535.0 if image.mode != "F" or values.max(initial=0) > 255 else max(1.0, float(values.max(initial=0)))
        image_8 = Image.fromarray(np.clip(values / top * 255, 0, 255).astype(np.uint8))
        return np.ascontiguousarray(np.asarray(image_8.convert("RGB")))
    try:
        upright = ImageOps.exif_transpose(image)
    except Exception:
        upright = image  # broken EXIF: the picture is taken as it stands
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return np.ascontiguousarray(np.asarray(upright.convert("RGB"), np.uint8))
