"""Results as workers send them, valid by default, and their validation."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fake_references import unit_rows

from mediafp.engine.local.messages import (
    LENGTH,
    AnalysisResult,
    ArchiveEnd,
    AudioResult,
    DataChunk,
    Failure,
    FramesResult,
    MemberDecision,
    MemberEnd,
    MemberStart,
    OcrTaskResult,
    PackedAudio,
    PackedFingerprint,
    PackedTextLine,
    PackedVideoTextLine,
    Ready,
    Result,
    Task,
    ThumbnailPart,
    VideoTextResult,
    decode_result,
    encode,
)
from mediafp.engine.local.thumbnail_file import ThumbnailFile
from mediafp.engine.local.validation import validate_analysis
from mediafp.fingerprints.rectangles import RECTANGLES
from mediafp.fingerprints.reduced_image import REDUCED_IMAGE
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.fingerprints.registry import PART_TYPES, computed_types, declaration, fingerprint_type
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.types.arrays import pack_arrays, unpack_arrays
from mediafp.types.contents import MAX_PROPERTIES, MAX_WARNINGS
from mediafp.types.fingerprint_types import VECTOR_DTYPES, no_rows
from mediafp.types.media import Kind
from mediafp.types.runs import FileAnalysis

SHA256 = "0" * 64
JPEG = encode_thumbnail(np.full((12, 16, 3), 99, np.uint8), 64)
MAX_CROPS = fingerprint_type(REFERENCE_CROPS).max_rows
assert MAX_CROPS
FRAME_TYPES = [stored.name for stored in computed_types("video", reference_crops=False) if stored.consumes == "frames"]
OWN_SPAN_TYPES = [stored for stored in computed_types("video", reference_crops=False) if stored.consumes != "frames"]
SCREEN_LINE = PackedVideoTextLine("突发新闻", 1.0, 2.5, 0.9, (1.0, 2.0, 9.0, 2.0, 9.0, 6.0, 1.0, 6.0))
LINE = PackedTextLine("@样例用户", 0.9, (1.0, 2.0, 9.0, 2.0, 9.0, 6.0, 1.0, 6.0))
RESULTS: list[Result] = [
    Ready(),
    DataChunk(data=b"\x00\x01"),
    ThumbnailPart(jpegs=[JPEG]),
    AudioResult(warnings=["none"], audio=[PackedAudio(9, 0.5, 1, None), PackedAudio(9, 0.5, 0, 1)], cpu=1.0),
    OcrTaskResult(warnings=["none"], text=[LINE], cpu=1.0),
    FramesResult(jpegs=[JPEG, None], cpu=1.0),
    VideoTextResult(warnings=["none"], lines=[SCREEN_LINE], cpu=1.0),
    MemberStart(name=b"a\xff.png"),
    MemberEnd(),
    MemberEnd(kind="corrupt", message="cut short"),
    ArchiveEnd(cpu=2.0),
    Failure(kind="oom", message="no memory", not_media=True),
]


def vectors(count: int) -> dict[str, np.ndarray]:
    """Return vectors of each type that is stored for frames, and of reference crops."""
    rng = np.random.default_rng(count)
    return {
        name: rng.integers(0, 256, (count, fingerprint_type(name).columns), np.uint8)
        if fingerprint_type(name).metric == "hamming"
        else unit_rows(rng.normal(size=(count, fingerprint_type(name).columns)))
        for name in (*FRAME_TYPES, REFERENCE_CROPS)
    }


def result(count: int = 3, **changed: Any) -> AnalysisResult:
    """Return the result for a video of `count` selected frames, with changed fields."""
    start = np.arange(count, dtype=np.float64)
    quality = np.full(count, 0.5, np.float32)
    rows = vectors(count)
    own_span_types = OWN_SPAN_TYPES if changed.get("kind", "video") == "video" else []
    fields = {
        "kind": "video",
        "properties": {"format": "mp4", "width": 64, "height": 48, "duration": 3.0, "has_sound": False, "fps": None},
        "warnings": ["a packet was skipped"],
        "spans": pack_arrays(np.stack([start, start + 1], 1)),
        "fingerprints": [
            *(PackedFingerprint(name, pack_arrays(rows[name], quality)) for name in FRAME_TYPES),
            *(PackedFingerprint(stored.name, pack_arrays(*no_rows(stored))) for stored in own_span_types),
        ],
    }
    return AnalysisResult(**(fields | changed))


def image_result(crops: bytes | None, **changed: Any) -> AnalysisResult:
    """Return the result for an image with these packed reference crops and no other parts, or without the types of parts."""
    no_rows = pack_arrays(np.empty((0, 512), np.float16), np.empty(0, np.float32))
    packed = (
        []
        if crops is None
        else [
            PackedFingerprint(REFERENCE_CROPS, crops),
            *(PackedFingerprint(name, no_rows) for name in (RECTANGLES, REDUCED_IMAGE)),
        ]
    )
    properties = {"format": "png", "width": 64, "height": 48}
    fields = {
        "kind": "image",
        "properties": properties,
        "spans": pack_arrays(np.zeros((1, 2))),
        "fingerprints": [*result(1).fingerprints[: len(FRAME_TYPES)], *packed],
    }
    return result(1, **(fields | changed))


def crops(count: int = 1) -> bytes:
    """Return valid reference crops, packed."""
    rows = vectors(count)[REFERENCE_CROPS] if count else np.empty((0, 512), np.float16)
    return pack_arrays(rows, np.full(count, 0.5, np.float32))


def row(position: int, *arrays: np.ndarray) -> list[PackedFingerprint]:
    """Return the fingerprints of a result, one of which contains these arrays."""
    rows = list(result().fingerprints)
    rows[position] = PackedFingerprint(rows[position].name, pack_arrays(*arrays))
    return rows


def thumbnail_file(jpegs: Sequence[bytes]) -> ThumbnailFile:
    """Return thumbnails as they are kept after they were received."""
    file = ThumbnailFile(Path("/nowhere, for they fit in memory"))
    file.append(jpegs)
    return file


def frame_count(received: AnalysisResult) -> int:
    """Return the number of spans that a result claims; 0 if they are damaged."""
    try:
        return min(len(unpack_arrays(received.spans)[0]), 100)
    except (ValueError, IndexError, TypeError):
        return 0


def validated(
    received: AnalysisResult, *, kind: Kind | None = None, size: int = 1, jpegs: Sequence[bytes] | None = None
) -> FileAnalysis:
    """Return a result that was validated against a task that requested everything that it contains.

    Without `jpegs`, it has a thumbnail for each frame.
    """
    sent = [JPEG] * frame_count(received) if jpegs is None else jpegs
    task = Task(
        what="analyse",
        name=b"x",
        sha256=SHA256,
        ocr=received.text is not None or received.video_text is not None,
        image=received.image is not None,
        reference_crops=any(packed.name == REFERENCE_CROPS for packed in received.fingerprints),
    )
    return validate_analysis(received, thumbnail_file(sent), task, (kind or received.kind,), size)


def body(message: Result | Task | MemberDecision) -> bytes:
    """Return an encoded message without its length."""
    data = encode(message)
    (length,) = LENGTH.unpack_from(data)
    assert length == len(data) - LENGTH.size
    return data[LENGTH.size :]


def assert_valid(analysis: FileAnalysis) -> None:
    """Check the properties that the store and the matching rely on."""
    rows = len(analysis.thumbnails)
    assert [f.type for f in analysis.fingerprints][: len(FRAME_TYPES)] == FRAME_TYPES
    for fingerprint in analysis.fingerprints:
        declared = declaration(fingerprint.type)
        count = rows if declared.consumes == "frames" else len(fingerprint.vectors)
        assert fingerprint.version == fingerprint_type(fingerprint.type).version and fingerprint.sha256 == SHA256
        assert fingerprint.vectors.shape == (count, declared.columns)
        assert fingerprint.vectors.dtype == VECTOR_DTYPES[declared.metric]
        assert fingerprint.spans.shape == (count, 2) and fingerprint.spans.dtype == np.float64
        assert fingerprint.quality.shape == (count,) and fingerprint.quality.dtype == np.float32
        assert all(np.isfinite(a).all() for a in (fingerprint.spans, fingerprint.vectors, fingerprint.quality))
        assert (fingerprint.spans[:, 0] <= fingerprint.spans[:, 1]).all()
    assert [thumbnail.position for thumbnail in analysis.thumbnails] == list(range(rows))
    assert all(math.isfinite(thumbnail.seconds) for thumbnail in analysis.thumbnails)
    assert analysis.asset.kind == "video" or rows
    assert len(analysis.asset.properties) <= MAX_PROPERTIES and len(analysis.warnings) <= MAX_WARNINGS
    assert all(not isinstance(v, float) or math.isfinite(v) for v in analysis.asset.properties.values())
    for stored in analysis.fingerprints[len(FRAME_TYPES) :]:
        if analysis.asset.kind == "video":
            assert stored.type in {own.name for own in OWN_SPAN_TYPES}
            continue
        assert stored.type in PART_TYPES
        assert len(stored.vectors) <= (declaration(stored.type).max_rows or 0) and not stored.spans.any()
        assert (np.linalg.norm(stored.vectors.astype(np.float32), axis=1) < 1.02).all()
    if analysis.image is not None:
        assert analysis.image.dtype == np.uint8 and analysis.image.shape[2:] == (3,) and analysis.image.size


def classify(data: bytes) -> str:
    """Decode and validate some bytes and return the outcome; raise any error but a ValueError."""
    try:
        message = decode_result(data)
    except ValueError:
        return "no message"
    if not isinstance(message, AnalysisResult):
        return "another message"
    try:
        analysis = validated(message)
    except ValueError:
        return "invalid analysis"
    assert_valid(analysis)
    return "valid analysis"
