"""What a worker answers is taken apart without trust: it is a reading in order, or a ValueError."""

import math
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from mediafp.engine.analysis import STORED_TYPES, analyse_file
from mediafp.engine.local import messages
from mediafp.engine.local.messages import (
    LENGTH,
    MAX_LINES,
    MAX_WARNINGS,
    WARNING_CHARS,
    AnalysisResult,
    ArchiveEnd,
    AudioResult,
    DataChunk,
    Failure,
    MemberDecision,
    MemberEnd,
    MemberStart,
    OcrTaskResult,
    PackedFingerprint,
    PackedTextLine,
    Ready,
    Result,
    Task,
    decode_decision,
    decode_result,
    decode_task,
    encode,
    pack_analysis,
    truncate_texts,
)
from mediafp.engine.local.validation import (
    IMAGE_SIDE,
    MAX_COORDINATE,
    MAX_PROPERTIES,
    PROPERTY_CHARS,
    validate_analysis,
    validate_lines,
)
from mediafp.fingerprints.reference_crops import reference_crops_version
from mediafp.fingerprints.registry import fingerprint_type
from mediafp.ingest.files import open_file
from mediafp.types.arrays import CODES, MAGIC, pack_arrays
from mediafp.types.fingerprints import MAX_CROPS_PER_IMAGE, REFERENCE_CROPS
from mediafp.types.media import Asset
from mediafp.types.runs import FileAnalysis

SHA256 = "0" * 64
JPEG = b"\xff\xd8\xff\xe0 \xff\xd9"
SEED = 20_261_126
TRIES = 2_000
WIDTHS = {name: fingerprint_type(name).columns for name in STORED_TYPES}
LINE = PackedTextLine("@样例用户", 0.9, (1.0, 2.0, 9.0, 2.0, 9.0, 6.0, 1.0, 6.0))
ANSWERS: list[Result] = [
    Ready(),
    DataChunk(data=b"\x00\x01"),
    AudioResult(warnings=["none"], audio_start=0.5, cpu=1.0),
    OcrTaskResult(warnings=["none"], text=[LINE], cpu=1.0),
    MemberStart(name=b"a\xff.png"),
    MemberEnd(),
    MemberEnd(kind="corrupt", message="cut short"),
    ArchiveEnd(cpu=2.0),
    Failure(kind="oom", message="no memory", not_media=True),
]


def vectors(count: int) -> dict[str, np.ndarray]:
    """Vectors of each type that is stored."""
    made = np.random.default_rng(count)
    return {
        name: made.integers(0, 256, (count, width), np.uint8)
        if fingerprint_type(name).metric == "hamming"
        else unit(made.normal(size=(count, width)))
        for name, width in WIDTHS.items()
    }


def unit(rows: np.ndarray) -> np.ndarray:
    """The rows at length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def answer(count: int = 3, **changed: Any) -> AnalysisResult:
    """A video of some rows that was read, as a worker says it, with some fields changed."""
    start = np.arange(count, dtype=np.float64)
    quality = np.full(count, 0.5, np.float32)
    told = {
        "kind": "video",
        "properties": {"format": "mp4", "width": 64, "height": 48, "duration": 3.0, "has_sound": False, "fps": None},
        "warnings": ["a packet was skipped"],
        "spans": pack_arrays(np.stack([start, start + 1], 1)),
        "rows": [PackedFingerprint(name, pack_arrays(rows, quality)) for name, rows in vectors(count).items()],
        "thumbnails": [JPEG] * count,
    }
    return AnalysisResult(**(told | changed))


def picture(count: int = MAX_CROPS_PER_IMAGE, **changed: Any) -> AnalysisResult:
    """A picture that was read with so many crops."""
    vectors_of = vectors(count)[STORED_TYPES[0]] if count else np.empty((0, WIDTHS[STORED_TYPES[0]]), np.float16)
    crops = pack_arrays(vectors_of, np.full(count, 0.5, np.float32))
    return answer(1, **({"kind": "image", "crops": crops} | changed))


def row(place: int, *arrays: np.ndarray) -> list[PackedFingerprint]:
    """The rows of the answer, one of which holds these arrays."""
    rows = list(answer().rows)
    rows[place] = PackedFingerprint(rows[place].name, pack_arrays(*arrays))
    return rows


def body(message: Result | Task | MemberDecision) -> bytes:
    """The message without its length."""
    data = encode(message)
    (length,) = LENGTH.unpack_from(data)
    assert length == len(data) - LENGTH.size
    return data[LENGTH.size :]


def assert_in_order(reading: FileAnalysis) -> None:
    """What the store and the matching rely on."""
    rows = len(reading.thumbnails)
    assert [f.type for f in reading.fingerprints] == list(STORED_TYPES)
    for fingerprint in reading.fingerprints:
        kind = fingerprint_type(fingerprint.type)
        assert fingerprint.version == kind.version and fingerprint.sha256 == SHA256
        assert fingerprint.vectors.shape == (rows, kind.columns)
        assert fingerprint.vectors.dtype == (np.uint8 if kind.metric == "hamming" else np.float16)
        assert fingerprint.spans.shape == (rows, 2) and fingerprint.spans.dtype == np.float64
        assert fingerprint.quality.shape == (rows,) and fingerprint.quality.dtype == np.float32
        assert all(np.isfinite(a).all() for a in (fingerprint.spans, fingerprint.vectors, fingerprint.quality))
        assert (fingerprint.spans[:, 0] <= fingerprint.spans[:, 1]).all()
    assert [thumbnail.position for thumbnail in reading.thumbnails] == list(range(rows))
    assert all(math.isfinite(thumbnail.seconds) for thumbnail in reading.thumbnails)
    assert reading.asset.kind == "video" or rows
    assert len(reading.asset.properties) <= MAX_PROPERTIES and len(reading.warnings) <= MAX_WARNINGS
    assert all(not isinstance(v, float) or math.isfinite(v) for v in reading.asset.properties.values())
    if reading.crops is not None:
        assert (
            reading.asset.kind == "image" and reading.crops.type == REFERENCE_CROPS and reading.crops.sha256 == SHA256
        )
        assert reading.crops.version == reference_crops_version(fingerprint_type(STORED_TYPES[0]))
        assert len(reading.crops.vectors) <= MAX_CROPS_PER_IMAGE and reading.crops.vectors.dtype == np.float16
        assert np.isfinite(reading.crops.vectors).all() and np.isfinite(reading.crops.quality).all()
        assert (np.linalg.norm(reading.crops.vectors.astype(np.float32), axis=1) < 1.02).all()
    if reading.image is not None:
        assert reading.image.dtype == np.uint8 and reading.image.shape[2:] == (3,) and reading.image.size


# What is right ------------------------------------------------------------------------------------
@pytest.mark.parametrize("message", ANSWERS, ids=lambda message: type(message).__name__)
def test_an_answer_comes_back_as_it_was(message: Result) -> None:
    assert decode_result(body(message)) == message
    assert decode_result(bytearray(body(message))) == message


def test_tasks_and_takes_come_back_as_they_were() -> None:
    task = Task(what="read", name=b"a\xff\n.png", sha256=SHA256, audio=True)
    assert decode_task(body(task)) == task
    assert task.shown == "a\udcff\n.png"
    for wanted in (True, False):
        assert decode_decision(body(MemberDecision(wanted=wanted))).wanted is wanted


def test_a_reading_comes_back_as_it_was(photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    Image.fromarray(photos["flower"]).save(tmp_path / "a.png")
    with open_file(tmp_path / "a.png") as file:
        here, size = analyse_file(file, SHA256, crops=True), file.bytes
    assert here is not None and here.crops is not None
    for picture in (True, False):
        told = decode_result(body(pack_analysis(here, image=picture, cpu=1.5)))
        assert isinstance(told, AnalysisResult) and told.cpu == 1.5 and told.audio_start is None
        there = validate_analysis(told, SHA256, size)
        assert_in_order(there)
        assert (there.asset, there.warnings, there.thumbnails) == (here.asset, here.warnings, here.thumbnails)
        assert there.crops is not None
        for one, other in zip((*there.fingerprints, there.crops), (*here.fingerprints, here.crops), strict=True):
            for name in ("spans", "vectors", "quality"):
                assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
                assert not getattr(one, name).flags.writeable
        assert there.image is None if not picture else np.array_equal(there.image, here.image)  # type: ignore[arg-type]


def test_text_comes_back_as_it_was() -> None:
    text = validate_analysis(answer(text=[LINE]), SHA256, 1).text
    assert text and [(line.text, line.confidence) for line in text.lines] == [("@样例用户", 0.9)]
    assert text.lines[0].box == ((1, 2), (9, 2), (9, 6), (1, 6))
    assert messages.pack_lines(text) == [LINE]
    assert validate_analysis(answer(), SHA256, 1).text is None
    nothing = validate_analysis(answer(text=[]), SHA256, 1).text
    assert nothing is not None and nothing.lines == ()


def test_a_text_alone_is_looked_at_too() -> None:
    assert validate_lines([LINE]).lines[0].text == "@样例用户"
    with pytest.raises(ValueError, match="none"):
        validate_lines([PackedTextLine("a", math.nan, LINE.box)])


def test_a_long_line_is_no_message() -> None:
    said = msgspec.to_builtins(OcrTaskResult(warnings=[], text=[LINE]), builtin_types=(bytes,))
    said["text"][0][0] = "x" * (WARNING_CHARS + 1)
    with pytest.raises(ValueError, match="no message"):
        decode_result(msgspec.msgpack.encode(said))


def test_a_video_without_a_row_is_one_and_a_picture_without_a_row_is_none() -> None:
    assert_in_order(validate_analysis(answer(0), SHA256, 1))
    with pytest.raises(ValueError, match="without a row"):
        validate_analysis(answer(0, kind="image"), SHA256, 1)


def test_the_size_and_the_sum_are_the_programs_own() -> None:
    told = answer(properties={"bytes": 7, "sha256": "f" * 64})
    assert validate_analysis(told, SHA256, 99).asset == Asset(
        sha256=SHA256, kind="video", bytes=99, properties={"bytes": 7, "sha256": "f" * 64}
    )


def test_warnings_are_few_and_short_and_can_be_written() -> None:
    long = ["x" * 10_000, "lone \ud800 surrogate", *["more"] * 1_000]
    short = truncate_texts(long)
    assert len(short) == MAX_WARNINGS and len(short[0]) == WARNING_CHARS and short[1] == "lone ? surrogate"
    told = answer(warnings=["y" * 10_000] * 1_000)
    assert [len(warning) for warning in validate_analysis(told, SHA256, 1).warnings] == [WARNING_CHARS] * MAX_WARNINGS


@pytest.mark.parametrize("count", [0, 1, MAX_CROPS_PER_IMAGE])
def test_a_picture_has_crops_or_none(count: int) -> None:
    reading = validate_analysis(picture(count), SHA256, 1)
    assert_in_order(reading)
    assert reading.crops is not None and len(reading.crops.vectors) == count
    assert validate_analysis(picture(crops=None), SHA256, 1).crops is None


# What is wrong ------------------------------------------------------------------------------------
QUALITY = np.full(3, 0.5, np.float32)
COSINE, HAMMING = (vectors(3)[name] for name in STORED_TYPES)
SPANS = np.array([[0, 1], [1, 2], [2, 3]], np.float64)


def with_value(array: np.ndarray, value: float) -> np.ndarray:
    """The array, its last value another."""
    changed = array.copy()
    changed.flat[-1] = value
    return changed


FORGED: dict[str, Callable[[], dict[str, Any]]] = {
    # Arrays of other types
    "spans as float32": lambda: {"spans": pack_arrays(SPANS.astype(np.float32))},
    "vectors as float32": lambda: {"rows": row(0, COSINE.astype(np.float32), QUALITY)},
    "vectors as bytes": lambda: {"rows": row(0, COSINE.astype(np.uint8), QUALITY)},
    "bits as signed bytes": lambda: {"rows": row(1, HAMMING.astype(np.int8), QUALITY)},
    "bits as floats": lambda: {"rows": row(1, HAMMING.astype(np.float16), QUALITY)},
    "quality as float64": lambda: {"rows": row(0, COSINE, QUALITY.astype(np.float64))},
    "a picture of floats": lambda: {"image": pack_arrays(np.zeros((4, 4, 3), np.float32))},
    # Of other shapes
    "no spans": lambda: {"spans": pack_arrays(np.zeros((0, 2)))},
    "flat spans": lambda: {"spans": pack_arrays(SPANS.ravel())},
    "spans of three": lambda: {"spans": pack_arrays(np.zeros((3, 3)))},
    "spans of no dimension": lambda: {"spans": pack_arrays(np.array(1.0))},
    "spans of nothing": lambda: {"spans": pack_arrays(np.zeros((3, 0)))},
    "spans twice": lambda: {"spans": pack_arrays(SPANS, SPANS)},
    "no arrays": lambda: {"spans": pack_arrays()},
    "one span more": lambda: {"spans": pack_arrays(np.zeros((4, 2)))},
    "narrow vectors": lambda: {"rows": row(0, COSINE[:, :-1], QUALITY)},
    "wide bits": lambda: {"rows": row(1, np.hstack([HAMMING, HAMMING]), QUALITY)},
    "flat vectors": lambda: {"rows": row(0, COSINE.ravel(), QUALITY)},
    "one number as vectors": lambda: {"rows": row(0, np.array(1, np.float16), QUALITY)},
    "one vector less": lambda: {"rows": row(0, COSINE[:2], QUALITY)},
    "one quality less": lambda: {"rows": row(0, COSINE, QUALITY[:2])},
    "quality in a column": lambda: {"rows": row(0, COSINE, QUALITY[:, None])},
    "vectors without quality": lambda: {"rows": row(0, COSINE)},
    "a grey picture": lambda: {"image": pack_arrays(np.zeros((4, 4), np.uint8))},
    "a picture of four channels": lambda: {"image": pack_arrays(np.zeros((4, 4, 4), np.uint8))},
    "a picture of one number": lambda: {"image": pack_arrays(np.array(3, np.uint8))},
    "a picture of nothing": lambda: {"image": pack_arrays(np.zeros((0, 4, 3), np.uint8))},
    "a picture too wide": lambda: {"image": pack_arrays(np.zeros((1, IMAGE_SIDE + 1, 3), np.uint8))},
    "two pictures": lambda: {"image": pack_arrays(*[np.zeros((4, 4, 3), np.uint8)] * 2)},
    # Of values that are none
    "NaN in a vector": lambda: {"rows": row(0, with_value(COSINE, math.nan), QUALITY)},
    "infinity in a vector": lambda: {"rows": row(0, with_value(COSINE, -math.inf), QUALITY)},
    "a vector of twice the length": lambda: {"rows": row(0, (COSINE * 2).astype(np.float16), QUALITY)},
    "quality above one": lambda: {"rows": row(0, COSINE, with_value(QUALITY, 1.5))},
    "quality below zero": lambda: {"rows": row(1, HAMMING, with_value(QUALITY, -0.1))},
    "NaN as quality": lambda: {"rows": row(1, HAMMING, with_value(QUALITY, math.nan))},
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
    "a type that is none": lambda: {"spans": MAGIC + b"\x01\x63\x00"},
    "255 arrays": lambda: {"spans": MAGIC + b"\xff"},
    "a picture that overflows": lambda: {"image": forged((2**22, 2**22, 2**22), code=1)},
    "bytes behind the arrays": lambda: {"spans": pack_arrays(SPANS) + b"x"},
    "arrays cut short": lambda: {"spans": pack_arrays(SPANS)[:-1]},
    "nothing for arrays": lambda: {"spans": b""},
    # Rows and thumbnails
    "no rows": lambda: {"rows": []},
    "a row missing": lambda: {"rows": answer().rows[:1]},
    "a row twice": lambda: {"rows": [*answer().rows, answer().rows[0]]},
    "rows in another order": lambda: {"rows": answer().rows[::-1]},
    "a row of a type that is not stored": lambda: {"rows": [*answer().rows, PackedFingerprint("phash", b"")]},
    "a row of a type that there is not": lambda: {"rows": [PackedFingerprint("os.system", b""), answer().rows[1]]},
    "a thumbnail missing": lambda: {"thumbnails": [JPEG] * 2},
    "a thumbnail more": lambda: {"thumbnails": [JPEG] * 4},
    "an empty thumbnail": lambda: {"thumbnails": [JPEG, b"", JPEG]},
    "a PNG as thumbnail": lambda: {"thumbnails": [JPEG, JPEG, b"\x89PNG\r\n\x1a\n"]},
    "HTML as thumbnail": lambda: {"thumbnails": [JPEG, JPEG, b"<svg onload=alert(1)>"]},
    "a thumbnail cut short": lambda: {"thumbnails": [JPEG, JPEG, JPEG[:-1]]},
    # Crops
    "crops of a video": lambda: {"crops": crops()},
    "crops too many": lambda: {"kind": "image", "crops": crops(MAX_CROPS_PER_IMAGE + 1)},
    "crops as float32": lambda: {"kind": "image", "crops": pack_arrays(COSINE.astype(np.float32), QUALITY)},
    "crops as bits": lambda: {"kind": "image", "crops": pack_arrays(HAMMING, QUALITY)},
    "narrow crops": lambda: {"kind": "image", "crops": pack_arrays(COSINE[:, :-1], QUALITY)},
    "flat crops": lambda: {"kind": "image", "crops": pack_arrays(COSINE.ravel(), QUALITY)},
    "one number as crops": lambda: {"kind": "image", "crops": pack_arrays(np.array(1, np.float16), QUALITY)},
    "crops without quality": lambda: {"kind": "image", "crops": pack_arrays(COSINE)},
    "a quality of a crop less": lambda: {"kind": "image", "crops": pack_arrays(COSINE, QUALITY[:2])},
    "NaN in a crop": lambda: {"kind": "image", "crops": pack_arrays(with_value(COSINE, math.nan), QUALITY)},
    "a crop of twice the length": lambda: {
        "kind": "image",
        "crops": pack_arrays((COSINE * 2).astype(np.float16), QUALITY),
    },
    "NaN as quality of a crop": lambda: {"kind": "image", "crops": pack_arrays(COSINE, with_value(QUALITY, math.nan))},
    "a quality of a crop below zero": lambda: {
        "kind": "image",
        "crops": pack_arrays(COSINE, with_value(QUALITY, -0.1)),
    },
    "crops that overflow": lambda: {"kind": "image", "crops": forged((2**32, 2**32))},
    "nothing for crops": lambda: {"kind": "image", "crops": b""},
    # Properties
    "NaN as a property": lambda: {"properties": {"duration": math.nan}},
    "infinity as a property": lambda: {"properties": {"fps": math.inf}},
    "too many properties": lambda: {"properties": {str(n): n for n in range(MAX_PROPERTIES + 1)}},
    "a property of a long name": lambda: {"properties": {"x" * (PROPERTY_CHARS + 1): 1}},
    "a long property": lambda: {"properties": {"format": "x" * (PROPERTY_CHARS + 1)}},
    "a width in words": lambda: {"properties": {"width": "wide"}},
    # Text
    "too many lines": lambda: {"text": [LINE] * (MAX_LINES + 1)},
    "a line surer than sure": lambda: {"text": [PackedTextLine("a", 1.5, LINE.box)]},
    "a line less sure than not": lambda: {"text": [PackedTextLine("a", -0.1, LINE.box)]},
    "NaN as confidence": lambda: {"text": [PackedTextLine("a", math.nan, LINE.box)]},
    "a line at infinity": lambda: {"text": [PackedTextLine("a", 0.9, (math.inf, *LINE.box[1:]))]},
    "a line at NaN": lambda: {"text": [PackedTextLine("a", 0.9, (*LINE.box[:-1], math.nan))]},
    "a line farther than any picture": lambda: {
        "text": [PackedTextLine("a", 0.9, (-2 * MAX_COORDINATE, *LINE.box[1:]))]
    },
    "half a pixel of height": lambda: {"properties": {"height": 0.5}},
}


def crops(count: int = 1) -> bytes:
    """Crops, packed."""
    packed = picture(count).crops
    assert packed is not None
    return packed


def forged(shape: tuple[int, ...], data: bytes = b"", *, code: int = 4) -> bytes:
    """One packed array that says to be of this shape."""
    assert CODES[4] == np.float64 and CODES[1] == np.uint8
    return MAGIC + struct.pack(f"<BBB{len(shape)}Q", 1, code, len(shape), *shape) + data


@pytest.mark.parametrize("what", FORGED)
def test_a_reading_that_none_of_ours_would_send_is_a_value_error(what: str) -> None:
    told = decode_result(body(answer(**FORGED[what]())))
    assert isinstance(told, AnalysisResult), "it is a message like any other"
    with pytest.raises(ValueError):
        validate_analysis(told, SHA256, 1)


NO_MESSAGES: dict[str, bytes] = {
    "nothing": b"",
    "no end": body(answer())[:-1],
    "more": body(Ready()) + b"\xc0",
    "another type": msgspec.msgpack.encode({"type": "Exec", "data": b"x"}),
    "no type": msgspec.msgpack.encode({"data": b"x"}),
    "a type of a type": msgspec.msgpack.encode({"type": {"type": "Ready"}}),
    "a task": body(Task(what="read", name=b"x")),
    "text for bytes": msgspec.msgpack.encode({"type": "Part", "data": "x"}),
    "bytes for text": msgspec.msgpack.encode({"type": "Failed", "kind": "oom", "message": b"x"}),
    "a kind that is none": msgspec.msgpack.encode({"type": "Failed", "kind": "fine", "message": "x"}),
    "a time that is none": msgspec.msgpack.encode({"type": "Heard", "warnings": [], "audio_start": "soon"}),
    "a list as property": msgspec.msgpack.encode(msgspec.to_builtins(answer()) | {"properties": {"a": [1]}}),
    "text that is no UTF-8": b"\x83\xa4type\xa6Failed\xa4kind\xa3oom\xa7message\xa2\xff\xfe",
    "a map of 2**32 entries": b"\xdf\xff\xff\xff\xff",
    "a list of 2**32 entries": b"\xdd\xff\xff\xff\xff",
    "2**32 bytes": b"\x82\xa4type\xa4Part\xa4data\xc6\xff\xff\xff\xff",
    "a long reason": msgspec.msgpack.encode({"type": "Failed", "kind": "oom", "message": "x" * (WARNING_CHARS + 1)}),
    "a long name": msgspec.msgpack.encode({"type": "Opened", "name": b"x" * 65_537}),
    "a list in a list, often": b"\x91" * 200_000 + b"\xc0",
    "a list in a list, often, in a field that is passed over": b"\x82\xa4type\xa5Ready\xa1x"
    + b"\x91" * 200_000
    + b"\xc0",
    "a map in a map, often, in a field that is passed over": b"\x82\xa4type\xa5Ready\xa1x"
    + b"\x81\xc0" * 99_999
    + b"\xc0",
}


@pytest.mark.parametrize("what", NO_MESSAGES)
def test_bytes_that_are_no_message_are_a_value_error(what: str) -> None:
    with pytest.raises(ValueError):
        decode_result(NO_MESSAGES[what])


# What chance makes of it --------------------------------------------------------------------------
def judged(data: bytes) -> str:
    """What became of some bytes; anything but a ValueError goes through."""
    try:
        told = decode_result(data)
    except ValueError:
        return "no message"
    if not isinstance(told, AnalysisResult):
        return "another"
    try:
        reading = validate_analysis(told, SHA256, 1)
    except ValueError:
        return "no reading"
    assert_in_order(reading)
    return "reading"


def test_random_bytes_decode_or_are_a_value_error() -> None:
    chance = random.Random(SEED)
    starts = (b"", b"\x82", b"\x82\xa4type\xa4Part", b"\x8a\xa4type\xa4Read", b"\x84\xa4type\xa6Failed")
    for _ in range(TRIES):
        data = chance.choice(starts) + chance.randbytes(chance.randrange(200))
        assert judged(data) in ("no message", "another")


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one to four changes: bits, bytes, pieces left out, doubled or put elsewhere."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at, length = chance.randrange(len(changed) + 1), chance.choice((1, 2, 8, 64))
        piece = changed[at : at + length]
        how = chance.randrange(6)
        if how == 0 and piece:
            changed[at] ^= 1 << chance.randrange(8)
        elif how == 1 and piece:
            changed[at] = chance.choice((0x00, 0x7F, 0x80, 0xC0, 0xC1, 0xC6, 0xCB, 0xDB, 0xDD, 0xDF, 0xFF))
        elif how == 2:
            del changed[at : at + length]
        elif how == 3:
            changed[at:at] = piece
        elif how == 4:
            changed[at:at] = chance.randbytes(length)
        else:
            to = chance.randrange(len(changed) + 1)
            changed[to : to + length] = piece
    return bytes(changed)


def test_mutated_messages_decode_or_are_a_value_error() -> None:
    chance = random.Random(SEED)
    sound = [
        body(message)
        for message in (
            *ANSWERS,
            answer(0),
            answer(1),
            answer(image=pack_arrays(np.zeros((2, 2, 3), "u1"))),
            picture(0),
        )
    ]
    # A change among many vectors is seldom seen: most of these have none.
    weights = [1] * len(ANSWERS) + [12, 4, 4, 4]
    found = [judged(mutated(chance.choices(sound, weights)[0], chance)) for _ in range(TRIES)]
    assert set(found) == {"no message", "another", "no reading", "reading"}, (
        "the changes are neither too few nor too many"
    )
    assert min(found.count(one) for one in set(found)) > TRIES // 100


def junk(chance: random.Random) -> Iterator[Any]:
    """Values of the types that fields have, right and wrong in every other way."""
    while True:
        shape = [chance.choice((0, 1, 2, 3, 32)) for _ in range(chance.randint(1, 3))]
        array = np.full(shape, chance.choice((0, 1, math.nan, math.inf, -1)), "f8")
        with np.errstate(invalid="ignore"):
            packed = pack_arrays(array.astype(chance.choice(list(CODES.values()))))
        number = chance.choice((0, -1, 2**63 - 1, 2**64 - 1, 0.5, math.nan, math.inf, -0.0, 1e308, True, None, "x", ""))
        yield from (packed, [packed] * chance.randrange(5), number, {"width": number, "": number}, [JPEG] * 3)


def test_readings_of_fields_at_random_are_in_order_or_a_value_error() -> None:
    chance = random.Random(SEED)
    values = junk(chance)
    names = [field for field in AnalysisResult.__struct_fields__]
    found = []
    for _ in range(TRIES):
        told = msgspec.to_builtins(answer(chance.choice((0, 1, 3))), builtin_types=(bytes,))
        told["type"] = "Read"
        for name in chance.sample(names, chance.choice((1, 1, 2))):
            told[name] = next(values)
        found.append(judged(msgspec.msgpack.encode(told)))
    assert {"no message", "no reading", "reading"} == set(found)


def test_every_field_of_a_reading_is_looked_at() -> None:
    assert {field.name for field in fields(FileAnalysis)} == {
        "asset", "fingerprints", "thumbnails", "warnings", "image", "audio", "text", "crops",
    }, "a new field needs checks in reading_of, and here"  # fmt: skip
    assert set(AnalysisResult.__struct_fields__) == {
        "kind", "properties", "warnings", "spans", "rows", "thumbnails", "image", "crops", "audio_start", "text", "cpu",
    }  # fmt: skip
    assert (
        messages.Result
        == Ready
        | DataChunk
        | AnalysisResult
        | AudioResult
        | OcrTaskResult
        | MemberStart
        | MemberEnd
        | ArchiveEnd
        | Failure
    )
