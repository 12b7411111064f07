"""Sidecars, tables and their warnings take bounded memory, time and space in the store."""

import csv
import io
import json
import os
import tracemalloc
import unicodedata
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from read_sidecars import read_fields

from mediafp.ingest.files import OpenFile, open_file
from mediafp.ingest.sidecar_folders import DiskFolder, sidecar_folders
from mediafp.sightings import record_index, sidecars
from mediafp.sightings.sidecars import SidecarReader
from mediafp.types.media import SidecarFile
from mediafp.types.sightings import SightingFields

MIB = 1 << 20


def write_info(folder: Path, **record: object) -> Path:
    """Write the sidecar of a media file, and return the path of the media file."""
    (folder / "a.info.json").write_text(json.dumps(record))
    return folder / "a.mp4"


@contextmanager
def measured_memory() -> Iterator[dict[str, int]]:
    """Measure the bytes that Python allocates inside: the most at once, and those kept."""
    measured: dict[str, int] = {}
    tracemalloc.start()
    try:
        yield measured
        measured["kept"], measured["peak"] = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("key", "field", "limit"), [("description", "text", 65_536), ("title", "title", 5_000)], ids=["text", "title"]
)
def test_long_text_is_cut_with_a_warning(tmp_path: Path, key: str, field: str, limit: int) -> None:
    for length in (limit, limit + 1, 8 * MIB - 100):
        fields, warnings = read_fields(write_info(tmp_path, **{key: "x" * length}))
        assert getattr(fields, field) == "x" * limit
        cut = f"skipped the rest of '{key}' of 'a.info.json': its {length:,} characters are over the limit of {limit:,}"
        assert warnings == ([cut] if length > limit else [])


@pytest.mark.parametrize(
    ("key", "field", "limit"),
    [("id", "post_id", 500), ("extractor_key", "platform", 100), ("webpage_url", "url", 8_192)],
)
def test_long_value_that_a_cut_would_falsify_is_skipped_with_a_warning(
    tmp_path: Path, key: str, field: str, limit: int
) -> None:
    longest = ("x:" if field == "url" else "x").ljust(limit, "x")
    assert getattr(read_fields(write_info(tmp_path, **{key: longest}))[0], field) == longest
    fields, (warning,) = read_fields(write_info(tmp_path, **{key: longest + "x"}, title="t"))
    assert getattr(fields, field) is None and fields.title == "t"
    assert f"'{key}' of 'a.info.json'" in warning and f"{limit + 1:,}" in warning and f"{limit:,}" in warning


def test_next_key_is_used_in_place_of_a_value_that_is_too_long(tmp_path: Path) -> None:
    fields, warnings = read_fields(write_info(tmp_path, uploader="x" * 501, channel="Sample User"))
    assert fields.account_name == "Sample User" and len(warnings) == 1


def test_cell_of_a_table_has_the_limits_of_a_value(tmp_path: Path) -> None:
    with (tmp_path / "mediafp.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "url", "text"), ("a.mp4", "u:" + "u" * 8_191, "x" * 900_000)])
    fields, warnings = read_fields(tmp_path / "a.mp4")
    assert (fields.url, fields.text) == (None, "x" * 65_536)
    assert [warning.partition(":")[0] for warning in warnings] == [
        "skipped 'url' of the row of 'a.mp4' in 'mediafp.csv'",
        "skipped the rest of 'text' of the row of 'a.mp4' in 'mediafp.csv'",
    ]  # fmt: skip


HOSTILE_RECORDS = {
    "empty lists": b'{"x":[' + b"[]," * 1_000_000 + b'1],"title":"t"}',
    "small objects": b'{"x":[' + b'{"a":1},' * 500_000 + b'1],"title":"t"}',
    "keys": b"{" + b",".join(b'"%d":0' % n for n in range(400_000)) + b',"title":"t"}',
    "an account of many keys": b'{"uploader":{' + b",".join(b'"%d":0' % n for n in range(400_000)) + b'},"title":"t"}',
    "an account that is a long list": b'{"uploader":[' + b"[]," * 1_000_000 + b'1],"title":"t"}',
}


@pytest.mark.parametrize("record", HOSTILE_RECORDS.values(), ids=HOSTILE_RECORDS)
def test_record_of_many_values_takes_little_memory(tmp_path: Path, record: bytes) -> None:
    (tmp_path / "a.info.json").write_bytes(record)
    with measured_memory() as memory:
        fields, _ = read_fields(tmp_path / "a.mp4")
    assert fields.title == "t"
    assert memory["peak"] < 4 * len(record)


@pytest.mark.parametrize(
    "values",
    [b"[]," * 1_000_000, b'"\\\\\\"",' * 1_000_000, b"NaN," * 1_000_000, b'"\\ud83d",' * 700_000],
    ids=["lists", "escapes", "NaN", "surrogates"],
)
def test_record_with_values_outside_json_takes_little_memory(tmp_path: Path, values: bytes) -> None:
    content = b'{"x":[NaN,"\\ud83d",' + values + b'1],"title":"t"}'
    (tmp_path / "a.info.json").write_bytes(content)
    with measured_memory() as memory:
        fields, warnings = read_fields(tmp_path / "a.mp4")
    assert fields.title == "t" and warnings == []
    assert memory["peak"] < 4 * len(content)


def test_large_sidecar_with_a_cut_emoji_in_a_comment_is_read(tmp_path: Path) -> None:
    comments = [{"id": str(n), "text": "one, two, three", "likes": 0} for n in range(60_000)]
    comments[100]["text"] = "cut \ud83d"
    fields, warnings = read_fields(write_info(tmp_path, title="t", comments=comments))
    assert fields.title == "t" and warnings == []


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        (rb"a\ud83d", "a?"),
        (rb"\ud83d\ud83d\ude00\uDE00", "?\U0001f600?"),
        (rb"\\ud83d \ud83d", r"\ud83d ?"),
        (rb"\\\ud83d \"NaN\"", '\\? "NaN"'),
        (rb"NaN, -Infinity \ud83d", "NaN, -Infinity ?"),
    ],
)
def test_only_lone_surrogates_and_numbers_outside_texts_are_replaced(tmp_path: Path, title: bytes, shown: str) -> None:
    (tmp_path / "a.info.json").write_bytes(b'{"x": -Infinity, "title": "' + title + b'", "view_count": NaN}')
    fields, (warning,) = read_fields(tmp_path / "a.mp4")
    assert fields.title == shown and "'view_count'" in warning


@pytest.mark.parametrize(
    "record", [rb'{"x": \ud83d}', b'{"x": 1NaN}', b"{NaN: 1}", b'{"x": NaN, "title": "t', b'{"x": -NaN}']
)
def test_record_that_is_no_json_is_skipped_with_a_warning(tmp_path: Path, record: bytes) -> None:
    (tmp_path / "a.info.json").write_bytes(record)
    assert read_fields(tmp_path / "a.mp4") == (SightingFields(), ["skipped 'a.info.json': it is not valid JSON"])


@pytest.mark.parametrize("part", ["[" * 100_000, '{"a":' * 100_000])
@pytest.mark.parametrize("key", ["x", "uploader"])
def test_deep_nesting_is_skipped_with_a_warning(tmp_path: Path, key: str, part: str) -> None:
    (tmp_path / "a.info.json").write_text(f'{{"title":"t","{key}":{part}')
    assert read_fields(tmp_path / "a.mp4")[1][0].startswith("skipped 'a.info.json': ")


@pytest.mark.parametrize(
    "record",
    [
        b'\xef\xbb\xbf{"title": "t", "formats": [{"quality": NaN, "tbr": -Infinity}]}',
        b'{"title": "t", "comments": ["\\ud83d cut emoji", {"id": 1e400}]}',
        b'{"\\ud83d": 1, "title": "t"}',
        b'{"title": "s", "title": "t"}',
        b'{"t\\u0069tle": "t", "n": ' + b"9" * 5_000 + b"}",
    ],
    ids=["BOM, NaN and infinity", "lone surrogates and a huge number", "a key", "a key twice", "5,000 digits"],
)
def test_odd_values_beside_a_title_leave_it_readable(tmp_path: Path, record: bytes) -> None:
    (tmp_path / "a.info.json").write_bytes(record)
    fields, warnings = read_fields(tmp_path / "a.mp4")
    assert fields.title == "t" and warnings == []


def test_times_and_counts_of_many_digits_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "a.info.json").write_bytes(
        b'{"timestamp": "%s", "view_count": %s, "uploader_id": %s}' % (b"1" * MIB, b"1" * 4_000, b"1" * 4_000)
    )
    fields, warnings = read_fields(tmp_path / "a.mp4")
    assert fields == SightingFields() and len(warnings) == 3


def build_table(rows: int) -> bytes:
    return b"file,account\n" + b"".join(b"%06d,@%d\n" % (n, n) for n in range(rows))


def test_table_of_many_names_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "mediafp.csv").write_bytes(build_table(20_000))
    with measured_memory() as memory:
        assert read_fields(tmp_path / "019999")[0].account == "19999"
    assert memory["kept"] < 4 * MIB and memory["peak"] < 24 * MIB
    assert read_fields(tmp_path / "000000")[0].account == "0"
    assert read_fields(tmp_path / "020000")[0] == SightingFields()


def test_rows_above_the_limit_are_skipped_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_index, "MAX_RECORDS", 100)
    (tmp_path / "mediafp.csv").write_bytes(build_table(101))
    fields, (warning,) = read_fields(tmp_path / "000099")
    assert fields.account == "99"
    assert warning == "skipped the rest of 'mediafp.csv': it has more than 100 rows"
    assert read_fields(tmp_path / "000100") == (SightingFields(), [warning])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"file," + b"x," * 9_999 + b"\na.mp4\n", "its 10,001 columns are over the limit of 500"),
        (b"file,account\na.mp4" + b",xx" * 500_000 + b"\n", "the row at byte 13 is over the limit of 1 MiB"),
        (b"xx," * 500_000 + b"file\n", "the row at byte 0 is over the limit of 1 MiB"),
    ],
    ids=["many columns", "many cells", "a long header"],
)
def test_wide_rows_of_a_table_are_skipped_with_a_warning(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "mediafp.csv").write_bytes(content)
    with measured_memory() as memory:
        assert read_fields(tmp_path / "a.mp4") == (SightingFields(), [f"skipped 'mediafp.csv': {reason}"])
    assert memory["peak"] < 24 * MIB


@pytest.mark.parametrize("rest", [b"", b"\n" * 100_000, b"c.mp4,c\n" * 5_001], ids=["nothing", "empty lines", "rows"])
def test_open_quote_costs_its_row_alone(tmp_path: Path, rest: bytes) -> None:
    (tmp_path / "mediafp.csv").write_bytes(b'file,account\na.mp4,"a\nb.mp4,"two\nlines"\n' + rest)
    for name, account in (("a.mp4", "a"), ("b.mp4", "two\nlines")):
        fields, (warning,) = read_fields(tmp_path / name)
        assert fields.account == account
        assert (
            warning
            == "skipped quotes of 'mediafp.csv': 1 row has a quote that is not closed; the rows after it are read"
        )


def test_file_name_that_no_file_has_is_not_composed(tmp_path: Path) -> None:
    """Composing so many marks would take hours, and nothing else ends it."""
    marks = "\u0301" * 200_000 + "\u0327" * 200_000
    (tmp_path / "mediafp.csv").write_text(f"file,account\n{marks},@x\na.mp4,@a\n,@b\n")
    assert read_fields(tmp_path / "a.mp4")[0].account == "a"
    for name in (marks, "x" * 401):
        assert SidecarReader().read(name, [DiskFolder(tmp_path, tmp_path)]).sightings == ()


def test_decomposed_name_of_255_bytes_is_found(tmp_path: Path) -> None:
    name = "\u1ebf" * 85
    (tmp_path / "mediafp.csv").write_text(f"file,account\n{unicodedata.normalize('NFD', name)},@x\n")
    assert read_fields(tmp_path / name)[0].account == "x"


def test_tables_that_are_kept_take_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sidecars, "MAX_INDEX_BYTES", 16 * MIB)
    with measured_memory() as memory, closing(SidecarReader()) as reader:
        for n in range(6):
            folder = tmp_path / str(n)
            folder.mkdir()
            rows = b"".join(b"%d.mp4,%s\n" % (row, b"x" * 1_000_000) for row in range(7))
            (folder / "mediafp.csv").write_bytes(b"file,text\n" + rows)
            del rows
            contents = reader.read("6.mp4", [DiskFolder(folder, folder)])
            assert contents.sightings[0].text == "x" * 65_536
        memory["kept"] = tracemalloc.get_traced_memory()[0]
    assert memory["peak"] < 64 * MIB


def test_record_file_is_read_once_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[str] = []
    reader = OpenFile.reader
    monkeypatch.setattr(OpenFile, "reader", lambda file: readers.append(file.name) or reader(file))
    with closing(SidecarReader()) as sidecar_reader:
        for folder in (tmp_path / "a", tmp_path / "b", tmp_path / "a"):
            folder.mkdir(exist_ok=True)
            (folder / "mediafp.csv").write_bytes(b"file,account\na.mp4,x\n")
            for _ in range(3):
                assert sidecar_reader.read("a.mp4", [DiskFolder(folder, folder)]).sightings[0].account == "x"
    assert readers == ["mediafp.csv"] * 2


def test_ordinary_tables_are_read(tmp_path: Path) -> None:
    """Quotes, line ends, blank lines, short and long rows, a second row of a file, names with folders."""
    rows = [
        "\ufeffFile , Account,text,views,",
        "",
        "a.mp4,@a,plain,1",
        'b.mp4,@b,"two\r\nlines, and ""quotes""",2,more,cells',
        "folder\\c.mp4,@c",
        "a.mp4,@second,,",
        "é.mp4,@e,, 1 234 ",
    ]
    for end in ("\n", "\r\n", "\r"):
        (tmp_path / "mediafp.csv").write_bytes(end.join(rows).encode())
        source = "csv: mediafp.csv"
        expected = {
            "a.mp4": (
                SightingFields(account="a", text="plain", views=1, source=source),
                SightingFields(account="second", source=source),
            ),
            "b.mp4": (SightingFields(account="b", text='two\r\nlines, and "quotes"', views=2, source=source),),
            "c.mp4": (SightingFields(account="c", source=source),),
            "e\u0301.mp4": (SightingFields(account="e", views=1234, source=source),),
        }
        with closing(SidecarReader()) as reader:
            for name, sightings in expected.items():
                assert reader.read(name, [DiskFolder(tmp_path, tmp_path)]).sightings == sightings


def test_first_of_two_columns_for_one_field_is_used_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "mediafp.columns.json").write_text('{"User": "account"}')
    (tmp_path / "mediafp.csv").write_text("file,account,User\na.mp4,@a,@b\n")
    fields, (warning,) = read_fields(tmp_path / "a.mp4")
    assert fields.account == "a"
    assert warning == "skipped column 3 of 'mediafp.csv', 'User': an earlier one has the same name or field"


def test_warnings_about_a_column_map_are_bounded_in_number_and_length(tmp_path: Path) -> None:
    (tmp_path / "mediafp.csv").write_text("file,account\na.mp4,@a\n")
    entries = {f"column {n}": "x" * (9_000 if n < 4 else 1) for n in range(1_000)}
    (tmp_path / "mediafp.columns.json").write_text(json.dumps(entries))
    fields, warnings = read_fields(tmp_path / "a.mp4")
    assert fields.account == "a"
    assert len(warnings) == 101 and warnings[-1] == "skipped 900 more warnings about sidecars: the first 100 are named"
    assert max(map(len, warnings)) < 300


def test_large_column_map_is_skipped_with_a_warning(tmp_path: Path) -> None:
    (tmp_path / "mediafp.csv").write_text("file,Who\na.mp4,@a\n")
    (tmp_path / "mediafp.columns.json").write_bytes(b'{"Who": "account"' + b',"x":[]' * 10_000 + b"}")
    fields, warnings = read_fields(tmp_path / "a.mp4")
    assert fields == SightingFields()
    assert warnings == [
        "skipped 'mediafp.columns.json': 70,018 bytes are over the limit of 64 KiB",
        "skipped columns of 'mediafp.csv': 'Who' are unknown, and not used",
    ]


class GrowingSidecar:
    """A sidecar that is longer than it was when it was opened. Implements `SidecarFile`."""

    name, bytes, stamp = "a.info.json", 10, 0

    def reader(self) -> io.BytesIO:
        return io.BytesIO(b'{"title": "t"}' + b" " * (9 * MIB))

    def close(self) -> None:
        pass


def test_sidecar_that_grows_while_it_is_read_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_growing(name: str) -> SidecarFile | None:
        return GrowingSidecar() if name.endswith(".info.json") else None

    folder = DiskFolder(tmp_path, tmp_path)
    (tmp_path / "a.info.json").touch()
    monkeypatch.setattr(folder, "open", open_growing)
    contents = SidecarReader().read("a.mp4", [folder])
    (warning,) = contents.warnings
    assert not contents.sightings and warning == "skipped 'a.info.json': it grew while it was read"


def test_sparse_sidecar_is_skipped_unread(tmp_path: Path) -> None:
    with (tmp_path / "a.info.json").open("wb") as file:
        file.truncate(1 << 40)
    fields, (warning,) = read_fields(tmp_path / "a.mp4")
    assert fields == SightingFields() and "8 MiB" in warning


def test_sidecar_that_cannot_be_opened_twice_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> int:
        raise OSError(24, "Too many open files")

    path = write_info(tmp_path, title="t")
    monkeypatch.setattr(os, "dup", fail)
    fields, (warning,) = read_fields(path)
    assert fields == SightingFields() and "Too many open files" in warning


@pytest.mark.parametrize("root", ["folder", "none"])
def test_sidecar_that_is_a_device_is_skipped(tmp_path: Path, root: str) -> None:
    (tmp_path / "a.info.json").symlink_to("/dev/zero")
    path = tmp_path / "a.mp4"
    contents = SidecarReader().read(path.name, sidecar_folders(path, tmp_path if root == "folder" else None))
    fields, (warning,) = (contents.sightings or (SightingFields(),))[0], contents.warnings
    assert fields == SightingFields() and warning.startswith("skipped a sidecar: cannot open 'a.info.json'")
    with pytest.raises(Exception, match="not a regular file"):
        open_file(Path("/dev/zero"))
