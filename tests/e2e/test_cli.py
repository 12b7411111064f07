"""The program as its users call it, through the contract."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from processes import PATIENCE_SECONDS

from mediafp.cli import app as cli
from mediafp.cli.demo import media


def mediafp(*arguments: object, store: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mediafp", *map(str, arguments)]
    environment = os.environ | {"MEDIAFP_STORE": str(store)}
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        errors="surrogateescape",
        check=False,
    )


def lines(done: subprocess.CompletedProcess[str]) -> list[dict]:
    return [json.loads(line) for line in done.stdout.split("\n") if line]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with good and bad files, taken in, and its store."""
    folder = tmp_path_factory.mktemp("world")
    dump, store = folder / "dump", folder / "store"
    dump.mkdir()
    for name in ("portrait", "cat", "temple", "rocket"):
        Image.open(media.packaged_file(*media.PHOTOS[name])).convert("RGB").save(dump / f"{name}.jpg", quality=92)
    Image.new("RGB", (1, 1), "red").save(dump / "one pixel.png")
    (dump / "bikes.mp4").write_bytes(media.packaged_file(*media.CLIPS["bikes"]).read_bytes())
    (dump / "again 副本\n.jpg").write_bytes((dump / "cat.jpg").read_bytes())
    (dump / "-leading.jpg").write_bytes((dump / "temple.jpg").read_bytes())
    (dump / os.fsdecode(b"bad\xff.jpg")).write_bytes((dump / "rocket.jpg").read_bytes())
    (dump / "cut.jpg").write_bytes((dump / "cat.jpg").read_bytes()[:9000])
    (dump / "cut.mp4").write_bytes((dump / "bikes.mp4").read_bytes()[:900])
    (dump / "empty.jpg").write_bytes(b"")
    (dump / "notes.txt").write_text("no media")
    (dump / "cat.jpg.json").write_text(json.dumps({"category": "weibo", "author": "somebody", "date": "2024-05-01"}))
    done = mediafp("ingest", dump, dump / "nowhere.jpg", "--json", store=store)
    assert done.returncode == 3, done.stderr
    (folder / "ingest.jsonl").write_text(done.stdout, encoding="utf-8", errors="surrogateescape")
    return folder, store


def test_ingest_accounts_for_every_file(world: tuple[Path, Path]) -> None:
    text = (world[0] / "ingest.jsonl").read_text(encoding="utf-8", errors="surrogateescape")
    *files, summary = [json.loads(line) for line in text.split("\n") if line]
    assert summary["seen"] == len(files) == 15
    assert summary["seen"] == sum(summary[key] for key in ("added", "known", "failed", "skipped"))
    assert {Path(e["path"]).name: e["kind"] for e in summary["errors"]} == {
        "cut.jpg": "corrupt",
        "cut.mp4": "corrupt",
        "empty.jpg": "corrupt",
        "nowhere.jpg": "unreadable",
    }
    assert (summary["added"], summary["known"], summary["skipped"]) == (6, 3, 2)


def test_a_second_run_adds_nothing(world: tuple[Path, Path]) -> None:
    done = mediafp("ingest", world[0] / "dump", "--json", store=world[1])
    summary = lines(done)[-1]
    assert (summary["added"], summary["known"], summary["failed"]) == (0, 9, 3)


def test_a_cropped_mirrored_copy_is_found_with_its_place(world: tuple[Path, Path], tmp_path: Path) -> None:
    image = ImageOps.mirror(Image.open(world[0] / "dump" / "cat.jpg"))
    image.crop((40, 20, 400, 260)).save(tmp_path / "query.jpg", quality=70)
    done = mediafp("match", tmp_path / "query.jpg", "--json", store=world[1])
    assert done.returncode == 0, done.stderr
    (answer,) = lines(done)
    best = answer["matches"][0]
    assert {Path(uri).name for uri in best["uris"]} == {"cat.jpg", "again 副本\n.jpg"}
    assert (best["relation"], best["verdict"]) == ("copy", "copy")
    assert best["placement"]["mirrored"] and best["placement"]["handles"] == []
    width = image.width
    true = [(width - 40, 20), (width - 400, 20), (width - 400, 260), (width - 40, 260)]
    assert np.abs(np.array(best["placement"]["quad"]) - true).max() < 6


def test_a_new_picture_finds_nothing(world: tuple[Path, Path], tmp_path: Path) -> None:
    Image.open(media.packaged_file(*media.PHOTOS["coffee"])).save(tmp_path / "new.png")
    assert mediafp("match", tmp_path / "new.png", store=world[1]).returncode == 1


def test_a_frame_is_found_in_its_video(world: tuple[Path, Path], tmp_path: Path) -> None:
    from mediafp.ingest.files import open_file
    from mediafp.ingest.open_media import open_media

    media = open_media(open_file(world[0] / "dump" / "bikes.mp4"))
    assert media is not None
    frame = next(f for f in media.frames if f.start >= 5)
    Image.fromarray(frame.pixels).save(tmp_path / "still.jpg", quality=80)
    done = mediafp("match", tmp_path / "still.jpg", "--json", store=world[1])
    best = lines(done)[0]["matches"][0]
    assert best["relation"] == "image_in_video" and best["segments"][0]["query"] is None
    start, end = best["segments"][0]["reference"]
    assert start - 1 <= frame.start <= end + 1


def test_bad_queries_are_answered_with_an_error(world: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes((world[0] / "dump" / "cut.jpg").read_bytes())
    done = mediafp("match", tmp_path, tmp_path / "nowhere.png", "--json", store=world[1])
    assert done.returncode == 3
    assert all(answer["error"] and not answer["matches"] for answer in lines(done))


def test_no_store_is_exit_2_and_names_the_mend(tmp_path: Path) -> None:
    done = mediafp("match", __file__, store=tmp_path / "none")
    assert done.returncode == 2 and "ingest" in done.stderr


def test_a_newer_store_is_left_alone(world: tuple[Path, Path], tmp_path: Path) -> None:
    import sqlite3

    store = tmp_path / "store"
    mediafp("ingest", world[0] / "dump" / "cat.jpg", store=store)
    with sqlite3.connect(store / "case.sqlite") as database:
        database.execute("PRAGMA user_version=999")
    database.close()
    before = (store / "case.sqlite").read_bytes()
    done = mediafp("ingest", world[0] / "dump" / "cat.jpg", store=store)
    assert done.returncode == 2 and "999" in done.stderr
    assert (store / "case.sqlite").read_bytes() == before


def test_export_holds_sightings_and_verify_passes(world: tuple[Path, Path]) -> None:
    found = {Path(line["uris"][0]).name: line for line in lines(mediafp("export", "jsonl", store=world[1]))}
    assert len(found) == 6
    cat = next(line for line in found.values() if len(line["uris"]) == 2 and "cat" in "".join(line["uris"]))
    told = [s for s in cat["sightings"] if s["account"]]
    assert told[0]["account"] == "somebody" and told[0]["posted_at"] == "2024-05-01T00:00:00Z"
    assert mediafp("verify", store=world[1]).returncode == 0
    assert {e["kind"] for e in lines(mediafp("errors", "--json", store=world[1]))} == {"corrupt", "unreadable"}


def test_the_report_is_one_file(world: tuple[Path, Path], tmp_path: Path) -> None:
    done = mediafp("report", tmp_path / "page.html", store=world[1])
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "same operator" in page and 'src="http' not in page


def test_help_and_version() -> None:
    done = mediafp("--help", store=Path("none"))
    for command in ("ingest", "match", "cluster", "report", "errors", "demo", "doctor", "models", "verify", "export"):
        assert command in done.stdout
    assert mediafp("--version", store=Path("none")).stdout.startswith("mediafp ")
    assert mediafp("match", "--nonsense", store=Path("none")).returncode == 2


def test_a_fault_of_the_program_is_not_taken_for_nothing_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise KeyError("unforeseen")

    monkeypatch.setattr(cli, "app", fails)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "unforeseen" in capsys.readouterr().err
