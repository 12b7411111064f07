"""Entries of zip archives, from the central directory or, if the archive is truncated, from the local headers.

`zipfile` is not used: it keeps some 700 bytes for each entry, loses all entries to one damaged record, and lets bzip2
and LZMA allocate any amount of memory. Source of the format: PKWARE, APPNOTE.TXT 6.3.
"""

import bz2
import lzma
import stat
import struct
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from mediafp.ingest.archives.entries import ArchiveEntry, parse_timestamp
from mediafp.ingest.archives.name_encoding import MAX_NAME_SAMPLE_BYTES, NameDecoder
from mediafp.ingest.archives.streams import (
    BLOCK_BYTES,
    COMPRESSED_BLOCK_BYTES,
    MAX_DECOMPRESSOR_BYTES,
    REFETCH,
    TRUNCATED,
    ArchiveBytes,
    ExpansionLimit,
    Inflater,
    decompress_stream,
)
from mediafp.types.errors import CorruptMedia, UnsupportedMedia

_LOCAL_SIGNATURE: Final = b"PK\x03\x04"
_CENTRAL_SIGNATURE: Final = b"PK\x01\x02"
_END_SIGNATURE: Final = b"PK\x05\x06"
_ZIP64_END_SIGNATURE: Final = b"PK\x06\x06"
_ZIP64_LOCATOR_SIGNATURE: Final = b"PK\x06\x07"
_DESCRIPTOR_SIGNATURE: Final = b"PK\x07\x08"
_LOCAL_HEADER: Final = struct.Struct("<4xxxHH4xLLLHH")
"""Local file header: flags, method, CRC, compressed size, size, lengths of name and extra fields."""
_CENTRAL_HEADER: Final = struct.Struct("<4sxBxxHH4xLLLHHHxxxxLL")
"""Central directory header: signature, system, the fields of a local header, comment length, attributes, offset."""
_END_RECORD: Final = struct.Struct("<4xHxx4xLLxx")
"""End of central directory: number of this part, bytes and offset of the directory."""
_ZIP64_END_RECORD: Final = struct.Struct("<4x12xL20xQQ20x")
"""Zip64 end of central directory, with the same fields in 64 bits, and the locator behind it."""
_ENCRYPTED_FLAGS: Final = 1 << 0 | 1 << 6 | 1 << 13
_SIZES_AFTER_DATA_FLAG: Final = 1 << 3
_LZMA_END_MARKER_FLAG: Final = 1 << 1
_STORED, _DEFLATED, _BZIP2, _LZMA = 0, 8, 12, 14
_UNIX_SYSTEMS: Final = (3, 19)
"""Systems whose attributes contain a Unix file mode: Unix and OS X."""
_ZIP64_FIELD, _UNICODE_PATH_FIELD, _UNIX_TIMES_FIELD = 0x0001, 0x7075, 0x5455
_SEE_ZIP64_FIELD: Final = 0xFFFFFFFF
_UTF8_FLAG: Final = 1 << 11
MAX_SAMPLED_HEADERS: Final = 1_000
"""Members of a truncated archive whose names decide on their encoding: to find the next one may take reading its content.
Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipMember:
    """One record of a zip archive.

    `name` is bytes if it does not state its encoding. `size` and `crc` are None if a truncated archive does not state them.
    """

    name: str | bytes
    size: int | None
    modified_s: float | None
    is_file: bool
    flags: int
    method: int
    crc: int | None
    compressed_bytes: int
    header_offset: int


def is_zip(head: bytes) -> bool:
    """Return True if a file that starts with `head` is a zip archive."""
    return head.startswith((_LOCAL_SIGNATURE, _END_SIGNATURE))


def iter_zip_entries(
    source: ArchiveBytes, max_entries: int, on_warning: Callable[[str], object] = lambda warning: None
) -> Iterator[ArchiveEntry]:
    """Yield the entries of a zip archive in the order of its directory, or of its bytes if it has no directory.

    Overlap of entries is checked for the first `max_entries`, at 8 bytes of memory each.

    Args:
        source: The archive.
        max_entries: Number of entries that are read.
        on_warning: Called with a warning about the archive.

    Raises:
        MediaError: The archive cannot be read further.
    """
    expansion = ExpansionLimit(source.size)
    directory = _find_directory(source)
    unstated: list[bytes] = []
    if directory:
        offsets = _header_offsets(_iter_directory(source, *directory), source.size, max_entries, unstated)
        data_end, members = directory[0], _iter_directory(source, *directory)
    else:
        _header_offsets(_iter_local_headers(source), 0, MAX_SAMPLED_HEADERS, unstated)
        offsets, data_end, members = array("Q"), source.size, _iter_local_headers(source)
    decoder = NameDecoder(unstated)
    if decoder.guess:
        on_warning(f"guessed that the names in it are {decoder.guess}: it does not state their encoding")
    for member in members:
        same, following = bisect_left(offsets, member.header_offset), bisect_right(offsets, member.header_offset)
        next_offset = offsets[following] if following < len(offsets) else data_end
        # Members at one offset share their bytes: none of these is left to this one.
        end = member.header_offset if following - same > 1 else next_offset
        name = decoder.decode(member.name) if isinstance(member.name, bytes) else member.name
        is_file = member.is_file and not name.endswith(("/", "\\"))
        yield ArchiveEntry(
            name=name,
            size=member.size,
            modified_s=member.modified_s,
            blocks=_iter_blocks(source, member, end, expansion) if is_file else None,
        )
        expansion.check()


def _header_offsets(
    members: Iterator[ZipMember], archive_bytes: int, max_entries: int, unstated: list[bytes]
) -> array[int]:
    """Return the sorted offsets of the local headers: 8 MB for a million.

    Args:
        members: The records.
        archive_bytes: Size of the archive.
        max_entries: Number of records that are read.
        unstated: Gets the first names that are not ASCII and do not state their encoding.
    """
    offsets = array("Q")
    left = MAX_NAME_SAMPLE_BYTES
    # If the directory is damaged, reading its entries ends there with the error.
    with suppress(CorruptMedia):
        for member in islice(members, max_entries):
            if member.header_offset < archive_bytes:
                offsets.append(member.header_offset)
            if left > 0 and isinstance(member.name, bytes) and not member.name.isascii():
                unstated.append(member.name)
                left -= len(member.name)
    return array("Q", sorted(offsets))


def _iter_blocks(source: ArchiveBytes, member: ZipMember, end: int, expansion: ExpansionLimit) -> Generator[bytes]:
    """Yield the content of a member, checked against its size and CRC; bytes from offset `end` on are not its own."""
    if member.flags & _ENCRYPTED_FLAGS:
        raise UnsupportedMedia("it is encrypted; unpack the archive with its password first")
    header = source.read_at(member.header_offset, _LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL_SIGNATURE):
        raise CorruptMedia(f"it is not at the offset that the archive states; {REFETCH}")
    *_, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
    start = member.header_offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
    if start + member.compressed_bytes > source.size:
        raise CorruptMedia(f"it states more bytes than the archive has; {REFETCH}")
    if start + member.compressed_bytes > end:
        # A bomb of 10 MB whose members all share one stream (Fifield, "A better zip bomb", 2019) expands to 281 TB.
        raise CorruptMedia(
            "it shares its bytes with another member, as in a zip bomb; unpack the archive first if you trust it"
        )
    crc = decompressed = 0
    size = member.size
    blocks = ExpansionLimit(member.compressed_bytes).limit(_decompress(source, start, member))
    for block in expansion.limit(blocks):
        crc, decompressed = zlib.crc32(block, crc), decompressed + len(block)
        if size is not None and decompressed > size:
            raise CorruptMedia(f"it has more bytes than the archive states; {REFETCH}")
        yield block
    if size is None and member.method == _STORED:
        raise CorruptMedia(TRUNCATED)
    if member.crc is not None and (crc, decompressed) != (member.crc, size):
        raise CorruptMedia(f"its checksum does not match; {REFETCH}")


def _decompress(source: ArchiveBytes, start: int, member: ZipMember) -> Iterator[bytes]:
    """Return the content of a member in blocks, by its compression method."""
    # Some archivers name a method for empty files, and write no stream.
    if member.method == _STORED or not member.compressed_bytes:
        return source.iter_pieces(start, member.compressed_bytes, BLOCK_BYTES)
    pieces = source.iter_pieces(start, member.compressed_bytes, COMPRESSED_BLOCK_BYTES)
    if member.method == _DEFLATED:
        return decompress_stream(pieces, Inflater(-zlib.MAX_WBITS))
    if member.method == _BZIP2:
        return decompress_stream(pieces, bz2.BZ2Decompressor())
    if member.method == _LZMA:
        # The properties follow 4 bytes of versions; the header of a .lzma file continues with the size, -1 if unknown.
        first = next(pieces, b"")
        size = -1 if member.size is None or member.flags & _LZMA_END_MARKER_FLAG else member.size
        header = first[4:9] + size.to_bytes(8, "little", signed=True)
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE, MAX_DECOMPRESSOR_BYTES)
        return decompress_stream(chain((header + first[9:],), pieces), decompressor)
    raise UnsupportedMedia(f"compression method {member.method} is not supported; unpack the archive first")


def _find_directory(source: ArchiveBytes) -> tuple[int, int] | None:
    """Return the offsets of start and end of the central directory; None if there is none."""
    longest = _END_RECORD.size + 0xFFFF  # with a comment
    tail_offset = max(0, source.size - longest)
    tail = source.read_at(tail_offset, longest)
    position = tail.rfind(_END_SIGNATURE, 0, max(0, len(tail) - _END_RECORD.size + len(_END_SIGNATURE)))
    if position < 0:
        return None
    end = tail_offset + position
    part, size, offset = _END_RECORD.unpack_from(tail, position)
    zip64 = source.read_at(end - _ZIP64_END_RECORD.size, _ZIP64_END_RECORD.size)
    if zip64.startswith(_ZIP64_END_SIGNATURE) and zip64[-20:].startswith(_ZIP64_LOCATOR_SIGNATURE):
        end -= _ZIP64_END_RECORD.size
        part, size, offset = _ZIP64_END_RECORD.unpack(zip64)
    if part:
        raise UnsupportedMedia("it is one of several parts; join them or unpack them first")
    # A directory that is not where it states belongs to a zip within this one, which is truncated behind it.
    if offset + size != end or (size and source.read_at(offset, len(_CENTRAL_SIGNATURE)) != _CENTRAL_SIGNATURE):
        return None
    return offset, end


def _iter_directory(source: ArchiveBytes, offset: int, end: int) -> Iterator[ZipMember]:
    """Yield the records of the central directory from `offset` to `end`."""
    while offset < end:
        header = source.read_at(offset, _CENTRAL_HEADER.size)
        if len(header) < _CENTRAL_HEADER.size or not header.startswith(_CENTRAL_SIGNATURE):
            raise CorruptMedia(f"its directory is damaged, and members may be missing; {REFETCH}")
        (
            _,
            system,
            flags,
            method,
            crc,
            compressed_bytes,
            size,
            name_bytes,
            extra_bytes,
            comment_bytes,
            attributes,
            header_offset,
        ) = _CENTRAL_HEADER.unpack(header)
        variable = source.read_at(offset + _CENTRAL_HEADER.size, name_bytes + extra_bytes)
        offset += _CENTRAL_HEADER.size + name_bytes + extra_bytes + comment_bytes
        extras = _parse_extra_fields(variable[name_bytes:])
        size, compressed_bytes, header_offset = _resolve_zip64(extras, size, compressed_bytes, header_offset)
        file_type = stat.S_IFMT(attributes >> 16) if system in _UNIX_SYSTEMS else 0
        yield ZipMember(
            name=_stated_name(variable[:name_bytes], flags, extras),
            size=size,
            modified_s=_modification_time(extras),
            is_file=file_type in (0, stat.S_IFREG),
            flags=flags,
            method=method,
            crc=crc,
            compressed_bytes=compressed_bytes,
            header_offset=header_offset,
        )


def _iter_local_headers(source: ArchiveBytes) -> Iterator[ZipMember]:
    """Yield the members of a zip without a directory from their local headers, and raise CorruptMedia at the end."""
    offset = 0
    while True:
        header = source.read_at(offset, _LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL_SIGNATURE):
            break
        flags, method, crc, compressed_bytes, size, name_bytes, extra_bytes = _LOCAL_HEADER.unpack(header)
        variable = source.read_at(offset + _LOCAL_HEADER.size, name_bytes + extra_bytes)
        extras = _parse_extra_fields(variable[name_bytes:])
        size, compressed_bytes = _resolve_zip64(extras, size, compressed_bytes)
        start = offset + _LOCAL_HEADER.size + name_bytes + extra_bytes
        is_stated = not flags & _SIZES_AFTER_DATA_FLAG or compressed_bytes > 0
        if not is_stated:
            is_stated, compressed_bytes, crc, size = _sizes_after_data(source, start)
        yield ZipMember(
            name=_stated_name(variable[:name_bytes], flags, extras),
            size=size if is_stated else None,
            modified_s=_modification_time(extras),
            is_file=True,
            flags=flags,
            method=method,
            crc=crc if is_stated else None,
            compressed_bytes=compressed_bytes,
            header_offset=offset,
        )
        offset = start + compressed_bytes
        following = source.read_at(offset, 28)
        # A data descriptor may follow, with a signature or without, with sizes of 32 bits or 64.
        offset += next(
            (n for n in (0, 12, 16, 20, 24) if following[n : n + 4] in (_LOCAL_SIGNATURE, _CENTRAL_SIGNATURE)), 0
        )
    raise CorruptMedia(f"it is truncated: its directory is missing, and members may be missing too; {REFETCH}")


def _sizes_after_data(source: ArchiveBytes, start: int) -> tuple[bool, int, int, int]:
    """Find the data descriptor behind the member whose data start at offset `start`.

    Returns:
        True, the compressed size, the CRC and the size. Without a descriptor the member is the truncated one: False,
        the bytes that are left, 0 and 0.
    """
    overlap = 24
    offset = start
    while block := source.read_at(offset, BLOCK_BYTES):
        position = block.find(_DESCRIPTOR_SIGNATURE)
        while position >= 0:
            data_bytes = offset + position - start
            for layout in ("<4xLLL", "<4xLQQ"):
                if len(block) >= position + struct.calcsize(layout):
                    crc, compressed_bytes, size = struct.unpack_from(layout, block, position)
                    if compressed_bytes == data_bytes:
                        return True, compressed_bytes, crc, size
            position = block.find(_DESCRIPTOR_SIGNATURE, position + 1)
        if len(block) < BLOCK_BYTES:
            break
        offset += len(block) - overlap
    return False, max(0, source.size - start), 0, 0


def _parse_extra_fields(data: bytes) -> dict[int, bytes]:
    """Return the extra fields of a header by their ids, up to the first damaged one."""
    fields = {}
    offset = 0
    while offset + 4 <= len(data):
        field_id, length = struct.unpack_from("<HH", data, offset)
        fields[field_id] = data[offset + 4 : offset + 4 + length]
        offset += 4 + length
    return fields


def _resolve_zip64(extras: Mapping[int, bytes], *numbers: int) -> list[int]:
    """Return the numbers of a header, those that exceed 32 bits from the zip64 field, which has them in this order."""
    field = extras.get(_ZIP64_FIELD, b"")
    resolved = []
    for number in numbers:
        if number == _SEE_ZIP64_FIELD and len(field) >= 8:
            number, field = int.from_bytes(field[:8], "little"), field[8:]
        resolved.append(number)
    return resolved


def _stated_name(raw: bytes, flags: int, extras: Mapping[int, bytes]) -> str | bytes:
    """Return the name of a member, as bytes if it does not state its encoding.

    A name is UTF-8 if its flag says so and it is valid: some archivers write GBK with the flag. A Unicode path field is
    preferred if its CRC matches the name.
    """
    field = extras.get(_UNICODE_PATH_FIELD, b"")
    stated = [raw] if flags & _UTF8_FLAG else []
    if field[:1] == b"\x01" and field[1:5] == zlib.crc32(raw).to_bytes(4, "little") and len(field) > 5:
        stated.insert(0, field[5:])
    for name in stated:
        with suppress(UnicodeDecodeError):
            return name.decode("utf-8")
    return raw


def _modification_time(extras: Mapping[int, bytes]) -> float | None:
    """Return the time of change from the Unix times field, which is in UTC; the DOS time has an unknown zone."""
    times = extras.get(_UNIX_TIMES_FIELD, b"")
    if len(times) < 5 or not times[0] & 1:
        return None
    return parse_timestamp(int.from_bytes(times[1:5], "little", signed=True))
