"""PDQ, the 256-bit perceptual hash of ThreatExchange (Davis and Rosen, The TMK+PDQF and PDQ algorithms, 2019)."""

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array
from mediafp.types.fingerprints import Metric
from mediafp.types.hashes import MIN_PDQ_QUALITY
from mediafp.types.media import Pixels

MAX_SIDE: Final = 256
"""Longest side of an image given to PDQ, pixels. PDQ itself first averages an image down to 64 x 64, so that more pixels
cost time only. Chosen, not measured."""
HASH_BYTES: Final = 32


class Pdq:
    """PDQ hashes of 256 bits; quality is PDQ's own measure of the gradients, 0..1."""

    name = "pdq"
    version = f"1-{MAX_SIDE}"
    consumes: Literal["frames"] = "frames"
    metric: Metric = "hamming"
    columns = HASH_BYTES
    max_rows = None

    def extract(self, images: list[Pixels]) -> tuple[npt.NDArray[np.uint8], Float32Array]:
        """Return packed bits (N, 32) and quality (N,)."""
        import pdqhash

        bits = np.zeros((len(images), HASH_BYTES), np.uint8)
        quality = np.zeros(len(images), np.float32)
        for row, image in enumerate(images):
            vector, gradient_quality = pdqhash.compute(downscale(image))
            bits[row] = np.packbits(np.asarray(vector, np.uint8))
            quality[row] = gradient_quality / 100
        return bits, quality

    def dihedral_hashes(self, image: Pixels) -> npt.NDArray[np.uint8]:
        """Return the hashes (8, 32) of the four rotations of an image and of its mirror image, the upright one first.

        An image of a quality below `MIN_PDQ_QUALITY` has no hashes (0, 32). Each form is hashed by itself: PDQ's dihedral
        function, which transforms the coefficients instead, differs from that by up to 48 bits.
        """
        import pdqhash

        small = downscale(image)
        forms = [np.rot90(form, turns) for form in (small, small[:, ::-1]) for turns in range(4)]
        hashes = [pdqhash.compute(np.ascontiguousarray(form)) for form in forms]
        bits = np.packbits(np.asarray([vector for vector, _ in hashes], np.uint8), axis=1)
        return bits if hashes[0][1] >= MIN_PDQ_QUALITY else bits[:0]


def downscale(image: Pixels) -> Pixels:
    """Return the image with its longer side at most MAX_SIDE and its shorter at least 2, below which PDQ fails."""
    import cv2

    height, width = image.shape[:2]
    scale = min(1.0, MAX_SIDE / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    if size == (width, height):
        return np.ascontiguousarray(image)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
