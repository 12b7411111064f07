"""Bounded reading and decompression."""

import io
import lzma
import zipfile
import zlib

import pytest
from archive_files import (
    NOISE,
    build_tar,
    build_zip,
    join_zip,
    message_of,
    pax_header,
    read_archive,
    split_zip,
    tar_member,
)

from mediafp.ingest.archives.members import iter_members
from mediafp.types.errors import TooLargeMedia, UnreadableMedia


def test_decompression_over_the_memory_limit_is_too_large() -> None:
    packed = bytearray(lzma.compress(build_tar(tar_member("a", b"a"))))
    length = (packed[12] + 1) * 4
    packed[16] = 40  # a dictionary of 4 GiB
    packed[12 + length - 4 : 12 + length] = zlib.crc32(packed[12 : 12 + length - 4]).to_bytes(4, "little")
    files, error = read_archive(bytes(packed), "x.txz")
    assert files == {}
    assert isinstance(error, TooLargeMedia)
    body, records = split_zip(build_zip([("a", b"a" * 1000)], zipfile.ZIP_LZMA))
    hostile = body[:36] + b"\0\0\0\xf0" + body[40:]
    files, error = read_archive(join_zip(hostile, records))
    assert error is None
    assert isinstance(files["a"], TooLargeMedia)
    assert "96 MiB" in message_of(files["a"])


def test_disk_error_is_unreadable() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 2000:
                raise OSError(5, "Input/output error")
            return super().read(size)

    members = iter_members(Failing(build_tar(tar_member("a", b"a"), tar_member("b", NOISE * 2))), "x.tar")
    assert b"".join(next(members)[1]) == b"a"
    with pytest.raises(UnreadableMedia, match=r"cannot extract 'b' from 'x\.tar': Input/output error"):
        list(next(members)[1])
    with pytest.raises(UnreadableMedia, match=r"x\.tar"):
        list(iter_members(Failing(build_tar(pax_header(comment=NOISE), tar_member("a"))), "x.tar"))
