"""The pages of a web archive, and which of them showed a file."""

import html
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec

from mediafp.ingest.archives.warc_records import RecordStream, WarcRecord, iter_body, read_http_head
from mediafp.types.errors import MediaError
from mediafp.types.web_captures import MAX_PAGE_TITLE_CHARS, MAX_URL_CHARS

MAX_WEB_PAGES: Final = 100_000
"""Pages of one archive that are used. Chosen, not measured."""
MAX_REFERERS: Final = 200_000
"""Requests of one archive whose referring page is used. Chosen, not measured: the addresses of so many take 100 MB at most."""
MAX_REFERER_CHARS: Final = 512
"""Characters of the address of a referring page. Chosen, not measured."""
MAX_LINE_BYTES: Final = 8 << 20
"""Bytes of one line of a list of pages, which may contain the text of the page. Chosen, not measured."""
MAX_TITLE_BYTES: Final = 64 << 10
"""Bytes of a page in which its title is searched. Chosen, not measured."""
MAX_LOOK_BACK: Final = 100
"""Pages among which the last one of a site is searched. Chosen, not measured."""
CLOCK_SECONDS: Final = 2.0
"""Seconds by which a file may precede the page that showed it: a list of pages may state when a page was loaded, not when it
was requested. Chosen, not measured."""
PAGE_RECORD: Final = "urn:pageinfo:"
"""Begin of the address of a record that Browsertrix writes for each page: the address of the page follows."""
# It loads a module on its first use for a host that is not ASCII.
urlsplit("https://\u4f8b.example")
_TITLE: Final = re.compile(r"<title[^>]*>(.{1,2000}?)</title", re.IGNORECASE | re.DOTALL)
_NOT_PAGES: Final = (".css", ".js", ".mjs", ".json", ".svg", ".xml")
"""Suffixes of addresses that request files and are no pages."""


class _PageLine(msgspec.Struct):
    """Part of a line of a list of pages that is used."""

    url: str = ""
    title: str | None = None
    ts: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page that was opened; `seconds` since 1970 is None if the archive does not state the time."""

    url: str
    title: str
    seconds: float | None


class WebPages:
    """The pages of an archive, and the pages that requests name as the one that they come from."""

    def __init__(self) -> None:
        self._by_url: dict[str, Page] = {}
        self._by_id: dict[str, Page] = {}
        self._referers: dict[int, str] = {}
        self._documents: dict[str, Page] = {}
        """Pages among the responses."""
        self._in_order: list[Page] | None = None
        self._decoder = msgspec.json.Decoder(_PageLine)

    def read_list(self, blocks: Iterator[bytes]) -> None:
        """Add the pages of a list in the format of WACZ: a JSON object a line."""
        rest = b""
        try:
            for block in blocks:
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    self._add_line(line)
                if len(rest) > MAX_LINE_BYTES or len(self._by_url) >= MAX_WEB_PAGES:
                    return
        except MediaError:
            return
        self._add_line(rest)

    def note(self, record: WarcRecord, reader: RecordStream) -> None:
        """Take what a record states about pages; the reader is at its content."""
        if record.page_id and record.uri.startswith(PAGE_RECORD):
            if len(self._by_id) < MAX_WEB_PAGES:
                url = record.uri.removeprefix(PAGE_RECORD)
                self._by_id.setdefault(record.page_id, Page(url, "", parse_seconds(record.date)))
        elif record.kind == "request" and len(self._referers) < MAX_REFERERS:
            _, headers = read_http_head(reader, record.end)
            referer = headers.get("referer", "")
            if 0 < len(referer) <= MAX_REFERER_CHARS:
                for key in filter(None, (record.concurrent_to, record.record_id, record.uri)):
                    self._referers.setdefault(hash(key), referer)
        elif record.kind == "response" and not self._by_url and len(self._documents) < MAX_WEB_PAGES:
            status, headers = read_http_head(reader, record.end)
            if status == 200 and headers.get("content-type", "").lower().startswith("text/html"):
                title = _read_title(reader, record, headers)
                self._documents.setdefault(_plain_url(record.uri), Page(record.uri, title, parse_seconds(record.date)))

    def find(self, record: WarcRecord) -> tuple[Page | None, bool]:
        """Return the page that showed the file of a record, and True if it was only the last one opened before."""
        if page := self._by_id.get(record.page_id) if record.page_id else None:
            return replace(page, title=page.title or self.find_title(page.url)), False
        referer = self._referers.get(hash(record.record_id)) or self._referers.get(hash(record.uri)) or ""
        known = self._by_url or self._documents
        if page := known.get(_plain_url(referer)) if referer else None:
            return page, False
        if len(known) == 1:
            (page,) = known.values()
            return page, False
        if self._by_url:
            return self._find_last(record, referer), True
        path = _path(referer)
        is_page = path not in ("", "/") and not path.lower().endswith(_NOT_PAGES)
        return (Page(referer, "", None) if is_page else None), False

    def find_title(self, url: str) -> str:
        """Return the title of a page; "" if it is not known."""
        page = self._by_url.get(_plain_url(url)) or self._documents.get(_plain_url(url))
        return page.title if page else ""

    def _find_last(self, record: WarcRecord, referer: str) -> Page | None:
        """Return the page that was opened last before a file was fetched, of the site that requested it if that is known."""
        if self._in_order is None:
            timed = [page for page in self._by_url.values() if page.seconds is not None]
            self._in_order = sorted(timed, key=lambda page: page.seconds or 0.0)
        seconds = parse_seconds(record.date)
        if seconds is None:
            return None
        before = bisect_right(self._in_order, seconds + CLOCK_SECONDS, key=lambda page: page.seconds or 0.0)
        site = _host(referer)
        nearest = reversed(self._in_order[max(0, before - MAX_LOOK_BACK) : before])
        return next((page for page in nearest if not site or _host(page.url) == site), None)

    def _add_line(self, line: bytes) -> None:
        try:
            one = self._decoder.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return
        if one.url and len(one.url) <= MAX_URL_CHARS and len(self._by_url) < MAX_WEB_PAGES:
            page = Page(one.url, (one.title or "")[:MAX_PAGE_TITLE_CHARS], parse_seconds(one.ts or ""))
            self._by_url.setdefault(_plain_url(one.url), page)
            if one.id:
                self._by_id[one.id] = page


def parse_seconds(time: str) -> float | None:
    """Return a time as seconds since 1970; None if it is none. Without a zone it is UTC, as in all web archives."""
    text = time.strip()
    try:
        # `strptime` imports a module on its first use, which a sandboxed process cannot.
        is_digits = len(text) == 14 and text.isascii() and text.isdigit()
        parsed = datetime.fromisoformat(f"{text[:8]}T{text[8:]}" if is_digits else text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _path(url: str) -> str:
    """Return the path and the query of an address; "" if it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "") if parts.scheme in ("http", "https") else ""


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _plain_url(url: str) -> str:
    """Return an address without its fragment and its last slash."""
    return url.partition("#")[0].rstrip("/")


def _read_title(reader: RecordStream, record: WarcRecord, headers: Mapping[str, str]) -> str:
    head = b""
    try:
        for block in iter_body(reader, record.end, headers):
            head += block
            if len(head) > MAX_TITLE_BYTES:
                break
    except MediaError:
        pass
    match = _TITLE.search(head[:MAX_TITLE_BYTES].decode("utf-8", "replace"))
    return " ".join(html.unescape(match[1]).split())[:MAX_PAGE_TITLE_CHARS] if match else ""
