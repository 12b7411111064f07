"""Thumbnails in the EXIF data of pictures, of which some show what was cut away: editors often leave the camera's own."""

import io
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from mediafp.ingest.image_pixels import image_pixels
from mediafp.types.media import Pixels
from mediafp.types.sightings import Clue

MAX_THUMBNAIL_SIDE: Final = 640
"""Pixels of the longer side of a thumbnail that is compared: the EXIF standard suggests 160 x 120. Chosen, not measured."""
MIN_THUMBNAIL_SIDE: Final = 24
"""Pixels of the shorter side of a thumbnail that is compared. Chosen, not measured."""
SEARCH_SIDE: Final = 160
"""Pixels of the longer side at which the two are compared; a larger thumbnail is shrunk."""
MIN_WHOLE_CORRELATION: Final = 0.9
"""Correlation of the whole picture with the whole thumbnail from which on both show the same. Chosen, not measured: a
thumbnail of a picture that was not cut has .97 or more."""
MIN_PART_CORRELATION: Final = 0.93
"""Correlation of the picture with a part of the thumbnail from which on it is that part. Chosen, not measured."""
MIN_CORRELATION_GAIN: Final = 0.05
"""Amount by which the part must agree better than the whole. Chosen, not measured."""
MAX_SHARE: Final = 0.94
"""Share of the thumbnail's area above which a part is the whole, moved by rounding. Chosen, not measured."""
MIN_SHARE: Final = 0.05
"""Share of the thumbnail's area that is searched for at least. Chosen: smaller parts have a few hundred pixels."""
MIN_PART_SIDE: Final = 12
"""Pixels of the shorter side of a part. Chosen, not measured."""
MIN_DEVIATION: Final = 6.0
"""Standard deviation of grey levels (0..255) below which an area shows nothing: bars, or a plain picture. Chosen, not
measured."""
SCALE_STEP: Final = 1.03
"""Factor between the sizes that are tried. Chosen, not measured."""
_LENGTH_TAG: Final = 0x0202
_OFFSET_TAG: Final = 0x0201
_EXIF_PREFIX: Final = b"Exif\0\0"

type _Grey = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UncutThumbnail:
    """A thumbnail that shows more than its picture."""

    pixels: Pixels
    """The thumbnail, upright."""
    share: float
    """Share of its area that the picture shows, 0..1."""


def read_embedded_thumbnail(image: Image.Image, orientation: int) -> Pixels | None:
    """Return the thumbnail in the EXIF data of an image, upright; None if there is none that can be decoded.

    Args:
        image: The image in Pillow's form.
        orientation: EXIF orientation of the image, which holds for its thumbnail too.
    """
    try:
        data = image.info.get("exif")
        if not isinstance(data, bytes):
            return None
        directory = image.getexif().get_ifd(ExifTags.IFD.IFD1)
        start, length = directory.get(_OFFSET_TAG), directory.get(_LENGTH_TAG)
        if not (isinstance(start, int) and isinstance(length, int) and start > 0 and length > 0):
            return None
        data = data.removeprefix(_EXIF_PREFIX)
        with Image.open(io.BytesIO(data[start : start + length]), formats=("JPEG",)) as thumbnail:
            if not (min(thumbnail.size) >= MIN_THUMBNAIL_SIDE and max(thumbnail.size) <= MAX_THUMBNAIL_SIDE):
                return None
            return image_pixels(thumbnail, orientation)
    except Exception:
        # Pillow raises whatever damaged bytes lead it to; the picture itself is not affected.
        return None


def find_uncut(picture: Pixels, thumbnail: Pixels) -> UncutThumbnail | None:
    """Return the thumbnail with the share of it that the picture shows, if the picture is a proper part of it.

    A thumbnail with bars around the picture shows no more than it. The two may differ in brightness and contrast.
    """
    import cv2

    scale = min(1.0, SEARCH_SIDE / max(thumbnail.shape[:2]))
    whole = _grey(thumbnail)
    if scale < 1:
        whole = np.asarray(cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    grey = _grey(picture)
    height, width = whole.shape
    aspect = grey.shape[1] / grey.shape[0]
    fitting = (
        (width, max(1, round(width / aspect))) if width / aspect <= height else (max(1, round(height * aspect)), height)
    )
    if grey.std() < MIN_DEVIATION or min(fitting) < MIN_PART_SIDE:
        return None
    # Some programs squeeze it by a pixel or two.
    agreement = _best_place(whole, grey, (width, height))[0]
    if agreement >= MIN_WHOLE_CORRELATION:
        return None
    best, place = 0.0, (0, 0, 0, 0)
    size = float(fitting[0])
    while True:
        part = (round(size), max(1, round(size / aspect))) if size < fitting[0] else fitting
        if part[0] * part[1] < MIN_SHARE * width * height or min(part) < MIN_PART_SIDE:
            break
        correlation, (left, top) = _best_place(whole, grey, part)
        if correlation > best:
            best, place = correlation, (left, top, *part)
        size /= SCALE_STEP
    share = place[2] * place[3] / (width * height)
    if best < max(MIN_PART_CORRELATION, agreement + MIN_CORRELATION_GAIN) or share > MAX_SHARE:
        return None
    outside = np.ones(whole.shape, bool)
    outside[place[1] : place[1] + place[3], place[0] : place[0] + place[2]] = False
    # Cameras write 160 x 120 pixels with bars, whatever the picture's shape.
    return UncutThumbnail(pixels=thumbnail, share=share) if whole[outside].std() >= MIN_DEVIATION else None


def uncut_clues(uncut: UncutThumbnail) -> list[Clue]:
    """Return the clues that a picture was cut: what its thumbnail shows, and how much of it is left."""
    height, width = uncut.pixels.shape[:2]
    more = f"{width} x {height} pixels, shows {1 / uncut.share - 1:.0%} more than the picture"
    left = f"the picture shows {uncut.share:.0%} of its embedded thumbnail"
    return [
        Clue(kind=kind, value=value, source="EXIF thumbnail", trust="high")
        for kind, value in (("embedded_thumbnail", more), ("uncropped", left))
    ]


def _best_place(whole: _Grey, grey: _Grey, size: tuple[int, int]) -> tuple[float, tuple[int, int]]:
    """Return the best correlation of the picture, shrunk to a size, with a part of the whole; and left and top of the part."""
    import cv2

    part = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    _, correlation, _, place = cv2.minMaxLoc(cv2.matchTemplate(whole, part, cv2.TM_CCOEFF_NORMED))
    return (float(correlation), (int(place[0]), int(place[1]))) if np.isfinite(correlation) else (0.0, (0, 0))


def _grey(pixels: Pixels) -> _Grey:
    import cv2

    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.float32)
