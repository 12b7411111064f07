"""Archives are read in place, each file by itself, and a hostile one costs no more than its size allows."""

import bz2
import gzip
import io
import lzma
import os
import random
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import pytest
from processes import PATIENCE_SECONDS

from mediafp.ingest.archives import members
from mediafp.ingest.archives.members import ARCHIVE_SUFFIXES, ArchiveMember, is_archive, iter_members
from mediafp.types.errors import CorruptMedia, MediaError, TooLargeMedia, UnreadableMedia, UnsupportedMedia

NOISE = random.Random(1).randbytes(300_000)
FILES = {
    "照片/第一张 图.jpg": NOISE,
    "a b/new\nline.png": b"\x89PNG" + NOISE[:5000],
    "empty.gif": b"",
    "z.mp4": b"text " * 100_000,
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes, ".tar.gz": gzip.compress, ".tgz": gzip.compress, ".tar.bz2": bz2.compress,
    ".tbz2": bz2.compress, ".tar.xz": lzma.compress, ".txz": lzma.compress,
}  # fmt: skip
METHODS = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2,
           "lzma": zipfile.ZIP_LZMA}  # fmt: skip
STAMP = 1_700_000_000

Read = dict[str, bytes | MediaError]


def read(data: bytes, name: str = "dump.zip") -> tuple[Read, MediaError | None]:
    """The bytes or the error of each entry, and the error that ended the archive."""
    files: Read = {}
    try:
        for entry, blocks in iter_members(io.BytesIO(data), name):
            assert entry.name not in files
            try:
                files[entry.name] = b"".join(blocks)
            except MediaError as exc:
                assert repr(entry.name) in str(exc)
                assert name in str(exc)
                files[entry.name] = exc
    except MediaError as exc:
        assert name in str(exc)
        return files, exc
    return files, None


def zip_of(
    files: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED, file: BinaryIO | None = None
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(file or buffer, "w", method) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, content)
    return buffer.getvalue()


def streamed_zip_of(files: Iterable[tuple[str, bytes]], method: int) -> bytes:
    """As written to a pipe: sizes and CRC stand behind the files."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise OSError

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    zip_of(files, method, pipe)
    return pipe.getvalue()


def parts_of(data: bytes) -> tuple[bytes, list[bytes]]:
    """A zip's files, and its directory's records."""
    size, start = struct.unpack_from("<LL", data, len(data) - 10)
    records = []
    at = start
    while at < start + size:
        length = 46 + sum(struct.unpack_from("<HHH", data, at + 28))
        records.append(data[at : at + length])
        at += length
    return data[:start], records


def joined(body: bytes, records: list[bytes]) -> bytes:
    """A zip of files and records."""
    size = sum(map(len, records))
    count = min(len(records), 0xFFFF)
    return body + b"".join(records) + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, len(body), 0)


def changed(data: bytes, which: int, at: int, value: bytes) -> bytes:
    """A zip with other bytes in a record of its directory."""
    body, records = parts_of(data)
    records[which] = records[which][:at] + value + records[which][at + len(value) :]
    return joined(body, records)


def member(name: str, content: bytes = b"", **fields: object) -> bytes:
    """A file on a tape."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def pax(**records: bytes) -> bytes:
    """An extended header for the file behind it."""
    content = b""
    for key, value in records.items():
        rest = b" " + key.replace("__", ".").encode() + b"=" + value + b"\n"
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length += 1
        content += str(length).encode() + rest
    return member("pax", content, type=tarfile.XHDTYPE)


def tar_of(*members: bytes) -> bytes:
    return b"".join(members) + bytes(1024)


def named(error: object) -> str:
    """The text of what has to be an error."""
    assert isinstance(error, MediaError), error
    return str(error)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("build", [zip_of, streamed_zip_of])
def test_zips_are_read_whole(build: Callable[..., bytes], method: int) -> None:
    assert read(build(FILES.items(), method)) == (FILES, None)


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tars_are_read_whole(suffix: str, form: int) -> None:
    files = FILES | ({} if form == tarfile.USTAR_FORMAT else {"长" * 150 + "/a.jpg": b"long"})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tape:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), STAMP
            tape.addfile(info, io.BytesIO(content))
    data = PACKERS[suffix](buffer.getvalue())
    assert is_archive("x" + suffix, data[:512])
    assert read(data, "x" + suffix) == (files, None)
    assert [entry for entry, _ in iter_members(io.BytesIO(data), "x" + suffix)] == [
        ArchiveMember(name=name, size=len(content), modified_s=STAMP) for name, content in files.items()
    ]


def test_blocks_are_small_and_end_with_the_next_entry() -> None:
    for data, name in (
        (zip_of([("a", bytes(5_000_000)), ("b", b"b")]), "x.zip"),
        (gzip.compress(tar_of(member("a", bytes(5_000_000)), member("b", b"b"))), "x.tgz"),
    ):
        found = iter_members(io.BytesIO(data), name)
        _, first = next(found)
        assert 0 < len(next(first)) <= 1 << 20
        _, second = next(found)
        assert list(first) == []
        assert list(second) == [b"b"]
        assert list(found) == []


def test_archives_are_told_by_name_and_bytes() -> None:
    packed = zip_of([("a", b"a")])
    tape = tar_of(member("a", b"a"))
    assert is_archive("a.ZIP", packed)
    assert is_archive("empty.zip", zip_of([]))
    assert is_archive("unpacked by a browser.tar.gz", tape)
    for name, head in (
        ("a.docx", packed), ("a.png", b"\x89PNG" + packed), ("a.zip", b"\x89PNG"), ("a.zip", tape), ("a.tar", packed),
        ("a.tar", b""), ("a.tar", NOISE), ("a.tar", bytes(512)), ("a.gz", gzip.compress(tape)), ("a.tgz", b"\x1f"),
        ("zip", packed), ("a.zip", b""),
    ):  # fmt: skip
        assert not is_archive(name, head[:512])
    assert all(name.startswith(".") for name in ARCHIVE_SUFFIXES)


def test_tars_from_before_the_mark_are_told_by_their_checksum() -> None:
    header = bytearray(member("old.jpg", b"old"))
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    assert is_archive("old.tar", bytes(header[:512]))
    assert read(tar_of(bytes(header)), "old.tar") == ({"old.jpg": b"old"}, None)
    header[0] += 1
    assert not is_archive("old.tar", bytes(header[:512]))


def test_zip_names_of_chinese_windows_are_decoded() -> None:
    # zipfile writes what cp437 can say without the UTF-8 flag.
    for raw, shown in (
        ("新建文件夹/图片.jpg".encode("gbk"), "新建文件夹/图片.jpg"),
        ("誠/許功蓋.jpg".encode("gbk"), "誠/許功蓋.jpg"),
        ("𠀀.jpg".encode("gb18030"), "𠀀.jpg"),
        ("图片.jpg".encode(), "图片.jpg"),
        ("café.jpg".encode("cp437"), "café.jpg"),
    ):
        body, records = parts_of(zip_of([("n" * len(raw), b"x")]))
        assert read(joined(body, [records[0].replace(b"n" * len(raw), raw)])) == ({shown: b"x"}, None)


def test_a_zip_name_beside_the_name_is_preferred_if_it_belongs_to_it() -> None:
    for raw, shown in ((b"a.jpg", "图.jpg"), (b"b.jpg", "a.jpg")):
        path = b"\x01" + struct.pack("<L", zlib.crc32(raw)) + "图.jpg".encode()
        info = zipfile.ZipInfo("a.jpg")
        info.extra = struct.pack("<HH", 0x7075, len(path)) + path
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(info, b"x")
        assert read(buffer.getvalue()) == ({shown: b"x"}, None)


def test_zip_times_count_only_with_their_zone() -> None:
    info = zipfile.ZipInfo("a.jpg", (2020, 1, 2, 3, 4, 6))
    for extra, moment in (
        (b"", None), (struct.pack("<HHBl", 0x5455, 5, 1, STAMP), STAMP), (struct.pack("<HHBl", 0x5455, 5, 2, STAMP), None),
        (struct.pack("<HHB", 0x5455, 1, 1), None), (struct.pack("<HH", 0x5455, 500), None),
    ):  # fmt: skip
        body, records = parts_of(zip_of([(info.filename, b"x")]))
        record = records[0][:30] + struct.pack("<H", len(extra)) + records[0][32:] + extra
        assert [entry.modified_s for entry, _ in iter_members(io.BytesIO(joined(body, [record])), "x.zip")] == [moment]


def test_tar_times_that_are_none_are_left_out() -> None:
    for told, moment in (
        (b"1.5", 1.5),
        (b"nan", None),
        (b"inf", None),
        (b"-1", None),
        (b"soon", None),
        (b"9e99", None),
    ):
        data = tar_of(pax(mtime=told), member("a", b"x", mtime=STAMP))
        assert [entry.modified_s for entry, _ in iter_members(io.BytesIO(data), "x.tar")] == [moment]


def test_undecodable_tar_names_are_kept() -> None:
    shown = os.fsdecode(b"\xff\xfe.jpg")
    assert read(tar_of(member(shown, b"x")), "x.tar") == ({shown: b"x"}, None)
    assert read(tar_of(pax(path=b"\xff\xfe.jpg"), member("a", b"x")), "x.tar") == ({shown: b"x"}, None)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "etc/passwd"), ("/abs/a.jpg", "abs/a.jpg"), ("C:\\dir\\a.jpg", "dir/a.jpg"),
        ("C:a.jpg", "a.jpg"), ("a//./b.jpg", "a/b.jpg"), ("a/../../b.jpg", "a/b.jpg"), ("..", "unnamed"), ("C:..\\x", "x"),
        ("\\\\host\\share\\a.jpg", "host/share/a.jpg"), ("D:C:/a", "a"), ("", "unnamed"), ("x/" * 4000 + "a.jpg", None),
    ],
)  # fmt: skip
def test_names_are_shown_harmless_and_the_bytes_are_read(name: str, shown: str | None) -> None:
    for data, archive in ((zip_of([(name, b"x")]), "x.zip"), (tar_of(member(name, b"x")), "x.tar")):
        files, end = read(data, archive)
        assert end is None
        assert list(files.values()) == [b"x"]
        (found,) = files
        assert found == shown or (shown is None and len(found) <= members.NAME_CHARS and found.endswith("x/a.jpg"))


def test_a_name_with_a_nul_is_shown_without() -> None:
    assert read(tar_of(pax(path=b"a\0.jpg"), member("a", b"x")), "x.tar")[0] == {"a\ufffd.jpg": b"x"}
    body, records = parts_of(zip_of([("a_.jpg", b"x")]))
    assert read(joined(body, [records[0].replace(b"a_", b"a\0")]))[0] == {"a\ufffd.jpg": b"x"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_of_one_name_are_told_apart() -> None:
    files = [("a.tar.gz", b"1"), ("./a.tar.gz", b"2"), ("a (3).tar.gz", b"3"), ("d.e/a", b"4"), ("d.e//a", b"5"),
             ("a.tar.gz", b"6")]  # fmt: skip
    told = {"a.tar.gz": b"1", "a (2).tar.gz": b"2", "a (3).tar.gz": b"3", "d.e/a": b"4", "d.e/a (5)": b"5",
            "a (6).tar.gz": b"6"}  # fmt: skip
    assert read(zip_of(files)) == (told, None)
    assert read(tar_of(*(member(*one) for one in files)), "x.tar") == (told, None)
    assert read(zip_of([("a", b"1"), ("a (3)", b"2"), ("a", b"3")]))[0] == {"a": b"1", "a (3)": b"2", "a (3) (3)": b"3"}


def test_hidden_names_are_left_out() -> None:
    files = [(name, b"x") for name in (".a", "d/.b/c", "__MACOSX/a.jpg", "d/__MACOSX/._a", "...", "a.b")]
    assert read(zip_of(files)) == ({"a.b": b"x"}, None)
    assert read(tar_of(*(member(*one) for one in files)), "x.tar") == ({"a.b": b"x"}, None)


def test_what_is_no_file_is_left_out_of_tars() -> None:
    types = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
    members = [member(f"m{n}", type=kind, linkname="/etc/passwd") for n, kind in enumerate(types)]
    long_link = member("././@LongLink", b"/target" * 50, type=tarfile.GNUTYPE_LONGLINK)
    data = tar_of(*members, long_link, members[0], member("unknown type", b"u", type=b"7"), member("last", b"x"))
    assert read(data, "x.tar") == ({"unknown type": b"u", "last": b"x"}, None)


def test_a_global_tar_header_renames_nothing() -> None:
    records = b"16 path=all.jpg\n"
    data = tar_of(member("pax", records, type=tarfile.XGLTYPE), member("a", b"a"), member("b", b"b"))
    assert read(data, "x.tar") == ({"a": b"a", "b": b"b"}, None)


def test_what_is_no_file_is_left_out_of_zips() -> None:
    data = zip_of([("d/", b""), ("link", b"/etc/passwd"), ("d\\", b""), ("a", b"x"), ("pipe", b"")])
    data = changed(data, 1, 38, struct.pack("<L", 0o120777 << 16))
    data = changed(data, 4, 38, struct.pack("<L", 0o010644 << 16))
    assert read(data) == ({"a": b"x"}, None)


def test_an_archive_within_an_archive_is_not_opened() -> None:
    inner, tape = zip_of([("a", b"a" * 1000)]), tar_of(member("a", b"a"))
    inside = [("i.zip", inner), ("i.tar", tape), ("i.TGZ", gzip.compress(tape)), ("a.docx", inner), ("no.zip", b"no")]
    for data, name in ((zip_of(inside), "x.zip"), (tar_of(*(member(*one) for one in inside)), "x.tar")):
        files, end = read(data, name)
        assert end is None
        for nested in ("i.zip", "i.tar", "i.TGZ"):
            assert isinstance(files[nested], UnsupportedMedia)
            assert "archive within an archive; unpack it first" in named(files[nested])
        assert files["a.docx"] == inner
        assert files["no.zip"] == b"no"


def test_a_bomb_of_archives_costs_nothing() -> None:
    data = zip_of([("a", bytes(100_000))])
    for _ in range(5):
        data = zip_of((f"{n}.zip", data) for n in range(16))
    files, end = read(data)
    assert end is None
    assert len(files) == 16
    assert all(isinstance(one, UnsupportedMedia) for one in files.values())


@pytest.mark.parametrize(
    ("at", "value", "word", "error"),
    [
        (8, b"\x01\x00", "password", UnsupportedMedia), (8, b"\x41\x00", "password", UnsupportedMedia),
        (10, b"\x09\x00", "method 9", UnsupportedMedia), (16, b"\0\0\0\0", "checksum", CorruptMedia),
        (20, b"\xf0\xff\xff\xff", "more bytes than the archive", CorruptMedia),
        (24, b"\x01\0\0\0", "more bytes than the archive says", CorruptMedia),
        (24, b"\xf0\xff\xff\x7f", "checksum", CorruptMedia), (42, b"\0\x10", "not where", CorruptMedia),
        (42, b"\xf0\xff\xff\xff", "not where", CorruptMedia),
    ],
)  # fmt: skip
def test_a_bad_zip_entry_stops_no_other(at: int, value: bytes, word: str, error: type[MediaError]) -> None:
    data = zip_of([("a", b"first"), ("b", b"second" * 100), ("c", b"third")])
    files, end = read(changed(data, 1, at, value))
    assert end is None
    assert (files["a"], files["c"]) == (b"first", b"third")
    assert type(files["b"]) is error
    assert word in named(files["b"])


def test_zip64_is_read_and_its_claims_are_not_believed() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("a", "w", force_zip64=True) as file:
        file.write(b"wide")
    assert read(buffer.getvalue()) == ({"a": b"wide"}, None)
    body, records = parts_of(zip_of([("a", b"x"), ("b", b"y")]))
    for numbers, word in (
        ((1 << 62, 1 << 62, 0), "has 4,6"),
        ((5, 1 << 62, 0), "more bytes"),
        ((5, 1, 1 << 62), "where"),
    ):
        record = bytearray(records[0] + struct.pack("<HHQQQ", 1, 24, *numbers))
        record[20:28] = record[42:46] * 0 + b"\xff" * 8
        record[42:46] = b"\xff" * 4
        record[30:32] = struct.pack("<H", 28)
        files, end = read(joined(body, [bytes(record), records[1]]))
        assert end is None
        assert word in named(files["a"])
        assert files["b"] == b"y"


def test_a_wide_zip_directory_is_read() -> None:
    body, records = parts_of(zip_of([("a", b"x")]))
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(records[0]), len(body))
    end += struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(records[0]), 1)
    end += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 3) + b"bye"
    assert read(body + records[0] + end) == ({"a": b"x"}, None)


def test_a_zip_in_parts_is_refused() -> None:
    data = bytearray(zip_of([("a", b"x")]))
    data[-18] = 1
    files, end = read(bytes(data))
    assert files == {}
    assert "join them" in named(end)


def test_a_zip_with_bytes_behind_is_read() -> None:
    assert read(zip_of(FILES.items()) + b"junk" * 9) == (FILES, None)


def test_an_empty_file_of_any_method_is_read() -> None:
    assert read(changed(zip_of([("a", b"")], zipfile.ZIP_STORED), 0, 10, b"\x08")) == ({"a": b""}, None)


def test_a_zip_that_is_cut_behind_another_is_not_taken_for_that() -> None:
    inner = zip_of([("document.xml", b"words")])
    for build in (zip_of, streamed_zip_of):
        whole = build([("a.jpg", NOISE), ("b.docx", inner), ("c.jpg", NOISE)], zipfile.ZIP_STORED)
        files, end = read(whole[: whole.index(inner) + len(inner) + 1000])
        assert (files.pop("a.jpg"), files.pop("b.docx")) == (NOISE, inner)
        assert all(isinstance(left, CorruptMedia) for left in files.values())
        assert "cut short" in named(end)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_entry_that_unpacks_to_too_much_is_left(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "RATIO_FREE_BYTES", 1 << 20)
    data = zip_of([("a", NOISE), ("bomb", bytes(40 << 20)), ("c", b"c")], method)
    files, end = read(data)
    assert end is None
    assert isinstance(files["bomb"], TooLargeMedia)
    assert "more than 200 times" in named(files["bomb"])
    assert (files["a"], files["c"]) == (NOISE, b"c")


def test_a_bomb_leaves_the_others_their_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "RATIO_FREE_BYTES", 1 << 20)
    honest = {f"{n}": bytes(n for n in range(256)) * 100 for n in range(60)}
    files, end = read(zip_of([("bomb", bytes(40 << 20)), *honest.items()]))
    assert end is None
    assert isinstance(files.pop("bomb"), TooLargeMedia)
    assert files == honest


def test_many_entries_that_unpack_to_too_much_end_the_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zip_of(((f"{n}", bytes(1 << 20)) for n in range(20)), zipfile.ZIP_BZIP2)
    monkeypatch.setattr(members, "RATIO_FREE_BYTES", 3 << 20)
    files, end = read(data)
    assert len(files) == 4
    assert isinstance(end, TooLargeMedia)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.bz2", ".tar.xz"])
def test_a_packed_tar_that_unpacks_to_too_much_is_left(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = PACKERS[suffix](tar_of(member("a", b"a"), member("bomb", bytes(100 << 20)), member("c", b"c")))
    monkeypatch.setattr(members, "RATIO_FREE_BYTES", 1 << 20)
    files, end = read(data, "x" + suffix)
    assert list(files) == ["a", "bomb"]
    assert isinstance(files["bomb"], TooLargeMedia)
    assert isinstance(end, TooLargeMedia)
    with pytest.raises(TooLargeMedia):
        list(iter_members(io.BytesIO(data), "x" + suffix))


def test_zip_entries_that_share_their_bytes_are_refused() -> None:
    body, records = parts_of(zip_of([("a", NOISE), ("b", b"b")]))
    files, end = read(joined(body, [*(records[0][:46] + bytes([65 + n]) for n in range(20)), records[1]]))
    assert end is None
    assert files.pop("b") == b"b"
    assert len(files) == 20
    for error in files.values():
        assert isinstance(error, CorruptMedia)
        assert "shares its bytes" in named(error)


def test_zip_entries_in_one_another_are_refused() -> None:
    # The files of a better zip bomb: each holds the headers of those behind it, quoted, and all the same data.
    inner, inner_records = parts_of(zip_of([("b", NOISE)], zipfile.ZIP_STORED))
    body, records = parts_of(zip_of([("a", inner), ("c", b"c")], zipfile.ZIP_STORED))
    at = struct.pack("<L", body.index(inner))
    files, end = read(joined(body, [records[0], inner_records[0][:42] + at + inner_records[0][46:], records[1]]))
    assert end is None
    assert "shares its bytes" in named(files["a"])
    assert (files["b"], files["c"]) == (NOISE, b"c")


def test_zip_entries_in_another_order_are_read() -> None:
    body, records = parts_of(zip_of(FILES.items()))
    files, end = read(joined(body, records[::-1]))
    assert end is None
    assert list(files.items()) == list(FILES.items())[::-1]


def test_too_large_entries_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_MEMBER_BYTES", 1000)
    files = [("a", b"a" * 1000), ("b", b"b" * 1001), ("c", b"c")]
    for data, name in (
        (zip_of(files), "x.zip"),
        (streamed_zip_of(files, zipfile.ZIP_DEFLATED), "x.zip"),
        (tar_of(*(member(*one) for one in files)), "x.tar"),
        (gzip.compress(tar_of(*(member(*one) for one in files))), "x.tgz"),
    ):
        found, end = read(data, name)
        assert end is None
        assert (found["a"], found["c"]) == (b"a" * 1000, b"c")
        assert isinstance(found["b"], TooLargeMedia)


def test_too_many_entries_end_the_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_MEMBERS", 3)
    files = [(".hidden", b""), ("a", b"a"), ("d/.hidden", b""), ("b", b"b")]
    for data, name in ((zip_of(files), "x.zip"), (tar_of(*(member(*one) for one in files)), "x.tar")):
        found, end = read(data, name)
        assert found == {"a": b"a"}
        assert isinstance(end, TooLargeMedia)
        assert "more than 3 entries" in named(end)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_huge_extended_tar_header_is_refused(kind: bytes) -> None:
    class Watched(io.BytesIO):
        asked = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None and 0 <= size <= 1 << 20
            return super().read(size)

    header = tarfile.TarInfo("header")
    header.type, header.size = kind, 10 << 30
    data = tar_of(member("a", b"a"), header.tobuf(tarfile.GNU_FORMAT), NOISE)
    found = iter_members(Watched(data), "x.tar")
    assert b"".join(next(found)[1]) == b"a"
    with pytest.raises(TooLargeMedia, match="header of 10,737,418,240 bytes"):
        next(found)


@pytest.mark.parametrize(
    "records",
    [
        b"1" * 1_000_000, b"1 " * 400_000 + b"=", b"0 a=b\n", b"-6 a=b\n", b"5 a=b\n", b"99 a=b\n", b"6 ab \n", b" ", b"x",
        b"1_0 a=bcdef\n", b"10 a=bcd",
    ],
)  # fmt: skip
def test_a_broken_extended_tar_header_is_refused_at_once(records: bytes) -> None:
    start = time.process_time()
    files, end = read(tar_of(member("a", b"a"), member("pax", records, type=b"x"), member("b", b"b")), "x.tar")
    assert time.process_time() - start < 1
    assert files == {"a": b"a"}
    assert isinstance(end, CorruptMedia)


@pytest.mark.parametrize("size", [b"-1", b"many", b"9" * 5000, b"99999999999999999999"])
def test_a_tar_size_that_is_none_is_refused(size: bytes) -> None:
    files, end = read(tar_of(member("a", b"a"), pax(size=size), member("b", b"b")), "x.tar")
    assert files["a"] == b"a"
    assert isinstance(end, CorruptMedia)


def test_a_chain_of_tar_headers_is_refused() -> None:
    longname = member("L", b"long.jpg\0", type=tarfile.GNUTYPE_LONGNAME)
    assert read(tar_of(longname * 9, member("a", b"a")), "x.tar") == ({"long.jpg": b"a"}, None)
    files, end = read(tar_of(longname * 5000, member("a", b"a")), "x.tar")
    assert files == {}
    assert isinstance(end, CorruptMedia)


def test_sparse_tar_members_are_left() -> None:
    old = bytearray(member("old", b"data", type=tarfile.GNUTYPE_SPARSE)[:512])
    old[386:410] = b"%011o\0%011o\0" % (0, 4)
    old[482] = 1
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old)
    more = bytes(504) + b"\1" + bytes(7)
    data = tar_of(
        bytes(old) + more + bytes(512) + b"data" + bytes(508),
        pax(GNU__sparse__major=b"1", GNU__sparse__name=b"real.jpg") + member("made up", b"1\n0\n4\n"),
        member("b", b"b"),
    )
    files, end = read(data, "x.tar")
    assert end is None
    assert files["b"] == b"b"
    for name in ("old", "real.jpg"):
        assert "sparse" in named(files[name])
        assert isinstance(files[name], UnsupportedMedia)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("build", [zip_of, streamed_zip_of])
def test_a_cut_zip_keeps_what_lies_before(build: Callable[..., bytes], method: int) -> None:
    files = [("a.jpg", NOISE[:1000]), ("图.jpg", b"PK\7\x08" * 100), ("empty", b""), ("c.jpg", NOISE), ("d.jpg", NOISE)]
    whole = build(files, method)
    cut = whole[: whole.rindex(NOISE[-1000:]) + 500]
    found, end = read(cut)
    assert isinstance(end, CorruptMedia)
    assert "cut short" in named(end)
    assert list(found) == [name for name, _ in files]
    assert [found[name] for name, _ in files[:4]] == [content for _, content in files[:4]]
    assert isinstance(found["d.jpg"], CorruptMedia)
    # With the directory alone missing, all are there.
    found, end = read(parts_of(whole)[0])
    assert list(found.items()) == files
    assert isinstance(end, CorruptMedia)


def test_a_zip_with_a_damaged_directory_keeps_what_lies_before() -> None:
    data = changed(zip_of([("a", b"a"), ("b", b"b"), ("c", b"c")]), 1, 0, b"XX")
    files, end = read(data)
    assert files == {"a": b"a"}
    assert "damaged directory" in named(end)
    files, end = read(changed(zip_of([("a", b"a"), ("b", b"b")]), 0, 0, b"XX"))
    assert files == {"a": b"a", "b": b"b"}
    assert isinstance(end, CorruptMedia)


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_cut_tar_keeps_what_lies_before(suffix: str) -> None:
    small = [(f"{n}.jpg", NOISE[n * 1000 : n * 1000 + 700]) for n in range(20)]
    # bzip2 gives out whole blocks of 900 kB only.
    noise = NOISE * 8 if "b" in suffix else NOISE
    data = PACKERS[suffix](tar_of(*(member(*one) for one in small), member("cut.jpg", noise)))
    files, end = read(data[: len(data) * 3 // 4], "x" + suffix)
    assert isinstance(files.pop("cut.jpg"), CorruptMedia)
    assert list(files.items()) == small
    assert isinstance(end, CorruptMedia)
    assert "cut short" in named(end)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.bz2", ".tar.xz"])
def test_streams_one_behind_the_other_are_one_tar(suffix: str) -> None:
    pack = PACKERS[suffix]
    data = tar_of(*(member(*one) for one in FILES.items()))
    packed = b"".join(pack(data[at : at + 100_000]) for at in range(0, len(data), 100_000)) + pack(b"") * 100
    assert read(packed + bytes(1024), "x" + suffix) == (FILES, None)


def test_a_wrong_checksum_of_a_packed_tar_is_told() -> None:
    data = bytearray(gzip.compress(tar_of(member("a", NOISE)) + bytes(1 << 20)))
    data[-8] ^= 1
    files, end = read(bytes(data), "x.tgz")
    assert files == {"a": NOISE}
    assert "damaged" in named(end)


def test_a_tar_without_its_end_is_read() -> None:
    assert read(member("a", b"a"), "x.tar") == ({"a": b"a"}, None)
    assert read(gzip.compress(b""), "x.tgz") == ({}, None)


def test_a_packed_file_that_is_no_tar_is_told() -> None:
    files, end = read(gzip.compress(NOISE), "x.tgz")
    assert files == {}
    assert isinstance(end, CorruptMedia)


def test_unpackers_get_no_more_than_their_memory() -> None:
    packed = bytearray(lzma.compress(tar_of(member("a", b"a"))))
    length = (packed[12] + 1) * 4
    packed[16] = 40  # a dictionary of 4 GiB
    packed[12 + length - 4 : 12 + length] = zlib.crc32(packed[12 : 12 + length - 4]).to_bytes(4, "little")
    files, end = read(bytes(packed), "x.txz")
    assert files == {}
    assert isinstance(end, TooLargeMedia)
    body, records = parts_of(zip_of([("a", b"a" * 1000)], zipfile.ZIP_LZMA))
    hostile = body[:36] + b"\0\0\0\xf0" + body[40:]
    files, end = read(joined(hostile, records))
    assert end is None
    assert isinstance(files["a"], TooLargeMedia)
    assert "96 MiB" in named(files["a"])


def test_a_disk_that_fails_is_told() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 2000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    found = iter_members(Failing(tar_of(member("a", b"a"), member("b", NOISE * 2))), "x.tar")
    assert b"".join(next(found)[1]) == b"a"
    with pytest.raises(UnreadableMedia, match=r"'b' in 'x\.tar' cannot be read: Input/output error"):
        list(next(found)[1])
    with pytest.raises(UnreadableMedia, match=r"x\.tar"):
        list(iter_members(Failing(tar_of(pax(comment=NOISE), member("a"))), "x.tar"))


def _whole() -> dict[str, bytes]:
    files = [("a.jpg", NOISE[:300]), ("d/", b""), ("图.jpg", b"x" * 400), ("i.zip", zip_of([("a", b"a")])), ("b", b"")]
    tape = tar_of(pax(path=b"long.jpg", mtime=b"1.5"), *(member(*one) for one in files if one[0] != "d/"))
    return {
        "x.zip": zip_of(files), "streamed.zip": streamed_zip_of(files, zipfile.ZIP_DEFLATED),
        "lzma.zip": zip_of(files, zipfile.ZIP_LZMA), "x.tar": tape, "x.tar.gz": gzip.compress(tape),
        "x.tar.bz2": bz2.compress(tape), "x.tar.xz": lzma.compress(tape),
    }  # fmt: skip


@pytest.mark.parametrize("name", _whole())
def test_damage_gives_errors_that_are_foreseen(name: str) -> None:
    whole = _whole()[name]
    dice = random.Random(name)
    start = time.process_time()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            at = dice.randrange(len(data))
            data[at : at + dice.choice((0, 1, 1, 4))] = dice.choice(
                (b"", b"\xff", b"\0", b"\xff" * 4, dice.randbytes(2))
            )
        read(bytes(data[: dice.choice((len(data), dice.randrange(len(data))))]), name)
    # Damage behind the packing reaches further.
    for _ in range(100 if name.startswith("x.tar.") else 0):
        data = bytearray(_whole()["x.tar"])
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        read(PACKERS[name[1:]](bytes(data)), name)
    assert time.process_time() - start < 30


LOCKED = """
import os, resource, sys, warnings
from mediafp.ingest.archives import MediaError; from mediafp.ingest.archives.members import iter_members
files = [(name, open(name, "rb")) for name in sys.argv[1:]]
warnings.simplefilter("error")
with open("/proc/self/statm") as file:
    pages = int(file.read().split()[0])
room = pages * resource.getpagesize() + (200 << 20)
resource.setrlimit(resource.RLIMIT_AS, (room, room))
def deny(event, _):
    if event in ("open", "import", "os.listdir", "os.scandir", "os.mkdir", "subprocess.Popen", "socket.__new__"):
        os.write(2, event.encode())
        os._exit(9)
sys.addaudithook(deny)
for name, file in files:
    told = []
    try:
        for entry, blocks in iter_members(file, name):
            try:
                told.append(sum(map(len, blocks)))
            except MediaError as exc:
                told.append(type(exc).__name__)
    except MediaError as exc:
        told.append(type(exc).__name__)
    print(os.path.basename(name), *told)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process as Linux does")
def test_a_locked_process_with_200_mb_reads_everything(tmp_path: Path) -> None:
    body, records = parts_of(zip_of([("nnnn", NOISE)]))
    zeros = bytes(100 << 20)
    data = _whole() | {
        "gbk.zip": joined(body, [records[0].replace(b"nnnn", "图片".encode("gbk"))]),
        "cp437.zip": joined(body, [records[0].replace(b"nnnn", b"caf\x82")]),
        "bomb.zip": zip_of([("a", zeros), ("b", zeros)], zipfile.ZIP_BZIP2),
        "bomb.tbz2": bz2.compress(member("a", zeros) + zeros) * 20,
        "pax.tgz": gzip.compress(member("pax", bytes(100 << 20), type=b"x")),
        "many.zip": joined(body, records * 20_000),
        "max.txz": lzma.compress(tar_of(member("a", NOISE)), preset=9 | lzma.PRESET_EXTREME),
    }
    paths = []
    for name, content in data.items():
        paths.append(str(tmp_path / name))
        (tmp_path / name).write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", LOCKED, *paths], capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "x.zip 300 400 UnsupportedMedia 0", "streamed.zip 300 400 UnsupportedMedia 0", "lzma.zip 300 400 UnsupportedMedia 0",
        "x.tar 300 400 UnsupportedMedia 0", "x.tar.gz 300 400 UnsupportedMedia 0", "x.tar.bz2 300 400 UnsupportedMedia 0",
        "x.tar.xz 300 400 UnsupportedMedia 0", "gbk.zip 300000", "cp437.zip 300000",
        "bomb.zip TooLargeMedia TooLargeMedia TooLargeMedia", "bomb.tbz2 TooLargeMedia TooLargeMedia", "pax.tgz TooLargeMedia",
        "many.zip" + " CorruptMedia" * 20_000, "max.txz 300000",
    ]  # fmt: skip
