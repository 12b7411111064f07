"""Sizes of scaled images, and images in a smaller size."""

import numpy as np

from mediafp.types.media import Pixels


def scaled_size(width: float, height: float, scale: float) -> tuple[int, int]:
    """Return width and height of a scaled image in whole pixels, at least one each way."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink(image: Pixels, max_side: int) -> Pixels:
    """Return an image with at most `max_side` pixels on its longer side; the same array if it has no more."""
    import cv2

    height, width = image.shape[:2]
    scale = max_side / max(height, width)
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, scaled_size(width, height, scale), interpolation=cv2.INTER_AREA), np.uint8)
