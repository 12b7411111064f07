"""The pixels of thumbnails. A worker alone imports this module: a thumbnail comes from a worker that may be taken over."""

import numpy as np

from mediafp.types.errors import CorruptMedia
from mediafp.types.jpeg import check_stored_thumbnail
from mediafp.types.media import Pixels


def decode_thumbnail(jpeg: bytes) -> Pixels:
    """Return the pixels of a thumbnail, RGB.

    Its header is checked first: OpenCV allocates what a header claims, and decodes more formats than this one.

    Raises:
        CorruptMedia: It is not a JPEG as `encode_thumbnail` writes it.
    """
    import cv2

    width, height = check_stored_thumbnail(jpeg)
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None or image.shape != (height, width, 3):
        raise CorruptMedia("cannot decode a stored thumbnail: it is damaged; run: mediafp verify")
    # OpenCV changes the order of colours in a thirtieth of the time of NumPy.
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
