"""Zip archives: names, sizes, damage, truncation and bombs."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
from archive_files import (
    FILES,
    NOISE,
    TIMESTAMP,
    build_streamed_zip,
    build_zip,
    change_record,
    join_zip,
    message_of,
    read_archive,
    split_zip,
)

from mediafp.ingest.archives import streams
from mediafp.ingest.archives.members import iter_members
from mediafp.types.errors import CorruptMedia, MediaError, TooLargeMedia, UnsupportedMedia

METHODS = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2,
           "lzma": zipfile.ZIP_LZMA}  # fmt: skip


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("build", [build_zip, build_streamed_zip])
def test_iter_members_reads_every_zip_member(build: Callable[..., bytes], method: int) -> None:
    assert read_archive(build(FILES.items(), method)) == (FILES, None)


def test_zip_names_that_state_no_encoding_are_decoded() -> None:
    for raw, shown in (
        ("新建文件夹/图片.jpg".encode("gbk"), "新建文件夹/图片.jpg"),
        ("誠/許功蓋.jpg".encode("gbk"), "誠/許功蓋.jpg"),
        ("𠀀.jpg".encode("gb18030"), "𠀀.jpg"),
        ("图片.jpg".encode(), "图片.jpg"),
        ("café.jpg".encode("cp437"), "café.jpg"),
    ):
        body, records = split_zip(build_zip([("n" * len(raw), b"x")]))
        assert read_archive(join_zip(body, [records[0].replace(b"n" * len(raw), raw)])) == ({shown: b"x"}, None)


def test_zip_unicode_path_field_is_preferred_if_its_crc_matches() -> None:
    for raw, shown in ((b"a.jpg", "图.jpg"), (b"b.jpg", "a.jpg")):
        path = b"\x01" + struct.pack("<L", zlib.crc32(raw)) + "图.jpg".encode()
        info = zipfile.ZipInfo("a.jpg")
        info.extra = struct.pack("<HH", 0x7075, len(path)) + path
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(info, b"x")
        assert read_archive(buffer.getvalue()) == ({shown: b"x"}, None)


def test_zip_time_is_none_without_utc_field() -> None:
    info = zipfile.ZipInfo("a.jpg", (2020, 1, 2, 3, 4, 6))
    for extra, expected in (
        (b"", None),
        (struct.pack("<HHBl", 0x5455, 5, 1, TIMESTAMP), TIMESTAMP),
        (struct.pack("<HHBl", 0x5455, 5, 2, TIMESTAMP), None),
        (struct.pack("<HHB", 0x5455, 1, 1), None),
        (struct.pack("<HH", 0x5455, 500), None),
    ):
        body, records = split_zip(build_zip([(info.filename, b"x")]))
        record = records[0][:30] + struct.pack("<H", len(extra)) + records[0][32:] + extra
        assert [member.modified_s for member, _ in iter_members(io.BytesIO(join_zip(body, [record])), "x.zip")] == [
            expected
        ]


def test_zip_entries_other_than_files_are_skipped() -> None:
    data = build_zip([("d/", b""), ("link", b"/etc/passwd"), ("d\\", b""), ("a", b"x"), ("pipe", b"")])
    data = change_record(data, 1, 38, struct.pack("<L", 0o120777 << 16))
    data = change_record(data, 4, 38, struct.pack("<L", 0o010644 << 16))
    assert read_archive(data) == ({"a": b"x"}, None)


@pytest.mark.parametrize(
    ("at", "value", "phrase", "error_type"),
    [
        (8, b"\x01\x00", "password", UnsupportedMedia), (8, b"\x41\x00", "password", UnsupportedMedia),
        (10, b"\x09\x00", "method 9", UnsupportedMedia), (16, b"\0\0\0\0", "checksum", CorruptMedia),
        (20, b"\xf0\xff\xff\xff", "more bytes than the archive has", CorruptMedia),
        (24, b"\x01\0\0\0", "more bytes than the archive states", CorruptMedia),
        (24, b"\xf0\xff\xff\x7f", "checksum", CorruptMedia), (42, b"\0\x10", "not at the offset", CorruptMedia),
        (42, b"\xf0\xff\xff\xff", "not at the offset", CorruptMedia),
    ],
)  # fmt: skip
def test_damaged_zip_member_leaves_the_others_readable(
    at: int, value: bytes, phrase: str, error_type: type[MediaError]
) -> None:
    data = build_zip([("a", b"first"), ("b", b"second" * 100), ("c", b"third")])
    files, error = read_archive(change_record(data, 1, at, value))
    assert error is None
    assert (files["a"], files["c"]) == (b"first", b"third")
    assert type(files["b"]) is error_type
    assert phrase in message_of(files["b"])


def test_zip64_sizes_are_read_and_checked() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("a", "w", force_zip64=True) as file:
        file.write(b"wide")
    assert read_archive(buffer.getvalue()) == ({"a": b"wide"}, None)
    body, records = split_zip(build_zip([("a", b"x"), ("b", b"y")]))
    for numbers, phrase in (
        ((1 << 62, 1 << 62, 0), "its 4,6"),
        ((5, 1 << 62, 0), "more bytes"),
        ((5, 1, 1 << 62), "not at the offset"),
    ):
        record = bytearray(records[0] + struct.pack("<HHQQQ", 1, 24, *numbers))
        record[20:28] = record[42:46] * 0 + b"\xff" * 8
        record[42:46] = b"\xff" * 4
        record[30:32] = struct.pack("<H", 28)
        files, error = read_archive(join_zip(body, [bytes(record), records[1]]))
        assert error is None
        assert phrase in message_of(files["a"])
        assert files["b"] == b"y"


def test_zip64_directory_is_read() -> None:
    body, records = split_zip(build_zip([("a", b"x")]))
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(records[0]), len(body))
    end += struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(records[0]), 1)
    end += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 3) + b"bye"
    assert read_archive(body + records[0] + end) == ({"a": b"x"}, None)


def test_multi_part_zip_is_unsupported() -> None:
    data = bytearray(build_zip([("a", b"x")]))
    data[-18] = 1
    files, error = read_archive(bytes(data))
    assert files == {}
    assert "join them" in message_of(error)


def test_zip_with_trailing_bytes_is_read() -> None:
    assert read_archive(build_zip(FILES.items()) + b"junk" * 9) == (FILES, None)


def test_empty_zip_member_of_any_method_is_read() -> None:
    assert read_archive(change_record(build_zip([("a", b"")], zipfile.ZIP_STORED), 0, 10, b"\x08")) == (
        {"a": b""},
        None,
    )


def test_truncated_zip_does_not_use_the_directory_of_a_nested_zip() -> None:
    inner = build_zip([("document.xml", b"words")])
    for build in (build_zip, build_streamed_zip):
        whole = build([("a.jpg", NOISE), ("b.docx", inner), ("c.jpg", NOISE)], zipfile.ZIP_STORED)
        files, error = read_archive(whole[: whole.index(inner) + len(inner) + 1000])
        assert (files.pop("a.jpg"), files.pop("b.docx")) == (NOISE, inner)
        assert all(isinstance(left, CorruptMedia) for left in files.values())
        assert "truncated" in message_of(error)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_member_over_the_expansion_ratio_is_too_large(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RATIO_FREE_BYTES", 1 << 20)
    data = build_zip([("a", NOISE), ("bomb", bytes(40 << 20)), ("c", b"c")], method)
    files, error = read_archive(data)
    assert error is None
    assert isinstance(files["bomb"], TooLargeMedia)
    assert "more than 200 times" in message_of(files["bomb"])
    assert (files["a"], files["c"]) == (NOISE, b"c")


def test_zip_bomb_leaves_the_other_members_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RATIO_FREE_BYTES", 1 << 20)
    honest = {f"{n}": bytes(n for n in range(256)) * 100 for n in range(60)}
    files, error = read_archive(build_zip([("bomb", bytes(40 << 20)), *honest.items()]))
    assert error is None
    assert isinstance(files.pop("bomb"), TooLargeMedia)
    assert files == honest


def test_zip_over_the_total_expansion_ratio_ends_with_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    data = build_zip(((f"{n}", bytes(1 << 20)) for n in range(20)), zipfile.ZIP_BZIP2)
    monkeypatch.setattr(streams, "RATIO_FREE_BYTES", 3 << 20)
    files, error = read_archive(data)
    assert len(files) == 4
    assert isinstance(error, TooLargeMedia)


def test_zip_members_at_one_offset_are_corrupt() -> None:
    body, records = split_zip(build_zip([("a", NOISE), ("b", b"b")]))
    files, error = read_archive(join_zip(body, [*(records[0][:46] + bytes([65 + n]) for n in range(20)), records[1]]))
    assert error is None
    assert files.pop("b") == b"b"
    assert len(files) == 20
    for member_error in files.values():
        assert isinstance(member_error, CorruptMedia)
        assert "shares its bytes" in message_of(member_error)


def test_overlapping_zip_members_are_corrupt() -> None:
    # As in "A better zip bomb": each member contains the headers of those behind it, quoted, and all the same data.
    inner, inner_records = split_zip(build_zip([("b", NOISE)], zipfile.ZIP_STORED))
    body, records = split_zip(build_zip([("a", inner), ("c", b"c")], zipfile.ZIP_STORED))
    at = struct.pack("<L", body.index(inner))
    files, error = read_archive(
        join_zip(body, [records[0], inner_records[0][:42] + at + inner_records[0][46:], records[1]])
    )
    assert error is None
    assert "shares its bytes" in message_of(files["a"])
    assert (files["b"], files["c"]) == (NOISE, b"c")


def test_zip_members_are_yielded_in_directory_order() -> None:
    body, records = split_zip(build_zip(FILES.items()))
    files, error = read_archive(join_zip(body, records[::-1]))
    assert error is None
    assert list(files.items()) == list(FILES.items())[::-1]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("build", [build_zip, build_streamed_zip])
def test_truncated_zip_yields_the_members_before_the_cut(build: Callable[..., bytes], method: int) -> None:
    files = [("a.jpg", NOISE[:1000]), ("图.jpg", b"PK\7\x08" * 100), ("empty", b""), ("c.jpg", NOISE), ("d.jpg", NOISE)]
    whole = build(files, method)
    cut = whole[: whole.rindex(NOISE[-1000:]) + 500]
    contents, error = read_archive(cut)
    assert isinstance(error, CorruptMedia)
    assert "truncated" in message_of(error)
    assert list(contents) == [name for name, _ in files]
    assert [contents[name] for name, _ in files[:4]] == [content for _, content in files[:4]]
    assert isinstance(contents["d.jpg"], CorruptMedia)
    # Without the directory only, every member is complete.
    contents, error = read_archive(split_zip(whole)[0])
    assert list(contents.items()) == files
    assert isinstance(error, CorruptMedia)


def test_zip_with_damaged_directory_yields_the_members_before_the_damage() -> None:
    data = change_record(build_zip([("a", b"a"), ("b", b"b"), ("c", b"c")]), 1, 0, b"XX")
    files, error = read_archive(data)
    assert files == {"a": b"a"}
    assert "directory is damaged" in message_of(error)
    files, error = read_archive(change_record(build_zip([("a", b"a"), ("b", b"b")]), 0, 0, b"XX"))
    assert files == {"a": b"a", "b": b"b"}
    assert isinstance(error, CorruptMedia)
