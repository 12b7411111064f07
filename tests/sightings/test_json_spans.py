"""Records of a large JSON file are found in blocks, wherever the blocks end."""

import json
import tracemalloc

import pytest

from mediafp.sightings import json_spans
from mediafp.sightings.json_spans import SpanScanner, group_header, line_spans, read_value
from mediafp.sightings.sidecar_content import UnusableSidecarError

LISTS = [("messages",), ("chats", "list", "*", "messages")]


def scan(content: bytes, lists: list[tuple[str, ...]] | None, start: int = 0) -> list[bytes]:
    scanner = SpanScanner(lambda offset, length: content[offset : offset + length], lists, start)
    return [content[span.offset : span.offset + span.length] for span in scanner.spans()]


@pytest.mark.parametrize("block", [1, 7, 1_000])
def test_records_of_nested_lists_are_found_with_their_objects(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_spans, "_BLOCK_BYTES", block)
    first = {"id": 1, "text": ['a"{[', {"x": "}\\"}]}
    chats = [{"name": 'A " [', "id": 5, "messages": [first, {"id": 2}]}, {"messages": [{"id": 3}], "name": "B"}]
    content = json.dumps(
        {"about": "{[", "chats": {"about": "]", "list": chats}, "x": {"messages": [{}]}}, indent=1
    ).encode()
    scanner = SpanScanner(lambda offset, length: content[offset : offset + length], LISTS)
    found = [(span.group, json.loads(content[span.offset : span.offset + span.length])) for span in scanner.spans()]
    assert found == [(0, first), (0, {"id": 2}), (1, {"id": 3})]
    headers = [json.loads(group_header(lambda at, length: content[at : at + length], one)) for one in scanner.groups]
    assert headers == [{"name": 'A " [', "id": 5, "messages": None}, {"messages": None, "name": "B"}]


def test_lines_lists_and_assigned_lists_are_read() -> None:
    assert scan(b'{"a":1}\r\n\n{"b":[{}]} {"c":"\\""}', None) == [b'{"a":1}', b'{"b":[{}]}', b'{"c":"\\""}']
    assert scan(b' [ {"a":1} , 5, {"b":[2]} ] trailing {', [()]) == [b'{"a":1}', b'{"b":[2]}']
    assert scan(b'window.x = [{"a":1}]', [()], 11) == [b'{"a":1}']
    content = b'xx{"a":{"b":"}"}} {'
    assert read_value(lambda offset, length: content[offset : offset + length], 2) == b'{"a":{"b":"}"}}'


@pytest.mark.parametrize(
    "content", [b'{"messages": [{"a": "b', b'{"messages": [{"a": 1}', b'}{"a":1}', b'{"a":' * 2_000, b'{"']
)
def test_damaged_files_are_refused_after_their_whole_records(content: bytes) -> None:
    with pytest.raises(UnusableSidecarError):
        scan(content, LISTS)


def test_large_record_is_left_out_and_counted_in_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_spans, "MAX_JSON_RECORD_BYTES", 100_000)
    content = b'{"messages": [{"a": [' + b'"xxxxxxx",' * 500_000 + b'1]}, {"b": 1}], "c": [' + b"1," * 500_000 + b"1]}"
    scanner = SpanScanner(lambda offset, length: content[offset : offset + length], LISTS)
    tracemalloc.start()
    try:
        spans = list(scanner.spans())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [content[span.offset : span.offset + span.length] for span in spans] == [b'{"b": 1}']
    assert scanner.too_large == 1 and peak < 2 << 20


def test_text_without_end_is_refused_before_it_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_spans, "MAX_JSON_RECORD_BYTES", 1_000_000)
    with pytest.raises(UnusableSidecarError, match="a text is over the limit"):
        scan(b'{"messages": ["' + b"x" * 3_000_000, LISTS)


@pytest.mark.parametrize("block", [1, 5, 1_000])
def test_lines_are_found_whatever_is_in_them(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_spans, "_BLOCK_BYTES", block)
    monkeypatch.setattr(json_spans, "MAX_JSON_RECORD_BYTES", 30)
    content = b'{"a": 1}\r\n\n{"damaged": "\n' + b"x" * 50 + b'\n{"b": 2}'
    spans = list(line_spans(lambda offset, length: content[offset : offset + length]))
    lines = [content[span.offset : span.offset + span.length] for span in spans]
    assert lines[:2] + lines[-1:] == [b'{"a": 1}\r', b'{"damaged": "', b'{"b": 2}']
