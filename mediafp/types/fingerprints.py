"""What is kept of an asset, and what a type of fingerprint has to offer."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array, Float64Array, pack_arrays, unpack_arrays
from mediafp.types.media import Pixels

Metric = Literal["cosine", "hamming"]
REFERENCE_CROPS = "sscd_distilled_crops"
"""The type whose rows are crops of one picture, which it may have; those of all others are whole pictures."""
MAX_CROPS_PER_IMAGE = 5
"""Its most rows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fingerprint:
    """The rows of one type that describe one asset; an image has one row, a video one a kept frame; crops apart.

    `spans` (N, 2) float64, presentation seconds in which the row's picture stands;
    `vectors` (N, D): float16 of unit length for `cosine`, packed uint8 bits for `hamming`;
    `quality` (N,) float32 in 0..1, low where the picture is too plain to be told apart.
    Arrays are read-only. Only fingerprints of equal (type, version) may be compared.
    """

    sha256: str
    type: str
    version: str
    spans: Float64Array
    vectors: npt.NDArray[np.float16] | npt.NDArray[np.uint8]
    quality: Float32Array

    def __post_init__(self) -> None:
        rows = len(self.vectors)
        if self.spans.shape != (rows, 2) or self.quality.shape != (rows,):
            raise ValueError(f"{self.type}: {rows} rows, spans {self.spans.shape}, quality {self.quality.shape}")
        for array in (self.spans, self.vectors, self.quality):
            array.setflags(write=False)


class FingerprintType(Protocol):
    """Arrays in, rows out. `name` and `version` are stored with every row; versions never compare."""

    name: str
    metric: Metric
    columns: int
    """Columns of `vectors`: dimensions for cosine, bytes for hamming."""

    @property
    def version(self) -> str:
        """What has to be equal for two fingerprints to be compared; a model's SHA-256 is part of it."""
        ...

    def extract(self, images: list[Pixels]) -> tuple[npt.NDArray[np.float16] | npt.NDArray[np.uint8], Float32Array]:
        """Vectors (N, width) and quality (N,) in 0..1 of N RGB pictures of any size."""
        ...


def pack_fingerprint(fingerprint: Fingerprint) -> bytes:
    """Return the spans, vectors and quality of a fingerprint as packed arrays."""
    return pack_arrays(fingerprint.spans, fingerprint.vectors, fingerprint.quality)


def unpack_fingerprint(sha256: str, type: str, version: str, data: bytes) -> Fingerprint:
    """Return the fingerprint of an asset from its packed arrays.

    Raises:
        ValueError: The bytes are damaged, or the arrays do not form a fingerprint.
    """
    arrays: list[npt.NDArray[Any]] = list(unpack_arrays(data))
    if [array.ndim for array in arrays] != [2, 2, 1]:
        dimensions = [array.ndim for array in arrays]
        raise ValueError(f"{len(arrays)} arrays of {dimensions} dimensions do not form a fingerprint")
    spans, vectors, quality = arrays
    return Fingerprint(sha256=sha256, type=type, version=version, spans=spans, vectors=vectors, quality=quality)
