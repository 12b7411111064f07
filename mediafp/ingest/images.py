"""Still and animated images as frames of upright RGB."""

import threading
import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import BinaryIO, Final

import pi_heif
from PIL import Image, UnidentifiedImageError

from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile, read_head
from mediafp.ingest.image_pixels import MIN_DECODED_SIDE, image_pixels
from mediafp.ingest.limits import (
    ANIMATION_PIXELS,
    MAX_ANIMATION_FRAMES,
    MAX_METADATA_BYTES,
    MAX_PIXELS,
    SAMPLED_ANIMATION_FRAMES,
)
from mediafp.ingest.sniff import check_size
from mediafp.types.errors import CorruptMedia, MediaError, TooLargeMedia, UnsupportedMedia
from mediafp.types.media import DecodedMedia, Frame

ALLOWED_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF")
"""The only Pillow readers that untrusted bytes reach; others run programs (EPS) or are rarely fuzzed."""
ANIMATED_FORMATS: Final = frozenset(("GIF", "WEBP", "PNG", "AVIF"))
"""Formats whose further images are later moments; in the others they are pages or depth maps."""
DEFAULT_DELAY: Final = 0.1
"""Seconds that a frame without a usable delay is displayed, as in browsers."""
MIN_DELAY: Final = 0.011
"""Delay, seconds, below which browsers display a frame for `DEFAULT_DELAY`."""
MAX_DELAY: Final = 86_400
"""Delay, seconds, from which it is not usable: a day. Chosen, not measured."""
_ORIENTATION_TAG: Final = 0x0112
_SIDEWAYS_ORIENTATIONS: Final = frozenset((5, 6, 7, 8))
"""EXIF orientations that swap width and height."""
_START_OF_SCAN: Final = 0xDA
_MARKERS_WITHOUT_LENGTH: Final = frozenset((0x00, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE), 0xFF))
"""Bytes behind 0xFF after which Pillow reads no length: markers without one, padding and junk."""
_JPEG_XL_SIGNATURES: Final = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")
_TEXT_LIMIT_MESSAGES: Final = ("Decompressed data too large", "Too much memory used in text chunks")
"""Messages of Pillow for a PNG whose compressed text exceeds its own limits, 1 MiB each and 64 MiB in all."""
_pillow_lock: Final = threading.RLock()


def read_image(file: OpenFile, *, within_budget: BudgetCheck = unlimited) -> DecodedMedia:
    """Return an image as one upright RGB frame, or an animation as up to `SAMPLED_ANIMATION_FRAMES` frames.

    Transparent pixels are composited on white. A large image is decoded at reduced scale, its longer side no shorter than
    `MIN_DECODED_SIDE`; `width` and `height` of the properties are always those of the original, upright. The first frame
    represents an animation; spans are presentation seconds of one run of the loop.

    Raises:
        CorruptMedia, TooLargeMedia, UnsupportedMedia, UnreadableMedia: The file cannot be decoded.
    """
    warnings: list[str] = []
    check_size(file.name, file.bytes, "image")
    with file.reader() as reader, _pillow_step(file.name, warnings):
        if file.bytes > MAX_METADATA_BYTES and _is_all_metadata(reader.read(MAX_METADATA_BYTES)):
            raise TooLargeMedia(
                f"its EXIF and other metadata are over the limit of {MAX_METADATA_BYTES} bytes; strip them first"
            )
        reader.seek(0)
        image = _open_image(reader)
        orientation = _exif_orientation(image, warnings)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise TooLargeMedia(f"{width} x {height} pixels are over the limit of {MAX_PIXELS}; shrink it first")
        is_sideways = orientation in _SIDEWAYS_ORIENTATIONS
        properties: dict[str, str | int | float | bool | None] = {
            "format": _format_name(image),
            "width": height if is_sideways else width,
            "height": width if is_sideways else height,
        }
        count = getattr(image, "n_frames", 1) if image.format in ANIMATED_FORMATS else 1
        if count > 1:
            properties["frames"] = count
            return DecodedMedia(
                kind="image",
                properties=properties,
                frames=_iter_animation(file, warnings, within_budget),
                warnings=warnings,
            )
        longer_side = max(width, height)
        if longer_side > MIN_DECODED_SIDE:
            # Shrinks a JPEG while it is decoded.
            image.draft(
                None, (-(-width * MIN_DECODED_SIDE // longer_side), -(-height * MIN_DECODED_SIDE // longer_side))
            )
        frame = Frame(pixels=image_pixels(image, orientation), start=0.0, end=0.0)
    return DecodedMedia(kind="image", properties=properties, frames=iter((frame,)), warnings=warnings)


def _iter_animation(file: OpenFile, warnings: list[str], within_budget: BudgetCheck) -> Iterator[Frame]:
    """Yield evenly sampled frames of an animation, each with a span up to the next sample."""
    with file.reader() as reader:
        with _pillow_step(file.name, warnings):
            image = _open_image(reader)
            orientation = _exif_orientation(image, warnings)
            total: int = getattr(image, "n_frames", 1)
            affordable = max(1, min(MAX_ANIMATION_FRAMES, ANIMATION_PIXELS // (image.width * image.height)))
        count = min(total, affordable)
        if count < total:
            warnings.append(
                f"skipped the frames after the first {count} of {total}: "
                f"the limit is {MAX_ANIMATION_FRAMES} frames, {ANIMATION_PIXELS} pixels in all"
            )
        sample_count = min(count, SAMPLED_ANIMATION_FRAMES)
        samples = {index * count // sample_count for index in range(sample_count)}
        time, last = 0.0, None
        for index in range(count):
            if index and not within_budget(0.0):
                warnings.append(f"skipped the frames after the first {index} of {count}: {CPU_LIMIT_MESSAGE}")
                break
            try:
                with _pillow_step(file.name, warnings):
                    image.seek(index)
                    pixels = image_pixels(image, orientation) if index in samples else None
                    # Frames build on the one before, so frames that are not sampled are decoded too.
                    image.load()
                    delay = _frame_delay(image)
            except CorruptMedia as error:
                if index == 0:
                    raise
                warnings.append(f"skipped the frames after the first {index} of {count}: {error.__cause__}")
                break
            if pixels is not None:
                if last is not None:
                    yield replace(last, end=time)
                last = Frame(pixels=pixels, start=time, end=time)
            time += delay
        if last is not None:
            yield replace(last, end=time)


@contextmanager
def _pillow_step(name: str, warnings: list[str]) -> Iterator[None]:
    """Run Pillow without its own pixel limit, its warnings added to `warnings`, its exceptions raised as MediaError.

    Limit and warnings are settings of the whole process, hence the lock, which is never held while a frame is yielded.
    """
    prefix = f"cannot decode {name!r}:"
    with _pillow_lock, python_warnings.catch_warnings(record=True) as caught:
        python_warnings.simplefilter("always")
        pillow_limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        except MediaError as error:
            raise type(error)(f"{prefix} {error}") from error
        except MemoryError as error:
            raise TooLargeMedia(f"{prefix} it does not fit in memory; shrink it first") from error
        except Exception as error:
            if isinstance(error, ValueError) and any(message in str(error) for message in _TEXT_LIMIT_MESSAGES):
                raise TooLargeMedia(f"{prefix} its text or colour profile is over the limit; strip it first") from error
            # Pillow's readers raise whatever damaged bytes lead them to, from KeyError to struct.error.
            raise CorruptMedia(
                f"{prefix} it is damaged or truncated ({error or type(error).__name__}); fetch it again from its source"
            ) from error
        finally:
            Image.MAX_IMAGE_PIXELS = pillow_limit
            for warning in caught:
                if not issubclass(warning.category, DeprecationWarning) and str(warning.message) not in warnings:
                    warnings.append(str(warning.message))


def _open_image(file: BinaryIO) -> Image.Image:
    """Return the image in an open file, its header read and its pixels not yet decoded."""
    _register_readers()
    if read_head(file).startswith(_JPEG_XL_SIGNATURES):
        raise UnsupportedMedia("JPEG XL is not supported; convert it to PNG first")
    try:
        return Image.open(file, formats=ALLOWED_FORMATS)
    except UnidentifiedImageError as error:
        raise CorruptMedia("its header is damaged; fetch it again from its source") from error


@cache
def _register_readers() -> None:
    """Add the HEIF reader to Pillow, once, and load all readers while imports still work (before the sandbox)."""
    pi_heif.register_heif_opener(thumbnails=False)
    Image.init()
    # Loads the module that converts CIELAB (scanners, Photoshop) to RGB.
    Image.new("LAB", (1, 1)).convert("RGB")


def _is_all_metadata(head: bytes) -> bool:
    """Return True if the first bytes of a file are those of a JPEG without its scan.

    Metadata (APPn, COM; Pillow joins them in quadratic time), padding, junk and small tables precede the scan.
    """
    if head[:2] != b"\xff\xd8":
        return False
    position = head.find(b"\xff", 2)
    while 0 <= position < len(head) - 1:
        marker = head[position + 1]
        if marker == _START_OF_SCAN:
            return False
        stated_length = int.from_bytes(head[position + 2 : position + 4], "big")
        segment_bytes = 1 if marker in _MARKERS_WITHOUT_LENGTH else 2 + max(2, stated_length)
        position = head.find(b"\xff", position + segment_bytes)
    return True


def _format_name(image: Image.Image) -> str:
    """Return the name of an image's format, as stored; "MPO" is a JPEG with further images, such as a depth map."""
    return {"MPO": "jpeg"}.get(image.format or "", (image.format or "").lower())


def _exif_orientation(image: Image.Image, warnings: list[str]) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if it is missing or damaged."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception as error:
        warnings.append(f"skipped the EXIF data: they are damaged ({error or type(error).__name__})")
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _frame_delay(image: Image.Image) -> float:
    """Return the seconds that the current frame is displayed."""
    milliseconds = image.info.get("duration", 0)
    seconds = milliseconds / 1000 if isinstance(milliseconds, int | float) else 0.0
    return seconds if MIN_DELAY <= seconds < MAX_DELAY else DEFAULT_DELAY
