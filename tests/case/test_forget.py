"""Removal of files from a case: paths, members of archives, and what other operations return afterwards."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mediafp import AnalysisOptions, Case, IngestOptions, KeptMatch, UsageError
from mediafp.cli.app import app

FAST = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False))


@pytest.fixture
def files(photos: dict[str, np.ndarray], tmp_path: Path) -> Path:
    """A photograph, two crops of it, and an archive with another photograph."""
    folder = tmp_path / "files"
    folder.mkdir()
    photo = Image.fromarray(photos["cat"])
    photo.save(folder / "photo.png")
    photo.crop((40, 10, photo.width - 60, photo.height - 50)).save(folder / "crop.png")
    photo.crop((60, 30, photo.width - 10, photo.height - 20)).save(folder / "other crop.png")
    Image.fromarray(photos["temple"]).save(folder / "temple.png")
    with zipfile.ZipFile(folder / "dump.zip", "w") as archive:
        archive.write(folder / "temple.png", "a/temple.png")
    (folder / "temple.png").unlink()
    return folder


def ingest(case: Case, *paths: Path) -> list[str]:
    return [outcome.status for outcome in case.ingest(list(paths), FAST)]


def kept(case: Case) -> list[KeptMatch]:
    return list(case.kept_matches())


def test_a_forgotten_file_is_gone_until_it_is_ingested_again(
    case: Case, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, crop, other = (files / f"{name}.png" for name in ("photo", "crop", "other crop"))
    ingest(case, crop, other)
    records, without = list(case.export_records()), kept(case)
    ingest(case, photo)
    with_photo, exported = kept(case), list(case.export_matches())
    assert len(exported) == 3
    (before,) = case.match(photo, ocr=False)
    content = photo.read_bytes()
    photo.unlink()
    monkeypatch.chdir(tmp_path)

    # A relative path, of a file that no longer exists.
    (forgotten,) = case.forget("files/photo.png")
    assert (forgotten.sha256, forgotten.uri) == (before.sha256, str(photo))
    assert forgotten.is_asset_removed and forgotten.erased
    assert list(case.export_records()) == records
    assert kept(case) == without
    assert case.verify().problems == ()
    (result,) = case.match(content, ocr=False)
    assert {match.sha256 for match in result.matches} == {match.sha256 for match in before.matches} - {before.sha256}

    photo.write_bytes(content)
    assert ingest(case, photo) == ["added"]
    assert kept(case) == with_photo
    assert list(case.export_matches()) == exported
    assert list(case.match(photo, ocr=False)) == [before]
    assert case.verify().problems == ()


def test_paths_members_of_archives_and_sha256_are_forgotten(case: Case, files: Path) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, ["--store", str(case.folder), "forget", *arguments])
        return done.exit_code, done.stdout, str(done.exception)

    photo, copy = files / "photo.png", files / "copy.png"
    copy.write_bytes(photo.read_bytes())
    assert ingest(case, photo, copy, files / "dump.zip").count("added") == 2
    (forgotten,) = case.forget(copy)
    assert not forgotten.is_asset_removed
    assert [one.uri for one in case.forget(forgotten.sha256.upper())] == [str(photo)]
    assert case.count_assets() == 1

    member = f"{files}/dump.zip/a/temple.png"
    for unknown in (str(files / "dump"), "f" * 64, ""):
        status, _, message = run(unknown)
        assert status != 0 and "cannot forget" in message
    status, text, _ = run(member, "--json")
    assert status == 0
    line = json.loads(text)
    assert (line["uri"], line["removed"]["assets"], line["erased"]) == (member, 1, True)
    with pytest.raises(UsageError, match="export csv"):
        case.forget(member)


def test_no_index_file_keeps_the_rows_of_a_forgotten_asset(
    case: Case, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediafp.store.row_index.index.SAVE_ROWS", 1)
    ingest(case, *(files / f"{name}.png" for name in ("photo", "crop")))
    (photo,), folder = list(case.match(files / "photo.png", ocr=False, min_probability=0)), case.folder / "index"

    def indexed() -> list[Path]:
        return [file for file in folder.rglob("*.sha256") if bytes.fromhex(photo.sha256 or "") in file.read_bytes()]

    assert indexed()
    foreign = folder / "notes.txt"
    foreign.write_text("kept")
    case.forget(photo.sha256 or "")
    assert not indexed() and foreign.exists()
    (result,) = case.match(files / "photo.png", ocr=False)
    assert [Path(match.uris[0]).name for match in result.matches] == ["crop.png"]
