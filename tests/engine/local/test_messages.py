"""Results of workers are untrusted: decoding and validation give a valid analysis, or a ValueError."""

import math
import random
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from mediafp.engine.analysis import analyse_file
from mediafp.engine.comparison.messages import AssetRequest, PairResult
from mediafp.engine.local import messages, packing
from mediafp.engine.local.messages import (
    LENGTH,
    PART_BYTES,
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
    PackedClue,
    PackedFingerprint,
    PackedTextLine,
    PackedVideoTextLine,
    PixelsResult,
    Ready,
    Result,
    Task,
    ThumbnailPart,
    VideoTextResult,
    decode_decision,
    decode_result,
    decode_task,
    encode,
    truncate_texts,
)
from mediafp.engine.local.packing import pack_analysis, pack_capture, pack_thumbnails, unpack_capture
from mediafp.engine.local.thumbnail_file import ThumbnailFile
from mediafp.engine.local.validation import MAX_IMAGE_SIDE, validate_analysis, validate_lines
from mediafp.fingerprints.rectangles import RECTANGLES
from mediafp.fingerprints.reduced_image import REDUCED_IMAGE
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.fingerprints.registry import PART_TYPES, computed_types, declaration, fingerprint_type
from mediafp.ingest.files import open_file
from mediafp.ingest.limits import MAX_FRAMES, MAX_PAGE_PARTS, MAX_PAGES
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.types.arrays import CODES, MAGIC, pack_arrays, unpack_arrays
from mediafp.types.contents import (
    CLUE_CHARS,
    MAX_ASSET_PIXELS,
    MAX_ASSET_ROWS,
    MAX_CLUES,
    MAX_COORDINATE,
    MAX_OCR_LINES,
    MAX_PROPERTIES,
    MAX_SECONDS,
    MAX_WARNINGS,
    PROPERTY_CHARS,
    WARNING_CHARS,
)
from mediafp.types.fingerprint_types import VECTOR_DTYPES, no_rows
from mediafp.types.media import Asset, Kind
from mediafp.types.runs import FileAnalysis
from mediafp.types.sightings import Clue
from mediafp.types.web_captures import WebCapture

SHA256 = "0" * 64
JPEG = encode_thumbnail(np.full((12, 16, 3), 99, np.uint8), 64)
SEED = 20_261_126
TRIES = 2_000
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
        else unit(rng.normal(size=(count, fingerprint_type(name).columns)))
        for name in (*FRAME_TYPES, REFERENCE_CROPS)
    }


def unit(rows: np.ndarray) -> np.ndarray:
    """Return the rows at length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


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


# Valid messages ------------------------------------------------------------------------------------
@pytest.mark.parametrize("message", RESULTS, ids=lambda message: type(message).__name__)
def test_decode_result_returns_the_encoded_result(message: Result) -> None:
    assert decode_result(body(message)) == message
    assert decode_result(bytearray(body(message))) == message


def test_decode_task_and_decode_decision_return_the_encoded_message() -> None:
    task = Task(what="analyse", name=b"a\xff\n.png", sha256=SHA256, audio=True)
    assert decode_task(body(task)) == task
    assert task.file_name == "a\udcff\n.png"
    for wanted in (True, False):
        assert decode_decision(body(MemberDecision(wanted=wanted))).wanted is wanted


def test_validate_analysis_returns_the_packed_analysis(photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    Image.fromarray(photos["flower"]).save(tmp_path / "a.png")
    with open_file(tmp_path / "a.png") as file:
        sent, size = analyse_file(file, SHA256, reference_crops=True), file.bytes
    assert sent is not None and sent.fingerprint(REFERENCE_CROPS)
    for image in (True, False):
        message = decode_result(body(pack_analysis(sent, image=image, cpu=1.5)))
        assert isinstance(message, AnalysisResult) and message.cpu == 1.5 and message.audio == []
        jpegs = [jpeg for part in pack_thumbnails(sent.thumbnails) for jpeg in part.jpegs]
        received = validated(message, size=size, jpegs=jpegs)
        assert_valid(received)
        assert (received.asset, received.warnings) == (sent.asset, sent.warnings)
        assert [(t.position, t.seconds, t.jpeg) for t in received.thumbnails] == [
            (t.position, t.seconds, t.jpeg) for t in sent.thumbnails
        ]
        assert len(received.fingerprints) == 7
        for actual, expected in zip(received.fingerprints, sent.fingerprints, strict=True):
            assert (actual.type, actual.version) == (expected.type, expected.version)
            for name in ("spans", "vectors", "quality"):
                assert getattr(actual, name).tobytes() == getattr(expected, name).tobytes()
                assert not getattr(actual, name).flags.writeable
        assert received.image is None if not image else np.array_equal(received.image, sent.image)  # type: ignore[arg-type]


def test_validate_analysis_returns_the_packed_text() -> None:
    text = validated(image_result(crops(), text=[LINE])).text
    assert text and [(line.text, line.confidence) for line in text.lines] == [("@样例用户", 0.9)]
    assert text.lines[0].box == ((1, 2), (9, 2), (9, 6), (1, 6))
    assert packing.pack_lines(text) == [LINE]
    assert validated(image_result(crops())).text is None
    no_lines = validated(image_result(crops(), text=[])).text
    assert no_lines is not None and no_lines.lines == ()


def test_validate_analysis_returns_the_packed_text_on_screen() -> None:
    text = validated(result(video_text=[SCREEN_LINE])).video_text
    assert text and [(line.text, line.start, line.end) for line in text.lines] == [("突发新闻", 1.0, 2.5)]
    assert packing.pack_video_text(text) == [SCREEN_LINE]
    assert validated(result()).video_text is None
    with pytest.raises(ValueError, match="was not requested"):
        validate_analysis(
            result(video_text=[]), thumbnail_file([]), Task(what="analyse", name=b"x", sha256=SHA256), ("video",), 7
        )


def test_validate_lines_rejects_invalid_lines() -> None:
    assert validate_lines([LINE]).lines[0].text == "@样例用户"
    with pytest.raises(ValueError, match="confidence"):
        validate_lines([PackedTextLine("a", math.nan, LINE.box)])


def test_decode_result_rejects_a_line_that_is_too_long() -> None:
    fields = msgspec.to_builtins(OcrTaskResult(warnings=[], text=[LINE]), builtin_types=(bytes,))
    fields["text"][0]["text"] = "x" * (WARNING_CHARS + 1)
    with pytest.raises(ValueError, match="not a message"):
        decode_result(msgspec.msgpack.encode(fields))


def test_captures_have_short_texts_and_times_that_exist() -> None:
    capture = WebCapture(
        url="u", captured_at="2023-06-12T08:10:36Z", page_url="p", page_title="t", is_page_guessed=True
    )
    assert unpack_capture(pack_capture(capture)) == capture
    assert unpack_capture(pack_capture(WebCapture())) == WebCapture()
    with pytest.raises(ValueError, match="month"):
        unpack_capture(pack_capture(replace(capture, captured_at="2023-99-12T08:10:36Z")))
    for wrong in ({"captured_at": "yesterday"}, {"url": "u" * 9_000}, {"page_title": "t" * 1_001}):
        message = MemberStart(name=b"a", capture=pack_capture(replace(capture, **wrong)))
        with pytest.raises(ValueError, match="not a message"):
            decode_result(body(message))


def test_validate_analysis_accepts_an_animation_as_a_video_with_text_on_screen_and_without_pixels() -> None:
    requested = Task(what="analyse", name=b"x", sha256=SHA256, ocr=True, image=True)
    received = result(1, video_text=[SCREEN_LINE])
    analysis = validate_analysis(received, thumbnail_file([JPEG]), requested, ("image", "video"), 1)
    assert (analysis.asset.kind, analysis.text, analysis.image) == ("video", None, None)
    assert analysis.video_text and len(analysis.video_text.lines) == 1


def test_validate_analysis_accepts_no_frames_of_a_video_alone() -> None:
    assert_valid(validated(result(0)))
    with pytest.raises(ValueError, match="without a frame"):
        validated(result(0, kind="image"))


@pytest.mark.parametrize("kind", ["image", "video"])
def test_validate_analysis_rejects_more_frames_than_are_sampled(kind: Kind) -> None:
    limit = MAX_ASSET_ROWS[kind]
    assert limit == {"image": MAX_PAGES + MAX_PAGE_PARTS, "video": MAX_FRAMES}[kind]
    properties = {"width": 64, "height": 48, "frames": 99}
    with pytest.raises(ValueError, match=f"{limit + 1} frames, more than {limit}"):
        validated(result(spans=pack_arrays(np.zeros((limit + 1, 2))), kind=kind, properties=properties), jpegs=[])
    assert_valid(validated(result(MAX_PAGES, kind=kind, properties=properties)))


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (MAX_ASSET_PIXELS["video"], 1)])
def test_validate_analysis_accepts_a_plausible_size(size: tuple[int, int]) -> None:
    properties = {"width": size[0], "height": size[1]}
    assert validated(result(properties=properties)).asset.properties == properties


def test_validate_analysis_accepts_audio_without_frames_and_without_a_size() -> None:
    properties = {"format": "wav", "width": None, "height": None, "fps": None, "has_sound": True, "duration": 3}
    assert validated(result(0, properties=properties)).asset.size == (0, 0)
    with pytest.raises(ValueError, match="without a size"):
        validated(result(1, properties=properties))


def test_validate_analysis_takes_the_hash_and_the_size_from_this_process() -> None:
    properties = {"bytes": 7, "sha256": "f" * 64, "width": 64, "height": 48}
    assert validated(result(properties=properties), size=99).asset == Asset(
        sha256=SHA256, kind="video", bytes=99, properties=properties
    )


def test_validate_analysis_rejects_parts_that_the_task_did_not_request() -> None:
    task = Task(what="analyse", name=b"x", sha256=SHA256)
    pixels = pack_arrays(np.zeros((2, 2, 3), np.uint8))
    for received, kind, reason in (
        (result(), "image", "kind 'video' of a file of kind image"),
        (result(text=[]), "video", "text that was not requested"),
        (result(image=pixels), "video", "pixels that were not requested"),
        (image_result(crops()), "image", "fingerprints of other types"),
    ):
        with pytest.raises(ValueError, match=reason):
            validate_analysis(received, thumbnail_file([JPEG]), task, (kind,), 1)  # type: ignore[arg-type]
    requested = Task(what="analyse", name=b"x", sha256=SHA256, ocr=True, image=True, reference_crops=True)
    for received, reason in (
        (image_result(crops(), image=pixels), "text that was not requested, or none"),
        (image_result(crops(), text=[]), "pixels that were not requested, or none"),
        (image_result(None, image=pixels, text=[]), "fingerprints of other types"),
    ):
        with pytest.raises(ValueError, match=reason):
            validate_analysis(received, thumbnail_file([JPEG]), requested, ("image",), 1)


def test_truncate_texts_limits_number_and_length_and_gives_utf8() -> None:
    long = ["x" * 10_000, "lone \ud800 surrogate", *["more"] * 1_000]
    short = truncate_texts(long)
    assert len(short) == MAX_WARNINGS and len(short[0]) == WARNING_CHARS and short[1] == "lone ? surrogate"
    assert truncate_texts(["a\0b"]) == ["a?b"]


@pytest.mark.parametrize("count", [0, 1, MAX_CROPS])
def test_validate_analysis_accepts_reference_crops_of_an_image(count: int) -> None:
    analysis = validated(image_result(crops(count)))
    assert_valid(analysis)
    assert len(analysis.fingerprint(REFERENCE_CROPS).vectors) == count
    assert REFERENCE_CROPS not in [f.type for f in validated(image_result(None)).fingerprints]


# Invalid messages ------------------------------------------------------------------------------------
QUALITY = np.full(3, 0.5, np.float32)
COSINE, HAMMING = (vectors(3)[name] for name in FRAME_TYPES[:2])
SPANS = np.array([[0, 1], [1, 2], [2, 3]], np.float64)


def with_value(array: np.ndarray, value: float) -> np.ndarray:
    """Return a copy of the array with another last value."""
    changed = array.copy()
    changed.flat[-1] = value
    return changed


FORGED: dict[str, Callable[[], dict[str, Any]]] = {
    # Arrays of other types
    "spans as float32": lambda: {"spans": pack_arrays(SPANS.astype(np.float32))},
    "vectors as float32": lambda: {"fingerprints": row(0, COSINE.astype(np.float32), QUALITY)},
    "vectors as bytes": lambda: {"fingerprints": row(0, COSINE.astype(np.uint8), QUALITY)},
    "bits as signed bytes": lambda: {"fingerprints": row(1, HAMMING.astype(np.int8), QUALITY)},
    "bits as floats": lambda: {"fingerprints": row(1, HAMMING.astype(np.float16), QUALITY)},
    "quality as float64": lambda: {"fingerprints": row(0, COSINE, QUALITY.astype(np.float64))},
    "an image of floats": lambda: {"image": pack_arrays(np.zeros((4, 4, 3), np.float32))},
    # Arrays of other shapes
    "no spans": lambda: {"spans": pack_arrays(np.zeros((0, 2)))},
    "flat spans": lambda: {"spans": pack_arrays(SPANS.ravel())},
    "spans of three": lambda: {"spans": pack_arrays(np.zeros((3, 3)))},
    "spans of no dimension": lambda: {"spans": pack_arrays(np.array(1.0))},
    "spans of nothing": lambda: {"spans": pack_arrays(np.zeros((3, 0)))},
    "spans twice": lambda: {"spans": pack_arrays(SPANS, SPANS)},
    "no arrays": lambda: {"spans": pack_arrays()},
    "one span more": lambda: {"spans": pack_arrays(np.zeros((4, 2)))},
    "narrow vectors": lambda: {"fingerprints": row(0, COSINE[:, :-1], QUALITY)},
    "wide bits": lambda: {"fingerprints": row(1, np.hstack([HAMMING, HAMMING]), QUALITY)},
    "flat vectors": lambda: {"fingerprints": row(0, COSINE.ravel(), QUALITY)},
    "one number as vectors": lambda: {"fingerprints": row(0, np.array(1, np.float16), QUALITY)},
    "one vector less": lambda: {"fingerprints": row(0, COSINE[:2], QUALITY)},
    "one quality less": lambda: {"fingerprints": row(0, COSINE, QUALITY[:2])},
    "quality in a column": lambda: {"fingerprints": row(0, COSINE, QUALITY[:, None])},
    "vectors without quality": lambda: {"fingerprints": row(0, COSINE)},
    "a grey image": lambda: {"image": pack_arrays(np.zeros((4, 4), np.uint8))},
    "an image of four channels": lambda: {"image": pack_arrays(np.zeros((4, 4, 4), np.uint8))},
    "an image of one number": lambda: {"image": pack_arrays(np.array(3, np.uint8))},
    "an image of nothing": lambda: {"image": pack_arrays(np.zeros((0, 4, 3), np.uint8))},
    "an image too wide": lambda: {"image": pack_arrays(np.zeros((1, MAX_IMAGE_SIDE + 1, 3), np.uint8))},
    "two images": lambda: {"image": pack_arrays(*[np.zeros((4, 4, 3), np.uint8)] * 2)},
    # Invalid values
    "NaN in a vector": lambda: {"fingerprints": row(0, with_value(COSINE, math.nan), QUALITY)},
    "infinity in a vector": lambda: {"fingerprints": row(0, with_value(COSINE, -math.inf), QUALITY)},
    "a vector of twice the length": lambda: {"fingerprints": row(0, (COSINE * 2).astype(np.float16), QUALITY)},
    "quality above one": lambda: {"fingerprints": row(0, COSINE, with_value(QUALITY, 1.5))},
    "quality below zero": lambda: {"fingerprints": row(1, HAMMING, with_value(QUALITY, -0.1))},
    "NaN as quality": lambda: {"fingerprints": row(1, HAMMING, with_value(QUALITY, math.nan))},
    "a span to infinity": lambda: {"spans": pack_arrays(with_value(SPANS, math.inf))},
    "a span from infinity": lambda: {"spans": pack_arrays(with_value(SPANS, -math.inf))},
    "a span to NaN": lambda: {"spans": pack_arrays(with_value(SPANS, math.nan))},
    "a span that ends before it starts": lambda: {"spans": pack_arrays(with_value(SPANS, 1.999))},
    # Shapes that overflow
    "a shape of 2**64 - 1": lambda: {"spans": forged((2**64 - 1, 2))},
    "a product of 2**64": lambda: {"spans": forged((2**32, 2**32))},
    "a product past 64 bits that wraps to 48": lambda: {"spans": forged((2**63 + 3, 2), SPANS.tobytes())},
    "nothing of 2**63": lambda: {"spans": forged((0, 2**63))},
    "nothing of 2**62": lambda: {"spans": forged((2**62, 0))},
    "nothing of 2**40": lambda: {"spans": forged((2**40, 0))},
    "255 dimensions": lambda: {"spans": forged((1,) * 255, bytes(8))},
    "255 dimensions of nothing": lambda: {"spans": forged((2**63,) * 254 + (0,))},
    "more dimensions than bytes": lambda: {"spans": MAGIC + b"\x01\x04\xff"},
    "an unknown array type": lambda: {"spans": MAGIC + b"\x01\x63\x00"},
    "255 arrays": lambda: {"spans": MAGIC + b"\xff"},
    "an image that overflows": lambda: {"image": forged((2**22, 2**22, 2**22), code=1)},
    "bytes behind the arrays": lambda: {"spans": pack_arrays(SPANS) + b"x"},
    "arrays cut short": lambda: {"spans": pack_arrays(SPANS)[:-1]},
    "nothing for arrays": lambda: {"spans": b""},
    # Rows and thumbnails
    "no rows": lambda: {"fingerprints": []},
    "a row missing": lambda: {"fingerprints": result().fingerprints[:-1]},
    "a row twice": lambda: {"fingerprints": [*result().fingerprints, result().fingerprints[0]]},
    "rows in another order": lambda: {"fingerprints": result().fingerprints[::-1]},
    "a row of a type that is not stored": lambda: {
        "fingerprints": [*result().fingerprints, PackedFingerprint("sscd", b"")]
    },
    "a row of an unknown type": lambda: {
        "fingerprints": [PackedFingerprint("os.system", b""), *result().fingerprints[1:]]
    },
    "rows of frames with spans of their own": lambda: {"fingerprints": row(0, SPANS, COSINE, QUALITY)},
    "crops of a video": lambda: {"fingerprints": [*result().fingerprints, PackedFingerprint(REFERENCE_CROPS, crops())]},
    # Properties
    "NaN as a property": lambda: {"properties": {"duration": math.nan}},
    "infinity as a property": lambda: {"properties": {"fps": math.inf}},
    "a width in words": lambda: {"properties": {"width": "wide"}},
    # Text
    "a confidence above one": lambda: {"text": [PackedTextLine("a", 1.5, LINE.box)]},
    "a confidence below zero": lambda: {"text": [PackedTextLine("a", -0.1, LINE.box)]},
    "NaN as confidence": lambda: {"text": [PackedTextLine("a", math.nan, LINE.box)]},
    "a line at infinity": lambda: {"text": [PackedTextLine("a", 0.9, (math.inf, *LINE.box[1:]))]},
    "a line at NaN": lambda: {"text": [PackedTextLine("a", 0.9, (*LINE.box[:-1], math.nan))]},
    "a line farther than any image": lambda: {"text": [PackedTextLine("a", 0.9, (-2 * MAX_COORDINATE, *LINE.box[1:]))]},
    "a line on screen that ends before it starts": lambda: screen(start=2.6),
    "a line on screen before the video": lambda: screen(start=-0.1),
    "a line on screen after the video": lambda: screen(end=9e5),
    "a line on screen to NaN": lambda: screen(end=math.nan),
    "a line on screen outside of the frame": lambda: screen(box=(9e3, *SCREEN_LINE.box[1:])),
    "a line on screen that is sure beyond 1": lambda: screen(confidence=1.1),
    "a line on screen with a NUL": lambda: screen(text="a\0"),
    "half a pixel of height": lambda: sized(height=0.5),
    "a truth value as width": lambda: sized(width=True),
    "a negative height": lambda: sized(height=-1),
    "a width of nothing": lambda: sized(width=0),
    "a missing width": lambda: {"properties": {"height": 48}},
    "no size": lambda: {"properties": {}},
    "a size above the limit": lambda: sized(width=12_001, height=12_000),
    "a height of 64 bits": lambda: sized(height=2**63),
    "a duration in words": lambda: sized(duration="long"),
    "a duration of 1e306 seconds": lambda: sized(duration=1e306),
    "a negative duration": lambda: sized(duration=-1.0),
    "sound in words": lambda: sized(has_sound="yes"),
    "half a sampled frame": lambda: sized(frames_sampled=0.5),
    "a million frames a second": lambda: sized(fps=1e6),
    "a property with a NUL": lambda: sized(codec="h264\0"),
    "a format that is a number": lambda: sized(format=4),
    "a property of 2**60": lambda: sized(other=2**60),
    # Times
    "a span of 1e308": lambda: {"spans": pack_arrays(with_value(SPANS, 1e308))},
    "a span beyond the limit": lambda: {"spans": pack_arrays(with_value(SPANS, 2 * MAX_SECONDS))},
    "a span far before the start": lambda: {"spans": pack_arrays(SPANS - 2 * MAX_SECONDS)},
    "spans that overlap": lambda: {"spans": pack_arrays(np.array([[0, 2], [1, 2], [2, 3]], np.float64))},
    "spans that run back": lambda: {"spans": pack_arrays(SPANS[::-1].copy())},
    "equal spans": lambda: {"spans": pack_arrays(np.array([[0, 9]] * 3, np.float64))},
    "a start of the audio": lambda: {"audio": [PackedAudio(1, 0.0, 0, None)]},
}


FORGED_CROPS: dict[str, Callable[[], bytes]] = {
    "too many crops": lambda: crops(MAX_CROPS + 1),  # type: ignore[operator]
    "crops as float32": lambda: pack_arrays(COSINE.astype(np.float32), QUALITY),
    "crops as bits": lambda: pack_arrays(HAMMING, QUALITY),
    "narrow crops": lambda: pack_arrays(COSINE[:, :-1], QUALITY),
    "flat crops": lambda: pack_arrays(COSINE.ravel(), QUALITY),
    "one number as crops": lambda: pack_arrays(np.array(1, np.float16), QUALITY),
    "crops without quality": lambda: pack_arrays(COSINE),
    "crops with spans": lambda: pack_arrays(SPANS, COSINE, QUALITY),
    "one quality of a crop less": lambda: pack_arrays(COSINE, QUALITY[:2]),
    "NaN in a crop": lambda: pack_arrays(with_value(COSINE, math.nan), QUALITY),
    "a crop of twice the length": lambda: pack_arrays((COSINE * 2).astype(np.float16), QUALITY),
    "NaN as quality of a crop": lambda: pack_arrays(COSINE, with_value(QUALITY, math.nan)),
    "a quality of a crop below zero": lambda: pack_arrays(COSINE, with_value(QUALITY, -0.1)),
    "crops that overflow": lambda: forged((2**32, 2**32)),
    "2**40 crops of no columns": lambda: forged((2**40, 0), pack_arrays(QUALITY)[5:], code=2, count=2),
    "no bytes for crops": lambda: b"",
}


def screen(**changed: Any) -> dict[str, Any]:
    """Return the text on screen of a result with a changed line."""
    return {"video_text": [msgspec.structs.replace(SCREEN_LINE, **changed)]}


def sized(**properties: object) -> dict[str, Any]:
    """Return the properties of a result with changes."""
    return {"properties": result().properties | properties}


FORGED_THUMBNAILS: dict[str, Callable[[], list[bytes]]] = {
    "one missing": lambda: [JPEG] * 2,
    "one more": lambda: [JPEG] * 4,
    "an empty one": lambda: [JPEG, b"", JPEG],
    "a PNG": lambda: [JPEG, JPEG, b"\x89PNG\r\n\x1a\n"],
    "HTML": lambda: [JPEG, JPEG, b"<svg onload=alert(1)>"],
    "one cut short": lambda: [JPEG, JPEG, JPEG[:-1]],
    "start and end alone": lambda: [JPEG, JPEG, b"\xff\xd8\xff\xd9"],
    "30,000 x 30,000 pixels": lambda: [JPEG, JPEG, claiming(30_000, 30_000)],
    "513 pixels": lambda: [JPEG, JPEG, claiming(513, 1)],
    "no pixels": lambda: [JPEG, JPEG, claiming(0, 12)],
}


def claiming(width: int, height: int) -> bytes:
    """Return a thumbnail whose header states another size."""
    frame = JPEG.index(b"\xff\xc0")
    return JPEG[: frame + 5] + struct.pack(">HH", height, width) + JPEG[frame + 9 :]


FORGED_IMAGES: dict[str, dict[str, Any]] = {
    "times": {"spans": pack_arrays(np.array([[0.0, 1.0]]))},
    "a frame of an animation more": {"spans": pack_arrays(np.zeros((2, 2)))},
    "another shape than its thumbnail": {"properties": {"width": 48, "height": 64}},
    "no size": {"properties": {"format": "png"}},
    "no width": {"properties": {"width": None, "height": 64}},
    "121 megapixels": {"properties": {"width": 11_000, "height": 11_000}},
    "a line of text far outside": {"text": [PackedTextLine("a", 0.9, (129.0, *LINE.box[1:]))]},
    "a line of text with a NUL": {"text": [PackedTextLine("a\0", 0.9, LINE.box)]},
    "pixels of 2,049": {"image": pack_arrays(np.zeros((1, 2049, 3), np.uint8))},
    "no bytes for pixels": {"image": b""},
    "audio": {"audio": [PackedAudio(1, 0.0, 0, None)]},
}


def forged(shape: tuple[int, ...], data: bytes = b"", *, code: int = 4, count: int = 1) -> bytes:
    """Return packed arrays of which the first claims this shape."""
    assert [np.dtype(CODES[code]) for code in (4, 2, 1)] == [np.float64, np.float16, np.uint8]
    return MAGIC + struct.pack(f"<BBB{len(shape)}Q", count, code, len(shape), *shape) + data


@pytest.mark.parametrize("what", FORGED)
def test_validate_analysis_rejects_forged_values(what: str) -> None:
    received = decode_result(body(result(**FORGED[what]())))
    assert isinstance(received, AnalysisResult), "the message itself is valid"
    with pytest.raises(ValueError):
        validated(received)


@pytest.mark.parametrize("what", FORGED_THUMBNAILS)
def test_validate_analysis_rejects_forged_thumbnails(what: str) -> None:
    with pytest.raises(ValueError):
        validated(result(), jpegs=FORGED_THUMBNAILS[what]())


@pytest.mark.parametrize("what", FORGED_IMAGES)
def test_validate_analysis_rejects_forged_images(what: str) -> None:
    assert_valid(validated(image_result(crops())))
    with pytest.raises(ValueError):
        validated(image_result(crops(), **FORGED_IMAGES[what]))


@pytest.mark.parametrize("what", FORGED_CROPS)
def test_validate_analysis_rejects_forged_crops(what: str) -> None:
    received = decode_result(body(image_result(FORGED_CROPS[what]())))
    assert isinstance(received, AnalysisResult), "the message itself is valid"
    with pytest.raises(ValueError):
        validated(received)


def changed_result(**fields: Any) -> bytes:
    """Return an analysis whose fields are replaced without any check."""
    return msgspec.msgpack.encode(msgspec.to_builtins(result(), builtin_types=(bytes,)) | fields)


NO_MESSAGES: dict[str, bytes] = {
    "nothing": b"",
    "no end": body(result())[:-1],
    "more": body(Ready()) + b"\xc0",
    "another type": msgspec.msgpack.encode({"type": "Exec", "data": b"x"}),
    "no type": msgspec.msgpack.encode({"data": b"x"}),
    "a type of a type": msgspec.msgpack.encode({"type": {"type": "Ready"}}),
    "a task": body(Task(what="analyse", name=b"x")),
    "text for bytes": msgspec.msgpack.encode({"type": "DataChunk", "data": "x"}),
    "bytes for text": msgspec.msgpack.encode({"type": "Failure", "kind": "oom", "message": b"x"}),
    "an unknown kind": msgspec.msgpack.encode({"type": "Failure", "kind": "fine", "message": "x"}),
    "text as time": msgspec.msgpack.encode(
        {"type": "AudioResult", "warnings": [], "audio": [{"samples": 1, "start": "soon", "track": 0, "channel": None}]}
    ),
    **{
        f"audio of {name} {value}": changed_result(
            audio=[{"samples": 1, "start": 0.0, "track": 0, "channel": None} | {name: value}]
        )
        for name, value in (
            ("samples", 0),
            ("samples", 4 * 3600 * 16_000 + 1),
            ("track", -1),
            ("track", 64),
            ("channel", -1),
            ("channel", 2),
        )
    },
    "much audio": changed_result(audio=[{"samples": 1, "start": 0.0, "track": 0, "channel": None}] * 9),
    "a list as property": msgspec.msgpack.encode(msgspec.to_builtins(result()) | {"properties": {"a": [1]}}),
    "text that is no UTF-8": b"\x83\xa4type\xa7Failure\xa4kind\xa3oom\xa7message\xa2\xff\xfe",
    "a map of 2**32 entries": b"\xdf\xff\xff\xff\xff",
    "a list of 2**32 entries": b"\xdd\xff\xff\xff\xff",
    "2**32 bytes": b"\x82\xa4type\xa9DataChunk\xa4data\xc6\xff\xff\xff\xff",
    "too many warnings": changed_result(warnings=["no"] * (MAX_WARNINGS + 1)),
    "a long warning": changed_result(warnings=["x" * (WARNING_CHARS + 1)]),
    "too many properties": changed_result(properties={str(n): n for n in range(MAX_PROPERTIES + 1)}),
    "a property of a long name": changed_result(properties={"x" * (PROPERTY_CHARS + 1): 1}),
    "a long property": changed_result(properties={"format": "x" * (PROPERTY_CHARS + 1)}),
    "too many lines": changed_result(text=[msgspec.to_builtins(LINE)] * (MAX_OCR_LINES + 1)),
    "too many fingerprints": changed_result(fingerprints=[{"name": "pdq", "data": b""}] * 65),
    "endless CPU time": changed_result(cpu=math.inf),
    "no CPU time": changed_result(cpu=math.nan),
    "an empty part": msgspec.msgpack.encode({"type": "DataChunk", "data": b""}),
    "a large part": msgspec.msgpack.encode({"type": "DataChunk", "data": bytes(PART_BYTES + 1)}),
    "no thumbnails": msgspec.msgpack.encode({"type": "ThumbnailPart", "jpegs": []}),
    "a large thumbnail": msgspec.msgpack.encode({"type": "ThumbnailPart", "jpegs": [bytes((1 << 20) + 1)]}),
    "a million thumbnails": msgspec.msgpack.encode({"type": "ThumbnailPart", "jpegs": [b""] * 1_000_000}),
    "a long reason": msgspec.msgpack.encode({"type": "Failure", "kind": "oom", "message": "x" * (WARNING_CHARS + 1)}),
    "a long name": msgspec.msgpack.encode({"type": "MemberStart", "name": b"x" * 65_537}),
    "deeply nested lists": b"\x91" * 200_000 + b"\xc0",
    "deeply nested lists in an ignored field": b"\x82\xa4type\xa5Ready\xa1x" + b"\x91" * 200_000 + b"\xc0",
    "deeply nested maps in an ignored field": b"\x82\xa4type\xa5Ready\xa1x" + b"\x81\xc0" * 99_999 + b"\xc0",
}


@pytest.mark.parametrize("what", NO_MESSAGES)
def test_decode_result_rejects_bytes_that_are_not_a_message(what: str) -> None:
    with pytest.raises(ValueError):
        decode_result(NO_MESSAGES[what])


# Random messages ----------------------------------------------------------------------------------
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


def test_clues_are_checked() -> None:
    clue = PackedClue(kind="time", value="2020", source="EXIF", trust="high")
    expected = (Clue(kind="time", value="2020", source="EXIF", trust="high"),) * MAX_CLUES
    assert validated(result(clues=[clue] * MAX_CLUES)).clues == expected
    for change in ({"value": "x" * (CLUE_CHARS + 1)}, {"trust": "utmost"}, {"kind": "k" * 1_000}):
        assert classify(body(result(clues=[msgspec.structs.replace(clue, **change)]))) == "no message"
    assert classify(body(result(clues=[clue] * (MAX_CLUES + 1)))) == "no message"
    assert classify(body(result(clues=[msgspec.structs.replace(clue, value="\0")]))) == "invalid analysis"


def test_random_bytes_are_decoded_or_rejected() -> None:
    rng = random.Random(SEED)
    starts = (b"", b"\x82", b"\x82\xa4type\xa9DataChunk", b"\x8a\xa4type\xaeAnalysisResult", b"\x84\xa4type\xa7Failure")
    for _ in range(TRIES):
        data = rng.choice(starts) + rng.randbytes(rng.randrange(200))
        assert classify(data) in ("no message", "another message")


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes with one to four changes: bits, bytes, and parts that are removed, doubled or copied elsewhere."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        start, length = rng.randrange(len(changed) + 1), rng.choice((1, 2, 8, 64))
        part = changed[start : start + length]
        change = rng.randrange(6)
        if change == 0 and part:
            changed[start] ^= 1 << rng.randrange(8)
        elif change == 1 and part:
            changed[start] = rng.choice((0x00, 0x7F, 0x80, 0xC0, 0xC1, 0xC6, 0xCB, 0xDB, 0xDD, 0xDF, 0xFF))
        elif change == 2:
            del changed[start : start + length]
        elif change == 3:
            changed[start:start] = part
        elif change == 4:
            changed[start:start] = rng.randbytes(length)
        else:
            target = rng.randrange(len(changed) + 1)
            changed[target : target + length] = part
    return bytes(changed)


def test_mutated_messages_are_decoded_or_rejected() -> None:
    rng = random.Random(SEED)
    valid = [
        body(message)
        for message in (
            *RESULTS,
            result(0),
            result(1),
            result(image=pack_arrays(np.zeros((2, 2, 3), "u1"))),
            image_result(crops(0)),
        )
    ]
    # Few changes of vectors make a result invalid, so most of these messages contain no vectors.
    weights = [1] * len(RESULTS) + [12, 4, 4, 4]
    classes = [classify(mutate(rng.choices(valid, weights)[0], rng)) for _ in range(TRIES)]
    assert set(classes) == {"no message", "another message", "invalid analysis", "valid analysis"}, (
        "the changes are neither too few nor too many"
    )
    assert min(classes.count(name) for name in set(classes)) > TRIES // 200


def random_values(rng: random.Random) -> Iterator[Any]:
    """Yield values of the types that fields have, valid ones and others."""
    while True:
        shape = [rng.choice((0, 1, 2, 3, 32)) for _ in range(rng.randint(1, 3))]
        array = np.full(shape, rng.choice((0, 1, math.nan, math.inf, -1)), "f8")
        with np.errstate(invalid="ignore"):
            packed = pack_arrays(array.astype(rng.choice(list(CODES.values()))))
        number = rng.choice((0, -1, 2**63 - 1, 2**64 - 1, 0.5, math.nan, math.inf, -0.0, 1e308, True, None, "x", ""))
        yield from (packed, [packed] * rng.randrange(5), number, {"width": number, "height": 48, "": number})


def test_results_with_random_fields_are_validated_or_rejected() -> None:
    rng = random.Random(SEED)
    values = random_values(rng)
    names = list(AnalysisResult.__struct_fields__)
    classes = []
    for _ in range(TRIES):
        fields = msgspec.to_builtins(result(rng.choice((0, 1, 3))), builtin_types=(bytes,))
        for name in rng.sample(names, rng.choice((1, 1, 2))):
            fields[name] = next(values)
        classes.append(classify(msgspec.msgpack.encode(fields)))
    assert {"no message", "invalid analysis", "valid analysis"} == set(classes)


def test_validation_covers_each_field_of_an_analysis() -> None:
    assert {field.name for field in fields(FileAnalysis)} == {
        "asset", "fingerprints", "thumbnails", "warnings", "image", "audio", "text", "video_text",
        "clues",
    }, "a new field needs checks in validate_analysis and in this module"  # fmt: skip
    assert set(AnalysisResult.__struct_fields__) == {
        "kind", "properties", "warnings", "spans", "fingerprints", "image", "audio", "text", "video_text", "clues",
        "cpu",
    }  # fmt: skip
    assert (
        messages.Result
        == Ready
        | DataChunk
        | ThumbnailPart
        | AnalysisResult
        | AudioResult
        | OcrTaskResult
        | FramesResult
        | VideoTextResult
        | PixelsResult
        | MemberStart
        | MemberEnd
        | ArchiveEnd
        | AssetRequest
        | PairResult
        | Failure
    )
