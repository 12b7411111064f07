"""Sidecars fill the fields of a sighting, and never fail a file."""

import json
import os
from pathlib import Path

import pytest
from read_sidecars import read_fields

from mediafp.sightings.sidecars import is_sidecar
from mediafp.types.sightings import SightingFields


def test_read_sidecars_returns_empty_fields_without_sidecars(tmp_path: Path) -> None:
    assert read_fields(tmp_path / "a.mp4") == (SightingFields(), [])


def test_read_sidecars_reads_yt_dlp_info_file(tmp_path: Path) -> None:
    record = {
        "uploader": "Sample User", "uploader_id": "@sample", "extractor_key": "Youtube", "title": "标题",
        "webpage_url": "https://example.org/v", "description": "text", "timestamp": 1700000000,
        "upload_date": "20231114", "epoch": 1700000100, "view_count": 1234,
    }  # fmt: skip
    (tmp_path / "a.b.info.json").write_text(json.dumps(record))
    fields, warnings = read_fields(tmp_path / "a.b.mp4")
    assert warnings == []
    assert fields == SightingFields(
        account="sample", account_name="Sample User", platform="youtube", url="https://example.org/v", title="标题", text="text",
        posted_at="2023-11-14T22:13:20Z", captured_at="2023-11-14T22:15:00Z", views=1234, source="yt-dlp: a.b.info.json",
    )  # fmt: skip
    del record["timestamp"]
    (tmp_path / "a.b.info.json").write_text(json.dumps(record))
    assert read_fields(tmp_path / "a.b.mp4")[0].posted_at == "2023-11-14"


def test_read_sidecars_reads_gallery_dl_metadata_file(tmp_path: Path) -> None:
    record = {"author": {"name": "sample", "nick": "S"}, "category": "twitter", "content": "words",
              "date": "2024-02-03 04:05:06Z", "post_url": "https://example.org/p", "url": "https://cdn/x"}  # fmt: skip
    (tmp_path / "a.jpg.json").write_text(json.dumps(record))
    fields, warnings = read_fields(tmp_path / "a.jpg")
    assert warnings == []
    assert fields == SightingFields(
        account="sample", account_name="S", platform="twitter", text="words", url="https://example.org/p",
        posted_at="2024-02-03T04:05:06Z", source="gallery-dl: a.jpg.json",
    )  # fmt: skip


def test_read_sidecars_maps_table_columns(tmp_path: Path) -> None:
    (tmp_path / "mediafp.columns.json").write_text(json.dumps({"文件": "file", "账号": "account", "bad": "nothing"}))
    text = '文件,账号,posted_at,views,title\r\na.jpg,@x,2024-01-02T03:04:05+08:00,"1,234","two\nlines"\r\n'
    (tmp_path / "mediafp.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    fields, warnings = read_fields(tmp_path / "a.jpg")
    assert fields == SightingFields(
        account="x", posted_at="2024-01-01T19:04:05Z", views=1234, title="two\nlines", source="csv: mediafp.csv"
    )
    assert len(warnings) == 1
    assert "'bad'" in warnings[0]


def test_read_sidecars_completes_the_table_and_notices_its_changes(tmp_path: Path) -> None:
    (tmp_path / "a.info.json").write_text(json.dumps({"uploader": "Owner", "title": "t"}))
    (tmp_path / "sightings.csv").write_text("file,account,views\na.mp4,owner,7\n")
    fields, _ = read_fields(tmp_path / "a.mp4")
    assert (fields.account, fields.views, fields.title) == ("owner", 7, "t")
    assert fields.source == "csv: sightings.csv + yt-dlp: a.info.json"
    (tmp_path / "sightings.csv").write_text("file,account\na.mp4,changed\n")
    assert read_fields(tmp_path / "a.mp4")[0].account == "changed"


def test_read_sidecars_finds_row_of_undecodable_name(tmp_path: Path) -> None:
    (tmp_path / "mediafp.csv").write_bytes(b"file,account\nbad\xff.jpg,x\n")
    assert read_fields(tmp_path / os.fsdecode(b"bad\xff.jpg"))[0].account == "x"


@pytest.mark.parametrize(
    "content",
    [
        b"{", b"[]", b"\xff\xfe\x00", b"[" * 100_000, b'{"title": ' + b"9" * 10_000 + b"}",
        b'{"title": 5, "timestamp": "soon", "view_count": -1}', b'{"view_count": NaN}', b'{"view_count": true}',
        b'{"timestamp": 1e400}', b'{"uploader": ["x"]}', b'{"webpage_url": {"a": 1}}', b'{"upload_date": "20241399"}',
    ],
)  # fmt: skip
def test_read_sidecars_warns_about_unusable_content(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.info.json").write_bytes(content)
    fields, warnings = read_fields(tmp_path / "a.mp4")
    assert fields == SightingFields()
    assert warnings


def test_read_sidecars_replaces_lone_surrogates(tmp_path: Path) -> None:
    (tmp_path / "a.info.json").write_text('{"title": "a\\ud800b"}')
    assert read_fields(tmp_path / "a.mp4")[0].title == "a?b"


@pytest.mark.parametrize("content", [b"", b"name\nx\n", b"file\n" + b'"' + b"x" * 2_000_000 + b'"\n'])
def test_read_sidecars_warns_about_unusable_table(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mediafp.csv").write_bytes(content)
    fields, warnings = read_fields(tmp_path / "a.mp4")
    assert fields == SightingFields()
    assert len(warnings) == 1


def test_read_sidecars_skips_huge_sidecar(tmp_path: Path) -> None:
    (tmp_path / "a.info.json").write_bytes(b'{"title": "' + b"x" * (9 << 20) + b'"}')
    fields, warnings = read_fields(tmp_path / "a.mp4")
    assert fields == SightingFields()
    assert "8 MiB" in warnings[0]


def test_read_sidecars_skips_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.info.json")
    fields, (warning,) = read_fields(tmp_path / "a.mp4")
    assert fields == SightingFields() and "not a regular file" in warning


def test_read_sidecars_accepts_the_longest_file_name(tmp_path: Path) -> None:
    assert read_fields(tmp_path / ("a" * 251 + ".mp4")) == (SightingFields(), [])


def test_is_sidecar_depends_on_name() -> None:
    for name in ("a.info.json", "a.jpg.json", "A.MP4.JSON", "any.csv", "a.jsonl", "a.json.xz", "mediafp.columns.json"):
        assert is_sidecar(Path(name))
    for name in ("a.txt", "a.jpg", "a.csv.jpg", "json"):
        assert not is_sidecar(Path(name))
