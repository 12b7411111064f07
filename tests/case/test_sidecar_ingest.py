"""Sidecars fill bounded space in the store, and names of files and their metadata give clues."""

import os
from pathlib import Path

import pytest
from PIL import Image

from mediafp.case.case import Case
from mediafp.case.ingestion import listed_sidecars
from mediafp.types.runs import AnalysisOptions, IngestOptions


def test_large_sidecar_of_many_names_fills_little_space(case: Case, tmp_path: Path) -> None:
    """Twenty names of one image, each beside a description of 8 MiB."""
    folder = tmp_path / "files"
    folder.mkdir()
    Image.new("RGB", (64, 64), "red").save(folder / "00.png")
    (folder / "00.info.json").write_bytes(b'{"description": "%s"}' % (b"x" * ((8 << 20) - 100)))
    for number in range(1, 20):
        for suffix in (".png", ".info.json"):
            os.link(folder / f"00{suffix}", folder / f"{number:02}{suffix}")
    options = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))
    outcomes = [outcome for outcome in case.ingest([folder], options) if outcome.sha256]
    assert len(outcomes) == 20
    for outcome in outcomes:
        assert len(outcome.warnings) == 1 and "over the limit of 65,536" in outcome.warnings[0]
    texts = [sighting.text for sighting in case._store.sightings(str(outcomes[0].sha256))]
    assert texts == ["x" * 65_536] * 20
    assert sum(file.stat().st_size for file in case.folder.rglob("*") if file.is_file()) < 16 << 20


def test_clues_of_names_and_content_are_stored_and_shared_and_kept_in_step(case: Case, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x110] = "iPhone 12"
    first, second = (folder / f"63885668ly1g{letter * 9}j20u00u0abc.jpg" for letter in "xy")
    Image.new("RGB", (64, 64), "red").save(first, exif=exif.tobytes())
    Image.new("RGB", (64, 64), "blue").save(second)
    options = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))
    a, b = (
        next(str(outcome.sha256) for outcome in case.ingest([path], options) if outcome.sha256)
        for path in (first, second)
    )
    store = case._store
    assert [(clue.kind, clue.value) for clue in store.clues(a)[:2]] == [
        ("device", "iPhone 12"),
        ("weibo_uid", "1669879400"),
    ]
    shared = {(clue.kind, clue.value): clue.others for clue in case.shared_clues(a)}
    assert shared == {("account_id", "1669879400"): (b,), ("weibo_uid", "1669879400"): (b,)}
    (uri,) = store.uris(a)
    with store.writing():
        store.save_clues(a, uri, [])
    assert [outcome.status for outcome in case.ingest([first], options)] == ["known"]
    assert len(store.clues_at(a, uri)) == 5 and not case.verify().problems


def test_sidecars_that_were_used_do_not_wait_for_the_end(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(12):
        Image.new("RGB", (64, 64), (number, 0, 0)).save(folder / f"{number:02}.png")
        (folder / f"{number:02}.info.json").write_text('{"uploader": "anna", "extractor": "youtube"}')
    (folder / "absent.info.json").write_text('{"uploader": "berta", "extractor": "youtube"}')
    monkeypatch.setattr(listed_sidecars, "MAX_WAITING_SIDECARS", 2)
    options = IngestOptions(jobs=1, match=False, analysis=AnalysisOptions(ocr=False, reference_crops=False))
    outcomes = list(case.ingest([folder], options))
    skipped = [outcome for outcome in outcomes if outcome.status == "skipped"]
    assert len(skipped) == len({outcome.path for outcome in skipped}) == 13
    assert [outcome.path for outcome in skipped if outcome.warnings] == [str(folder / "absent.info.json")]
    assert sum(outcome.status == "added" for outcome in outcomes) == 12
