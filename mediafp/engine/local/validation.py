"""Checks of the results of workers.

A result that passes has values that some file could have given; one that an attacker forged may still be untrue. The
checks are a chain: `messages` decodes fixed types, `process` limits the length of messages and of audio, `pool` counts a
ValueError as a crash of the worker, `engine` checks that the result is of the requested kind, and this module checks its
values.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mediafp.engine.local.messages import (
    MAX_OCR_LINES,
    AnalysisResult,
    PackedFingerprint,
    PackedTextLine,
    Property,
    Task,
    truncate_texts,
)
from mediafp.fingerprints.registry import computed_types, declaration, fingerprint_type
from mediafp.ingest.limits import MAX_FRAMES, SAMPLED_ANIMATION_FRAMES
from mediafp.text.ocr.reader import ocr_version
from mediafp.types.arrays import Float64Array, unpack_arrays
from mediafp.types.fingerprint_types import check_rows
from mediafp.types.fingerprints import Fingerprint, TimedRows
from mediafp.types.matches import OcrResult, TextLine
from mediafp.types.media import Asset, Kind, Pixels, Thumbnail, is_jpeg
from mediafp.types.runs import FileAnalysis

MAX_PROPERTIES: Final = 32
"""Properties of one asset. Chosen, not measured."""
PROPERTY_CHARS: Final = 200
"""Characters in the name of a property, or in its text. Chosen, not measured."""
MAX_COORDINATE: Final = float(1 << 28)
"""Greatest coordinate of a line of text, pixels: more than the longest side of any image that is decoded."""
MAX_IMAGE_SIDE: Final = 1 << 16
"""Longest side of an image, pixels: more than that of any image that is decoded."""
MAX_PROPERTY_PIXELS: Final = 1 << 31
"""Greatest width or height that the properties may state, pixels. Chosen: far above that of any file, so that later
arithmetic stays exact."""
MAX_FRAMES_PER_KIND: Final[dict[Kind, int]] = {"image": SAMPLED_ANIMATION_FRAMES, "video": MAX_FRAMES}
"""Greatest number of kept frames, and thereby of their rows and thumbnails."""


def validate_analysis(result: AnalysisResult, task: Task, kind: Kind, size: int) -> FileAnalysis:
    """Return the analysis in a worker's result, without the audio.

    Args:
        result: The result.
        task: The task that was sent.
        kind: Kind of the file, as this process detected it.
        size: Bytes of the file.

    Raises:
        ValueError: It is not what the task requests, or no file could have given it.
    """
    if result.kind != kind:
        raise ValueError(f"kind {result.kind!r} of a file of kind {kind!r}")
    if (result.text is not None) != task.ocr:
        raise ValueError("OCR text that was not requested, or none")
    if (result.image is not None) != (task.image and kind == "image"):
        raise ValueError("pixels that were not requested, or none")
    (spans,) = _unpack(result.spans, np.float64)
    if spans.ndim != 2 or spans.shape[1] != 2 or not np.isfinite(spans).all() or (spans[:, 1] < spans[:, 0]).any():
        raise ValueError("invalid spans")
    if len(spans) > MAX_FRAMES_PER_KIND[kind]:
        raise ValueError(f"{len(spans)} frames, more than {MAX_FRAMES_PER_KIND[kind]}")
    if kind == "image" and not len(spans):
        raise ValueError("an image without a frame")
    names = [
        stored.name
        for stored in computed_types(
            kind, reference_crops=task.reference_crops, audio=task.audio, matched_only=task.matched_only
        )
    ]
    if [packed.name for packed in result.fingerprints] != names:
        raise ValueError(f"fingerprints of other types than {', '.join(names)}")
    return FileAnalysis(
        asset=Asset(sha256=task.sha256, kind=kind, bytes=size, properties=_validate_properties(result.properties)),
        fingerprints=tuple(_validate_fingerprint(packed, task.sha256, spans) for packed in result.fingerprints),
        thumbnails=tuple(_validate_thumbnails(result.thumbnails, spans)),
        warnings=tuple(truncate_texts(result.warnings)),
        image=_validate_image(result.image) if result.image else None,
        text=validate_lines(result.text) if result.text is not None else None,
    )


def validate_lines(lines: Sequence[PackedTextLine]) -> OcrResult:
    """Return the text of an image.

    Raises:
        ValueError: No image could have this text.
    """
    if len(lines) > MAX_OCR_LINES:
        raise ValueError(f"{len(lines)} lines of text, more than {MAX_OCR_LINES}")
    valid = []
    for line in lines:
        if not 0 <= line.confidence <= 1 or not all(abs(coordinate) <= MAX_COORDINATE for coordinate in line.box):
            raise ValueError("invalid text line: its confidence or a corner is out of range")
        corners = tuple(zip(line.box[::2], line.box[1::2], strict=True))
        valid.append(TextLine(text=line.text, box=corners, confidence=line.confidence))
    return OcrResult(version=ocr_version(), lines=tuple(valid))


def _validate_fingerprint(packed: PackedFingerprint, sha256: str, frame_spans: Float64Array) -> Fingerprint:
    """Return a fingerprint that is as its type declares it, with the spans of the kept frames if it has one row for each."""
    declared = declaration(packed.name)
    if declared.consumes == "audio":
        spans, *rows = unpack_arrays(packed.data)
    elif declared.consumes == "frames":
        spans, rows = frame_spans.copy(), unpack_arrays(packed.data)
    else:
        rows = unpack_arrays(packed.data)
        # Arrays without values may state any number of rows.
        spans = np.zeros((len(rows[0]) if rows and rows[0].size and rows[0].ndim else 0, 2))
    if len(rows) != 2:
        raise ValueError(f"{packed.name}: {len(rows)} arrays")
    untyped: list[npt.NDArray[Any]] = [spans, *rows]
    valid = TimedRows(*untyped)
    check_rows(declared, valid)
    version = fingerprint_type(packed.name).version
    return Fingerprint(sha256=sha256, type=packed.name, version=version, **valid._asdict())


def _validate_thumbnails(jpegs: Sequence[bytes], spans: Float64Array) -> list[Thumbnail]:
    if len(jpegs) != len(spans):
        raise ValueError(f"{len(jpegs)} thumbnails of {len(spans)} frames")
    if not all(is_jpeg(jpeg) for jpeg in jpegs):
        raise ValueError("thumbnail is not a JPEG")
    return [Thumbnail(position=n, seconds=float(spans[n, 0]), jpeg=jpeg) for n, jpeg in enumerate(jpegs)]


def _validate_image(data: bytes) -> Pixels:
    (pixels,) = _unpack(data, np.uint8)
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not 0 < min(pixels.shape) <= max(pixels.shape) <= MAX_IMAGE_SIDE:
        raise ValueError(f"invalid image shape {pixels.shape}")
    return pixels


def _unpack(data: bytes, dtype: type[np.generic]) -> list[npt.NDArray[Any]]:
    """Return the packed arrays. Raises ValueError if one has another data type."""
    arrays: list[npt.NDArray[Any]] = list(unpack_arrays(data))
    if any(array.dtype != np.dtype(dtype) for array in arrays):
        raise ValueError(f"arrays that are not {dtype.__name__}")
    return arrays


def _validate_properties(properties: dict[str, Property]) -> dict[str, Property]:
    if len(properties) > MAX_PROPERTIES:
        raise ValueError(f"{len(properties)} properties, more than {MAX_PROPERTIES}")
    for name, value in properties.items():
        if len(name) > PROPERTY_CHARS or (isinstance(value, str) and len(value) > PROPERTY_CHARS):
            raise ValueError(f"a property of more than {PROPERTY_CHARS} characters")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"property {name} is not finite")
    for side in ("width", "height"):
        pixels = properties.get(side)
        # The type is compared, since a bool is an int for `isinstance`.
        if pixels is not None and not (type(pixels) is int and 0 <= pixels <= MAX_PROPERTY_PIXELS):
            raise ValueError(f"property {side} is not a number of pixels from 0 to {MAX_PROPERTY_PIXELS}")
    return properties
