"""Media in web archives: the responses with images, video or audio in WARC and WACZ files, each with its capture.

Source of the formats: ISO 28500 (WARC 1.1), Webrecorder, "Web Archive Collection Zipped (WACZ)" 1.1.1.
"""

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain
from typing import Final
from urllib.parse import unquote, urlsplit

from mediafp.ingest.archives.entries import ArchiveEntry, parse_timestamp
from mediafp.ingest.archives.streams import (
    REFETCH,
    ArchiveBytes,
    BlockStream,
    ByteStream,
    ExpansionLimit,
    decompress_streams,
    find_decompressor,
    open_stream,
)
from mediafp.ingest.archives.warc_records import (
    RecordStream,
    WarcRecord,
    iter_body,
    iter_content,
    iter_warc_records,
    read_http_head,
)
from mediafp.ingest.archives.web_pages import WebPages, parse_seconds
from mediafp.ingest.archives.zip import iter_zip_entries
from mediafp.types.counted_nouns import count_of
from mediafp.types.errors import CorruptMedia, MediaError
from mediafp.types.media import MEDIA_SUFFIXES
from mediafp.types.web_captures import MAX_URL_CHARS, WebCapture

FRAGMENT_HEAD_BYTES: Final = 4096
"""Bytes of a body by which a part of a streamed video and a whole one are distinguished."""
_SUFFIXES: Final[Mapping[str, str]] = {
    "image/jpeg": ".jpg", "image/jpg": ".jpg", "image/pjpeg": ".jpg", "image/png": ".png", "image/gif": ".gif",
    "image/webp": ".webp", "image/avif": ".avif", "image/heic": ".heic", "image/heif": ".heif", "image/bmp": ".bmp",
    "image/tiff": ".tif", "image/jxl": ".jxl", "video/mp4": ".mp4", "video/webm": ".webm", "video/quicktime": ".mov",
    "video/x-flv": ".flv", "video/x-matroska": ".mkv", "video/mp2t": ".ts", "video/mpeg": ".mpg", "video/3gpp": ".3gp",
    "video/ogg": ".ogv", "audio/mpeg": ".mp3", "audio/mp3": ".mp3", "audio/mp4": ".m4a", "audio/x-m4a": ".m4a",
    "audio/aac": ".aac", "audio/ogg": ".ogg", "audio/opus": ".opus", "audio/wav": ".wav", "audio/x-wav": ".wav",
    "audio/flac": ".flac", "audio/webm": ".webm",
}  # fmt: skip
"""Suffix of a file whose address has none, by the type that its server states."""
_OTHER_TYPES: Final = ("image/svg+xml", "image/x-icon", "image/vnd.microsoft.icon", "audio/mpegurl", "audio/x-mpegurl")
"""Types that no decoder of media reads: drawings, icons and play lists."""
_UNSTATED_TYPES: Final = ("", "application/octet-stream", "binary/octet-stream")
"""Types of a file about whose content its server says nothing: its suffix decides."""
_RANGE: Final = re.compile(r"bytes\s+0-(\d{1,18})/(\d{1,18})", re.IGNORECASE)
_WARC_NAME: Final = re.compile(r"archive/.*\.warc(?:\.gz|\.zst)?", re.IGNORECASE | re.DOTALL)
_PAGES_NAME: Final = re.compile(r"pages/.*\.jsonl", re.IGNORECASE | re.DOTALL)
_SCREENSHOT: Final = re.compile(r"urn:(view|fullpage|thumbnail):(?=https?://)", re.IGNORECASE)
"""Addresses of images that Browsertrix makes of a page: the address of the page follows."""

NO_MEDIA: Final = ArchiveEntry(name="record", size=None, modified_s=None, blocks=None)
"""Entry of a record that contains no media."""

type OpenStreams = Callable[[], Iterator[ByteStream]]
"""Function that opens the WARC files of an archive, one after the other."""
type WarningReceiver = Callable[[str], object]


def is_warc(head: bytes) -> bool:
    """Return True if a file that starts with `head` may be a WARC file; any compressed file may be one."""
    return head.startswith(b"WARC/") or find_decompressor(head) is not None


def iter_warc_entries(source: ArchiveBytes, on_warning: WarningReceiver) -> Iterator[ArchiveEntry]:
    """Yield an entry for each record of a WARC file, with its content if it is media.

    Raises:
        MediaError: The file cannot be read further.
    """
    return _iter_entries(lambda: iter((open_stream(source),)), WebPages(), on_warning)


def iter_wacz_entries(source: ArchiveBytes, max_entries: int, on_warning: WarningReceiver) -> Iterator[ArchiveEntry]:
    """Yield an entry for each record of the WARC files in a WACZ file, with its content if it is media.

    Raises:
        MediaError: The file cannot be read further.
    """
    pages = WebPages()
    with suppress(MediaError):
        for entry in iter_zip_entries(source, max_entries):
            if entry.blocks and _PAGES_NAME.fullmatch(entry.name):
                pages.read_list(entry.blocks)
    has_records = False

    def open_streams() -> Iterator[ByteStream]:
        nonlocal has_records
        expansion = ExpansionLimit(source.size)
        for entry in iter_zip_entries(source, max_entries):
            if entry.blocks and _WARC_NAME.fullmatch(entry.name):
                has_records = True
                yield _open_blocks(entry.blocks, expansion)

    yield from _iter_entries(open_streams, pages, on_warning)
    if not has_records:
        raise CorruptMedia(f"it contains no WARC file; {REFETCH}")


def _open_blocks(blocks: Iterator[bytes], expansion: ExpansionLimit) -> ByteStream:
    """Return the bytes of a file in a zip, decompressed if it is compressed once more."""
    head = next(blocks, b"")
    whole = chain((head,) if head else (), blocks)
    create = find_decompressor(head)
    return BlockStream(expansion.limit(decompress_streams(whole, create)) if create else whole)


def _iter_entries(open_streams: OpenStreams, pages: WebPages, on_warning: WarningReceiver) -> Iterator[ArchiveEntry]:
    """Yield the entries of WARC files, after a first pass for the pages and requests, which may follow their responses."""
    with suppress(MediaError):
        for stream in open_streams():
            with suppress(MediaError):
                for record, reader in iter_warc_records(stream):
                    with suppress(CorruptMedia):
                        pages.note(record, reader)
    skipped: Counter[str] = Counter()
    failure: MediaError | None = None
    for stream in open_streams():
        try:
            for record, reader in iter_warc_records(stream):
                try:
                    entry = _entry(record, reader, pages, skipped)
                except CorruptMedia:
                    # If the archive ends here, moving to the next record raises it again.
                    skipped["their headers are damaged"] += 1
                    entry = NO_MEDIA
                yield entry
        except MediaError as error:
            # The other WARC files of a WACZ file can be read.
            failure = failure or error
    for reason, count in skipped.items():
        on_warning(f"skipped {count_of(count, 'response')} with media: {reason}")
    if failure:
        raise failure


def _entry(record: WarcRecord, reader: RecordStream, pages: WebPages, skipped: Counter[str]) -> ArchiveEntry:
    """Return the entry of a record; only media have content."""
    if record.kind == "response":
        status, headers = read_http_head(reader, record.end)
        content_type = headers.get("content-type", "")
    elif record.kind == "resource":
        status, headers, content_type = 200, {}, record.content_type
    else:
        return NO_MEDIA
    suffix = _media_suffix(content_type, record.uri)
    if suffix is None or status not in (200, 206) or reader.offset >= record.end:
        return NO_MEDIA
    if status == 206 and not _is_whole(headers.get("content-range", "")):
        skipped["they are parts of files"] += 1
        return NO_MEDIA
    is_response = record.kind == "response"
    blocks = iter_body(reader, record.end, headers) if is_response else iter_content(reader, record.end)
    head, body = _peek(blocks)
    if _is_fragment(head):
        skipped["they are fragments of streamed videos; fetch the videos with a downloader"] += 1
        return NO_MEDIA
    return ArchiveEntry(
        name=_file_name(record.uri, suffix),
        size=None,
        modified_s=parse_timestamp(parse_seconds(record.date) or 0),
        blocks=body,
        capture=_capture(record, pages),
    )


def _media_suffix(content_type: str, uri: str) -> str | None:
    """Return the suffix for a file of media, "" for one of unknown type; None for other files."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _UNSTATED_TYPES:
        return "" if _suffix(_split_uri(uri)[1]) in MEDIA_SUFFIXES else None
    is_media = kind.startswith(("image/", "video/", "audio/")) and kind not in _OTHER_TYPES
    return _SUFFIXES.get(kind, "") if is_media else None


def _is_whole(content_range: str) -> bool:
    match = _RANGE.fullmatch(content_range.strip())
    return match is not None and int(match[1]) + 1 == int(match[2])


def _peek(blocks: Iterator[bytes]) -> tuple[bytes, Generator[bytes]]:
    """Return the first bytes of a body, and the whole body, which raises the error of reading them."""
    parts: list[bytes] = []
    failure: MediaError | None = None
    try:
        while sum(map(len, parts)) <= FRAGMENT_HEAD_BYTES and (block := next(blocks, b"")):
            parts.append(block)
    except MediaError as error:
        failure = error

    def body() -> Generator[bytes]:
        yield from parts
        if failure:
            raise failure
        yield from blocks

    return b"".join(parts), body()


def _is_fragment(head: bytes) -> bool:
    """Return True for a part of a video that is streamed in parts: a segment, or the header that precedes them."""
    if head[4:8] in (b"styp", b"moof", b"sidx"):
        return True
    return head[4:8] == b"ftyp" and len(head) <= FRAGMENT_HEAD_BYTES and b"mvex" in head and b"mdat" not in head


def _capture(record: WarcRecord, pages: WebPages) -> WebCapture:
    screenshot_of = _SCREENSHOT.match(record.uri)
    uri = record.uri[screenshot_of.end() :] if screenshot_of else record.uri
    page, is_guessed = (None, False) if screenshot_of else pages.find(record)
    seconds = parse_seconds(record.date)
    time = datetime.fromtimestamp(int(seconds), UTC) if seconds and parse_timestamp(seconds) else None
    return WebCapture(
        url=uri if len(uri) <= MAX_URL_CHARS else "",
        captured_at=time.strftime("%Y-%m-%dT%H:%M:%SZ") if time else "",
        page_url=page.url if page and len(page.url) <= MAX_URL_CHARS else "",
        page_title=page.title if page else pages.find_title(uri) if screenshot_of else "",
        is_page_guessed=page is not None and is_guessed,
    )


def _file_name(uri: str, suffix: str) -> str:
    """Return host and path of an address as the name of a file, without hidden parts, with a suffix of its type."""
    screenshot_of = _SCREENSHOT.match(uri)
    host, path = _split_uri(uri[screenshot_of.end() :] if screenshot_of else uri)
    parts = [part for part in (host, *path.split("/")) if part not in ("", ".", "..")] or ["file"]
    if screenshot_of:
        parts.append(screenshot_of[1].lower())
    if _suffix(parts[-1]) not in MEDIA_SUFFIXES:
        parts[-1] += suffix
    return "/".join("_" + part if part.startswith(".") or part == "__MACOSX" else part for part in parts)


def _split_uri(uri: str) -> tuple[str, str]:
    """Return host and decoded path of an address; of what is none, all of it as the path."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return "", uri
    return host, unquote(parts.path).replace("\\", "_")


def _suffix(path: str) -> str:
    name = path.rpartition("/")[2]
    return f".{name.rpartition('.')[2]}".lower() if "." in name else ""
