"""Messages of workers are untrusted: decoding gives a message of fixed types and lengths, or a ValueError."""

import math
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from worker_results import LINE, RESULTS, SHA256, body, result

from mediafp.engine.local.messages import (
    PART_BYTES,
    MemberDecision,
    MemberStart,
    OcrTaskResult,
    Ready,
    Result,
    Task,
    decode_decision,
    decode_result,
    decode_task,
    truncate_texts,
)
from mediafp.engine.local.packing import pack_capture, unpack_capture
from mediafp.types.contents import MAX_OCR_LINES, MAX_PROPERTIES, MAX_WARNINGS, PROPERTY_CHARS, WARNING_CHARS
from mediafp.types.web_captures import WebCapture


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


def test_truncate_texts_limits_number_and_length_and_gives_utf8() -> None:
    long = ["x" * 10_000, "lone \ud800 surrogate", *["more"] * 1_000]
    short = truncate_texts(long)
    assert len(short) == MAX_WARNINGS and len(short[0]) == WARNING_CHARS and short[1] == "lone ? surrogate"
    assert truncate_texts(["a\0b"]) == ["a?b"]


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
