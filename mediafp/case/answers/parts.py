"""A part of an image, or of a frame of a video, as an image of its own."""

from typing import Final

import numpy as np

from mediafp.engine.interface import AnalysisRequest, Engine
from mediafp.ingest.files import OpenFile
from mediafp.ingest.stable_content import stable_content
from mediafp.types.errors import CorruptMedia, UsageError
from mediafp.types.media import Asset, Pixels
from mediafp.types.saved_queries import Box

MIN_PART_SIDE: Final = 24
"""Pixels of the sides of a part; an image that is smaller is taken as a whole. Chosen: less has too few keypoints to be found."""


def read_pixels(file: OpenFile, asset: Asset, seconds: float, engine: Engine) -> Pixels:
    """Return an image, or the frame of a video at a time, decoded by a worker. Raises MediaError if it cannot be decoded."""
    with stable_content(file, asset.sha256) as content:
        if asset.kind == "video":
            (jpeg,) = engine.read_frames(content, [seconds])
            if jpeg is None:
                raise CorruptMedia(
                    f"cannot search a part of {asset.sha256[:12]}: it shows no frame at this time; choose another time"
                )
            return engine.decode_thumbnail(jpeg, apart=True)
        request = AnalysisRequest(image=True, matched_only=True)
        image = engine.analyse(content, asset.sha256, "image", request).image
    if image is None:
        raise CorruptMedia(f"cannot search a part of {asset.sha256[:12]}: it has no pixels; choose another file")
    return image


def crop(pixels: Pixels, box: Box, size: tuple[int, int]) -> bytes:
    """Return a part of an image as a PNG.

    Args:
        pixels: The image, which may be smaller than stated.
        box: The part, in pixels of the size.
        size: Width and height of the image as its asset states them.

    Raises:
        UsageError: The box is too small, or lies outside the image.
    """
    import cv2

    (left, top, width, height), (whole_width, whole_height) = box, size
    left, top = max(0.0, left), max(0.0, top)
    right, bottom = min(float(whole_width), box[0] + width), min(float(whole_height), box[1] + height)
    if right - left < min(MIN_PART_SIDE, whole_width) or bottom - top < min(MIN_PART_SIDE, whole_height):
        raise UsageError(
            f"cannot search a part of {max(0.0, right - left):.0f} x {max(0.0, bottom - top):.0f} pixels: it is too small;"
            f" draw a box of {MIN_PART_SIDE} pixels or more inside the image"
        )
    rows, columns = pixels.shape[:2]
    x, y = columns / whole_width, rows / whole_height
    first_column, first_row = round(left * x), round(top * y)
    part = pixels[
        first_row : max(first_row + 1, round(bottom * y)), first_column : max(first_column + 1, round(right * x))
    ]
    encoded, data = cv2.imencode(".png", cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2BGR))
    assert encoded, "OpenCV writes every 8-bit RGB image as PNG"
    return bytes(data)
