"""pHash and dHash as the package ImageHash computes them, for the exchange of hashes with other tools.

Up to MAX_EXACT_SIDE the hashes are those of ImageHash 4.3 bit for bit. They are computed here because `imagehash.phash`
imports SciPy, which costs 0.4 CPU seconds in each worker: more than all other imports that a query needs. One exception:
if the grey image is mirror-symmetric, half of its coefficients are zero but for rounding errors, and their bits are chance,
in ImageHash too.

`bytes.hex` of a row is the text form of ImageHash.
"""

from functools import cache
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.fingerprints import Metric
from mediafp.types.media import Pixels

HASH_SIDE: Final = 8
"""Rows and columns of bits in a hash."""
DCT_SIDE: Final = 32
"""Side, pixels, of the image that pHash transforms."""
MAX_EXACT_SIDE: Final = 1024
"""Longest side, pixels, up to which an image is resized as ImageHash does it; a larger one is first averaged down.

Images above 1,024 pixels are mostly decoded at a reduced scale (`ingest.images`), which by itself changes bits: 2 of pHash
in 5 % of 40 photos of 12 megapixels, 1 of dHash in 2 %. Of 150 photos enlarged to sides of 1,100 to 2,047 pixels, averaging
changed 2 bits of pHash in 7 %, 1 or 2 bits of dHash in 13 %, and cut the cost of both hashes of a decoded image of 2,000 x
1,500 pixels from 16 to 6 ms. An image of 480 x 360 pixels costs 1.1 ms.
"""
AVERAGED_SIDE: Final = 256
"""Side, pixels, that the longest side of a larger image keeps at least after averaging. Chosen from 256, 320, 400 and 512:
at 256 the fewest bits changed."""


class PerceptualHash:
    """Hashes of 64 bits of one kind; quality is always 1, since these hashes have no measure of it."""

    version = "1"
    consumes: Literal["frames"] = "frames"
    metric: Metric = "hamming"
    columns = HASH_SIDE * HASH_SIDE // 8
    max_rows = None

    def __init__(self, name: Literal["phash", "dhash"]) -> None:
        self.name = name
        self._hash = _phash if name == "phash" else _dhash

    def extract(self, images: list[Pixels]) -> tuple[npt.NDArray[np.uint8], Float32Array]:
        """Return packed bits (N, 8) and quality (N,)."""
        rows = [np.packbits(self._hash(image)) for image in images]
        return np.array(rows, np.uint8).reshape(-1, self.columns), np.ones(len(rows), np.float32)


def _phash(image: Pixels) -> npt.NDArray[np.bool_]:
    """Return the bits (8, 8) of pHash: low frequencies of the image that are above their median."""
    pixels = _grey_thumbnail(image, DCT_SIDE, DCT_SIDE).astype(np.float64)
    frequencies = _low_frequencies(_low_frequencies(pixels.T).T)
    return np.asarray(frequencies > np.median(frequencies))


def _dhash(image: Pixels) -> npt.NDArray[np.bool_]:
    """Return the bits (8, 8) of dHash: pixels that are brighter than their left neighbour."""
    pixels = _grey_thumbnail(image, HASH_SIDE + 1, HASH_SIDE)
    return np.asarray(pixels[:, 1:] > pixels[:, :-1])


def _grey_thumbnail(image: Pixels, width: int, height: int) -> Pixels:
    """Return the grey levels (height, width) of the image at this size."""
    from PIL import Image

    grey = Image.fromarray(image).convert("L")
    if max(grey.size) <= MAX_EXACT_SIDE:
        return np.asarray(grey.resize((width, height), Image.Resampling.LANCZOS))
    factor = max(grey.size) // AVERAGED_SIDE
    # The last column and row may stand for less than a whole pixel.
    box = (0.0, 0.0, grey.width / factor, grey.height / factor)
    return np.asarray(grey.reduce(factor).resize((width, height), Image.Resampling.LANCZOS, box))


def _low_frequencies(values: Float64Array) -> Float64Array:
    """Return the first HASH_SIDE coefficients of the discrete cosine transform (type II) along the last axis.

    The length is a power of two, at least HASH_SIDE. Each step adds and subtracts mirrored values, so that constant values
    have coefficients of exactly zero, as in ImageHash, and not of rounding errors, whose bits would be chance.
    """
    length = values.shape[-1]
    if length == 1:
        return 2 * values
    half = length // 2
    first, mirrored = values[..., :half], values[..., : half - 1 : -1]
    even = _low_frequencies(first + mirrored)
    odd = 2 * (first - mirrored) @ _odd_cosines(length)
    frequencies = np.empty((*values.shape[:-1], 2 * even.shape[-1]))
    frequencies[..., ::2], frequencies[..., 1::2] = even, odd[..., : even.shape[-1]]
    return frequencies[..., :HASH_SIDE]


@cache
def _odd_cosines(length: int) -> Float64Array:
    """Return the cosines (length / 2, length / 2) of the odd coefficients of a transform of this length."""
    positions, orders = np.arange(length // 2)[:, None], np.arange(1, length, 2)
    return np.asarray(np.cos(np.pi * orders * (2 * positions + 1) / (2 * length)))
