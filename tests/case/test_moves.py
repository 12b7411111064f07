"""A file that was moved keeps its sightings under its new path; a file that is unreachable keeps its own."""

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ingest_records import ingest_record
from PIL import Image
from typer.testing import CliRunner

from mediafp import AnalysisOptions, Case, IngestOptions
from mediafp.case.ingestion import moves
from mediafp.case.ingestion.commit import FileWriter
from mediafp.case.ingestion.items import item_on_disk
from mediafp.case.ingestion.pending import PendingFile
from mediafp.cli.app import app
from mediafp.ingest.walk import FoundFile
from mediafp.sightings.sidecars import SidecarContents
from mediafp.store import Store, open_store
from mediafp.types.errors import StoreError
from mediafp.types.sightings import Clue, Sighting, SightingFields

OPTIONS = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False), match=False)
SHA256 = "a" * 64
CLUE = Clue(kind="account", value="anna", source="file name", trust="low")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with one asset that was seen elsewhere."""
    with open_store(tmp_path / "case", create=True) as store:
        with store.writing():
            store.add_record(ingest_record("a", "/elsewhere.png"))
        yield store


def write(store: Store, uri: str | Path, **stated: str) -> None:
    """Write a file of the known content, as an ingest does; one that is no member of an archive is created."""
    path = Path(uri)
    if not any(map(os.path.isfile, path.parents)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"content")
    file = PendingFile(
        item=replace(item_on_disk(FoundFile(path=path)), uri=str(uri)),
        sha256=SHA256,
        kind="image",
        sidecars=SidecarContents(sightings=(SightingFields(**stated),) if stated else ()),  # type: ignore[arg-type]
        clues=(CLUE,),
    )
    (outcome,) = FileWriter(store, version="1").commit([file])
    assert outcome.status == "known" and store.check_integrity() == []


def seen(store: Store) -> list[tuple[str, str | None, str | None]]:
    return [(one.uri, one.account, one.title) for one in store.sightings(SHA256) if one.uri != "/elsewhere.png"]


def test_moved_folder_is_recognised_by_its_content(case: Case, tmp_path: Path) -> None:
    """Also without its sidecars: what they stated is kept."""
    old, new = tmp_path / "old", tmp_path / "new"
    for name in "ab":
        (old / name).mkdir(parents=True)
        Image.new("RGB", (64, 64), "red").save(old / name / "1.png")
    (old / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (old / "a" / "1.info.json").write_text(json.dumps({"uploader": "anna", "title": "t"}))
    (sha256,) = {outcome.sha256 for outcome in case.ingest([old], OPTIONS) if outcome.sha256}
    old.rename(new)
    (new / "a" / "1.info.json").unlink()
    statuses = [outcome.status for outcome in case.ingest([new], OPTIONS)]
    assert sorted(statuses) == ["failed", "known", "known"]
    assert [failure.path for failure in case.failures()] == [f"{new}/broken.png"]
    stored = {one.uri: one.title for one in case._store.sightings(sha256)}
    assert stored == {f"{new}/a/1.png": "t", f"{new}/b/1.png": None}
    assert case.verify().problems == ()


def test_move_is_logged_and_the_old_path_leaves_the_ledger(store: Store, tmp_path: Path) -> None:
    old, new = tmp_path / "old" / "1.png", tmp_path / "new" / "1.png"
    write(store, old, account="anna", title="t")
    status = old.stat()
    old.parent.rename(new.parent)
    write(store, new)
    assert seen(store) == [(str(new), "anna", "t")]
    assert [entry.details for entry in store.iter_log("moved")] == [
        {"sha256": SHA256, "from": str(old), "to": str(new)}
    ]
    assert store.find_ledger_entry(str(old), bytes=status.st_size, modified_ns=status.st_mtime_ns) is None
    assert store.clues(SHA256) == [CLUE]
    # It moves back, with a sidecar that was corrected.
    new.parent.rename(old.parent)
    write(store, old, account="anna", title="corrected")
    assert seen(store) == [(str(old), "anna", "corrected")]


def test_of_several_copies_each_is_moved_to_the_path_that_ends_alike(store: Store, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(store, tmp_path / "old" / name / "1.png", account=name)
    (tmp_path / "old").rename(tmp_path / "new")
    for name in ("c", "a"):
        write(store, tmp_path / "new" / name / "1.png")
    assert sorted(seen(store)) == [
        (f"{tmp_path}/new/a/1.png", "a", None), (f"{tmp_path}/new/c/1.png", "c", None), (f"{tmp_path}/old/b/1.png", "b", None),
    ]  # fmt: skip


def test_another_post_another_name_and_a_copy_are_no_moves(store: Store, tmp_path: Path) -> None:
    first = tmp_path / "first" / "1.png"
    write(store, first, account="anna", url="https://example.org/1")
    first.unlink()
    write(store, tmp_path / "second" / "1.png", account="ben", url="https://example.org/2")
    write(store, tmp_path / "third" / "another name.png")
    write(store, tmp_path / "fourth" / "1.png", account="ben", url="https://example.org/2")
    assert len(seen(store)) == 4 and seen(store)[0] == (str(first), "anna", None)
    assert list(store.iter_log("moved")) == []


def test_members_of_an_archive_move_with_it_and_out_of_it(store: Store, tmp_path: Path) -> None:
    archive = tmp_path / "old.zip"
    archive.write_bytes(b"archive")
    write(store, f"{archive}/a/1.png", account="anna")
    write(store, tmp_path / "files" / "a" / "1.png")
    assert len(seen(store)) == 2, "the archive is there"
    archive.rename(tmp_path / "new.zip")
    write(store, f"{tmp_path}/new.zip/a/1.png")
    assert (f"{tmp_path}/new.zip/a/1.png", "anna", None) in seen(store) and len(seen(store)) == 2
    (tmp_path / "new.zip").unlink()
    write(store, tmp_path / "out" / "a" / "1.png")
    assert (f"{tmp_path}/out/a/1.png", "anna", None) in seen(store) and len(seen(store)) == 2


def test_sightings_move_only_from_a_known_path_to_a_new_one(store: Store) -> None:
    for old, new in (("/nowhere.png", "/b.png"), ("/elsewhere.png", "/elsewhere.png")):
        with pytest.raises(StoreError, match="cannot move"), store.writing():
            store.move_sightings(SHA256, old, new)


def test_file_is_gone_only_if_its_disk_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.zip").write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    assert not any(moves.is_gone(f"{tmp_path}/{name}") for name in ("a.zip", "a.zip/b/c.png", "link", "link/a.png"))
    assert all(moves.is_gone(f"{tmp_path}/{name}") for name in ("b.png", "b/c/d.png", "b" * 300 + "/c", "c\0.png"))
    assert not moves.is_gone("/no such folder/a.png")
    mounted = tmp_path / "media" / "user" / "disk"
    mounted.mkdir(parents=True)
    monkeypatch.setattr(moves, "MOUNT_FOLDERS", (tmp_path / "media",))
    assert not moves.is_gone(f"{mounted}/a.png") and not moves.is_gone(f"{mounted}2/a.png")
    monkeypatch.setattr(os.path, "ismount", lambda path: path == mounted)
    assert moves.is_gone(f"{mounted}/a.png") and not moves.is_gone(f"{mounted}2/a.png")


def test_corrected_sidecar_replaces_what_it_said_before(case: Case, tmp_path: Path) -> None:
    photo, sidecar = tmp_path / "1.png", tmp_path / "1.info.json"
    Image.new("RGB", (64, 64), "red").save(photo)
    sidecar.write_text(json.dumps({"uploader": "anna", "title": "wrong", "webpage_url": "https://example.org/1"}))
    (first,) = (outcome for outcome in case.ingest([photo], OPTIONS))
    sidecar.write_text(json.dumps({"uploader": "anna", "title": "right"}))
    for _ in range(2):
        assert [outcome.status for outcome in case.ingest([photo], OPTIONS)] == ["known"]
        (sighting,) = case._store.sightings(str(first.sha256))
        assert (sighting.account_name, sighting.title, sighting.url) == ("anna", "right", None)
    assert sum(1 for _ in case._store.iter_log("sighted")) == 2


def test_folder_and_archive_are_forgotten_with_all_sightings_of_each_path(case: Case, tmp_path: Path) -> None:
    folder, archive = tmp_path / "in", tmp_path / "in" / "a.zip"
    folder.mkdir()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("a", b"")
    paths = [f"{folder}/1.png", f"{archive}/b/1.png", f"{tmp_path}/in2/1.png"]
    with case._store.writing():
        case._store.add_record(ingest_record("a", paths[2]))
        for uri in paths[:2]:
            case._store.save_sightings([Sighting(sha256=SHA256, uri=uri, account=name) for name in ("anna", "ben")])
            case._store.save_clues(SHA256, uri, [CLUE])
    (forgotten,) = case.forget(archive)
    assert (forgotten.uri, forgotten.removed["sightings"], forgotten.removed["clues"]) == (paths[1], 2, 1)
    done = CliRunner().invoke(app, ["--store", str(case.folder), "forget", "--json", f"{folder}/"])
    assert done.exit_code == 0 and json.loads(done.stdout)["uri"] == paths[0]
    assert case._store.uris(SHA256) == (paths[2],)
    assert case._store.check_integrity() == []
