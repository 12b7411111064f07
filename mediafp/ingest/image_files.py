"""Image files of any origin, opened with Pillow: without its own limits, and with its exceptions as MediaError."""

import threading
import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import BinaryIO, Final

import pi_heif
from PIL import Image, UnidentifiedImageError

from mediafp.ingest.files import read_head
from mediafp.ingest.limits import MAX_METADATA_BYTES, MAX_PIXELS
from mediafp.ingest.tiff_samples import find_unread_samples
from mediafp.types.errors import CorruptMedia, MediaError, TooLargeMedia, UnsupportedMedia

ALLOWED_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF")
"""The only Pillow readers that untrusted bytes reach; others run programs (EPS) or are rarely fuzzed."""
_ORIENTATION_TAG: Final = 0x0112
_SIDEWAYS_ORIENTATIONS: Final = frozenset((5, 6, 7, 8))
"""EXIF orientations that swap width and height."""
_START_OF_SCAN: Final = 0xDA
_MARKERS_WITHOUT_LENGTH: Final = frozenset((0x00, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE), 0xFF))
"""Bytes behind 0xFF after which Pillow reads no length: markers without one, padding and junk."""
_UNREAD_SIGNATURES: Final = {
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
}
"""First bytes of formats that no reader reads, with their names."""
_TEXT_LIMIT_MESSAGES: Final = ("Decompressed data too large", "Too much memory used in text chunks")
"""Messages of Pillow for a PNG whose compressed text exceeds its own limits, 1 MiB each and 64 MiB in all."""
_pillow_lock: Final = threading.RLock()


@contextmanager
def pillow_step(name: str, warnings: list[str]) -> Iterator[None]:
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


def error_reason(error: MediaError) -> str:
    """Return why one frame or page could not be decoded, given the error that `pillow_step` raised for it."""
    return "it does not fit in memory" if isinstance(error.__cause__, MemoryError) else str(error.__cause__)


def open_image(file: BinaryIO, size: int) -> Image.Image:
    """Return the image in an open file of `size` bytes, its header read and its pixels not yet decoded.

    Raises:
        CorruptMedia, TooLargeMedia, UnsupportedMedia: It is damaged, too large, or of another format.
    """
    _register_readers()
    if size > MAX_METADATA_BYTES and _is_all_metadata(file.read(MAX_METADATA_BYTES)):
        raise TooLargeMedia(
            f"its EXIF and other metadata are over the limit of {MAX_METADATA_BYTES} bytes; strip them first"
        )
    file.seek(0)
    head = read_head(file)
    if unread := next((name for start, name in _UNREAD_SIGNATURES.items() if head.startswith(start)), None):
        raise UnsupportedMedia(f"{unread} is not supported; convert it to PNG first")
    try:
        image = Image.open(file, formats=ALLOWED_FORMATS)
    except UnidentifiedImageError as error:
        if samples := find_unread_samples(file):
            raise UnsupportedMedia(f"a TIFF of {samples} is not supported; convert it to PNG first") from error
        raise CorruptMedia("its header is damaged; fetch it again from its source") from error
    if image.width * image.height > MAX_PIXELS:
        raise TooLargeMedia(
            f"{image.width} x {image.height} pixels are over the limit of {MAX_PIXELS}; shrink it first"
        )
    return image


def upright_size(image: Image.Image, orientation: int) -> tuple[int, int]:
    """Return width and height of an image as it is shown, given its EXIF orientation."""
    width, height = image.size
    return (height, width) if orientation in _SIDEWAYS_ORIENTATIONS else (width, height)


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


def format_name(image: Image.Image) -> str:
    """Return the name of an image's format, as stored; "MPO" is a JPEG with further images, such as a depth map."""
    return {"MPO": "jpeg"}.get(image.format or "", (image.format or "").lower())


def exif_orientation(image: Image.Image, warnings: list[str]) -> int:
    """Return the EXIF orientation, 1 to 8, by which Pillow returns an image turned; 1 if it is missing or damaged."""
    if image.format == "TIFF":
        # Pillow itself turns it upright, and states its upright size.
        return 1
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception as error:
        warnings.append(f"skipped the EXIF data: they are damaged ({error or type(error).__name__})")
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
