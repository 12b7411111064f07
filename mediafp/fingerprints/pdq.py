"""PDQ, the 256-bit perceptual hash of ThreatExchange (Davis and Rosen, The TMK+PDQF and PDQ algorithms, 2019)."""

import cv2
import numpy as np
import numpy.typing as npt
import pdqhash

from mediafp.types.fingerprints import Metric
from mediafp.types.media import Pixels

MAX_SIDE = 256
"""Longest side handed to PDQ, pixels; its own first step averages down to 64 x 64, so more adds only cost."""
HASH_BYTES = 32
MIN_QUALITY = 50
"""PDQ's own measure, 0 to 100, below which a hash says nothing (ThreatExchange's advice)."""


class Pdq:
    """256 bits in 32 bytes; quality is PDQ's own gradient measure, 0..1."""

    name = "pdq"
    version = f"1-{MAX_SIDE}"
    metric: Metric = "hamming"
    columns = HASH_BYTES

    def extract(self, images: list[Pixels]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Packed bits (N, 32) uint8 and quality (N,) float32."""
        bits = np.zeros((len(images), HASH_BYTES), np.uint8)
        quality = np.zeros(len(images), np.float32)
        for row, image in enumerate(images):
            vector, measure = pdqhash.compute(downscale(image))
            bits[row] = np.packbits(np.asarray(vector, np.uint8))
            quality[row] = measure / 100
        return bits, quality

    def dihedral_hashes(self, image: Pixels) -> npt.NDArray[np.uint8]:
        """The hashes (8, 32) of the picture's turns and flips, the first as it is; none (0, 32) of too plain a picture.

        Each is hashed anew: turning the transform instead, as PDQ's own dihedral function does, lands up to 48 bits off.
        """
        small = downscale(image)
        forms = [np.rot90(form, turns) for form in (small, small[:, ::-1]) for turns in range(4)]
        found = [pdqhash.compute(np.ascontiguousarray(form)) for form in forms]
        bits = np.packbits(np.asarray([vector for vector, _ in found], np.uint8), axis=1)
        return bits if found[0][1] >= MIN_QUALITY else bits[:0]


def downscale(image: Pixels) -> Pixels:
    """The picture with no side over SIDE, and none under 2 (PDQ fails on less)."""
    height, width = image.shape[:2]
    scale = min(1.0, MAX_SIDE / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    if size == (width, height):
        return np.ascontiguousarray(image)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
