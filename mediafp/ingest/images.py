"""Still and animated pictures as upright RGB."""

import threading
import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import BinaryIO, Final

import cv2
import numpy as np
import pi_heif
from PIL import Image, UnidentifiedImageError

from mediafp.ingest.cpu_budget import CPU_LIMIT_MESSAGE, BudgetCheck, unlimited
from mediafp.ingest.files import OpenFile, read_head
from mediafp.ingest.limits import (
    ANIMATION_PIXELS,
    MAX_ANIMATION_FRAMES,
    MAX_IMAGE_BYTES,
    MAX_METADATA_BYTES,
    MAX_PIXELS,
    SAMPLED_ANIMATION_FRAMES,
)
from mediafp.types.errors import CorruptMedia, MediaError, TooLargeMedia, UnsupportedMedia
from mediafp.types.media import DecodedMedia, Frame, Pixels

ALLOWED_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF")
"""The only Pillow readers that untrusted bytes reach; others run programs (EPS) or are rarely fuzzed."""
ANIMATED_FORMATS: Final = frozenset(("GIF", "WEBP", "PNG", "AVIF"))
"""Formats whose further images are later moments; in the others they are pages or depth maps."""
MIN_DECODED_SIDE: Final = 1024
"""A larger picture is shrunk (a JPEG while it is decoded) as long as its long side stays at or above this: twice the side
of the thumbnails that placement works on."""
DEFAULT_DELAY: Final = 0.1
"""Seconds that a frame without a usable delay is shown: what browsers do."""
SHORTEST_DELAY: Final = 0.011
"""Delays below this, seconds, are shown by browsers for `DEFAULT_DELAY`."""
_ORIENTATION_TAG: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_AVERAGED: Final = frozenset(("L", "RGB", "CMYK", "YCbCr"))
"""Modes whose neighbouring pixels may be averaged as they are."""
_SIDEWAYS: Final = frozenset((5, 6, 7, 8))
_START_OF_SCAN: Final = 0xDA
_BARE: Final = frozenset((0x00, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE), 0xFF))
"""Bytes behind 0xFF after which Pillow reads no length: markers without one, padding and junk."""
_JPEG_XL_STARTS: Final = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")
_TOO_MUCH_TEXT: Final = ("Decompressed data too large", "Too much memory used in text chunks")
"""What Pillow says of a PNG's compressed notes past its own limits, 1 MiB each and 64 MiB in all."""
_LOCK: Final = threading.RLock()


def read_image(file: OpenFile, *, within_budget: BudgetCheck = unlimited) -> DecodedMedia:
    """The picture as one upright RGB frame, or an animation as up to `ANIMATION_FRAMES` frames.

    Transparent pixels lie on white. A large picture comes at reduced scale, its long side no shorter
    than `DRAFT_SIDE`; `width` and `height` of the properties are always the original's, upright.
    The first frame represents an animation; spans are presentation seconds of one run of the loop.
    Raises `CorruptMedia`, `TooLargeMedia`, `UnsupportedMedia`, `UnreadableMedia`.
    """
    warnings: list[str] = []
    if file.bytes > MAX_IMAGE_BYTES:
        raise TooLargeMedia(
            f"{file.name!r}: {file.bytes} bytes are over the limit of {MAX_IMAGE_BYTES}; shrink it first"
        )
    with file.reader() as reader, _decode_step(file.name, warnings):
        if file.bytes > MAX_METADATA_BYTES and _is_all_metadata(reader.read(MAX_METADATA_BYTES)):
            raise TooLargeMedia(
                f"its EXIF and other notes are over the limit of {MAX_METADATA_BYTES} bytes; strip them first"
            )
        reader.seek(0)
        image = _open(reader)
        turn = _orientation(image, warnings)
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise TooLargeMedia(f"{width} x {height} pixels are over the limit of {MAX_PIXELS}; shrink it first")
        # "MPO" is a JPEG with a second picture behind the first, such as a depth map.
        name = {"MPO": "jpeg"}.get(image.format or "", (image.format or "").lower())
        properties: dict[str, str | int | float | bool | None] = {
            "format": name,
            "width": height if turn in _SIDEWAYS else width,
            "height": width if turn in _SIDEWAYS else height,
        }
        count = getattr(image, "n_frames", 1) if image.format in ANIMATED_FORMATS else 1
        if count > 1:
            properties["frames"] = count
            return DecodedMedia(
                kind="image", properties=properties, frames=_animation(file, warnings, within_budget), warnings=warnings
            )
        long = max(width, height)
        if long > MIN_DECODED_SIDE:
            image.draft(None, (-(-width * MIN_DECODED_SIDE // long), -(-height * MIN_DECODED_SIDE // long)))
        frame = Frame(pixels=_rgb(image, turn), start=0.0, end=0.0)
    return DecodedMedia(kind="image", properties=properties, frames=iter((frame,)), warnings=warnings)


def _animation(file: OpenFile, warnings: list[str], within_budget: BudgetCheck) -> Iterator[Frame]:
    """Evenly sampled frames of an animation, each shown until the next one sampled."""
    with file.reader() as reader:
        with _decode_step(file.name, warnings):
            image = _open(reader)
            turn = _orientation(image, warnings)
            count: int = getattr(image, "n_frames", 1)
            affordable = max(1, min(MAX_ANIMATION_FRAMES, ANIMATION_PIXELS // (image.width * image.height)))
        if count > affordable:
            limit = f"{MAX_ANIMATION_FRAMES} frames, {ANIMATION_PIXELS} pixels"
            warnings.append(f"only the first {affordable} of {count} frames were read: the limit is {limit} in all")
            count = affordable
        kept = min(count, SAMPLED_ANIMATION_FRAMES)
        wanted = {index * count // kept for index in range(kept)}
        clock, waiting = 0.0, None
        for index in range(count):
            if index and not within_budget(0.0):
                warnings.append(f"only the first {index} of {count} frames were read: {CPU_LIMIT_MESSAGE}")
                break
            try:
                with _decode_step(file.name, warnings):
                    image.seek(index)
                    pixels = _rgb(image, turn) if index in wanted else None
                    # Frames build on the one before, so even those left out are decoded.
                    image.load()
                    delay = _delay(image)
            except CorruptMedia as exc:
                if index == 0:
                    raise
                warnings.append(f"the animation breaks off at frame {index} of {count}: {exc.__cause__}")
                break
            if pixels is not None:
                if waiting is not None:
                    yield Frame(pixels=waiting.pixels, start=waiting.start, end=clock)
                waiting = Frame(pixels=pixels, start=clock, end=clock)
            clock += delay
        if waiting is not None:
            yield Frame(pixels=waiting.pixels, start=waiting.start, end=clock)


@contextmanager
def _decode_step(name: str, warnings: list[str]) -> Iterator[None]:
    """A stretch of Pillow work: its own pixel limit off (ours holds), its complaints ours.

    Both are settings of the whole process, hence the lock; it is never held across a `yield` of a
    frame.
    """
    shown = repr(name)
    with _LOCK, python_warnings.catch_warnings(record=True) as said:
        python_warnings.simplefilter("always")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        except MediaError as exc:
            raise type(exc)(f"{shown}: {exc}") from exc
        except MemoryError as exc:
            raise TooLargeMedia(f"{shown} does not fit in memory; shrink it first") from exc
        except Exception as exc:
            if isinstance(exc, ValueError) and any(said in str(exc) for said in _TOO_MUCH_TEXT):
                raise TooLargeMedia(f"{shown} holds text or a profile over the limit; strip it first") from exc
            # Pillow's readers raise whatever broken bytes lead them to, from KeyError to struct.error.
            raise CorruptMedia(
                f"{shown} is damaged or cut short ({exc or type(exc).__name__}); fetch it again from its source"
            ) from exc
        finally:
            Image.MAX_IMAGE_PIXELS = limit
            for one in said:
                if not issubclass(one.category, DeprecationWarning) and str(one.message) not in warnings:
                    warnings.append(str(one.message))


def _open(file: BinaryIO) -> Image.Image:
    """The picture behind an open file, its header read and its pixels not yet."""
    _register()
    if read_head(file).startswith(_JPEG_XL_STARTS):
        raise UnsupportedMedia("JPEG XL is not read; convert it to PNG first")
    try:
        return Image.open(file, formats=ALLOWED_FORMATS)
    except UnidentifiedImageError as exc:
        raise CorruptMedia("its header is damaged; fetch it again from its source") from exc


def _is_all_metadata(start: bytes) -> bool:
    """Whether this start of a file is that of a JPEG and its scan lies behind it.

    What comes before the scan are notes (APPn, COM), which Pillow joins at a cost that grows with their square, padding
    and junk, which it reads byte by byte, and tables, which are small.
    """
    if start[:2] != b"\xff\xd8":
        return False
    at = start.find(b"\xff", 2)
    while 0 <= at < len(start) - 1:
        marker = start[at + 1]
        if marker == _START_OF_SCAN:
            return False
        length = 1 if marker in _BARE else 2 + max(2, int.from_bytes(start[at + 2 : at + 4], "big"))
        at = start.find(b"\xff", at + length)
    return True


@cache
def _register() -> None:
    """Nothing; adds the HEIF reader to Pillow, once, and finds every reader while imports still work."""
    pi_heif.register_heif_opener(thumbnails=False)
    Image.init()
    # Loads the module that turns CIELAB (scanners, Photoshop) into RGB.
    Image.new("LAB", (1, 1)).convert("RGB")


def _orientation(image: Image.Image, warnings: list[str]) -> int:
    """The EXIF orientation, 1 to 8; 1 where none is given or it is damaged."""
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception as exc:
        warnings.append(f"damaged EXIF data were left unread ({exc or type(exc).__name__})")
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _delay(image: Image.Image) -> float:
    """Seconds that the current frame is shown."""
    value = image.info.get("duration", 0)
    seconds = value / 1000 if isinstance(value, int | float) else 0.0
    return seconds if SHORTEST_DELAY <= seconds < 86_400 else DEFAULT_DELAY


def _rgb(image: Image.Image, turn: int) -> Pixels:
    """The current frame's pixels as 8-bit RGB, upright, on white where transparent; read-only."""
    image.load()
    flat = _flat(image, max(image.size) // MIN_DECODED_SIDE)
    if turn in _TURNS:
        flat = flat.transpose(_TURNS[turn])
    pixels = np.array(flat, np.uint8)
    pixels.flags.writeable = False
    return pixels


def _flat(image: Image.Image, shrink: int) -> Image.Image:
    """The picture in mode RGB, transparent pixels over white, `shrink` times smaller where that is above 1.

    It shrinks before anything else is done: each copy of 120 megapixels is half a gigabyte.
    """
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image)
        # "I;16B" is the other way round.
        values = values.astype(values.dtype.newbyteorder("="), copy=False)
        if shrink > 1:
            # OpenCV averages no whole numbers of 32 bits.
            values = values if values.dtype == np.uint16 else values.astype(np.float32)
            size = (max(1, image.width // shrink), max(1, image.height // shrink))
            values = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
            values = values.astype(np.int32) if image.mode == "I" else values
        return Image.fromarray(_eight_bits(values)).convert("RGB")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        clear = _shrunk(image.convert("RGBA"), shrink)
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, clear).convert("RGB")
    if image.mode in _AVERAGED:
        return _shrunk(image, shrink).convert("RGB")
    return _shrunk(image.convert("RGB"), shrink)


def _shrunk(image: Image.Image, shrink: int) -> Image.Image:
    return image.reduce(shrink) if shrink > 1 else image


def _eight_bits(values: np.ndarray) -> Pixels:
    """Grey values of 16 or 32 bits, or floats, as 8 bits: Pillow's own conversion clips them to white."""
    if values.dtype.kind in "iu":
        top = int(values.max(initial=0))
        if values.dtype.itemsize == 2 or top > 255:
            span = 65_535 if top <= 65_535 else top
            return np.asarray(np.clip(values, 0, None).astype(np.float64) * (255 / span) + 0.5, np.uint8)
        return np.asarray(np.clip(values, 0, 255), np.uint8)
    finite = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    return np.asarray((finite - low) * (255 / (high - low) if high > low else 0.0), np.uint8)
