"""Web archives: responses with media are members, each with its capture; hostile ones end in bounded time."""

import gzip
import io
import json
import zlib

import pytest
import zstandard
from archive_files import NOISE, build_zip, message_of, read_archive
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import BaseWARCWriter, WARCWriter
from web_archive_files import (
    CRAWLED_AT,
    build_raw_record,
    build_record,
    build_request,
    build_wacz,
    compress_records,
)

from mediafp.ingest.archives import streams
from mediafp.ingest.archives.members import iter_members
from mediafp.types.errors import CorruptMedia, TooLargeMedia, UnsupportedMedia
from mediafp.types.web_captures import WebCapture

JPEG = b"\xff\xd8\xff\xe0" + NOISE[:3000]
MP4 = b"\x00\x00\x00\x20ftypisom" + NOISE[:8000]


def read(data: bytes, name: str = "a.warc.gz") -> dict[str, bytes]:
    """Return the content of each member of an archive that must be sound."""
    contents, error = read_archive(data, name)
    assert error is None
    assert all(isinstance(content, bytes) for content in contents.values()), contents
    return contents  # type: ignore[return-value]


def captures(data: bytes, name: str = "a.wacz") -> list[WebCapture]:
    return [member.capture for member, _ in iter_members(io.BytesIO(data), name) if member.capture]


def warnings_of(data: bytes, name: str = "a.warc.gz") -> list[str]:
    warnings: list[str] = []
    list(iter_members(io.BytesIO(data), name, warnings.append))
    return warnings


def chunked(data: bytes, size: int = 1000) -> bytes:
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x;note\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_media_among_responses_and_resources_are_members() -> None:
    html = build_record(b"<title>page</title>", "https://example.org/", "text/html")
    records = [
        build_raw_record("warcinfo", "", b"software: a crawler\r\n"),
        html,
        build_record(JPEG, "https://pbs.example.org/media/Fabc?format=jpg&name=large"),
        build_request("https://pbs.example.org/media/Fabc", "https://example.org/"),
        build_record(JPEG + b"2", "https://pbs.example.org/media/Fabc?format=jpg&name=small", "image/jpeg; q=1"),
        build_record(MP4, "https://example.org/../.hidden/__MACOSX/%E8%A7%86%E9%A2%91.mp4", "application/octet-stream"),
        build_record(b"\x00\x01", "https://example.org/font", "application/octet-stream"),
        build_record(b"<svg/>", "https://example.org/a.svg", "image/svg+xml"),
        build_record(b"not found", "https://example.org/gone.jpg", status="404 Not Found"),
        build_raw_record("revisit", "https://example.org/b.jpg", b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"),
        build_raw_record("resource", "<https://example.org/c>", MP4, warc=["Content-Type: video/mp4"]),
        build_raw_record("resource", "urn:view:https://example.org/p", JPEG, warc=["Content-Type: image/png"]),
        build_record(MP4, "https://example.org:8080/d.MP4", "VIDEO/mp4", status="206 Partial",
                     http=[f"Content-Range: bytes 0-{len(MP4) - 1}/{len(MP4)}"]),
    ]  # fmt: skip
    expected = {
        "pbs.example.org/media/Fabc.jpg": JPEG,
        "pbs.example.org/media/Fabc (5).jpg": JPEG + b"2",
        "example.org/_.hidden/___MACOSX/视频.mp4": MP4,
        "example.org/c.mp4": MP4,
        "example.org/p/view.png": JPEG,
        "example.org/d.MP4": MP4,
    }
    assert read(compress_records(*records)) == expected
    assert read(b"".join(records), "a.warc") == expected
    assert read(zstandard.compress(b"".join(records)), "a.warc.zst") == expected
    assert read(build_wacz(*records), "a.wacz") == expected


def test_archive_of_another_writer_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # It closes its temporary files only when they are collected.
    monkeypatch.setattr(BaseWARCWriter, "_create_temp_file", io.BytesIO)
    for compressed, name in ((True, "a.warc.gz"), (False, "a.warc")):
        writer = WARCWriter(buffer := io.BytesIO(), gzip=compressed)
        headers = StatusAndHeaders("200 OK", [("Content-Type", "image/jpeg"), ("X-A", "é")], protocol="HTTP/1.1")
        writer.write_record(
            writer.create_warc_record("https://example.org/a", "response", io.BytesIO(JPEG), http_headers=headers)
        )
        assert read(buffer.getvalue(), name) == {"example.org/a.jpg": JPEG}


@pytest.mark.parametrize(
    ("http", "stored"),
    [
        (["Transfer-Encoding: chunked"], chunked(JPEG)),
        (["Transfer-Encoding: chunked"], JPEG),
        (["Content-Encoding: gzip"], gzip.compress(JPEG)),
        (["Content-Encoding: gzip"], JPEG),
        (["Content-Encoding: br"], JPEG),
        (["Content-Encoding: deflate"], zlib.compress(JPEG)),
        (["Content-Encoding: deflate"], zlib.compress(JPEG, wbits=-15)),
        (["Content-Encoding: zstd"], zstandard.compress(JPEG)),
        (["Content-Encoding: gzip", "Transfer-Encoding: chunked"], chunked(gzip.compress(JPEG), 7)),
        (["Content-Encoding: identity", "Content-Length: 99999"], JPEG),
    ],
)
def test_bodies_are_decoded_if_they_are_encoded(http: list[str], stored: bytes) -> None:
    assert read(compress_records(build_record(stored, http=http))) == {"example.org/a.jpg": JPEG}


def test_parts_of_files_are_counted_in_a_warning() -> None:
    init = b"\x00\x00\x00\x10ftypiso5\x00\x00\x00\x00moov" + b"\x00\x00\x00\x08mvex"
    records = [
        build_record(MP4, status="206 Partial Content", http=["Content-Range: bytes 0-99/100000"]),
        build_record(MP4, status="206 Partial Content"),
        build_record(b"\x00\x00\x00\x10styp" + NOISE, "https://example.org/1.m4s", "video/mp4"),
        build_record(init, "https://example.org/init.mp4", "video/mp4"),
        build_record(JPEG),
    ]
    assert list(read(compress_records(*records))) == ["example.org/a.jpg"]
    assert warnings_of(compress_records(*records)) == [
        "skipped 2 responses with media: they are parts of files",
        "skipped 2 responses with media: they are fragments of streamed videos; fetch the videos with a downloader",
    ]


def test_time_of_capture_is_exact_to_the_second_in_utc() -> None:
    for date, expected in (
        (CRAWLED_AT, CRAWLED_AT), ("2023-06-12T08:10:36.123456Z", CRAWLED_AT), ("20230612081036", CRAWLED_AT), ("yesterday", ""),
        ("", ""), ("9" * 30, ""),
    ):  # fmt: skip
        (capture,) = captures(compress_records(build_record(JPEG, date=date)), "a.warc.gz")
        assert (capture.captured_at, capture.url) == (expected, "https://example.org/a.jpg")


PAGES = [
    {"url": "https://x.com/a/status/1", "title": "a on X", "ts": "2023-06-12T08:00:00Z", "id": "p1"},
    {"url": "https://x.com/b/status/2", "title": "b on X", "ts": "2023-06-12T08:10:00.5Z", "id": "p2"},
    {"url": "https://blog.example.org/", "title": "a blog", "ts": "2023-06-12T08:10:30Z", "id": "p3"},
]


def page_of(*records: bytes, pages: list[dict[str, str]] = PAGES) -> tuple[str, str, bool]:
    (capture,) = captures(build_wacz(*records, pages=pages))
    return capture.page_url, capture.page_title, capture.is_page_guessed


def test_page_is_found_by_its_id_the_request_or_the_time() -> None:
    record = build_record(JPEG)
    assert page_of(record, pages=PAGES[:1]) == ("https://x.com/a/status/1", "a on X", False)
    assert page_of(build_record(JPEG, warc=["WARC-Page-ID: p1"])) == ("https://x.com/a/status/1", "a on X", False)
    exact = build_request("https://example.org/a.jpg", "https://x.com/a/status/1#top")
    assert page_of(record, exact) == ("https://x.com/a/status/1", "a on X", False)
    by_id = build_request("", "https://x.com/a/status/1", warc=["WARC-Concurrent-To: <urn:uuid:1>"])
    assert page_of(by_id, build_record(JPEG, warc=["WARC-Record-ID: <urn:uuid:1>"]))[0] == "https://x.com/a/status/1"
    assert page_of(record) == ("https://blog.example.org/", "a blog", True)
    # Browsers tell other sites only which site it was.
    site = build_request("https://example.org/a.jpg", "https://x.com/")
    assert page_of(record, site) == ("https://x.com/b/status/2", "b on X", True)
    other_site = build_request("https://example.org/a.jpg", "https://elsewhere.example.org/")
    assert page_of(record, other_site) == ("", "", False)
    assert page_of(build_record(JPEG, date="2023-06-12T07:00:00Z")) == ("", "", False)


def test_records_of_browsertrix_tell_the_page() -> None:
    html = [
        build_record(f"<title>{name}</title>".encode(), f"https://example.org/{name}", "text/html") for name in "pq"
    ]
    info = build_raw_record("resource", "urn:pageinfo:https://example.org/p", b"{}", warc=["WARC-Page-ID: id1"])
    screenshot = build_raw_record("resource", "urn:view:https://example.org/q", JPEG, warc=["Content-Type: image/png"])
    image = build_record(JPEG, warc=["WARC-Page-ID: id1"])
    found = captures(compress_records(*html, screenshot, image, info), "a.warc.gz")
    assert [(one.url, one.page_url, one.page_title, one.is_page_guessed) for one in found] == [
        ("https://example.org/q", "", "q", False),
        ("https://example.org/a.jpg", "https://example.org/p", "p", False),
    ]


def test_page_of_a_plain_warc_is_the_one_that_requested_the_file() -> None:
    page, other = ("https://example.org/p", "https://example.org/q")
    html = build_record(
        gzip.compress(b"<html><Title >A &amp;\nB</title>"), page, "text/html", http=["Content-Encoding: gzip"]
    )
    image = build_record(JPEG)
    for records, expected in (
        ([html, image], (page, "A & B")),
        ([html, build_record(b"", other, "text/html"), image], ("", "")),
        (
            [html, build_record(b"", other, "text/html"), image, build_request("https://example.org/a.jpg", page)],
            (page, "A & B"),
        ),
        ([image, build_request("https://example.org/a.jpg", other)], (other, "")),
        ([image, build_request("https://example.org/a.jpg", "https://example.org/")], ("", "")),
        ([image, build_request("https://example.org/a.jpg", "https://example.org/a.css")], ("", "")),
    ):
        (capture,) = captures(compress_records(*records), "a.warc.gz")
        assert (capture.page_url, capture.page_title) == expected


def test_damaged_records_leave_the_others_readable() -> None:
    good = build_record(JPEG, "https://example.org/good.jpg")
    short = build_record(JPEG, "https://example.org/short.jpg", http=["Content-Length: 9999"])
    bad_gzip = build_record(gzip.compress(JPEG)[:900], "https://example.org/gz.jpg", http=["Content-Encoding: gzip"])
    bad_chunks = build_record(
        chunked(JPEG)[:900], "https://example.org/chunks.jpg", http=["Transfer-Encoding: chunked"]
    )
    brotli = build_record(b"\x1b" + NOISE[:900], "https://example.org/br.jpg", http=["Content-Encoding: br"])
    no_head = build_raw_record(
        "response", "https://example.org/none.jpg", b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg" + b"x" * 99
    )
    empty = build_record(b"", "https://example.org/empty.jpg")
    contents, error = read_archive(
        compress_records(short, bad_gzip, bad_chunks, brotli, no_head, empty, good), "a.warc.gz"
    )
    assert error is None
    kinds = {name.rpartition("/")[2]: type(content) for name, content in contents.items()}
    assert kinds == {
        "short.jpg": CorruptMedia, "gz.jpg": CorruptMedia, "chunks.jpg": CorruptMedia, "br.jpg": UnsupportedMedia,
        "good.jpg": bytes,
    }  # fmt: skip


@pytest.mark.parametrize(
    "bad",
    [
        build_record(JPEG, "https://example.org/bad.jpg", length=10**15),
        build_record(JPEG, "https://example.org/bad.jpg", length=len(JPEG) - 50),
        build_record(JPEG, "https://example.org/bad.jpg", length=-5),
        build_record(JPEG, "https://example.org/bad.jpg").replace(b"Content-Length: ", b"Content-Length: " + b"9" * 5_000),
        b"WARC/1.1\r\n" + b"X: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        build_record(JPEG, "https://example.org/bad.jpg")[:-1_000],
    ],
)  # fmt: skip
def test_lying_lengths_and_endless_headers_end_the_archive(bad: bytes) -> None:
    good = build_record(JPEG, "https://example.org/good.jpg")
    for data, name in ((good + bad + good, "a.warc"), (compress_records(good, bad, good), "a.warc.gz")):
        contents, error = read_archive(data, name)
        assert contents["example.org/good.jpg"] == JPEG
        assert error is None or isinstance(error, CorruptMedia)
        assert error or any(isinstance(content, CorruptMedia) for content in contents.values())
    # The other files of a collection are read all the same.
    contents, error = read_archive(build_wacz(bad, warcs=[compress_records(good)]), "a.wacz")
    assert contents["example.org/good.jpg"] == JPEG


def test_bombs_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RATIO_FREE_BYTES", 1 << 20)
    zeros = bytes(30 << 20)
    inner = build_record(gzip.compress(zeros), http=["Content-Encoding: gzip"])
    for data, name in (
        (compress_records(build_record(zeros)), "a.warc.gz"),
        (inner, "a.warc"),
        (compress_records(build_record(b"<title>" + zeros, content_type="text/html"), build_record(JPEG)), "a.warc.gz"),
        (build_wacz(build_record(zeros)), "a.wacz"),
        (zstandard.compress(b"WARC/1.1\r\n" + b"\r\n" * (10 << 20)), "a.warc.zst"),
    ):
        contents, error = read_archive(data, name)
        errors = [*(content for content in contents.values() if not isinstance(content, bytes)), error]
        assert any(isinstance(one, TooLargeMedia | CorruptMedia) for one in errors), name
        assert all(len(content) < 25 << 20 for content in contents.values() if isinstance(content, bytes))


def test_hostile_lists_of_pages_are_ignored() -> None:
    pages = [
        b'{"url": 1e400, "ts": [[[' + b"[" * 50_000,
        b"\xff\xfe",
        json.dumps({"url": "u" * 9_000}).encode(),
        b"null",
    ]
    good = json.dumps(PAGES[0]).encode()
    warc = compress_records(build_record(JPEG))
    data = build_zip(
        [
            ("archive/a.warc.gz", warc),
            ("pages/pages.jsonl", b"\n".join([*pages, good, b'{"url": "cut'])),
            ("pages/extra.jsonl", b"x" * 100_000),
        ]
    )
    (capture,) = captures(data)
    assert capture.page_url == "https://x.com/a/status/1"


def test_wacz_without_a_web_archive_is_corrupt() -> None:
    contents, error = read_archive(build_zip([("a.jpg", JPEG), ("data/a.warc", build_record(JPEG))]), "a.wacz")
    assert contents == {} and isinstance(error, CorruptMedia) and "no WARC file" in message_of(error)
