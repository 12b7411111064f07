"""Checks of the results of workers."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mediafp.engine.analysis import SEARCH_TYPE, STORED_TYPES
from mediafp.engine.local.messages import (
    MAX_LINES,
    AnalysisResult,
    PackedFingerprint,
    PackedTextLine,
    Property,
    truncate_texts,
)
from mediafp.fingerprints.reference_crops import reference_crops_version
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.text.ocr.reader import ocr_version
from mediafp.types.arrays import unpack_arrays
from mediafp.types.fingerprints import MAX_CROPS_PER_IMAGE, REFERENCE_CROPS, Fingerprint, FingerprintType
from mediafp.types.matches import OcrResult, TextLine
from mediafp.types.media import Asset, Pixels, Thumbnail
from mediafp.types.runs import FileAnalysis

MAX_PROPERTIES, PROPERTY_CHARS = 32, 200
MAX_COORDINATE = float(1 << 28)
"""Pixels: more than the longest side of any picture that is read."""
IMAGE_SIDE = 1 << 16
MAX_NORM = 1.01
"""Length of a vector, rounded to float16: one that is longer would be like everything."""
JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"


def validate_lines(lines: list[PackedTextLine]) -> OcrResult:
    """The text of a picture. Raises ValueError where it could not be that of any."""
    if len(lines) > MAX_LINES:
        raise ValueError("more lines than a picture has")
    made = []
    for line in lines:
        if not 0 <= line.confidence <= 1 or not all(abs(at) <= MAX_COORDINATE for at in line.box):
            raise ValueError("a line of text that is none")
        corners = tuple(zip(line.box[::2], line.box[1::2], strict=True))
        made.append(TextLine(text=line.text, box=corners, confidence=line.confidence))
    return OcrResult(version=ocr_version(), lines=tuple(made))


def validate_analysis(message: AnalysisResult, sha256: str, size: int) -> FileAnalysis:
    """A reading of the file with this SHA-256 and so many bytes, its sound apart.

    Raises ValueError where it could not be that of any file.
    """
    (spans,) = _arrays(message.spans, np.float64)
    if spans.ndim != 2 or spans.shape[1] != 2 or not np.isfinite(spans).all() or (spans[:, 1] < spans[:, 0]).any():
        raise ValueError("spans that are none")
    count = len(spans)
    if [row.name for row in message.rows] != list(STORED_TYPES) or len(message.thumbnails) != count:
        raise ValueError("rows or thumbnails are missing")
    if not all(jpeg.startswith(JPEG_START) and jpeg.endswith(JPEG_END) for jpeg in message.thumbnails):
        raise ValueError("a thumbnail that is none")
    if message.kind == "image" and not count:
        raise ValueError("a picture without a row")
    if message.kind != "image" and message.crops is not None:
        raise ValueError("crops of what is no picture")
    return FileAnalysis(
        asset=Asset(sha256=sha256, kind=message.kind, bytes=size, properties=_properties(message.properties)),
        fingerprints=tuple(_fingerprint(row, sha256, spans) for row in message.rows),
        thumbnails=tuple(
            Thumbnail(position=n, seconds=float(spans[n, 0]), jpeg=jpeg) for n, jpeg in enumerate(message.thumbnails)
        ),
        warnings=tuple(truncate_texts(message.warnings)),
        image=_image(message.image) if message.image else None,
        text=validate_lines(message.text) if message.text is not None else None,
        crops=_crops(message.crops, sha256) if message.crops is not None else None,
    )


def _fingerprint(row: PackedFingerprint, sha256: str, spans: npt.NDArray[np.float64]) -> Fingerprint:
    kind = fingerprint_type(row.name)
    vectors, quality = _vectors(row, kind)
    if len(vectors) != len(spans):
        raise ValueError(f"{row.name}: rows of another shape")
    return Fingerprint(
        sha256=sha256, type=row.name, version=kind.version, spans=spans.copy(), vectors=vectors, quality=quality
    )


def _crops(data: bytes, sha256: str) -> Fingerprint:
    kind = fingerprint_type(SEARCH_TYPE)
    vectors, quality = _vectors(PackedFingerprint(REFERENCE_CROPS, data), kind)
    if len(vectors) > MAX_CROPS_PER_IMAGE:
        raise ValueError(f"{REFERENCE_CROPS}: too many rows")
    spans = np.zeros((len(vectors), 2))
    return Fingerprint(
        sha256=sha256,
        type=REFERENCE_CROPS,
        version=reference_crops_version(kind),
        spans=spans,
        vectors=vectors,
        quality=quality,
    )


def _vectors(row: PackedFingerprint, kind: FingerprintType) -> list[npt.NDArray[Any]]:
    """The vectors and quality of as many rows as there are."""
    vectors, quality = _arrays(row.data, np.float16 if kind.metric == "cosine" else np.uint8, np.float32)
    if vectors.shape != (len(vectors) if vectors.ndim else 0, kind.columns) or quality.shape != vectors.shape[:1]:
        raise ValueError(f"{row.name}: rows of another shape")
    if not (np.isfinite(vectors).all() and np.isfinite(quality).all()):
        raise ValueError(f"{row.name}: values that are no numbers")
    if kind.metric == "cosine" and (np.linalg.norm(vectors.astype(np.float32), axis=1) > MAX_NORM).any():
        raise ValueError(f"{row.name}: a vector that is too long")
    if ((quality < 0) | (quality > 1)).any():
        raise ValueError(f"{row.name}: a quality that is none")
    return [vectors, quality]


def _image(data: bytes) -> Pixels:
    (pixels,) = _arrays(data, np.uint8)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not 0 < min(pixels.shape) <= max(pixels.shape) <= IMAGE_SIDE:
        raise ValueError("a picture that is none")
    return pixels


def _arrays(data: bytes, *types: type[np.generic]) -> list[npt.NDArray[Any]]:
    arrays: list[npt.NDArray[Any]] = list(unpack_arrays(data))
    if [array.dtype for array in arrays] != [np.dtype(type) for type in types]:
        raise ValueError("arrays of other types")
    return arrays


def _properties(told: dict[str, Property]) -> dict[str, Property]:
    if len(told) > MAX_PROPERTIES:
        raise ValueError("too many properties")
    for name, value in told.items():
        if len(name) > PROPERTY_CHARS or (isinstance(value, str) and len(value) > PROPERTY_CHARS):
            raise ValueError("a property that is too long")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} is no number")
    for side in ("width", "height"):
        if not isinstance(told.get(side), int | None):
            raise ValueError(f"{side} is no number of pixels")
    return told
