"""A path that cannot be used costs that path alone, and an unfinished download is told."""

import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from mediafp import AnalysisOptions, Case, IngestOptions
from mediafp.case import estimate_ingest
from mediafp.cli.app import app

OPTIONS = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))
BAD_PATHS = ("", "https://x.com/a/status/1", "a\0b", "file://server/a.png", "n" * 5_000)


def test_bad_path_costs_that_path_alone(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "in the current folder.txt").write_text("words")
    photo = tmp_path / "a b.png"
    Image.new("RGB", (64, 64), "red").save(photo)
    outcomes = list(case.ingest([*BAD_PATHS, photo.as_uri(), tmp_path / "missing"], OPTIONS))
    statuses = {outcome.path: (outcome.status, outcome.kind) for outcome in outcomes}
    bad = dict.fromkeys((*BAD_PATHS, str(tmp_path / "missing")), ("failed", "unreadable"))
    assert statuses == bad | {str(photo): ("added", None)}
    results = list(case.match([*BAD_PATHS, photo.as_uri()], ocr=False))
    assert [result.query for result in results] == [*BAD_PATHS, str(photo)]
    assert [bool(result.error) for result in results] == [True] * len(BAD_PATHS) + [False]
    run = CliRunner().invoke(app, ["--store", str(case.folder), "match", "--json", "--ocr", "no", "", str(photo)])
    assert run.exit_code == 3
    assert [json.loads(line)["query"] for line in run.stdout.splitlines()] == ["", str(photo)]
    page = tmp_path / "trace.html"
    run = CliRunner().invoke(
        app, ["--store", str(case.folder), "trace", "--ocr", "no", "--report", str(page), str(tmp_path / "missing")]
    )
    assert run.exit_code == 3 and "evidence page" not in run.stdout and not page.exists()
    assert "it is an address on the web" in str(
        next(outcome.message for outcome in outcomes if "x.com" in outcome.path)
    )


def test_unfinished_download_is_skipped_with_a_warning(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    names = ["a.mp4.part", "b.mp4.part-Frag3.part", "c.crdownload", "d.mp4.ytdl", "E.JPG.PART"]
    for name in names:
        (folder / name).write_bytes(b"\xff\xd8\xff half of a photograph")
    Image.new("RGB", (64, 64), "red").save(folder / "f.part.png")
    outcomes = {Path(outcome.path).name: outcome for outcome in case.ingest([folder], OPTIONS)}
    for name in names:
        assert outcomes[name].status == "skipped"
        assert outcomes[name].warnings == (
            f"skipped {name!r}: it is an incomplete download; finish it, then ingest the file",
        )
    assert outcomes["f.part.png"].status == "added"
    estimate = estimate_ingest(case.folder, [folder, ""], OPTIONS)
    assert (estimate.seen, estimate.skipped, estimate.known, estimate.unreadable, estimate.new) == (7, 5, 1, 1, 0)
