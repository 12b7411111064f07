"""The JSON objects of the contract."""

import json

from sample_matches import sample_match

from mediafp.report.jsonl import json_line, result_to_json
from mediafp.types.matches import QueryResult

MATCH = sample_match(
    sha256="1" * 64,
    uris=("/dump/a.jpg",),
    verdict="possible",
    probability=0.2,
    coverage=(0.0, 0.0),
    why=("no placement joins the two images",),
)


def test_result_to_json_names_near_misses_by_both_keys() -> None:
    result = QueryResult(query="q.jpg", sha256="2" * 64, kind="image", error=None, near_misses=(MATCH,))
    line = result_to_json(result)
    assert line["near_misses"] == line["turned_down"]
    assert [match["sha256"] for match in line["near_misses"]] == ["1" * 64]


def test_json_line_equals_that_of_the_standard_library() -> None:
    value = {"a": [], "b": [1, {"c": [None, "x"]}], "d": {"e": [2]}, "f": "g", "h": True, "i": [[], {}]}
    assert json_line(value) == json.dumps(value) and json_line({}) == "{}"


def test_json_line_keeps_bytes_that_are_not_utf8_and_escapes_control_characters() -> None:
    line = json_line({"path": "bad\udcff\u202e\x1b名.jpg"})
    assert json.loads(line) == {"path": "bad\udcff\u202e\x1b名.jpg"}
    assert "\x1b" not in line and "\u202e" not in line
    hidden = "\u061c\u200b\u200f\ufeff\xad\u3164\U000e0041\ud800 and\xa0visible　"
    line = json_line({"text": hidden})
    assert json.loads(line) == {"text": hidden} and line.startswith('{"text": "\\u061c') and "and\xa0visible　" in line
    assert "\\udb40\\udc41" in line, "a character beyond the first plane becomes the two surrogates of JSON"
    assert "名" in json_line({"path": "名.jpg"}), "text that can be encoded stays readable"
