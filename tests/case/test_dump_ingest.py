"""A dump as it comes: what is in it is read, or named in the errors with what to do."""

import io
import json
import zipfile
from pathlib import Path

from archive_files import build_zip
from PIL import Image
from typer.testing import CliRunner
from web_archive_files import build_record, build_wacz

from mediafp import Case
from mediafp.cli.app import app

ARGUMENTS = ["--json", "--ocr", "no", "--crops", "no", "--match", "later"]


def image(shade: int) -> bytes:
    Image.new("RGB", (64, 64), (shade, 2 * shade, 3 * shade)).save(encoded := io.BytesIO(), "PNG")
    return encoded.getvalue()


def test_every_file_of_a_dump_is_read_or_named(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "dump"
    folder.mkdir()
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.writestr("in.7z", b"7z\xbc\xaf\x27\x1c" + bytes(90))
        archive.writestr("b.mp4.part", b"half")
        archive.writestr("照片.zip", build_zip([("2.png", image(2))]))
    captures = [
        build_record(image(1), "https://example.org/1.png", "image/png", date=f"2023-06-1{n}T08:10:36Z") for n in (2, 3)
    ]
    pages = [{"url": "https://example.org/page", "title": "a page", "ts": "2023-06-12T08:10:30Z"}]
    (folder / "b.wacz").write_bytes(build_wacz(*captures, pages=pages))
    others = {
        "c.7z": b"7z\xbc\xaf\x27\x1c",
        "d.rar": b"Rar!\x1a\x07\x00",
        "e.zip.001": b"PK\x03\x04",
        "e.zip.002": b"\xfe",
    }
    for name, head in others.items():
        (folder / name).write_bytes(head + bytes(90))
    for is_first in (True, False):
        done = CliRunner().invoke(app, ["--store", str(case.folder), "ingest", *ARGUMENTS, str(folder)])
        assert done.exit_code == 3
        *lines, summary = map(json.loads, done.stdout.splitlines())
        kinds = {error["path"].removeprefix(f"{folder}/"): error["kind"] for error in summary["errors"]}
        assert kinds == dict.fromkeys([*others, "a.zip/in.7z"], "unsupported")
        assert all("ingest th" in error["message"] for error in summary["errors"])
        statuses = {line["path"].removeprefix(f"{folder}/"): line["status"] for line in lines}
        read = ["a.zip/照片.zip/2.png", "b.wacz/example.org/1.png", "b.wacz/example.org/1 (2).png"]
        assert {statuses.pop(name) for name in read} == ({"added", "known"} if is_first else {"known"})
        assert {name for name, status in statuses.items() if status == "skipped"} == {"a.zip/b.mp4.part"}
        assert summary["seen"] == 9
    (page,) = {line["sha256"] for line in lines if "b.wacz" in line["path"]}
    sightings = case._store.sightings(page)
    assert {sighting.captured_at for sighting in sightings} == {"2023-06-12T08:10:36Z", "2023-06-13T08:10:36Z"}
    assert {(sighting.url, sighting.title) for sighting in sightings} == {("https://example.org/page", "a page")}
    assert case.verify().problems == ()
