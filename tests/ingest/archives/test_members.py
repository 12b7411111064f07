"""Members of archives: names, limits, and errors that concern one member or the whole archive."""

import bz2
import gzip
import io
import lzma
import random
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import pytest
import zstandard
from archive_files import (
    COMPRESSORS,
    NOISE,
    build_streamed_zip,
    build_tar,
    build_zip,
    join_zip,
    message_of,
    pax_header,
    read_archive,
    split_zip,
    tar_member,
)
from processes import PATIENCE_SECONDS
from web_archive_files import build_record, build_request, build_wacz, compress_records

from mediafp.ingest.archives import members
from mediafp.ingest.archives.members import ARCHIVE_SUFFIXES, is_archive, iter_members
from mediafp.types.errors import TooLargeMedia


def test_member_blocks_are_small_and_end_with_the_next_member() -> None:
    for data, name in (
        (build_zip([("a", bytes(5_000_000)), ("b", b"b")]), "x.zip"),
        (gzip.compress(build_tar(tar_member("a", bytes(5_000_000)), tar_member("b", b"b"))), "x.tgz"),
    ):
        members = iter_members(io.BytesIO(data), name)
        _, first = next(members)
        assert 0 < len(next(first)) <= 1 << 20
        _, second = next(members)
        assert list(first) == []
        assert list(second) == [b"b"]
        assert list(members) == []


def test_is_archive_needs_suffix_and_content() -> None:
    packed = build_zip([("a", b"a")])
    tar = build_tar(tar_member("a", b"a"))
    assert is_archive("a.ZIP", packed)
    assert is_archive("empty.zip", build_zip([]))
    assert is_archive("decompressed by a browser.tar.gz", tar)
    for name, head in (
        ("a.docx", packed), ("a.png", b"\x89PNG" + packed), ("a.zip", b"\x89PNG"), ("a.zip", tar), ("a.tar", packed),
        ("a.tar", b""), ("a.tar", NOISE), ("a.tar", bytes(512)), ("a.gz", gzip.compress(tar)), ("a.tgz", b"\x1f"),
        ("zip", packed), ("a.zip", b""),
    ):  # fmt: skip
        assert not is_archive(name, head[:512])
    assert all(name.startswith(".") for name in ARCHIVE_SUFFIXES)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "etc/passwd"), ("/abs/a.jpg", "abs/a.jpg"), ("C:\\dir\\a.jpg", "dir/a.jpg"),
        ("C:a.jpg", "a.jpg"), ("a//./b.jpg", "a/b.jpg"), ("a/../../b.jpg", "a/b.jpg"), ("..", "unnamed"), ("C:..\\x", "x"),
        ("\\\\host\\share\\a.jpg", "host/share/a.jpg"), ("D:C:/a", "a"), ("", "unnamed"), ("x/" * 4000 + "a.jpg", None),
    ],
)  # fmt: skip
def test_member_names_are_made_safe(name: str, shown: str | None) -> None:
    for data, archive in ((build_zip([(name, b"x")]), "x.zip"), (build_tar(tar_member(name, b"x")), "x.tar")):
        files, error = read_archive(data, archive)
        assert error is None
        assert list(files.values()) == [b"x"]
        (member_name,) = files
        assert member_name == shown or (
            shown is None and len(member_name) <= members.MAX_NAME_CHARS and member_name.endswith("x/a.jpg")
        )


def test_member_name_shows_nul_as_replacement_character() -> None:
    assert read_archive(build_tar(pax_header(path=b"a\0.jpg"), tar_member("a", b"x")), "x.tar")[0] == {
        "a\ufffd.jpg": b"x"
    }
    body, records = split_zip(build_zip([("a_.jpg", b"x")]))
    assert read_archive(join_zip(body, [records[0].replace(b"a_", b"a\0")]))[0] == {"a\ufffd.jpg": b"x"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_member_names_get_their_entry_number() -> None:
    files = [("a.tar.gz", b"1"), ("./a.tar.gz", b"2"), ("a (3).tar.gz", b"3"), ("d.e/a", b"4"), ("d.e//a", b"5"),
             ("a.tar.gz", b"6")]  # fmt: skip
    expected = {"a.tar.gz": b"1", "a (2).tar.gz": b"2", "a (3).tar.gz": b"3", "d.e/a": b"4", "d.e/a (5)": b"5",
            "a (6).tar.gz": b"6"}  # fmt: skip
    assert read_archive(build_zip(files)) == (expected, None)
    assert read_archive(build_tar(*(tar_member(*file) for file in files)), "x.tar") == (expected, None)
    assert read_archive(build_zip([("a", b"1"), ("a (3)", b"2"), ("a", b"3")]))[0] == {
        "a": b"1",
        "a (3)": b"2",
        "a (3) (3)": b"3",
    }


def test_hidden_members_are_skipped() -> None:
    files = [(name, b"x") for name in (".a", "d/.b/c", "__MACOSX/a.jpg", "d/__MACOSX/._a", "...", "a.b")]
    assert read_archive(build_zip(files)) == ({"a.b": b"x"}, None)
    assert read_archive(build_tar(*(tar_member(*file) for file in files)), "x.tar") == ({"a.b": b"x"}, None)
    warnings: list[str] = []
    list(iter_members(io.BytesIO(build_zip(files)), "x.zip", warnings.append))
    list(iter_members(io.BytesIO(build_zip([(".a", b"x"), (".DS_Store", b"x")])), "x.zip", warnings.append))
    assert warnings == [
        "skipped 4 hidden files or folders; to read them, unpack the archive and name them",
        "skipped 1 hidden file or folder; to read it, unpack the archive and name it",
    ], "nobody misses those of macOS"


def test_archive_in_an_archive_is_a_member_that_is_not_decompressed() -> None:
    data = build_zip([("a", bytes(100_000))])
    for _ in range(5):
        data = build_zip((f"{n}.zip", data) for n in range(16))
    files, error = read_archive(data)
    assert error is None and len(files) == 16
    assert sum(len(content) for content in files.values() if isinstance(content, bytes)) < 1 << 20


def test_member_over_the_size_limit_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_MEMBER_BYTES", 1000)
    files = [("a", b"a" * 1000), ("b", b"b" * 1001), ("c", b"c")]
    for data, name in (
        (build_zip(files), "x.zip"),
        (build_streamed_zip(files, zipfile.ZIP_DEFLATED), "x.zip"),
        (build_tar(*(tar_member(*file) for file in files)), "x.tar"),
        (gzip.compress(build_tar(*(tar_member(*file) for file in files))), "x.tgz"),
    ):
        contents, error = read_archive(data, name)
        assert error is None
        assert (contents["a"], contents["c"]) == (b"a" * 1000, b"c")
        assert isinstance(contents["b"], TooLargeMedia)


def test_archive_with_too_many_entries_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "MAX_MEMBERS", 3)
    files = [(".hidden", b""), ("a", b"a"), ("d/.hidden", b""), ("b", b"b")]
    for data, name in ((build_zip(files), "x.zip"), (build_tar(*(tar_member(*file) for file in files)), "x.tar")):
        contents, error = read_archive(data, name)
        assert contents == {"a": b"a"}
        assert isinstance(error, TooLargeMedia)
        assert "more than 3 entries" in message_of(error)


def small_archives() -> dict[str, bytes]:
    files = [
        ("a.jpg", NOISE[:300]),
        ("d/", b""),
        ("图.jpg", b"x" * 400),
        ("i.zip", build_zip([("a", b"a")])),
        ("b", b""),
    ]
    tar = build_tar(
        pax_header(path=b"long.jpg", mtime=b"1.5"), *(tar_member(*file) for file in files if file[0] != "d/")
    )
    captures = [
        build_record(b"5\r\nwords\r\n0\r\n\r\n", http=["Transfer-Encoding: chunked"]),
        build_record(
            gzip.compress(NOISE[:90]), "https://[::1]/%ff", http=["Content-Encoding: gzip"], warc=["WARC-Page-ID: a"]
        ),
        build_record(b"<title>t</title>", "https://例/", "text/html"),
        build_record(b"part", status="206 Part", http=["Content-Range: bytes 0-3/4"]),
        build_request("https://example.org/a.jpg", "https://例/"),
    ]
    pages = [
        {"url": f"https://example.org/{n}", "title": "t", "ts": "2023-06-12T08:10:36Z", "id": "a"} for n in range(2)
    ]
    return {
        "x.warc": b"".join(captures), "x.warc.gz": compress_records(*captures), "x.wacz": build_wacz(*captures, pages=pages),
        "x.tar.zst": zstandard.compress(tar), "x.zip": build_zip(files),
        "streamed.zip": build_streamed_zip(files, zipfile.ZIP_DEFLATED),
        "lzma.zip": build_zip(files, zipfile.ZIP_LZMA), "x.tar": tar, "x.tar.gz": gzip.compress(tar),
        "x.tar.bz2": bz2.compress(tar), "x.tar.xz": lzma.compress(tar),
    }  # fmt: skip


@pytest.mark.parametrize("name", small_archives())
def test_damaged_archives_raise_only_media_errors(name: str) -> None:
    whole = small_archives()[name]
    dice = random.Random(name)
    start = time.process_time()
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            at = dice.randrange(len(data))
            data[at : at + dice.choice((0, 1, 1, 4))] = dice.choice(
                (b"", b"\xff", b"\0", b"\xff" * 4, dice.randbytes(2))
            )
        read_archive(bytes(data[: dice.choice((len(data), dice.randrange(len(data))))]), name)
    # Damage of the decompressed bytes gets past the decompressor.
    for _ in range(100 if name[1:] in COMPRESSORS and name != "x.tar" else 0):
        data = bytearray(small_archives()["x.tar"])
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        read_archive(COMPRESSORS[name[1:]](bytes(data)), name)
    assert time.process_time() - start < 30


LOCKED = """
import os, resource, sys, warnings
from mediafp.ingest.archives.members import iter_members
from mediafp.types.errors import MediaError
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
    expected = []
    try:
        for member, blocks in iter_members(file, name):
            try:
                expected.append(sum(map(len, blocks)))
            except MediaError as exc:
                expected.append(type(exc).__name__)
    except MediaError as exc:
        expected.append(type(exc).__name__)
    print(os.path.basename(name), *expected)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process as Linux does")
def test_iter_members_works_in_a_locked_process_with_200_mb(tmp_path: Path) -> None:
    body, records = split_zip(build_zip([("nnnn", NOISE)]))
    zeros = bytes(100 << 20)
    captures = [
        build_record(NOISE, "https://例.example.org/%E5%9B%BE", date="20230612081036"),
        build_record(zlib.compress(NOISE), http=["Content-Encoding: deflate"]),
        build_record(zstandard.compress(NOISE), http=["Content-Encoding: zstd"]),
        build_record(b"<title>&eacute;</title>", content_type="text/html"),
    ]
    data = small_archives() | {
        "gbk.zip": join_zip(body, [records[0].replace(b"nnnn", "图片".encode("gbk"))]),
        "cp437.zip": join_zip(body, [records[0].replace(b"nnnn", b"caf\x82")]),
        "bomb.zip": build_zip([("a", zeros), ("b", zeros)], zipfile.ZIP_BZIP2),
        "bomb.tbz2": bz2.compress(tar_member("a", zeros) + zeros) * 20,
        "pax.tgz": gzip.compress(tar_member("pax", bytes(100 << 20), type=b"x")),
        "many.zip": join_zip(body, records * 20_000),
        "max.txz": lzma.compress(build_tar(tar_member("a", NOISE)), preset=9 | lzma.PRESET_EXTREME),
        "a.tar.zst": zstandard.compress(build_tar(tar_member("a", NOISE))),
        "bomb.tzst": zstandard.compress(build_tar(tar_member("a", zeros))) * 20,
        "a.warc.gz": compress_records(*captures),
        "a.warc.zst": zstandard.compress(b"".join(captures)),
        "a.wacz": build_wacz(*captures, pages=[{"url": "https://x.com/a/status/1", "ts": "2023-06-12T08:10:36Z"}] * 2),
        "bomb.warc.gz": compress_records(
            build_record(zeros), build_record(gzip.compress(zeros), http=["Content-Encoding: gzip"])
        ),
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
        "x.warc 5 90 4", "x.warc.gz 5 90 4", "x.wacz 5 90 4", "x.tar.zst 300 400 103 0",
        "x.zip 300 400 103 0", "streamed.zip 300 400 103 0", "lzma.zip 300 400 103 0",
        "x.tar 300 400 103 0", "x.tar.gz 300 400 103 0", "x.tar.bz2 300 400 103 0",
        "x.tar.xz 300 400 103 0", "gbk.zip 300000", "cp437.zip 300000",
        "bomb.zip TooLargeMedia TooLargeMedia TooLargeMedia", "bomb.tbz2 TooLargeMedia TooLargeMedia", "pax.tgz TooLargeMedia",
        "many.zip" + " CorruptMedia" * 20_000, "max.txz 300000", "a.tar.zst 300000", "bomb.tzst TooLargeMedia TooLargeMedia",
        "a.warc.gz 300000 300000 300000", "a.warc.zst 300000 300000 300000", "a.wacz 300000 300000 300000",
        "bomb.warc.gz TooLargeMedia TooLargeMedia",
    ]  # fmt: skip
