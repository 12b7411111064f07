"""The program on the command line: exit statuses and JSON of the contract."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from processes import json_lines, run_mediafp

from mediafp.cli.demo import media


def mediafp(*arguments: object, store: Path) -> subprocess.CompletedProcess[str]:
    return run_mediafp(*arguments, MEDIAFP_STORE=str(store))


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a folder with valid and invalid files in `files`, and the store that they were ingested into."""
    folder = tmp_path_factory.mktemp("ingested")
    files, store = folder / "files", folder / "store"
    files.mkdir()
    for name in ("portrait", "cat", "temple", "rocket"):
        Image.open(media.packaged_file(*media.PHOTOS[name])).convert("RGB").save(files / f"{name}.jpg", quality=92)
    Image.new("RGB", (1, 1), "red").save(files / "one pixel.png")
    (files / "bikes.mp4").write_bytes(media.packaged_file(*media.CLIPS["bikes"]).read_bytes())
    (files / "again 副本\n.jpg").write_bytes((files / "cat.jpg").read_bytes())
    (files / "-leading.jpg").write_bytes((files / "temple.jpg").read_bytes())
    (files / os.fsdecode(b"bad\xff.jpg")).write_bytes((files / "rocket.jpg").read_bytes())
    (files / "cut.jpg").write_bytes((files / "cat.jpg").read_bytes()[:9000])
    (files / "cut.mp4").write_bytes((files / "bikes.mp4").read_bytes()[:900])
    (files / "empty.jpg").write_bytes(b"")
    (files / "notes.txt").write_text("no media")
    (files / "cat.jpg.json").write_text(json.dumps({"category": "weibo", "author": "somebody", "date": "2024-05-01"}))
    done = mediafp("ingest", files, files / "nowhere.jpg", "--json", store=store)
    assert done.returncode == 3, done.stderr
    (folder / "ingest.jsonl").write_text(done.stdout, encoding="utf-8", errors="surrogateescape")
    return folder, store


def test_ingest_reports_every_file(ingested: tuple[Path, Path]) -> None:
    text = (ingested[0] / "ingest.jsonl").read_text(encoding="utf-8", errors="surrogateescape")
    *outcomes, summary = [json.loads(line) for line in text.split("\n") if line]
    assert summary["seen"] == len(outcomes) == 15
    assert summary["seen"] == sum(summary[key] for key in ("added", "known", "failed", "skipped"))
    assert {Path(error["path"]).name: error["kind"] for error in summary["errors"]} == {
        "cut.jpg": "corrupt",
        "cut.mp4": "corrupt",
        "empty.jpg": "corrupt",
        "nowhere.jpg": "unreadable",
    }
    assert (summary["added"], summary["known"], summary["skipped"]) == (6, 3, 2)


def test_second_ingest_adds_nothing(ingested: tuple[Path, Path]) -> None:
    done = mediafp("ingest", ingested[0] / "files", "--json", store=ingested[1])
    summary = json_lines(done)[-1]
    assert (summary["added"], summary["known"], summary["failed"]) == (0, 9, 3)


def test_match_places_a_mirrored_crop(ingested: tuple[Path, Path], tmp_path: Path) -> None:
    image = ImageOps.mirror(Image.open(ingested[0] / "files" / "cat.jpg"))
    image.crop((40, 20, 400, 260)).save(tmp_path / "query.jpg", quality=70)
    done = mediafp("match", tmp_path / "query.jpg", "--json", store=ingested[1])
    assert done.returncode == 0, done.stderr
    (result,) = json_lines(done)
    best = result["matches"][0]
    assert {Path(uri).name for uri in best["uris"]} == {"cat.jpg", "again 副本\n.jpg"}
    assert (best["relation"], best["verdict"]) == ("copy", "copy")
    assert best["placement"]["mirrored"] and best["placement"]["handles"] == []
    width = image.width
    expected = [(width - 40, 20), (width - 400, 20), (width - 400, 260), (width - 40, 260)]
    assert np.abs(np.array(best["placement"]["quad"]) - expected).max() < 6


def test_match_of_an_unrelated_image_ends_with_1(ingested: tuple[Path, Path], tmp_path: Path) -> None:
    Image.open(media.packaged_file(*media.PHOTOS["coffee"])).save(tmp_path / "new.png")
    assert mediafp("match", tmp_path / "new.png", store=ingested[1]).returncode == 1


def test_match_finds_the_video_of_a_frame(ingested: tuple[Path, Path], tmp_path: Path) -> None:
    from mediafp.ingest.files import open_file
    from mediafp.ingest.open_media import open_media

    media = open_media(open_file(ingested[0] / "files" / "bikes.mp4"))
    assert media is not None
    frame = next(f for f in media.frames if f.start >= 5)
    Image.fromarray(frame.pixels).save(tmp_path / "still.jpg", quality=80)
    done = mediafp("match", tmp_path / "still.jpg", "--json", store=ingested[1])
    best = json_lines(done)[0]["matches"][0]
    assert best["relation"] == "image_in_video" and best["segments"][0]["query"] is None
    start, end = best["segments"][0]["reference"]
    assert start - 1 <= frame.start <= end + 1


def test_invalid_queries_have_an_error(ingested: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes((ingested[0] / "files" / "cut.jpg").read_bytes())
    done = mediafp("match", tmp_path, tmp_path / "nowhere.png", "--json", store=ingested[1])
    assert done.returncode == 3
    assert all(result["error"] and not result["matches"] for result in json_lines(done))
    assert len(json_lines(done)) == 2


def test_missing_store_ends_with_2_and_an_action(tmp_path: Path) -> None:
    done = mediafp("match", __file__, store=tmp_path / "none")
    assert done.returncode == 2 and "ingest" in done.stderr


def test_newer_store_is_not_changed(ingested: tuple[Path, Path], tmp_path: Path) -> None:
    import sqlite3

    store = tmp_path / "store"
    mediafp("ingest", ingested[0] / "files" / "cat.jpg", store=store)
    with sqlite3.connect(store / "case.sqlite") as database:
        database.execute("PRAGMA user_version=999")
    database.close()
    before = (store / "case.sqlite").read_bytes()
    done = mediafp("ingest", ingested[0] / "files" / "cat.jpg", store=store)
    assert done.returncode == 2 and "999" in done.stderr
    assert (store / "case.sqlite").read_bytes() == before


def test_export_contains_sightings_and_verify_finds_no_problem(ingested: tuple[Path, Path]) -> None:
    records = {Path(line["uris"][0]).name: line for line in json_lines(mediafp("export", "jsonl", store=ingested[1]))}
    assert len(records) == 6
    cat = next(line for line in records.values() if len(line["uris"]) == 2 and "cat" in "".join(line["uris"]))
    named = [sighting for sighting in cat["sightings"] if sighting["account"]]
    assert named[0]["account"] == "somebody" and named[0]["posted_at"] == "2024-05-01"
    assert mediafp("verify", store=ingested[1]).returncode == 0
    assert {e["kind"] for e in json_lines(mediafp("errors", "--json", store=ingested[1]))} == {"corrupt", "unreadable"}


def test_report_writes_one_file_without_links_to_others(ingested: tuple[Path, Path], tmp_path: Path) -> None:
    done = mediafp("report", tmp_path / "page.html", store=ingested[1])
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "same operator" in page and 'src="http' not in page


def test_help_lists_the_commands_and_options_are_checked() -> None:
    done = mediafp("--help", store=Path("none"))
    for command in ("ingest", "match", "cluster", "report", "errors", "demo", "doctor", "models", "verify", "export"):
        assert command in done.stdout
    assert mediafp("--version", store=Path("none")).stdout.startswith("mediafp ")
    assert mediafp("match", "--nonsense", store=Path("none")).returncode == 2
