"""Still and animated pictures as upright RGB."""

import threading
import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import pillow_heif
from PIL import Image, UnidentifiedImageError

from mediafp.errors import CorruptMedia, MediaError, TooLargeMedia, UnsupportedMedia
from mediafp.ingest.probe import open_file, read_head
from mediafp.media import Frame, Media, Pixels
from mediafp.settings import ANIMATION_FRAMES, MAX_PIXELS

READ_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "BMP", "TIFF")
"""The only Pillow readers that untrusted bytes reach; others run programs (EPS) or are rarely fuzzed."""
ANIMATED_FORMATS: Final = frozenset(("GIF", "WEBP", "PNG", "AVIF"))
"""Formats whose further images are later moments; in the others they are pages or depth maps."""
DRAFT_SIDE: Final = 1024
"""A JPEG is decoded at a half, a quarter or an eighth while its long side stays at or above this:
twice the side of the thumbnails that placement works on."""
ANIMATION_PIXELS: Final = 4 * MAX_PIXELS
"""Pixels decoded of one animation in all: its frames build on each other, so sampling some decodes
all before them, and a 64-megapixel animated PNG cost 6.5 CPU s."""
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
_SIDEWAYS: Final = frozenset((5, 6, 7, 8))
_JPEG_XL_STARTS: Final = (b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")
_LOCK: Final = threading.RLock()


def read_picture(path: Path) -> Media:
    """The picture as one upright RGB frame, or an animation as up to `ANIMATION_FRAMES` frames.

    Transparent pixels lie on white. A large JPEG comes at reduced scale, its long side no shorter
    than `DRAFT_SIDE`; `width` and `height` of the properties are always the original's, upright.
    The first frame represents an animation; spans are presentation seconds of one run of the loop.
    Raises `CorruptMedia`, `TooLargeMedia`, `UnsupportedMedia`, `UnreadableMedia`.
    """
    warnings: list[str] = []
    with open_file(path) as file, _step(path, warnings):
        picture = _open(file)
        turn = _orientation(picture, warnings)
        width, height = picture.size
        if width * height > MAX_PIXELS:
            raise TooLargeMedia(f"{width} x {height} pixels are over the limit of {MAX_PIXELS}; shrink it first")
        # "MPO" is a JPEG with a second picture behind the first, such as a depth map.
        name = {"MPO": "jpeg"}.get(picture.format or "", (picture.format or "").lower())
        properties: dict[str, str | int | float | bool | None] = {
            "format": name,
            "width": height if turn in _SIDEWAYS else width,
            "height": width if turn in _SIDEWAYS else height,
        }
        count = getattr(picture, "n_frames", 1) if picture.format in ANIMATED_FORMATS else 1
        if count > 1:
            properties["frames"] = count
            return Media(kind="image", properties=properties, frames=_animation(path, warnings), warnings=warnings)
        long = max(width, height)
        if long > DRAFT_SIDE:
            picture.draft(None, (-(-width * DRAFT_SIDE // long), -(-height * DRAFT_SIDE // long)))
        frame = Frame(pixels=_rgb(picture, turn), start=0.0, end=0.0)
    return Media(kind="image", properties=properties, frames=iter((frame,)), warnings=warnings)


def _animation(path: Path, warnings: list[str]) -> Iterator[Frame]:
    """Evenly sampled frames of an animation, each shown until the next one sampled."""
    with open_file(path) as file:
        with _step(path, warnings):
            picture = _open(file)
            turn = _orientation(picture, warnings)
            count: int = getattr(picture, "n_frames", 1)
            affordable = max(1, ANIMATION_PIXELS // (picture.width * picture.height))
        if count > affordable:
            warnings.append(f"only the first {affordable} of {count} frames were read: the limit is in pixels")
            count = affordable
        kept = min(count, ANIMATION_FRAMES)
        wanted = {index * count // kept for index in range(kept)}
        clock, waiting = 0.0, None
        for index in range(count):
            try:
                with _step(path, warnings):
                    picture.seek(index)
                    pixels = _rgb(picture, turn) if index in wanted else None
                    # Frames build on the one before, so even those left out are decoded.
                    picture.load()
                    delay = _delay(picture)
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
def _step(path: Path, warnings: list[str]) -> Iterator[None]:
    """A stretch of Pillow work: its own pixel limit off (ours holds), its complaints ours.

    Both are settings of the whole process, hence the lock; it is never held across a `yield` of a
    frame.
    """
    shown = repr(path.name)
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
        return Image.open(file, formats=READ_FORMATS)
    except UnidentifiedImageError as exc:
        raise CorruptMedia("its header is damaged; fetch it again from its source") from exc


@cache
def _register() -> None:
    """Nothing; adds the HEIF reader to Pillow, once, and finds every reader while imports still work."""
    pillow_heif.register_heif_opener(thumbnails=False)
    Image.init()


def _orientation(picture: Image.Image, warnings: list[str]) -> int:
    """The EXIF orientation, 1 to 8; 1 where none is given or it is damaged."""
    try:
        value = picture.getexif().get(_ORIENTATION_TAG, 1)
    except Exception as exc:
        warnings.append(f"damaged EXIF data were left unread ({exc or type(exc).__name__})")
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _delay(picture: Image.Image) -> float:
    """Seconds that the current frame is shown."""
    value = picture.info.get("duration", 0)
    seconds = value / 1000 if isinstance(value, int | float) else 0.0
    return seconds if SHORTEST_DELAY <= seconds < 86_400 else DEFAULT_DELAY


def _rgb(picture: Image.Image, turn: int) -> Pixels:
    """The current frame's pixels as 8-bit RGB, upright, on white where transparent; read-only."""
    picture.load()
    flat = _flat(picture)
    if turn in _TURNS:
        flat = flat.transpose(_TURNS[turn])
    pixels = np.array(flat, np.uint8)
    pixels.flags.writeable = False
    return pixels


def _flat(picture: Image.Image) -> Image.Image:
    """The picture in mode RGB, transparent pixels over white."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return Image.fromarray(_eight_bits(np.asarray(picture))).convert("RGB")
    if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        clear = picture.convert("RGBA")
        white = Image.new("RGBA", clear.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, clear).convert("RGB")
    return picture.convert("RGB")


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
