"""Bounded reading and decompression of the bytes of an archive.

All of it works on one open file, in memory, without writing anything, and imports nothing later: it runs in a sandbox.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import BinaryIO, Final, Protocol

from mediafp.ingest.archives.zstd import ZstdStream
from mediafp.types.errors import CorruptMedia, MediaError, TooLargeMedia, UnreadableMedia

MAX_EXPANSION_RATIO: Final = 200
"""Decompressed bytes per compressed byte, of one member and of the whole archive, above which it counts as a bomb.
Photographs and video have 1, an uncompressed image of a screen full of text 89, zeros 1,029 (Deflate), 6,800 (xz) and
850,000 (bzip2)."""
RATIO_FREE_BYTES: Final = 64 << 20
"""Decompressed bytes that are allowed on top of the ratio: one flat uncompressed image may have any ratio and does no
harm. Chosen, not measured."""
MAX_TOTAL_BYTES: Final = 4 << 40
"""Decompressed bytes of one archive, whatever its size: more than the disks that collections are delivered on, and
hours of work. Chosen, not measured."""
MAX_DECOMPRESSOR_BYTES: Final = 96 << 20
"""Memory, bytes, that decompressing xz or LZMA may use: `xz -9` needs 65 MiB, a hostile stream 4 GiB."""
BLOCK_BYTES: Final = 256 << 10
"""Largest block of content, bytes, that is yielded at once. Chosen, not measured."""
COMPRESSED_BLOCK_BYTES: Final = 16 << 10
"""Compressed bytes that are passed to a decompressor at once. The rest behind the end of a stream is copied, so a
larger block makes an archive of many tiny streams slow. Chosen, not measured."""
STREAM_SIGNATURE_BYTES: Final = 6
"""Bytes of the longest signature of a compressed stream."""
REFETCH: Final = "fetch the archive again"
"""Action for a damaged archive."""
TRUNCATED: Final = f"its data are truncated; {REFETCH}, the members before the cut are intact"
"""Reason and action for an archive that ends early."""


class ArchiveBytes:
    """Bytes of an archive by their offset; `size` is their number."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        try:
            self.size = file.seek(0, 2)
        except OSError as error:
            raise _unreadable_error(error) from error

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset`: fewer only at the end, none for an offset outside the file."""
        if not 0 <= offset < self.size:
            return b""
        try:
            self._file.seek(offset)
            return self._file.read(min(count, self.size - offset))
        except OSError as error:
            raise _unreadable_error(error) from error

    def iter_pieces(self, offset: int, count: int, piece_bytes: int) -> Iterator[bytes]:
        """Yield `count` bytes from `offset` in pieces of `piece_bytes`; fewer if the file ends earlier."""
        while count > 0 and (piece := self.read_at(offset, min(piece_bytes, count))):
            offset, count = offset + len(piece), count - len(piece)
            yield piece


def _unreadable_error(error: OSError) -> UnreadableMedia:
    return UnreadableMedia(f"{error.strerror}; check the disk that holds it")


class Decompressor(Protocol):
    """Decompressor of one stream in bounded steps, as `bz2` and `lzma` define it."""

    @property
    def eof(self) -> bool:
        """True once the stream has ended."""
        ...

    @property
    def needs_input(self) -> bool:
        """True if `decompress` needs further input before it returns more."""
        ...

    @property
    def unused_data(self) -> bytes:
        """Input behind the end of the stream."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return up to `max_length` bytes of output, given further input."""
        ...


class Inflater:
    """`zlib` as a `Decompressor`; `wbits` selects raw Deflate or gzip, as in `zlib.decompressobj`."""

    def __init__(self, wbits: int) -> None:
        self._stream = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """True once the stream has ended."""
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        """Input behind the end of the stream."""
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Return up to `max_length` bytes of output, given further input."""
        block = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        # A full block may leave output to come even after all input is consumed.
        self.needs_input = len(block) < max_length and not self._stream.unconsumed_tail
        return block


_DECOMPRESSORS: Final[Mapping[bytes, Callable[[], Decompressor]]] = {
    b"\x1f\x8b\x08": partial(Inflater, zlib.MAX_WBITS | 16),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": partial(lzma.LZMADecompressor, lzma.FORMAT_XZ, MAX_DECOMPRESSOR_BYTES),
    b"\x28\xb5\x2f\xfd": ZstdStream,
    # A frame that is to be skipped, with which parallel compressors begin.
    **{bytes((number, 0x2A, 0x4D, 0x18)): ZstdStream for number in range(0x50, 0x60)},
}
"""Decompressors of gzip, bzip2, xz and Zstandard by the signature of a stream."""


def find_decompressor(head: bytes) -> Callable[[], Decompressor] | None:
    """Return the factory of the decompressor for a file that starts with `head`; None if it is not compressed."""
    return next((create for signature, create in _DECOMPRESSORS.items() if head.startswith(signature)), None)


def decompress_stream(pieces: Iterator[bytes], decompressor: Decompressor) -> Iterator[bytes]:
    """Yield the content of one compressed stream in blocks of up to `BLOCK_BYTES`.

    Raises:
        CorruptMedia: The stream is damaged or truncated.
        TooLargeMedia: Decompression needs more than `MAX_DECOMPRESSOR_BYTES` of memory.
    """
    while not decompressor.eof:
        piece = next(pieces, b"") if decompressor.needs_input else b""
        if decompressor.needs_input and not piece:
            raise CorruptMedia(TRUNCATED)
        try:
            block = decompressor.decompress(piece, BLOCK_BYTES)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
            if "Memory usage limit" in str(error):
                raise TooLargeMedia(
                    f"decompression needs more than {MAX_DECOMPRESSOR_BYTES >> 20} MiB of memory; unpack it first"
                ) from error
            raise CorruptMedia(f"it is damaged ({error}); {REFETCH}") from error
        if block:
            yield block


def decompress_streams(pieces: Iterator[bytes], create: Callable[[], Decompressor]) -> Iterator[bytes]:
    """Yield the content of consecutive compressed streams, as parallel compressors write them, zeros between allowed."""
    rest = next(pieces, b"")
    while rest:
        decompressor = create()
        yield from decompress_stream(chain((rest,), pieces), decompressor)
        rest = decompressor.unused_data.lstrip(b"\x00")
        while not rest and (piece := next(pieces, b"")):
            rest = piece.lstrip(b"\x00")


class ExpansionLimit:
    """Limit on the output of `compressed_bytes` of input, by `MAX_EXPANSION_RATIO`; raises TooLargeMedia above it."""

    def __init__(self, compressed_bytes: int) -> None:
        # A sum over the archive, so that one bomb in it leaves enough for the honest members.
        self._left = min(RATIO_FREE_BYTES + MAX_EXPANSION_RATIO * compressed_bytes, MAX_TOTAL_BYTES)

    def limit(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the blocks, and count them against the limit."""
        for block in blocks:
            self._left -= len(block)
            self.check()
            yield block

    def check(self) -> None:
        """Raise TooLargeMedia if the limit was exceeded."""
        if self._left < 0:
            raise TooLargeMedia(
                f"it expands to more than {MAX_EXPANSION_RATIO} times its size; unpack it first if you trust it"
            )


class ByteStream(Protocol):
    """Bytes of an archive, read from the start; `offset` is the position in them."""

    offset: int

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer only at the end."""
        ...

    def skip_to(self, offset: int) -> None:
        """Move forward to `offset`; raise CorruptMedia if the archive ends before."""
        ...

    def finish(self) -> None:
        """Read what is behind the last entry, if that is a check; raise CorruptMedia if it fails."""
        ...


class FileStream:
    """Bytes of an archive that is not compressed. Implements `ByteStream`."""

    def __init__(self, source: ArchiveBytes) -> None:
        self._source = source
        self.offset = 0

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer only at the end."""
        data = self._source.read_at(self.offset, count)
        self.offset += len(data)
        return data

    def skip_to(self, offset: int) -> None:
        """Move forward to `offset`; raise CorruptMedia if the archive ends before."""
        if offset > self._source.size:
            raise CorruptMedia(TRUNCATED)
        self.offset = offset

    def finish(self) -> None:
        """Ignore the bytes behind the last entry."""


class BlockStream:
    """Bytes that come in blocks, as those of a compressed archive. Implements `ByteStream`."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self.offset = 0
        self._rest = memoryview(b"")
        self._failure: MediaError | None = None

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer only at the end."""
        # A generator that raised is exhausted for its next caller, so the error is stored and raised again.
        if self._failure:
            raise self._failure
        parts = []
        while count:
            if not self._rest:
                try:
                    self._rest = memoryview(next(self._blocks, b""))
                except MediaError as error:
                    self._failure = error
                    raise
                if not self._rest:
                    break
            part, self._rest = self._rest[:count], self._rest[count:]
            parts.append(part)
            count -= len(part)
        data = b"".join(parts)
        self.offset += len(data)
        return data

    def skip_to(self, offset: int) -> None:
        """Move forward to `offset`; raise CorruptMedia if the archive ends before."""
        while self.offset < offset:
            if not self.read(min(BLOCK_BYTES, offset - self.offset)):
                raise CorruptMedia(TRUNCATED)

    def finish(self) -> None:
        """Read to the end, and raise CorruptMedia if the checksum there does not match."""
        while self.read(BLOCK_BYTES):
            pass


def open_stream(source: ArchiveBytes) -> ByteStream:
    """Return the bytes of an archive, decompressed while they are read if it is compressed."""
    create = find_decompressor(source.read_at(0, STREAM_SIGNATURE_BYTES))
    if create is None:
        return FileStream(source)
    pieces = source.iter_pieces(0, source.size, COMPRESSED_BLOCK_BYTES)
    return BlockStream(ExpansionLimit(source.size).limit(decompress_streams(pieces, create)))
