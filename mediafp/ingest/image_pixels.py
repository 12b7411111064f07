"""Pixels of Pillow images: upright RGB of 8 bits, on a ground that shows them where they are transparent."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from mediafp.ingest.grounds import choose_grounds, on_ground
from mediafp.types.media import Pixels
from mediafp.types.pages import Ground

MIN_DECODED_SIDE: Final = 1024
"""Pixels on the longer side down to which a larger image is shrunk by a whole factor: twice the side of the thumbnails
that placement uses."""
TRANSPOSITIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Transposition that turns an image of each EXIF orientation upright; 1 is upright."""
_AVERAGED_MODES: Final = frozenset(("L", "RGB", "CMYK", "YCbCr"))
"""Pillow modes in which neighbouring pixels may be averaged without conversion."""
_TRANSPARENT_MODES: Final = ("RGBA", "LA", "PA", "RGBa", "La")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rendering:
    """Upright RGB pixels of an image, read-only."""

    pixels: Pixels
    ground: Ground | None
    """Ground of its transparent pixels; None if it has none."""


def image_pixels(image: Image.Image, orientation: int) -> Pixels:
    """Return the current frame of an image as upright RGB, on the ground that shows most of it; arguments as of `render`."""
    return render(image, orientation)[0].pixels


def render(
    image: Image.Image, orientation: int, *, factor: int | None = None, ground: Ground | None = None
) -> list[Rendering]:
    """Return the current frame of an image on the grounds that show it, the best first: one unless it is transparent.

    Args:
        image: The image in Pillow's form, at the frame to return.
        orientation: Its EXIF orientation, 1 to 8.
        factor: Whole number by which its sides are shrunk; None for the one that leaves `MIN_DECODED_SIDE` pixels on the
            longer side, or more.
        ground: The only ground of transparent pixels; None to choose.
    """
    image.load()
    shrunk = _to_rgb_or_rgba(image, max(image.size) // MIN_DECODED_SIDE if factor is None else factor)
    if shrunk.mode == "RGB":
        return [Rendering(pixels=_upright(shrunk, orientation), ground=None)]
    return [
        Rendering(pixels=_upright(on_ground(shrunk, one), orientation), ground=one)
        for one in ([ground] if ground else choose_grounds(shrunk))
    ]


def _upright(rgb: Image.Image, orientation: int) -> Pixels:
    if orientation in TRANSPOSITIONS:
        rgb = rgb.transpose(TRANSPOSITIONS[orientation])
    pixels = np.array(rgb, np.uint8)
    pixels.flags.writeable = False
    return pixels


def _to_rgb_or_rgba(image: Image.Image, factor: int) -> Image.Image:
    """Return an image in mode RGB, or RGBA if pixels of it are transparent, shrunk by `factor` if that is above 1.

    It is shrunk before anything else: each copy of 120 megapixels occupies half a gigabyte.
    """
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_eight_bits(_shrink_numbers(image, factor))).convert("RGB")
    if "transparency" in image.info or image.mode in _TRANSPARENT_MODES:
        rgba = _shrink(image.convert("RGBA"), factor)
        return rgba if rgba.getchannel("A").getextrema() != (255, 255) else rgba.convert("RGB")
    if image.mode in _AVERAGED_MODES:
        return _shrink(image, factor).convert("RGB")
    return _shrink(image.convert("RGB"), factor)


def _shrink(image: Image.Image, factor: int) -> Image.Image:
    """Return an image shrunk by an integer factor."""
    return image.reduce(factor) if factor > 1 else image


def _shrink_numbers(image: Image.Image, factor: int) -> npt.NDArray[Any]:
    """Return the values of an image of integers or floats, shrunk by an integer factor."""
    values = np.asarray(image)
    # "I;16B" has the other byte order.
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if factor <= 1:
        return values
    import cv2

    # OpenCV averages no integers of 32 bits.
    values = values if values.dtype == np.uint16 else values.astype(np.float32)
    size = (max(1, image.width // factor), max(1, image.height // factor))
    values = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return values.astype(np.int32) if image.mode == "I" else values


def _to_eight_bits(values: npt.NDArray[Any]) -> Pixels:
    """Return grey values of 16 or 32 bits, or floats, as 8 bits; Pillow's own conversion clips them to white."""
    if values.dtype.kind in "iu":
        highest = int(values.max(initial=0))
        if values.dtype.itemsize == 2 or highest > 255:
            white = 65_535 if highest <= 65_535 else highest
            return np.asarray(np.clip(values, 0, None).astype(np.float64) * (255 / white) + 0.5, np.uint8)
        return np.asarray(np.clip(values, 0, 255), np.uint8)
    finite = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    lowest, highest_float = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    gain = 255 / (highest_float - lowest) if highest_float > lowest else 0.0
    return np.asarray((finite - lowest) * gain, np.uint8)
