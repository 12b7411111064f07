"""Protocols of fingerprint types: what a type declares and offers.

A type is a class with the attributes of `FingerprintType` and an `extract` method. `consumes` states the input of
`extract`, and thereby where the time spans of its rows come from:

- `frames`: images and the kept frames of videos, one row each, with the span of the frame (FrameFingerprintType);
- `image`: one still image, any number of rows, each with the span 0 to 0 (ImageFingerprintType);
- `thumbnail`: the stored thumbnail of a still image, otherwise the same: what it finds is found in the thumbnail again
  (ThumbnailFingerprintType);
- `frame_thumbnails`: the stored thumbnails of the kept frames of a video, any number of rows with the spans of their frames
  (FrameThumbnailsFingerprintType);
- `track`: the frame track of a video, any number of rows with spans of their own (TrackFingerprintType);
- `audio`: one audio track of a video, any number of rows with spans of their own (AudioFingerprintType); those of several tracks
  follow each other;
- `transcript`: a transcript, any number of rows with spans of their own (TranscriptFingerprintType).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.fingerprints import Metric, TimedRows, Vectors
from mediafp.types.media import Audio, FrameTrack, Pixels
from mediafp.types.transcripts import Transcript

Consumes = Literal["frames", "image", "thumbnail", "frame_thumbnails", "track", "audio", "transcript"]
OWN_SPANS: Final[frozenset[Consumes]] = frozenset(("frame_thumbnails", "track", "audio"))
"""Inputs whose rows have spans of their own, and are computed from a file; those of a transcript are computed later."""
VECTOR_DTYPES: Final[dict[Metric, str]] = {"cosine": "float16", "hamming": "uint8", "grey": "uint8"}
MAX_VECTOR_LENGTH: Final = 1.01
"""Length above which a `cosine` vector is invalid: it would be similar to everything. Chosen: a unit vector that is
rounded to float16 is at most 0.1 % longer."""


class FingerprintType(Protocol):
    """Declaration of a fingerprint type; the attributes do not change."""

    @property
    def name(self) -> str:
        """Name that is stored with each fingerprint."""

    @property
    def version(self) -> str:
        """Version that is stored with each fingerprint: everything that changes the rows, such as a model's SHA-256."""

    @property
    def consumes(self) -> Consumes:
        """Input of `extract`."""

    @property
    def metric(self) -> Metric:
        """Measure by which rows are compared."""

    @property
    def columns(self) -> int:
        """Columns of the vectors: dimensions for `cosine`, bytes for `hamming`."""

    @property
    def max_rows(self) -> int | None:
        """Greatest number of rows of one asset; None if there is no limit, or one row for each frame."""


class FrameFingerprintType(FingerprintType, Protocol):
    """Type with one row for each image or kept frame."""

    @property
    def consumes(self) -> Literal["frames"]:
        """Images and frames."""

    def extract(self, images: list[Pixels]) -> tuple[Vectors, Float32Array]:
        """Return vectors (N, columns) and quality (N,) of N images of any size."""


class ImageFingerprintType(FingerprintType, Protocol):
    """Type with several rows for one still image."""

    @property
    def consumes(self) -> Literal["image"]:
        """A still image."""

    def extract(self, image: Pixels) -> tuple[Vectors, Float32Array]:
        """Return vectors (N, columns) and quality (N,) of one image."""


class ThumbnailFingerprintType(FingerprintType, Protocol):
    """Type with several rows for the thumbnail of one still image."""

    @property
    def consumes(self) -> Literal["thumbnail"]:
        """The decoded thumbnail of a still image, as the store keeps it."""

    def extract(self, image: Pixels) -> tuple[Vectors, Float32Array]:
        """Return vectors (N, columns) and quality (N,) of one thumbnail."""


class FrameThumbnailsFingerprintType(FingerprintType, Protocol):
    """Type with rows for parts of the kept frames of a video."""

    @property
    def consumes(self) -> Literal["frame_thumbnails"]:
        """The decoded thumbnails of a video, as the store keeps them."""

    def extract(self, frames: Sequence[Pixels], spans: Float64Array) -> TimedRows:
        """Return the rows of kept frames with these spans (N, 2)."""


class TrackFingerprintType(FingerprintType, Protocol):
    """Type with rows for parts of a frame track."""

    @property
    def consumes(self) -> Literal["track"]:
        """A frame track."""

    def extract(self, track: FrameTrack) -> TimedRows:
        """Return the rows of a frame track."""


class AudioFingerprintType(FingerprintType, Protocol):
    """Type with rows for parts of an audio track."""

    @property
    def consumes(self) -> Literal["audio"]:
        """An audio track."""

    def extract(self, audio: Audio) -> TimedRows:
        """Return the rows of an audio track."""


class TranscriptFingerprintType(FingerprintType, Protocol):
    """Type with rows for parts of a transcript."""

    @property
    def consumes(self) -> Literal["transcript"]:
        """A transcript."""

    def extract(self, transcript: Transcript) -> TimedRows:
        """Return the rows of a transcript."""


AnyFingerprintType = (
    FrameFingerprintType
    | ImageFingerprintType
    | ThumbnailFingerprintType
    | FrameThumbnailsFingerprintType
    | TrackFingerprintType
    | AudioFingerprintType
    | TranscriptFingerprintType
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintDeclaration:
    """Declared properties of a fingerprint type, without the type itself; the meaning is that of `FingerprintType`."""

    name: str
    consumes: Consumes
    metric: Metric
    columns: int
    max_rows: int | None


def no_rows(declared: FingerprintType) -> TimedRows:
    """Return the rows of an asset that has nothing for the type to describe, such as a video without audio."""
    import numpy as np

    no_vectors: Vectors = np.empty((0, declared.columns), VECTOR_DTYPES[declared.metric])
    return TimedRows(np.empty((0, 2)), no_vectors, np.empty(0, np.float32))


def check_rows(declaration: FingerprintDeclaration, rows: TimedRows) -> None:
    """Check that rows are as their type declares them.

    The number of rows of a type that consumes frames is not checked, as it depends on the asset.

    Raises:
        ValueError: They are not; the message states the type and the reason.
    """
    import numpy as np

    name, (spans, vectors, quality) = declaration.name, rows
    dtype = np.dtype(VECTOR_DTYPES[declaration.metric])
    if (vectors.dtype, quality.dtype, spans.dtype) != (dtype, np.dtype(np.float32), np.dtype(np.float64)):
        raise ValueError(f"{name}: vectors of {vectors.dtype}, quality of {quality.dtype}, spans of {spans.dtype}")
    count = len(vectors) if vectors.ndim else 0
    if vectors.shape != (count, declaration.columns) or quality.shape != (count,) or spans.shape != (count, 2):
        raise ValueError(f"{name}: vectors {vectors.shape}, quality {quality.shape}, spans {spans.shape}")
    if declaration.max_rows is not None and count > declaration.max_rows:
        raise ValueError(f"{name}: {count} rows, more than {declaration.max_rows}")
    if not (np.isfinite(vectors).all() and np.isfinite(quality).all() and np.isfinite(spans).all()):
        raise ValueError(f"{name}: values that are not finite")
    # Summed without a copy of the vectors in float32, which those of a long video would double the memory with.
    if (
        declaration.metric == "cosine"
        and (np.einsum("ij,ij->i", vectors, vectors, dtype=np.float32) > MAX_VECTOR_LENGTH**2).any()
    ):
        raise ValueError(f"{name}: a vector longer than {MAX_VECTOR_LENGTH}")
    if ((quality < 0) | (quality > 1)).any():
        raise ValueError(f"{name}: a quality outside 0..1")
    if (spans[:, 1] < spans[:, 0]).any():
        raise ValueError(f"{name}: a span that ends before it starts")
    if declaration.consumes in ("image", "thumbnail") and spans.any():
        raise ValueError(f"{name}: a still image with time spans")
