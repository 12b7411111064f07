"""Small JPEGs of decoded pictures, and back."""

import cv2
import numpy as np

from mediafp.types.errors import CorruptMedia
from mediafp.types.media import Pixels

QUALITY = 85


def encode_thumbnail(image: Pixels, side: int) -> bytes:
    """The picture as a JPEG with no side over `side` pixels."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise CorruptMedia(f"a picture of {width} x {height} pixels cannot be kept as a thumbnail")
    return bytes(data)


def decode_thumbnail(jpeg: bytes) -> Pixels:
    """The pixels of one of our own thumbnails, RGB."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise CorruptMedia("a stored thumbnail is damaged; run: mediafp verify")
    return np.ascontiguousarray(image[:, :, ::-1])
