"""Builders of zip and tar archives, and a reader that collects every member."""

import bz2
import gzip
import io
import lzma
import random
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from typing import BinaryIO

from mediafp.ingest.archives.members import iter_members
from mediafp.types.errors import MediaError

NOISE = random.Random(1).randbytes(300_000)
FILES = {
    "照片/第一张 图.jpg": NOISE,
    "a b/new\nline.png": b"\x89PNG" + NOISE[:5000],
    "empty.gif": b"",
    "z.mp4": b"text " * 100_000,
}
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes, ".tar.gz": gzip.compress, ".tgz": gzip.compress, ".tar.bz2": bz2.compress,
    ".tbz2": bz2.compress, ".tar.xz": lzma.compress, ".txz": lzma.compress,
}  # fmt: skip
TIMESTAMP = 1_700_000_000
Contents = dict[str, bytes | MediaError]


def read_archive(data: bytes, name: str = "dump.zip") -> tuple[Contents, MediaError | None]:
    """Return the content or the error of each member, and the error that ended the archive."""
    contents: Contents = {}
    try:
        for member, blocks in iter_members(io.BytesIO(data), name):
            assert member.name not in contents
            try:
                contents[member.name] = b"".join(blocks)
            except MediaError as exc:
                assert repr(member.name) in str(exc)
                assert name in str(exc)
                contents[member.name] = exc
    except MediaError as exc:
        assert name in str(exc)
        return contents, exc
    return contents, None


def build_zip(
    files: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED, file: BinaryIO | None = None
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(file or buffer, "w", method) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, content)
    return buffer.getvalue()


def build_streamed_zip(files: Iterable[tuple[str, bytes]], method: int) -> bytes:
    """Return a zip as written to a pipe: sizes and CRC follow the data."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: object) -> int:
            raise OSError

        def tell(self) -> int:
            raise OSError

    pipe = Pipe()
    build_zip(files, method, pipe)
    return pipe.getvalue()


def split_zip(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return the members of a zip as bytes, and the records of its directory."""
    size, start = struct.unpack_from("<LL", data, len(data) - 10)
    records = []
    offset = start
    while offset < start + size:
        length = 46 + sum(struct.unpack_from("<HHH", data, offset + 28))
        records.append(data[offset : offset + length])
        offset += length
    return data[:start], records


def join_zip(body: bytes, records: list[bytes]) -> bytes:
    """Return a zip of members as bytes and directory records."""
    size = sum(map(len, records))
    count = min(len(records), 0xFFFF)
    return body + b"".join(records) + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, size, len(body), 0)


def change_record(data: bytes, which: int, at: int, value: bytes) -> bytes:
    """Return a zip with other bytes at a position of one directory record."""
    body, records = split_zip(data)
    records[which] = records[which][:at] + value + records[which][at + len(value) :]
    return join_zip(body, records)


def tar_member(name: str, content: bytes = b"", **fields: object) -> bytes:
    """Return one tar member, header and content."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def pax_header(**records: bytes) -> bytes:
    """Return an extended header for the member behind it."""
    content = b""
    for key, value in records.items():
        rest = b" " + key.replace("__", ".").encode() + b"=" + value + b"\n"
        length = len(rest) + 1
        while len(str(length)) + len(rest) != length:
            length += 1
        content += str(length).encode() + rest
    return tar_member("pax", content, type=tarfile.XHDTYPE)


def build_tar(*members: bytes) -> bytes:
    return b"".join(members) + bytes(1024)


def message_of(error: object) -> str:
    """Return the message of a value that must be an error."""
    assert isinstance(error, MediaError), error
    return str(error)
