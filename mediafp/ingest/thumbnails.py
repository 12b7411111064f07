"""Thumbnails: small JPEGs of decoded images and frames."""

from typing import Final

from mediafp.types.errors import CorruptMedia
from mediafp.types.media import Pixels
from mediafp.types.scaled_images import shrink

JPEG_QUALITY: Final = 85
"""JPEG quality of a thumbnail, 0 to 100. Chosen, not measured."""


def encode_thumbnail(image: Pixels, max_side: int) -> bytes:
    """Return an RGB image as a JPEG, scaled down to `max_side` pixels on its longer side if it is larger."""
    import cv2

    image = shrink(image, max_side)
    is_encoded, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    if not is_encoded:
        height, width = image.shape[:2]
        raise CorruptMedia(
            f"cannot encode a thumbnail: OpenCV rejects {width} x {height} pixels; convert the file first"
        )
    return bytes(data)
