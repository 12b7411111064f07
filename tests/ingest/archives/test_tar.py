"""Tar archives: names, sizes, extended headers, damage, truncation and bombs."""

import gzip
import io
import os
import tarfile
import time

import pytest
from archive_files import (
    COMPRESSORS,
    FILES,
    NOISE,
    TIMESTAMP,
    build_tar,
    message_of,
    pax_header,
    read_archive,
    tar_member,
)

from mediafp.ingest.archives import streams
from mediafp.ingest.archives.members import ArchiveMember, is_archive, iter_members
from mediafp.types.errors import CorruptMedia, TooLargeMedia, UnsupportedMedia


@pytest.mark.parametrize("suffix", COMPRESSORS)
@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_iter_members_reads_every_tar_member(suffix: str, form: int) -> None:
    files = FILES | ({} if form == tarfile.USTAR_FORMAT else {"长" * 150 + "/a.jpg": b"long"})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), TIMESTAMP
            tar.addfile(info, io.BytesIO(content))
    data = COMPRESSORS[suffix](buffer.getvalue())
    assert is_archive("x" + suffix, data[:512])
    assert read_archive(data, "x" + suffix) == (files, None)
    assert [member for member, _ in iter_members(io.BytesIO(data), "x" + suffix)] == [
        ArchiveMember(name=name, size=len(content), modified_s=TIMESTAMP) for name, content in files.items()
    ]


def test_is_archive_detects_tar_without_signature_by_checksum() -> None:
    header = bytearray(tar_member("old.jpg", b"old"))
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    assert is_archive("old.tar", bytes(header[:512]))
    assert read_archive(build_tar(bytes(header)), "old.tar") == ({"old.jpg": b"old"}, None)
    header[0] += 1
    assert not is_archive("old.tar", bytes(header[:512]))


def test_tar_time_is_none_if_unusable() -> None:
    for stated, expected in (
        (b"1.5", 1.5),
        (b"nan", None),
        (b"inf", None),
        (b"-1", None),
        (b"soon", None),
        (b"9e99", None),
    ):
        data = build_tar(pax_header(mtime=stated), tar_member("a", b"x", mtime=TIMESTAMP))
        assert [member.modified_s for member, _ in iter_members(io.BytesIO(data), "x.tar")] == [expected]


def test_tar_names_keep_undecodable_bytes_as_surrogates() -> None:
    shown = os.fsdecode(b"\xff\xfe.jpg")
    assert read_archive(build_tar(tar_member(shown, b"x")), "x.tar") == ({shown: b"x"}, None)
    assert read_archive(build_tar(pax_header(path=b"\xff\xfe.jpg"), tar_member("a", b"x")), "x.tar") == (
        {shown: b"x"},
        None,
    )


def test_tar_entries_other_than_files_are_skipped() -> None:
    types = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
    members = [tar_member(f"m{n}", type=kind, linkname="/etc/passwd") for n, kind in enumerate(types)]
    long_link = tar_member("././@LongLink", b"/target" * 50, type=tarfile.GNUTYPE_LONGLINK)
    data = build_tar(
        *members, long_link, members[0], tar_member("unknown type", b"u", type=b"7"), tar_member("last", b"x")
    )
    assert read_archive(data, "x.tar") == ({"unknown type": b"u", "last": b"x"}, None)


def test_global_tar_header_renames_no_member() -> None:
    records = b"16 path=all.jpg\n"
    data = build_tar(tar_member("pax", records, type=tarfile.XGLTYPE), tar_member("a", b"a"), tar_member("b", b"b"))
    assert read_archive(data, "x.tar") == ({"a": b"a", "b": b"b"}, None)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.bz2", ".tar.xz"])
def test_compressed_tar_over_the_expansion_ratio_is_too_large(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = COMPRESSORS[suffix](
        build_tar(tar_member("a", b"a"), tar_member("bomb", bytes(100 << 20)), tar_member("c", b"c"))
    )
    monkeypatch.setattr(streams, "RATIO_FREE_BYTES", 1 << 20)
    files, error = read_archive(data, "x" + suffix)
    assert list(files) == ["a", "bomb"]
    assert isinstance(files["bomb"], TooLargeMedia)
    assert isinstance(error, TooLargeMedia)
    with pytest.raises(TooLargeMedia):
        list(iter_members(io.BytesIO(data), "x" + suffix))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_huge_extended_tar_header_is_too_large(kind: bytes) -> None:
    class Watched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None and 0 <= size <= 1 << 20
            return super().read(size)

    header = tarfile.TarInfo("header")
    header.type, header.size = kind, 10 << 30
    data = build_tar(tar_member("a", b"a"), header.tobuf(tarfile.GNU_FORMAT), NOISE)
    members = iter_members(Watched(data), "x.tar")
    assert b"".join(next(members)[1]) == b"a"
    with pytest.raises(TooLargeMedia, match="header of 10,737,418,240 bytes"):
        next(members)


@pytest.mark.parametrize(
    "records",
    [
        b"1" * 1_000_000, b"1 " * 400_000 + b"=", b"0 a=b\n", b"-6 a=b\n", b"5 a=b\n", b"99 a=b\n", b"6 ab \n", b" ", b"x",
        b"1_0 a=bcdef\n", b"10 a=bcd",
    ],
)  # fmt: skip
def test_damaged_extended_tar_header_is_corrupt_within_a_second(records: bytes) -> None:
    start = time.process_time()
    files, error = read_archive(
        build_tar(tar_member("a", b"a"), tar_member("pax", records, type=b"x"), tar_member("b", b"b")), "x.tar"
    )
    assert time.process_time() - start < 1
    assert files == {"a": b"a"}
    assert isinstance(error, CorruptMedia)


@pytest.mark.parametrize("size", [b"-1", b"many", b"9" * 5000, b"99999999999999999999"])
def test_invalid_tar_size_is_corrupt(size: bytes) -> None:
    files, error = read_archive(build_tar(tar_member("a", b"a"), pax_header(size=size), tar_member("b", b"b")), "x.tar")
    assert files["a"] == b"a"
    assert isinstance(error, CorruptMedia)


def test_long_chain_of_extended_tar_headers_is_corrupt() -> None:
    longname = tar_member("L", b"long.jpg\0", type=tarfile.GNUTYPE_LONGNAME)
    assert read_archive(build_tar(longname * 9, tar_member("a", b"a")), "x.tar") == ({"long.jpg": b"a"}, None)
    files, error = read_archive(build_tar(longname * 5000, tar_member("a", b"a")), "x.tar")
    assert files == {}
    assert isinstance(error, CorruptMedia)


def test_sparse_tar_members_are_unsupported() -> None:
    old = bytearray(tar_member("old", b"data", type=tarfile.GNUTYPE_SPARSE)[:512])
    old[386:410] = b"%011o\0%011o\0" % (0, 4)
    old[482] = 1
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old)
    more = bytes(504) + b"\1" + bytes(7)
    data = build_tar(
        bytes(old) + more + bytes(512) + b"data" + bytes(508),
        pax_header(GNU__sparse__major=b"1", GNU__sparse__name=b"real.jpg") + tar_member("made up", b"1\n0\n4\n"),
        tar_member("b", b"b"),
    )
    files, error = read_archive(data, "x.tar")
    assert error is None
    assert files["b"] == b"b"
    for name in ("old", "real.jpg"):
        assert "sparse" in message_of(files[name])
        assert isinstance(files[name], UnsupportedMedia)


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_truncated_tar_yields_the_members_before_the_cut(suffix: str) -> None:
    small = [(f"{n}.jpg", NOISE[n * 1000 : n * 1000 + 700]) for n in range(20)]
    # bzip2 decompresses only whole blocks of 900 kB.
    noise = NOISE * 8 if "b" in suffix else NOISE
    data = COMPRESSORS[suffix](build_tar(*(tar_member(*file) for file in small), tar_member("cut.jpg", noise)))
    files, error = read_archive(data[: len(data) * 3 // 4], "x" + suffix)
    assert isinstance(files.pop("cut.jpg"), CorruptMedia)
    assert list(files.items()) == small
    assert isinstance(error, CorruptMedia)
    assert "truncated" in message_of(error)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.bz2", ".tar.xz"])
def test_consecutive_compressed_streams_are_one_tar(suffix: str) -> None:
    pack = COMPRESSORS[suffix]
    data = build_tar(*(tar_member(*file) for file in FILES.items()))
    packed = b"".join(pack(data[at : at + 100_000]) for at in range(0, len(data), 100_000)) + pack(b"") * 100
    assert read_archive(packed + bytes(1024), "x" + suffix) == (FILES, None)


def test_compressed_tar_with_wrong_checksum_is_corrupt() -> None:
    data = bytearray(gzip.compress(build_tar(tar_member("a", NOISE)) + bytes(1 << 20)))
    data[-8] ^= 1
    files, error = read_archive(bytes(data), "x.tgz")
    assert files == {"a": NOISE}
    assert "damaged" in message_of(error)


def test_tar_without_end_blocks_is_read() -> None:
    assert read_archive(tar_member("a", b"a"), "x.tar") == ({"a": b"a"}, None)
    assert read_archive(gzip.compress(b""), "x.tgz") == ({}, None)


def test_compressed_file_that_is_not_a_tar_is_corrupt() -> None:
    files, error = read_archive(gzip.compress(NOISE), "x.tgz")
    assert files == {}
    assert isinstance(error, CorruptMedia)
