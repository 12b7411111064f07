"""Builders of WARC records and WACZ files."""

import gzip
import io
import json
import zipfile
from collections.abc import Sequence

CRAWLED_AT = "2023-06-12T08:10:36Z"


def build_record(
    body: bytes,
    uri: str = "https://example.org/a.jpg",
    content_type: str = "image/jpeg",
    *,
    date: str = CRAWLED_AT,
    status: str = "200 OK",
    http: Sequence[str] = (),
    warc: Sequence[str] = (),
    length: int | None = None,
) -> bytes:
    """Return a response record; `length` is stated in place of the right one."""
    headers = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", *http]
    content = ("\r\n".join(headers) + "\r\n\r\n").encode() + body
    return build_raw_record("response", uri, content, date=date, warc=warc, length=length)


def build_request(uri: str, referer: str, *, warc: Sequence[str] = ()) -> bytes:
    content = f"GET / HTTP/1.1\r\nHost: example.org\r\nReferer: {referer}\r\n\r\n".encode()
    return build_raw_record("request", uri, content, warc=warc)


def build_raw_record(
    kind: str,
    uri: str,
    content: bytes,
    *,
    date: str = CRAWLED_AT,
    warc: Sequence[str] = (),
    length: int | None = None,
) -> bytes:
    head = [
        "WARC/1.1",
        f"WARC-Type: {kind}",
        f"WARC-Target-URI: {uri}",
        f"WARC-Date: {date}",
        *warc,
        f"Content-Length: {len(content) if length is None else length}",
    ]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + content + b"\r\n\r\n"


def compress_records(*records: bytes) -> bytes:
    return b"".join(map(gzip.compress, records))


def build_wacz(*records: bytes, pages: Sequence[dict[str, str]] = (), warcs: Sequence[bytes] = ()) -> bytes:
    lines = [json.dumps({"format": "json-pages-1.0", "id": "pages"}), *map(json.dumps, pages)]
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as wacz:
        for number, warc in enumerate((compress_records(*records), *warcs)):
            wacz.writestr(f"archive/data-{number}.warc.gz", warc)
        wacz.writestr("pages/pages.jsonl", "\n".join(lines))
        wacz.writestr("datapackage.json", "{}")
        wacz.writestr("indexes/index.cdx.gz", b"\x1f\x8b\x08")
    return buffer.getvalue()
