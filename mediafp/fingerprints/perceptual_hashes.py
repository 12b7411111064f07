"""pHash and dHash as imagehash computes them, for exchange with tools that speak them."""

from collections.abc import Callable

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from mediafp.types.fingerprints import Metric
from mediafp.types.media import Pixels


class PerceptualHash:
    """64 bits of imagehash in 8 bytes; quality is 1, since these hashes have no measure of it."""

    version = "1"
    metric: Metric = "hamming"
    columns = 8

    def __init__(self, name: str, function: Callable[[Image.Image], imagehash.ImageHash]) -> None:
        self.name = name
        self._function = function

    def extract(self, images: list[Pixels]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Packed bits (N, 8) uint8, in the order of imagehash's hexadecimal form."""
        rows = [np.packbits(self._function(Image.fromarray(image)).hash.ravel()) for image in images]
        return np.array(rows, np.uint8).reshape(-1, self.columns), np.ones(len(rows), np.float32)
