"""Values at paths of a JSON object are exact, and nothing else of it becomes a Python object."""

import pytest

from mediafp.sightings.json_paths import JsonValues, at, read_json_paths
from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings


def read(content: bytes, *paths: str) -> JsonValues:
    return read_json_paths(content, paths, "a.json", SidecarWarnings())


def test_paths_lead_through_objects_and_lists() -> None:
    content = b'{"a": {"b": [{"c": 1}, {"c": 2}, "d"]}, "author": "me", "user": {"name": "x"}, "none": null, "e": {}}'
    assert read(content, "a.b.*.c", "a.b.1.c", "author", "author.name", "user.name", "none", "none.x", "e.f", "x") == {
        "a.b.*.c": [1, 2], "a.b.1.c": 2, "author": "me", "user.name": "x",
    }  # fmt: skip
    assert at("user", {"account": ("name", "id")}) == {"account": ("user.name", "user.id")}


def test_value_is_read_whole_where_a_path_ends() -> None:
    assert read(b'{"text": ["a", {"text": "b"}], "n": 1}', "text", "n") == {"text": ["a", {"text": "b"}], "n": 1}


def test_long_numbers_stay_exact_and_the_last_of_two_keys_counts() -> None:
    content = b'{"id": 1, "id": 12345678901234567890123, "digits": ' + b"9" * 5_000 + b', "big": 1e400, "nan": NaN}'
    values = read(content, "id", "digits", "big", "nan")
    assert values["id"] == 12345678901234567890123
    assert (values["digits"], values["big"], values["nan"]) == (False, float("inf"), [0])


def test_halves_of_surrogate_pairs_are_question_marks() -> None:
    assert read(b'\xef\xbb\xbf{"a": "x\\ud83d", "b": "\\ud83d\\ude00", "c": NaN}', "a", "b") == {
        "a": "x?",
        "b": "\U0001f600",
    }


def test_large_parts_are_skipped_with_a_warning_unless_a_path_leads_through_them() -> None:
    warnings = SidecarWarnings()
    texts = b'["' + b"y" * 70_000 + b'", 5]'
    content = b'{"node": {"x": ' + texts + b', "id": 5}, "list": [' + b"1," * 300_000 + b'1], "texts": ' + texts + b"}"
    paths = ("node.id", "list.*", "texts", "node.x.1")
    assert read_json_paths(content, paths, "a.json", warnings) == {"node.id": 5, "node.x.1": 5}
    assert warnings.texts() == [
        "skipped 'list' of 'a.json': its 600,003 bytes are over the limit of 512 KiB",
        "skipped 'texts' of 'a.json': its 70,007 bytes are over the limit of 64 KiB",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[1]", "not a JSON object"),
        (b'{"a": ', "not valid JSON"),
        (b'{"a": "\xff"}x', "not valid JSON"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"", "not valid JSON"),
    ],
)
def test_other_content_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(UnusableSidecarError, match=reason):
        read(content, "a", "b.c")


def test_value_of_undecodable_bytes_is_no_text() -> None:
    assert read(b'{"a": "\xff", "b": 1}', "a", "b") == {"a": False, "b": 1}
