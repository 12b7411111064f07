"""Thumbnails: small JPEGs of decoded images and frames."""

import logging
from typing import Final

import numpy as np

from mediafp.types.errors import CorruptMedia
from mediafp.types.jpeg import thumbnail_size
from mediafp.types.media import Pixels

_logger = logging.getLogger(__name__)

JPEG_QUALITY: Final = 85
"""JPEG quality of a thumbnail, 0 to 100. Chosen, not measured."""


def encode_thumbnail(image: Pixels, max_side: int) -> bytes:
    """Return an RGB image as a JPEG, scaled down to `max_side` pixels on its longer side if it is larger."""
    import cv2

    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return _encode_bgr(np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8))


def decode_thumbnail(jpeg: bytes) -> Pixels:
    """Return the pixels of a stored thumbnail, RGB.

    Its header is checked first: OpenCV allocates what a header claims, and decodes more formats than this one.

    Raises:
        CorruptMedia: It is not a JPEG as `encode_thumbnail` writes it.
    """
    import cv2

    # OpenCV changes the order of colours in a thirtieth of the time of NumPy.
    return np.asarray(cv2.cvtColor(_decode_bgr(jpeg), cv2.COLOR_BGR2RGB), np.uint8)


def encode_anew(jpeg: bytes) -> bytes:
    """Return a stored thumbnail as a JPEG of the same size that this process encoded.

    Raises:
        CorruptMedia: It is not a JPEG as `encode_thumbnail` writes it.
    """
    # In OpenCV's order of colours, since each change of it costs half as much as decoding.
    return _encode_bgr(_decode_bgr(jpeg))


def find_pixels(jpeg: bytes) -> Pixels | None:
    """Return the pixels of a thumbnail of a query, RGB; None if it is damaged, as the query may do without it."""
    try:
        return decode_thumbnail(jpeg)
    except CorruptMedia as error:
        _logger.info("skipped a thumbnail of the query: %s", error)
        return None


def _encode_bgr(image: Pixels) -> bytes:
    import cv2

    is_encoded, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not is_encoded:
        height, width = image.shape[:2]
        raise CorruptMedia(
            f"cannot encode a thumbnail: OpenCV rejects {width} x {height} pixels; convert the file first"
        )
    return bytes(data)


def _decode_bgr(jpeg: bytes) -> Pixels:
    import cv2

    try:
        width, height = thumbnail_size(jpeg)
    except (ValueError, TypeError) as error:
        raise CorruptMedia(f"cannot decode a stored thumbnail: it is damaged ({error}); run: mediafp verify") from error
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None or image.shape != (height, width, 3):
        raise CorruptMedia("cannot decode a stored thumbnail: it is damaged; run: mediafp verify")
    return np.asarray(image, np.uint8)
