"""pHash and dHash as imagehash computes them, for exchange with tools that speak them."""

from collections.abc import Callable

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from mediafp.fingerprint import Metric
from mediafp.media import Pixels


class PlainHash:
    """64 bits of imagehash in 8 bytes; quality is 1, since these hashes have no measure of it."""

    version = "1"
    metric: Metric = "hamming"
    width = 8

    def __init__(self, name: str, function: Callable[[Image.Image], imagehash.ImageHash]) -> None:
        self.name = name
        self._function = function

    def extract(self, pictures: list[Pixels]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Packed bits (N, 8) uint8, in the order of imagehash's hexadecimal form."""
        rows = [np.packbits(self._function(Image.fromarray(picture)).hash.ravel()) for picture in pictures]
        return np.array(rows, np.uint8).reshape(-1, self.width), np.ones(len(rows), np.float32)
