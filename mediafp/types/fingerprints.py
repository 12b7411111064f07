"""Fingerprints: the rows that describe one asset."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mediafp.types.arrays import Float32Array, Float64Array, pack_arrays, unpack_arrays

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Metric = Literal["cosine", "hamming", "grey"]
type Vectors = npt.NDArray[np.float16] | npt.NDArray[np.uint8]
"""Rows (N, columns): float16 of unit length for `cosine`, packed bits in uint8 for `hamming`, grey levels in uint8 for `grey`."""


class TimedRows(NamedTuple):
    """Rows with spans of their own."""

    spans: Float64Array
    """(N, 2), start and end in presentation seconds."""
    vectors: Vectors
    quality: Float32Array
    """(N,), 0..1."""


class SoundRows(NamedTuple):
    """One sound of a file among those of which a transcript fingerprint has rows."""

    track: int
    """Number of the audio track, from 0."""
    channel: int | None
    """Number of the channel, from 0, if the channels of the track were transcribed one by one."""
    rows: int
    """Number of rows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fingerprint:
    """Rows of one type and version that describe one asset.

    Only fingerprints of equal type and version may be compared. The arrays are read-only.
    """

    sha256: str
    type: str
    version: str
    spans: Float64Array
    """(N, 2), start and end in presentation seconds of the part that the row describes."""
    vectors: Vectors
    quality: Float32Array
    """(N,), 0..1, low if the part has so little content that it resembles many others."""
    sounds: tuple[SoundRows, ...] = ()
    """Sounds of a transcript, in the order of their rows: track after track, each in time; () if all rows are of one sound."""

    def __post_init__(self) -> None:
        rows = len(self.vectors)
        if self.spans.shape != (rows, 2) or self.quality.shape != (rows,):
            raise ValueError(f"{self.type}: {rows} rows, spans {self.spans.shape}, quality {self.quality.shape}")
        if self.sounds and sum(sound.rows for sound in self.sounds) != rows:
            raise ValueError(f"{self.type}: {rows} rows, and {sum(sound.rows for sound in self.sounds)} of its sounds")
        for array in (self.spans, self.vectors, self.quality):
            array.setflags(write=False)


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
