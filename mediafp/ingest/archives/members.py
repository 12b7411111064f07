"""The files in a zip or tar archive, one behind the other, unpacked in memory while they are read.

Made for hostile archives and a locked process: it needs the open file alone, writes nothing, looks no name up, and
imports all here. `ZipFile` and `TarFile` are not used. The one keeps some 700 bytes for each entry, loses all entries to
one bad record, and lets bzip2 and LZMA take what memory they like; the other reads extended headers of any stated size,
with patterns that take quadratic time in Python 3.12.1 (CVE-2024-6232). What they read is the same here, bounded:
APPNOTE.TXT 6.3 of PKWARE, POSIX.1-2008 pax, GNU tar; the tar header itself is read by `tarfile`.
"""

import bz2
import codecs
import lzma
import re
import stat
import struct
import tarfile
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from typing import BinaryIO, Final, Protocol

from mediafp.types.errors import CorruptMedia, MediaError, TooLargeMedia, UnreadableMedia, UnsupportedMedia

MAX_MEMBERS: Final = 1_000_000
"""Entries of one archive, folders too. The names of so many cost 100 MB, of which each is kept as one number."""
MAX_MEMBER_BYTES: Final = 16 << 30
"""Bytes of one entry: ten hours of video at 3.5 Mbit/s."""
MAX_EXPANSION_RATIO: Final = 200
"""Bytes unpacked for each that is packed, of an entry and of the archive. Photographs and video have 1, an uncompressed
picture of a screen full of text 89, zeros 1,029 (Deflate), 6,800 (xz) and 850,000 (bzip2)."""
RATIO_FREE_BYTES: Final = 64 << 20
"""Bytes unpacked besides, whatever the ratio: one flat uncompressed picture may have any, and does no harm."""
TOTAL_BYTES: Final = 4 << 40
"""Bytes unpacked of one archive, however large it is: larger than the disks that dumps come on, hours of unpacking."""
MAX_DECOMPRESSOR_BYTES: Final = 96 << 20
"""Memory that unpacking xz or LZMA may take; `xz -9` asks for 65 MiB, a hostile stream for 4 GiB."""
HEADER_BYTES: Final = 1 << 20
"""Bytes of one extended tar header or long name, read as a whole; an attribute in it has 64 KiB at most on Linux."""
MAX_EXTENDED_HEADERS: Final = 16
"""Extended headers before one file: GNU tar writes two, pax one and one at the start. Each costs 15 microseconds, which
a packed tar of nothing else would turn into 6 seconds a megabyte."""
NAME_CHARS: Final = 4096
"""Characters of a name, the last ones, that are kept: Linux takes as many bytes."""
BLOCK_BYTES: Final = 256 << 10
"""Bytes handed out at once."""
PACKED_BYTES: Final = 16 << 10
"""Packed bytes taken in at once. What lies behind a stream's end is copied, so more would make many tiny ones slow."""
MOMENTS_END: Final = 253_402_300_800
"""The first second of the year 10000, which `datetime` does not know."""
UNNAMED: Final = "unnamed"
"""Shown where nothing harmless is left of a name."""
_ZIP_SUFFIXES: Final = (".zip",)
_TAR_SUFFIXES: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ARCHIVE_SUFFIXES: Final = _ZIP_SUFFIXES + _TAR_SUFFIXES
_LOCAL_MARK, _RECORD_MARK, _END_MARK = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_WIDE_END_MARK, _LOCATOR_MARK, _BEHIND_MARK = b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08"
_LOCAL: Final = struct.Struct("<4xxxHH4xLLLHH")
"""A zip's header before a file: flags, method, CRC, packed, size, lengths of name and extra fields."""
_RECORD: Final = struct.Struct("<4sxBxxHH4xLLLHHHxxxxLL")
"""A record of a zip's directory: mark, system, then as above, length of the comment, attributes, place of the header."""
_END: Final = struct.Struct("<4xHxx4xLLxx")
"""The end of a zip's directory: this part's number, the directory's bytes and place."""
_WIDE_END: Final = struct.Struct("<4x12xL20xQQ20x")
"""The same with 64 bits, and the record behind it that leads to it."""
_ENCRYPTED: Final = 1 << 0 | 1 << 6 | 1 << 13
_SIZES_BEHIND, _HAS_END_MARK = 1 << 3, 1 << 1
_UNIX_SYSTEMS: Final = (3, 19)
_ZIP64, _UNICODE_PATH, _UNIX_TIMES = 0x0001, 0x7075, 0x5455
_PAX_KEYWORDS: Final = frozenset(
    (b"path", b"size", b"mtime", b"GNU.sparse.name", b"GNU.sparse.major", b"GNU.sparse.map", b"GNU.sparse.size")
)
_UNKNOWN_32: Final = 0xFFFFFFFF
_DRIVE: Final = re.compile(r"^(?:[A-Za-z]:)+")
_ANEW: Final = "fetch the archive anew"
_CUT: Final = f"is cut short; {_ANEW}, what lies before the cut is good"
# A locked process cannot load codecs, and Python loads them when first used.
for _codec in ("cp437", "gb18030", "utf-8", "ascii"):
    codecs.lookup(_codec)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveMember:
    """A file in an archive: its name as shown, its stated bytes, and when it was changed (seconds since 1970, UTC).

    The name is relative, has `/` between its parts and is the only one of its kind in the archive; undecodable bytes
    are surrogates. Size and time are None where the archive does not tell.
    """

    name: str
    size: int | None
    modified_s: float | None


_Found = tuple[ArchiveMember, Generator[bytes] | None]
"""What lies at one place of an archive, its name as written. Without bytes it is a folder, a link or a device."""


def has_archive_suffix(name: str) -> bool:
    """Whether a file has the name of an archive, whatever it holds."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def is_archive(name: str, head: bytes) -> bool:
    """Whether a file is an archive that `entries` reads, by its name and its first 512 bytes together.

    Documents are zips too and a picture may have one behind it, but neither is named so. A packed tar is told by its
    packing, whichever its suffix promises: browsers unpack a `.tar.gz` and keep the name.
    """
    name = name.lower()
    if name.endswith(_ZIP_SUFFIXES):
        return head.startswith((_LOCAL_MARK, _END_MARK))
    return name.endswith(_TAR_SUFFIXES) and (_packing(head) is not None or _is_tar(head))


def iter_members(file: BinaryIO, name: str) -> Iterator[tuple[ArchiveMember, Iterator[bytes]]]:
    """Each file in the archive, in its order, with its bytes in blocks of up to `BLOCK_BYTES`.

    The blocks end when the next entry is asked for; to leave them unread skips the entry, at no cost but in packed
    tars. They raise a MediaError where this one file cannot be read; `entries` itself raises one, last, where the archive
    cannot be read further. `name` is the archive's, for messages.

    Folders, links, devices and hidden files are left out. Names are only shown: roots, drives and `..` fall away, `\\`
    becomes `/`, and a second file of the same name gets its number in the archive before its suffix.
    """
    taken: set[int] = set()
    try:
        source = ArchiveBytes(file)
        head = source.read_at(0, tarfile.BLOCKSIZE)
        found = _zip(source) if head.startswith((_LOCAL_MARK, _END_MARK)) else _tar(_tape(source, head))
        for number, (entry, blocks) in enumerate(found, start=1):
            if number > MAX_MEMBERS:
                raise TooLargeMedia(f"holds more than {MAX_MEMBERS:,} entries, and so many were read; unpack it first")
            parts = _parts(entry.name)
            if blocks is None or any(part.startswith(".") or part == "__MACOSX" for part in parts):
                continue
            shown = replace(entry, name=_distinct("/".join(parts) or UNNAMED, number, taken))
            reading = _read(shown, blocks, name)
            yield shown, reading
            reading.close()
    except MediaError as exc:
        raise type(exc)(f"{name!r} {exc}") from exc


def _read(entry: ArchiveMember, blocks: Iterator[bytes], archive: str) -> Generator[bytes]:
    """The blocks, of which there is none that is empty; the errors get the names of the entry and the archive."""
    try:
        if entry.size is not None and entry.size > MAX_MEMBER_BYTES:
            raise TooLargeMedia(f"has {entry.size:,} bytes, more than {MAX_MEMBER_BYTES:,}; unpack the archive first")
        head = b""
        while len(head) < tarfile.BLOCKSIZE and (block := next(blocks, b"")):
            head += block
        if is_archive(entry.name, head):
            raise UnsupportedMedia("is an archive within an archive; unpack it first")
        unpacked = 0
        for block in chain((head,) if head else (), blocks):
            unpacked += len(block)
            if unpacked > MAX_MEMBER_BYTES:
                raise TooLargeMedia(f"has more than {MAX_MEMBER_BYTES:,} bytes; unpack the archive first")
            yield block
    except MediaError as exc:
        raise type(exc)(f"{entry.name!r} in {archive!r} {exc}") from exc


def _parts(name: str) -> list[str]:
    """The parts of a name that are safe to show below a folder."""
    name = name[-NAME_CHARS:].replace("\\", "/").replace("\x00", "\ufffd")
    parts = (_DRIVE.sub("", part) for part in name.split("/"))
    return [part for part in parts if part not in ("", ".", "..")]


def _distinct(name: str, number: int, taken: set[int]) -> str:
    """The name, with the entry's number before its suffixes where it is taken already."""
    # The hash alone is kept; that two of a million names share one happens once in 40 million archives.
    while hash(name) in taken:
        folder, slash, last = name.rpartition("/")
        stem, dot, suffixes = last.partition(".")
        name = f"{folder}{slash}{stem} ({number}){dot}{suffixes}"
    taken.add(hash(name))
    return name


def _parse_timestamp(seconds: float | bytes) -> float | None:
    """A time stamp, None for one that is none; many packers write 0 where they know no time."""
    try:
        moment = float(seconds)
    except (ValueError, OverflowError):
        return None
    return moment if 0 < moment < MOMENTS_END else None


class ArchiveBytes:
    """The bytes of the archive, by their place."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        try:
            self.size = file.seek(0, 2)
        except OSError as exc:
            raise self._unreadable(exc) from exc

    def read_at(self, at: int, count: int) -> bytes:
        """Up to `count` bytes from `at`, fewer only at the end; none for a place that is not in the file."""
        if not 0 <= at < self.size:
            return b""
        try:
            self._file.seek(at)
            return self._file.read(min(count, self.size - at))
        except OSError as exc:
            raise self._unreadable(exc) from exc

    def pieces(self, at: int, count: int, each: int) -> Iterator[bytes]:
        """`count` bytes from `at`, `each` at once; less where the file ends."""
        while count > 0 and (piece := self.read_at(at, min(each, count))):
            at, count = at + len(piece), count - len(piece)
            yield piece

    def _unreadable(self, exc: OSError) -> UnreadableMedia:
        return UnreadableMedia(f"cannot be read: {exc.strerror}; check the disk it lies on")


# Unpacking ----------------------------------------------------------------------------------------
class _Unpacker(Protocol):
    """What `bz2` and `lzma` offer: one stream, unpacked in bounded steps."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Inflate:
    """`zlib` as an `_Unpacker`."""

    def __init__(self, wbits: int) -> None:
        self._stream = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        block = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        # A full block may leave more to come even where all input is taken.
        self.needs_input = len(block) < max_length and not self._stream.unconsumed_tail
        return block


_PACKINGS: Final[Mapping[bytes, Callable[[], _Unpacker]]] = {
    b"\x1f\x8b\x08": partial(_Inflate, zlib.MAX_WBITS | 16),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, MAX_DECOMPRESSOR_BYTES),
}


def _packing(head: bytes) -> Callable[[], _Unpacker] | None:
    """What unpacks a file that starts so, None for one that is not packed."""
    return next((packing for start, packing in _PACKINGS.items() if head.startswith(start)), None)


def _unpack(pieces: Iterator[bytes], unpacker: _Unpacker) -> Iterator[bytes]:
    """The blocks of one packed stream."""
    while not unpacker.eof:
        piece = next(pieces, b"") if unpacker.needs_input else b""
        if unpacker.needs_input and not piece:
            raise CorruptMedia(_CUT)
        try:
            block = unpacker.decompress(piece, BLOCK_BYTES)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as exc:
            if "Memory usage limit" in str(exc):
                raise TooLargeMedia(
                    f"needs more than {MAX_DECOMPRESSOR_BYTES >> 20} MiB to unpack; unpack it first"
                ) from exc
            raise CorruptMedia(f"is damaged: {exc}; {_ANEW}") from exc
        if block:
            yield block


def _unpack_all(pieces: Iterator[bytes], packing: Callable[[], _Unpacker]) -> Iterator[bytes]:
    """The blocks of packed streams, one behind the other as parallel packers write them, and zeros between."""
    rest = next(pieces, b"")
    while rest:
        unpacker = packing()
        yield from _unpack(chain((rest,), pieces), unpacker)
        rest = unpacker.unused_data.lstrip(b"\x00")
        while not rest and (piece := next(pieces, b"")):
            rest = piece.lstrip(b"\x00")


class ExpansionLimit:
    """Counts what comes out of so many packed bytes, and raises TooLargeMedia where it is too much to be honest."""

    def __init__(self, packed: int) -> None:
        # A sum, so that one bomb in an archive leaves the honest files there what they need.
        self._left = min(RATIO_FREE_BYTES + MAX_EXPANSION_RATIO * packed, TOTAL_BYTES)

    def through(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The blocks, counted."""
        for block in blocks:
            self._left -= len(block)
            self.check()
            yield block

    def check(self) -> None:
        """Nothing; raises once there was too much."""
        if self._left < 0:
            raise TooLargeMedia(
                f"unpacks to more than {MAX_EXPANSION_RATIO} times its bytes; unpack it first if you trust it"
            )


# Zip ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class ZipMember:
    """A file in a zip and how it is packed. Size and CRC are None where a cut archive does not tell them."""

    entry: ArchiveMember
    is_file: bool
    flags: int
    method: int
    crc: int | None
    packed: int
    header_at: int


def _zip(source: ArchiveBytes) -> Iterator[_Found]:
    """The entries of a zip: those its directory names, or those that lie in it where it is cut and has none."""
    meter = ExpansionLimit(source.size)
    directory = _directory(source)
    if directory:
        starts, end = _starts(_records(source, *directory), source.size), directory[0]
        records = _records(source, *directory)
    else:
        starts, end, records = array("Q"), source.size, _records_of_cut(source)
    for record in records:
        same, behind = bisect_left(starts, record.header_at), bisect_right(starts, record.header_at)
        room_end = record.header_at if behind - same > 1 else starts[behind] if behind < len(starts) else end
        yield record.entry, _zip_blocks(source, record, room_end, meter) if record.is_file else None
        meter.check()


def _starts(records: Iterator[ZipMember], size: int) -> array[int]:
    """The places of the files in a zip, sorted: of a million 8 MB."""
    starts = array("Q")
    # Where the directory is damaged, reading will end, and says so then.
    with suppress(CorruptMedia):
        starts.extend(record.header_at for record in islice(records, MAX_MEMBERS) if record.header_at < size)
    return array("Q", sorted(starts))


def _zip_blocks(source: ArchiveBytes, record: ZipMember, room_end: int, meter: ExpansionLimit) -> Generator[bytes]:
    """The bytes of a file in a zip, held against its size and CRC. What lies from `room_end` on is not the file's."""
    if record.flags & _ENCRYPTED:
        raise UnsupportedMedia("is encrypted; unpack the archive with its password first")
    header = source.read_at(record.header_at, _LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MARK):
        raise CorruptMedia(f"is not where the archive says; {_ANEW}")
    *_, name_bytes, extra_bytes = _LOCAL.unpack(header)
    start = record.header_at + _LOCAL.size + name_bytes + extra_bytes
    if start + record.packed > source.size:
        raise CorruptMedia(f"has more bytes than the archive, by what that says; {_ANEW}")
    if start + record.packed > room_end:
        # A bomb of 10 MB that has all its files share one (Fifield, "A better zip bomb", 2019) unpacks to 281 TB.
        raise CorruptMedia("shares its bytes with another file, as in a bomb; unpack the archive first if you trust it")
    crc = unpacked = 0
    size = record.entry.size
    for block in meter.through(ExpansionLimit(record.packed).through(_zip_unpack(source, start, record))):
        crc, unpacked = zlib.crc32(block, crc), unpacked + len(block)
        if size is not None and unpacked > size:
            raise CorruptMedia(f"has more bytes than the archive says; {_ANEW}")
        yield block
    if size is None and record.method == 0:
        raise CorruptMedia(_CUT)
    if record.crc is not None and (crc, unpacked) != (record.crc, size):
        raise CorruptMedia(f"is not what was packed, by its checksum; {_ANEW}")


def _zip_unpack(source: ArchiveBytes, start: int, record: ZipMember) -> Iterator[bytes]:
    """The blocks of a file in a zip, by its method."""
    # Some packers name a method for files of no bytes, and write none.
    if record.method == 0 or not record.packed:
        return source.pieces(start, record.packed, BLOCK_BYTES)
    pieces = source.pieces(start, record.packed, PACKED_BYTES)
    if record.method == 8:
        return _unpack(pieces, _Inflate(-zlib.MAX_WBITS))
    if record.method == 12:
        return _unpack(pieces, bz2.BZ2Decompressor())
    if record.method == 14:
        # A .lzma file's header has the same properties behind 4 bytes of versions, and then the size, -1 for unknown.
        first = next(pieces, b"")
        size = record.entry.size
        known = -1 if size is None or record.flags & _HAS_END_MARK else size
        header = first[4:9] + known.to_bytes(8, "little", signed=True)
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_ALONE, MAX_DECOMPRESSOR_BYTES)
        return _unpack(chain((header + first[9:],), pieces), unpacker)
    raise UnsupportedMedia(f"is packed by method {record.method}, which is not read; unpack the archive first")


def _directory(source: ArchiveBytes) -> tuple[int, int] | None:
    """Where a zip's directory starts and ends; None where there is none."""
    longest = _END.size + 0xFFFF  # with a comment
    tail_at = max(0, source.size - longest)
    tail = source.read_at(tail_at, longest)
    found = tail.rfind(_END_MARK, 0, max(0, len(tail) - _END.size + len(_END_MARK)))
    if found < 0:
        return None
    end = tail_at + found
    part, size, offset = _END.unpack_from(tail, found)
    wide = source.read_at(end - _WIDE_END.size, _WIDE_END.size)
    if wide.startswith(_WIDE_END_MARK) and wide[-20:].startswith(_LOCATOR_MARK):
        end -= _WIDE_END.size
        part, size, offset = _WIDE_END.unpack(wide)
    if part:
        raise UnsupportedMedia("is one of several parts; join them or unpack them first")
    # A directory that lies elsewhere than it says is that of a zip within this one, which is cut behind it.
    if offset + size != end or (size and source.read_at(offset, len(_RECORD_MARK)) != _RECORD_MARK):
        return None
    return offset, end


def _records(source: ArchiveBytes, at: int, end: int) -> Iterator[ZipMember]:
    """What a zip's directory, from `at` to `end`, says of its files."""
    while at < end:
        fixed = source.read_at(at, _RECORD.size)
        if len(fixed) < _RECORD.size or not fixed.startswith(_RECORD_MARK):
            raise CorruptMedia(f"has a damaged directory, and files may be missing; {_ANEW}")
        (_, system, flags, method, crc, packed, size, name_bytes, extra_bytes, comment_bytes, attributes, header_at) = (
            _RECORD.unpack(fixed)
        )
        variable = source.read_at(at + _RECORD.size, name_bytes + extra_bytes)
        at += _RECORD.size + name_bytes + extra_bytes + comment_bytes
        extras = _extras(variable[name_bytes:])
        size, packed, header_at = _widened(extras, size, packed, header_at)
        name = _zip_name(variable[:name_bytes], extras)
        kind = stat.S_IFMT(attributes >> 16) if system in _UNIX_SYSTEMS else 0
        yield ZipMember(
            entry=ArchiveMember(name=name, size=size, modified_s=_zip_moment(extras)),
            is_file=kind in (0, stat.S_IFREG) and not name.endswith(("/", "\\")),
            flags=flags,
            method=method,
            crc=crc,
            packed=packed,
            header_at=header_at,
        )


def _records_of_cut(source: ArchiveBytes) -> Iterator[ZipMember]:
    """What the headers before its files say of them, in a zip whose end is missing; raises CorruptMedia at last."""
    at = 0
    while (header := source.read_at(at, _LOCAL.size)).startswith(_LOCAL_MARK) and len(header) == _LOCAL.size:
        flags, method, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack(header)
        variable = source.read_at(at + _LOCAL.size, name_bytes + extra_bytes)
        extras = _extras(variable[name_bytes:])
        size, packed = _widened(extras, size, packed)
        start = at + _LOCAL.size + name_bytes + extra_bytes
        is_told = not flags & _SIZES_BEHIND or packed > 0
        if not is_told:
            is_told, packed, crc, size = _sizes_after_data(source, start)
        name = _zip_name(variable[:name_bytes], extras)
        yield ZipMember(
            entry=ArchiveMember(name=name, size=size if is_told else None, modified_s=_zip_moment(extras)),
            is_file=not name.endswith(("/", "\\")),
            flags=flags,
            method=method,
            crc=crc if is_told else None,
            packed=packed,
            header_at=at,
        )
        at = start + packed
        behind = source.read_at(at, 28)
        # CRC and sizes may stand behind the file, with a mark or without, of 32 bits or 64.
        at += next((n for n in (0, 12, 16, 20, 24) if behind[n : n + 4] in (_LOCAL_MARK, _RECORD_MARK)), 0)
    raise CorruptMedia(f"is cut short, as its directory is missing, and files may be too; {_ANEW}")


def _sizes_after_data(source: ArchiveBytes, start: int) -> tuple[bool, int, int, int]:
    """Whether CRC and sizes stand behind the file at `start`, and if so: packed bytes, CRC, size.

    If not, the file is the one that is cut, and all that is left is its bytes.
    """
    overlap = 24
    at = start
    while block := source.read_at(at, BLOCK_BYTES):
        found = block.find(_BEHIND_MARK)
        while found >= 0:
            here = at + found - start
            for form in ("<4xLLL", "<4xLQQ"):
                if len(block) >= found + struct.calcsize(form):
                    crc, packed, size = struct.unpack_from(form, block, found)
                    if packed == here:
                        return True, packed, crc, size
            found = block.find(_BEHIND_MARK, found + 1)
        if len(block) < BLOCK_BYTES:
            break
        at += len(block) - overlap
    return False, max(0, source.size - start), 0, 0


def _extras(fields: bytes) -> dict[int, bytes]:
    """A zip's extra fields by their numbers; what is damaged ends them."""
    extras = {}
    at = 0
    while at + 4 <= len(fields):
        number, length = struct.unpack_from("<HH", fields, at)
        extras[number] = fields[at + 4 : at + 4 + length]
        at += 4 + length
    return extras


def _widened(extras: Mapping[int, bytes], *numbers: int) -> list[int]:
    """The numbers, with those that 32 bits do not hold from the zip64 field, where they stand in this order."""
    field = extras.get(_ZIP64, b"")
    widened = []
    for number in numbers:
        if number == _UNKNOWN_32 and len(field) >= 8:
            number, field = int.from_bytes(field[:8], "little"), field[8:]
        widened.append(number)
    return widened


def _zip_name(raw: bytes, extras: Mapping[int, bytes]) -> str:
    """A name in a zip. Chinese Windows writes GBK without saying so, and others UTF-8 without or GBK saying UTF-8."""
    better = extras.get(_UNICODE_PATH, b"")
    if better[:1] == b"\x01" and better[1:5] == zlib.crc32(raw).to_bytes(4, "little") and len(better) > 5:
        raw = better[5:]
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("cp437")


def _zip_moment(extras: Mapping[int, bytes]) -> float | None:
    """When a file was changed, where it is told in UTC; a zip's own times are of an unknown zone."""
    times = extras.get(_UNIX_TIMES, b"")
    if len(times) < 5 or not times[0] & 1:
        return None
    return _parse_timestamp(int.from_bytes(times[1:5], "little", signed=True))


# Tar ----------------------------------------------------------------------------------------------
class TarStream:
    """The bytes of a tar, in their order."""

    def __init__(self, source: ArchiveBytes) -> None:
        self._source = source
        self.at = 0

    def read(self, count: int) -> bytes:
        """The next `count` bytes, fewer only at the end."""
        data = self._source.read_at(self.at, count)
        self.at += len(data)
        return data

    def skip_to(self, end: int) -> None:
        """Nothing; raises CorruptMedia where the tape ends before."""
        if end > self._source.size:
            raise CorruptMedia(_CUT)
        self.at = end

    def finish(self) -> None:
        """Nothing; what lies behind the last file is of no use."""


class CompressedTarStream(TarStream):
    """The bytes of a packed tar, in their order."""

    def __init__(self, source: ArchiveBytes, packing: Callable[[], _Unpacker]) -> None:
        super().__init__(source)
        self._blocks = ExpansionLimit(source.size).through(
            _unpack_all(source.pieces(0, source.size, PACKED_BYTES), packing)
        )
        self._rest = memoryview(b"")
        self._failure: MediaError | None = None

    def read(self, count: int) -> bytes:
        """The next `count` bytes, fewer only at the end."""
        # A generator that raised has just ended when it is asked again.
        if self._failure:
            raise self._failure
        parts = []
        while count:
            if not self._rest:
                try:
                    self._rest = memoryview(next(self._blocks, b""))
                except MediaError as exc:
                    self._failure = exc
                    raise
                if not self._rest:
                    break
            part, self._rest = self._rest[:count], self._rest[count:]
            parts.append(part)
            count -= len(part)
        data = b"".join(parts)
        self.at += len(data)
        return data

    def skip_to(self, end: int) -> None:
        """Nothing; raises CorruptMedia where the tape ends before."""
        while self.at < end:
            if not self.read(min(BLOCK_BYTES, end - self.at)):
                raise CorruptMedia(_CUT)

    def finish(self) -> None:
        """Nothing; raises CorruptMedia where the checksum at the end of the packing does not hold."""
        while self.read(BLOCK_BYTES):
            pass


def _tape(source: ArchiveBytes, head: bytes) -> TarStream:
    packing = _packing(head)
    return CompressedTarStream(source, packing) if packing else TarStream(source)


def _is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes are a tar's: by the mark, or by the checksum where a very old one has no mark."""
    if head[257:262] == b"ustar":
        return True
    try:
        _tar_header(head[: tarfile.BLOCKSIZE])
    except CorruptMedia:
        return False
    return True


def _tar_header(block: bytes) -> tarfile.TarInfo:
    """A member's header; raises CorruptMedia where its checksum does not hold."""
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError) as exc:
        raise CorruptMedia(f"is damaged: {exc}; {_ANEW}, what lies before is good") from exc


def _tar(tape: TarStream) -> Iterator[_Found]:
    """The entries of a tar."""
    told: dict[bytes, bytes] = {}
    headers = 0
    # The first block of zeros ends a tar.
    while (header := tape.read(tarfile.BLOCKSIZE)).strip(b"\x00"):
        info = _tar_header(header)
        if info.type in (
            tarfile.XHDTYPE,
            tarfile.SOLARIS_XHDTYPE,
            tarfile.XGLTYPE,
            tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
        ):
            headers += 1
            if headers > MAX_EXTENDED_HEADERS:
                raise CorruptMedia(
                    f"is damaged: {headers} headers belong to one file; {_ANEW}, what lies before is good"
                )
            told.update(_read_extended_header(tape, info))
            continue
        try:
            size = int(told.get(b"size", info.size))
        except ValueError as exc:
            raise CorruptMedia(f"is damaged: a size is no number; {_ANEW}, what lies before is good") from exc
        if size < 0:
            raise CorruptMedia(f"is damaged: a size is below 0; {_ANEW}, what lies before is good")
        is_sparse = info.type == tarfile.GNUTYPE_SPARSE or any(key.startswith(b"GNU.sparse.") for key in told)
        more = info.type == tarfile.GNUTYPE_SPARSE and header[482]
        while more:
            block = tape.read(tarfile.BLOCKSIZE)
            more = len(block) == tarfile.BLOCKSIZE and block[504]
        raw = told.get(b"GNU.sparse.name") or told.get(b"path")
        entry = ArchiveMember(
            name=raw.decode("utf-8", "surrogateescape") if raw else info.name,
            size=size,
            modified_s=_parse_timestamp(told.get(b"mtime", info.mtime)),
        )
        told, headers = {}, 0
        # POSIX has types that are not known read as files.
        if info.isreg() or info.type not in tarfile.SUPPORTED_TYPES:
            end = tape.at + _padded(size)
            yield entry, _tar_blocks(tape, size, is_sparse)
            tape.skip_to(end)
        else:
            yield entry, None
    tape.finish()


def _tar_blocks(tape: TarStream, size: int, is_sparse: bool) -> Generator[bytes]:
    """The bytes of the file at which the tape stands."""
    if is_sparse:
        raise UnsupportedMedia(
            "is stored without its empty parts (sparse), which is not read; unpack the archive first"
        )
    end = tape.at + size
    while tape.at < end:
        block = tape.read(min(BLOCK_BYTES, end - tape.at))
        if not block:
            raise CorruptMedia(_CUT)
        yield block


def _read_extended_header(tape: TarStream, info: tarfile.TarInfo) -> dict[bytes, bytes]:
    """What an extended header says of the file behind it, by pax's keywords."""
    if not 0 <= info.size <= HEADER_BYTES:
        raise TooLargeMedia(
            f"has a header of {info.size:,} bytes, more than {HEADER_BYTES:,}; unpack it first if you trust it"
        )
    end = tape.at + _padded(info.size)
    data = tape.read(info.size)
    tape.skip_to(end)
    if info.type == tarfile.GNUTYPE_LONGNAME:
        return {b"path": data.partition(b"\x00")[0]}
    # What a global header says of all files (Git names its commit) tells nothing of one; nor does a link's target.
    return _pax(data) if info.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE) else {}


def _pax(data: bytes) -> dict[bytes, bytes]:
    """What the records of an extended header, each `length keyword=value\\n`, say of name, size, time and holes."""
    told = {}
    at = 0
    while at < len(data):
        length, space, _ = data[at : at + 8].partition(b" ")
        record = data[at : at + int(length)] if space and length.isdigit() else b""
        keyword, equals, value = record[len(length) + 1 : -1].partition(b"=")
        # The record that a length of 0 names would be read for ever.
        if not (equals and record.endswith(b"\n") and len(record) == int(length)):
            raise CorruptMedia(f"is damaged: an extended header is none; {_ANEW}, what lies before is good")
        if keyword in _PAX_KEYWORDS:
            told[keyword] = value
        at += len(record)
    return told


def _padded(size: int) -> int:
    """The bytes that a file of `size` takes on a tape."""
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
