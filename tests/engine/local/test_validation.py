"""Results of workers are untrusted: validation gives a valid analysis, or a ValueError."""

import math
import struct
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image
from worker_results import (
    FRAME_TYPES,
    JPEG,
    LINE,
    MAX_CROPS,
    SCREEN_LINE,
    SHA256,
    assert_valid,
    body,
    classify,
    crops,
    image_result,
    result,
    row,
    thumbnail_file,
    validated,
    vectors,
)

from mediafp.engine.analysis import analyse_file
from mediafp.engine.comparison.messages import AssetRequest, PairResult
from mediafp.engine.local import messages, packing
from mediafp.engine.local.messages import (
    AnalysisResult,
    ArchiveEnd,
    AudioResult,
    DataChunk,
    Failure,
    FramesResult,
    MemberEnd,
    MemberStart,
    OcrTaskResult,
    PackedAudio,
    PackedClue,
    PackedFingerprint,
    PackedTextLine,
    PixelsResult,
    Ready,
    Task,
    ThumbnailPart,
    VideoTextResult,
    decode_result,
)
from mediafp.engine.local.packing import pack_analysis, pack_thumbnails
from mediafp.engine.local.validation import MAX_IMAGE_SIDE, validate_analysis, validate_lines
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.ingest.files import open_file
from mediafp.ingest.limits import MAX_FRAMES, MAX_PAGE_PARTS, MAX_PAGES
from mediafp.types.arrays import CODES, MAGIC, pack_arrays
from mediafp.types.contents import CLUE_CHARS, MAX_ASSET_PIXELS, MAX_ASSET_ROWS, MAX_CLUES, MAX_COORDINATE, MAX_SECONDS
from mediafp.types.media import Asset, Kind
from mediafp.types.runs import FileAnalysis
from mediafp.types.sightings import Clue


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


@pytest.mark.parametrize("count", [0, 1, MAX_CROPS])
def test_validate_analysis_accepts_reference_crops_of_an_image(count: int) -> None:
    analysis = validated(image_result(crops(count)))
    assert_valid(analysis)
    assert len(analysis.fingerprint(REFERENCE_CROPS).vectors) == count
    assert REFERENCE_CROPS not in [f.type for f in validated(image_result(None)).fingerprints]


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


def test_clues_are_checked() -> None:
    clue = PackedClue(kind="time", value="2020", source="EXIF", trust="high")
    expected = (Clue(kind="time", value="2020", source="EXIF", trust="high"),) * MAX_CLUES
    assert validated(result(clues=[clue] * MAX_CLUES)).clues == expected
    for change in ({"value": "x" * (CLUE_CHARS + 1)}, {"trust": "utmost"}, {"kind": "k" * 1_000}):
        assert classify(body(result(clues=[msgspec.structs.replace(clue, **change)]))) == "no message"
    assert classify(body(result(clues=[clue] * (MAX_CLUES + 1)))) == "no message"
    assert classify(body(result(clues=[msgspec.structs.replace(clue, value="\0")]))) == "invalid analysis"


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
