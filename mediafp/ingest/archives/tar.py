"""Entries of tar archives, plain or compressed by gzip, bzip2, xz or Zstandard.

`tarfile` parses the headers, but its `TarFile` is not used: it reads extended headers of any stated size, with patterns
that take quadratic time in Python 3.12.1 (CVE-2024-6232). Source of the format: POSIX.1-2008 pax, GNU tar.
"""

import tarfile
from collections.abc import Generator, Iterator
from typing import Final

from mediafp.ingest.archives.entries import ArchiveEntry, parse_timestamp
from mediafp.ingest.archives.streams import (
    BLOCK_BYTES,
    REFETCH,
    TRUNCATED,
    ArchiveBytes,
    ByteStream,
    find_decompressor,
    open_stream,
)
from mediafp.types.errors import CorruptMedia, TooLargeMedia, UnsupportedMedia

MAX_HEADER_BYTES: Final = 1 << 20
"""Bytes of one extended header or long name, which is read as a whole; an attribute in it has at most 64 KiB on
Linux."""
MAX_EXTENDED_HEADERS: Final = 16
"""Extended headers before one file: GNU tar writes two, pax one and one at the start. Each costs 15 microseconds, which
is 6 seconds for a megabyte of compressed tar that contains nothing else."""
HEADER_BYTES: Final = tarfile.BLOCKSIZE
"""Bytes of a header, and the unit that contents are padded to."""
_PAX_KEYWORDS: Final = frozenset(
    (b"path", b"size", b"mtime", b"GNU.sparse.name", b"GNU.sparse.major", b"GNU.sparse.map", b"GNU.sparse.size")
)
_EXTENDED_HEADERS: Final = (
    tarfile.XHDTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_REFETCH: Final = f"{REFETCH}, the members before the damage are intact"


def is_tar(head: bytes) -> bool:
    """Return True if a file may be a tar archive, by its first `HEADER_BYTES` bytes.

    Any compressed file may be one. A tar without the "ustar" signature (before POSIX) is detected by its checksum.
    """
    if find_decompressor(head) is not None or head[257:262] == b"ustar":
        return True
    try:
        _parse_header(head[:HEADER_BYTES])
    except CorruptMedia:
        return False
    return True


def iter_tar_entries(source: ArchiveBytes) -> Iterator[ArchiveEntry]:
    """Yield the entries of a tar archive, compressed or not, in their order.

    The content of an entry must be read before the next entry is requested.

    Raises:
        MediaError: The archive cannot be read further.
    """
    stream = open_stream(source)
    attributes: dict[bytes, bytes] = {}
    headers = 0
    # The first block of zeros ends a tar.
    while (header := stream.read(HEADER_BYTES)).strip(b"\x00"):
        info = _parse_header(header)
        if info.type in _EXTENDED_HEADERS:
            headers += 1
            if headers > MAX_EXTENDED_HEADERS:
                raise CorruptMedia(f"it is damaged ({headers} extended headers for one member); {_REFETCH}")
            attributes.update(_read_extended_header(stream, info))
            continue
        size = _member_size(attributes, info)
        is_sparse = info.type == tarfile.GNUTYPE_SPARSE or any(key.startswith(b"GNU.sparse.") for key in attributes)
        has_sparse_map = info.type == tarfile.GNUTYPE_SPARSE and header[482]
        while has_sparse_map:
            block = stream.read(HEADER_BYTES)
            has_sparse_map = len(block) == HEADER_BYTES and block[504]
        raw_name = attributes.get(b"GNU.sparse.name") or attributes.get(b"path")
        # POSIX requires unknown types to be read as files.
        is_file = info.isreg() or info.type not in tarfile.SUPPORTED_TYPES
        end = stream.offset + _padded(size)
        entry = ArchiveEntry(
            name=raw_name.decode("utf-8", "surrogateescape") if raw_name else info.name,
            size=size,
            modified_s=parse_timestamp(attributes.get(b"mtime", info.mtime)),
            blocks=_iter_blocks(stream, size, is_sparse) if is_file else None,
        )
        attributes, headers = {}, 0
        yield entry
        if is_file:
            stream.skip_to(end)
    stream.finish()


def _parse_header(block: bytes) -> tarfile.TarInfo:
    """Return the header of an entry; raise CorruptMedia if its checksum does not match."""
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError) as error:
        raise CorruptMedia(f"it is damaged ({error}); {_REFETCH}") from error


def _member_size(attributes: dict[bytes, bytes], info: tarfile.TarInfo) -> int:
    """Return the size of an entry in bytes, from its extended header or its own; raise CorruptMedia if it is none."""
    try:
        size = int(attributes.get(b"size", info.size))
    except ValueError as error:
        raise CorruptMedia(f"it is damaged (a size is not a number); {_REFETCH}") from error
    if size < 0:
        raise CorruptMedia(f"it is damaged (a size is below 0); {_REFETCH}")
    return size


def _iter_blocks(stream: ByteStream, size: int, is_sparse: bool) -> Generator[bytes]:
    """Yield the content of the entry at the position of the stream."""
    if is_sparse:
        raise UnsupportedMedia("it is stored as a sparse file, which is not supported; unpack the archive first")
    end = stream.offset + size
    while stream.offset < end:
        block = stream.read(min(BLOCK_BYTES, end - stream.offset))
        if not block:
            raise CorruptMedia(TRUNCATED)
        yield block


def _read_extended_header(stream: ByteStream, info: tarfile.TarInfo) -> dict[bytes, bytes]:
    """Return the attributes that an extended header states for the entry behind it, by their pax keywords."""
    if not 0 <= info.size <= MAX_HEADER_BYTES:
        raise TooLargeMedia(
            f"a header of {info.size:,} bytes is over the limit of {MAX_HEADER_BYTES:,}; "
            "unpack it first if you trust it"
        )
    end = stream.offset + _padded(info.size)
    data = stream.read(info.size)
    stream.skip_to(end)
    if info.type == tarfile.GNUTYPE_LONGNAME:
        return {b"path": data.partition(b"\x00")[0]}
    # A global header (Git stores its commit in one) describes no single entry, and the target of a link is not used.
    return _parse_pax(data) if info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE) else {}


def _parse_pax(data: bytes) -> dict[bytes, bytes]:
    """Return name, size, time and sparse attributes from pax records: length, keyword=value, newline."""
    attributes = {}
    offset = 0
    while offset < len(data):
        length, space, _ = data[offset : offset + 8].partition(b" ")
        record = data[offset : offset + int(length)] if space and length.isdigit() else b""
        keyword, equals, value = record[len(length) + 1 : -1].partition(b"=")
        # A record of length 0 would be read for ever.
        if not (equals and record.endswith(b"\n") and len(record) == int(length)):
            raise CorruptMedia(f"it is damaged (invalid extended header); {_REFETCH}")
        if keyword in _PAX_KEYWORDS:
            attributes[keyword] = value
        offset += len(record)
    return attributes


def _padded(size: int) -> int:
    """Return the bytes that a content of `size` bytes occupies in a tar."""
    return -(-size // HEADER_BYTES) * HEADER_BYTES
