"""Records of a WARC file, and the bodies of the HTTP responses in them.

`warcio` is not used: it reads a header line of any length, copying it with each block, decompresses without a limit, and
takes damaged data for the end of a record. Source of the formats: ISO 28500 (WARC 1.1), RFC 9112.
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from mediafp.ingest.archives.streams import (
    BLOCK_BYTES,
    REFETCH,
    TRUNCATED,
    BlockStream,
    ByteStream,
    ExpansionLimit,
    Inflater,
    decompress_stream,
)
from mediafp.ingest.archives.zstd import ZstdStream
from mediafp.types.errors import CorruptMedia, UnsupportedMedia

MAX_RECORD_HEADER_BYTES: Final = 64 << 10
"""Bytes of the header of a record, or of an HTTP message in it. Chosen, not measured: web servers send less than 16 KiB."""
READ_BYTES: Final = 16 << 10
"""Bytes that are read at once to find the end of a line. Chosen, not measured."""
MAX_LENGTH_DIGITS: Final = 18
"""Digits of a stated length: more are none. Chosen, not measured."""
_CHUNK_SIZE: Final = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
_CHUNK_SIZE_BYTES: Final = 1024
"""Bytes of the line with the size of a chunk. Chosen, not measured."""
_PLAIN_SIGNATURES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"OggS", b"ID3", b"\x1aE\xdf\xa3")
"""First bytes of media that were stored decompressed, while the header states that they are compressed."""
_DAMAGED: Final = f"it is damaged; {REFETCH}, the members before the damage are intact"


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcRecord:
    """Header of a record; `end` is the offset behind its content. Unknown texts are empty."""

    kind: str
    uri: str
    date: str
    record_id: str
    concurrent_to: str
    page_id: str
    content_type: str
    end: int


class RecordStream:
    """Lines and bytes of a stream, read from the start."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._buffer = b""

    @property
    def offset(self) -> int:
        """Position in the stream."""
        return self._stream.offset - len(self._buffer)

    def peek(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer only at the end, without moving."""
        while len(self._buffer) < count and (block := self._stream.read(READ_BYTES)):
            self._buffer += block
        return self._buffer[:count]

    def read(self, count: int) -> bytes:
        """Return up to `count` bytes, none only at the end."""
        if not self._buffer:
            return self._stream.read(count)
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def read_line(self, max_bytes: int) -> bytes:
        """Return the next line with its end; raise CorruptMedia if it is longer than `max_bytes`."""
        while (end := self._buffer.find(b"\n")) < 0 and len(self._buffer) < max_bytes:
            block = self._stream.read(READ_BYTES)
            if not block:
                break
            self._buffer += block
        length = end + 1 if end >= 0 else len(self._buffer)
        if length > max_bytes:
            raise CorruptMedia(_DAMAGED)
        return self.read(length)

    def skip_to(self, offset: int) -> None:
        """Move forward to `offset`; raise CorruptMedia if the stream ends before."""
        if offset <= self._stream.offset:
            self._buffer = self._buffer[len(self._buffer) - (self._stream.offset - offset) :]
        else:
            self._buffer = b""
            self._stream.skip_to(offset)


def iter_warc_records(stream: ByteStream) -> Iterator[tuple[WarcRecord, RecordStream]]:
    """Yield the header of each record, with the stream at the start of its content.

    Raises:
        CorruptMedia: The file cannot be read further.
    """
    reader = RecordStream(stream)
    while line := reader.read_line(MAX_RECORD_HEADER_BYTES):
        if not line.strip():
            continue
        if not line.startswith(b"WARC/"):
            raise CorruptMedia(_DAMAGED)
        headers = read_headers(reader, MAX_RECORD_HEADER_BYTES)
        length = headers.get("content-length", "")
        if not length.isascii() or not length.isdigit() or len(length) > MAX_LENGTH_DIGITS:
            raise CorruptMedia(_DAMAGED)
        end = reader.offset + int(length)
        record = WarcRecord(
            kind=headers.get("warc-type", "").lower(),
            uri=headers.get("warc-target-uri", "").strip("<>"),
            date=headers.get("warc-date", ""),
            record_id=headers.get("warc-record-id", ""),
            concurrent_to=headers.get("warc-concurrent-to", ""),
            page_id=headers.get("warc-page-id", ""),
            content_type=headers.get("content-type", ""),
            end=end,
        )
        yield record, reader
        reader.skip_to(end)
    stream.finish()


def read_headers(reader: RecordStream, max_bytes: int) -> Mapping[str, str]:
    """Return the header lines up to an empty one by their names in lower case; of several of one name the first."""
    headers: dict[str, str] = {}
    name = ""
    left = max_bytes
    while (line := reader.read_line(left)).strip():
        left -= len(line)
        text = line.decode("utf-8", "replace")
        if text[0] in " \t" and name:
            headers[name] += " " + text.strip()
            continue
        name, _, value = text.partition(":")
        name = name.strip().lower()
        headers.setdefault(name, value.strip())
    return headers


def read_http_head(reader: RecordStream, end: int) -> tuple[int, Mapping[str, str]]:
    """Return status and headers of the HTTP message at the position of the reader; of a request, the status is 0."""
    limit = max(0, min(MAX_RECORD_HEADER_BYTES, end - reader.offset))
    line = reader.read_line(limit)
    parts = line.split(None, 2)
    is_response = line[:5] == b"HTTP/" and len(parts) > 1 and parts[1].isdigit() and len(parts[1]) == 3
    return int(parts[1]) if is_response else 0, read_headers(reader, limit - len(line))


def iter_content(reader: RecordStream, end: int) -> Iterator[bytes]:
    """Yield the bytes from the position of the reader to the end of its record."""
    while reader.offset < end:
        block = reader.read(min(BLOCK_BYTES, end - reader.offset))
        if not block:
            raise CorruptMedia(TRUNCATED)
        yield block


def iter_body(reader: RecordStream, end: int, headers: Mapping[str, str]) -> Iterator[bytes]:
    """Yield the body of an HTTP message, without its transfer and content encodings.

    Some archivers store the body decoded and keep the headers, so a body that does not look encoded is taken as it is.

    Raises:
        CorruptMedia: The body is damaged, or shorter than its header states.
        UnsupportedMedia: Its content encoding is not read.
        TooLargeMedia: It expands to too much.
    """
    stored_bytes = end - reader.offset
    blocks = iter_content(reader, end)
    encodings = [one.strip().lower() for one in headers.get("content-encoding", "").split(",")]
    if "chunked" in headers.get("transfer-encoding", "").lower():
        blocks = _iter_unchunked(blocks)
    elif encodings == [""]:
        stated = headers.get("content-length", "")
        if stated.isascii() and stated.isdigit() and len(stated) <= MAX_LENGTH_DIGITS and int(stated) > stored_bytes:
            blocks = chain(blocks, _fail(TRUNCATED))
    for encoding in reversed(encodings):
        blocks = _iter_decoded(blocks, encoding)
    yield from ExpansionLimit(stored_bytes).limit(blocks)


def _fail(reason: str) -> Iterator[bytes]:
    yield from ()
    raise CorruptMedia(reason)


def _iter_unchunked(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the content of a chunked body, or the body as it is if it does not begin with a chunk."""
    reader = RecordStream(BlockStream(blocks))
    if not _CHUNK_SIZE.match(reader.peek(_CHUNK_SIZE_BYTES)):
        while block := reader.read(BLOCK_BYTES):
            yield block
        return
    while match := _CHUNK_SIZE.fullmatch(reader.read_line(_CHUNK_SIZE_BYTES)):
        left = int(match[1], 16)
        if not left:
            return
        while left:
            block = reader.read(min(left, BLOCK_BYTES))
            if not block:
                raise CorruptMedia(TRUNCATED)
            left -= len(block)
            yield block
        reader.read_line(len(b"\r\n"))
    raise CorruptMedia(TRUNCATED)


def _iter_decoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the content of an encoded body."""
    head = next(blocks, b"")
    whole = chain((head,) if head else (), blocks)
    if encoding in ("gzip", "x-gzip") and head.startswith(b"\x1f\x8b"):
        return decompress_stream(whole, Inflater(zlib.MAX_WBITS | 16))
    if encoding == "zstd" and head.startswith(b"\x28\xb5\x2f\xfd"):
        return decompress_stream(whole, ZstdStream())
    is_plain = head.startswith(_PLAIN_SIGNATURES) or head[4:8] == b"ftyp"
    if encoding == "deflate" and head and not is_plain:
        has_header = head[0] & 0x0F == 8 and int.from_bytes(head[:2]) % 31 == 0
        return decompress_stream(whole, Inflater(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS))
    if encoding == "br" and not is_plain:
        raise UnsupportedMedia("it is compressed with Brotli, which is not read")
    return whole
