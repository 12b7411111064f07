"""Files that the workbench receives: stored under their SHA-256, ingested under the name that they had."""

import hashlib
from pathlib import Path

import pytest
from media_files import write_gif

from mediafp.case.case import Case
from mediafp.case.received_files import ReceivedFiles
from mediafp.types.errors import NotMedia

NAME = "63885668ly8fjf57kfmgfj20ro0ro0u7.gif"
"""Name that Weibo gives a picture; its first digits are the number of the user."""


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    return write_gif(tmp_path / "a.gif", 1).read_bytes()


def receive(case: Case, name: str, content: bytes) -> str:
    with case.received_files().receiving(name) as upload:
        upload.write(content)
    return upload.sha256


def test_received_file_has_its_hash_as_its_name_and_keeps_the_clues_of_its_own(case: Case, content: bytes) -> None:
    sha256 = receive(case, NAME, content)
    path = case.received_files().path(sha256)
    assert path is not None and path.name == f"{hashlib.sha256(content).hexdigest()}.gif"
    (outcome,) = case.ingest(path)
    assert (outcome.status, outcome.sha256, outcome.warnings) == ("added", sha256, ())
    (record,) = case.export_records()
    clues = {(clue.kind, clue.value) for clue in record.clues}
    assert ("file_name", NAME) in clues and ("platform", "weibo") in clues
    (sighting,) = record.sightings
    assert sighting.title is None
    assert case.received_files().name_of(sighting.uri) == NAME
    assert {hit.sha256 for hit in case.search("63885668ly8fjf57kfmgfj20ro0ro0u7", ["clue"])} == {sha256}


@pytest.mark.parametrize("name", ["../../x.gif", "a\0b\n<b>.gif", "x" * 400, "\udcff.gif"])
def test_hostile_name_names_no_file(name: str, case: Case, content: bytes) -> None:
    sha256 = receive(case, name, content)
    folder = case.received_files().folder
    assert {path.name for path in folder.iterdir()} == {f"{sha256}.gif", f"{sha256}.gif.json"}
    assert case.received_files().name_of(f"{folder}/{sha256}.gif")
    assert case.received_files().name_of(f"/elsewhere/{sha256}.gif") is None


def test_what_is_no_media_is_not_kept(case: Case) -> None:
    with pytest.raises(NotMedia, match=r"'notes\.txt'"):
        receive(case, "notes.txt", b"words")
    assert list(case.received_files().folder.iterdir()) == []


def test_equal_bytes_keep_the_first_name(case: Case, content: bytes) -> None:
    first, second = receive(case, "one.gif", content), receive(case, "two.gif", content)
    uri = f"{case.received_files().folder}/{first}.gif"
    assert first == second and case.received_files().name_of(uri) == "one.gif"


def test_upload_that_ends_early_leaves_nothing_and_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    received = ReceivedFiles(tmp_path)
    with pytest.raises(ConnectionError), received.receiving("photo.jpg"):
        raise ConnectionError("the form did not end")
    assert list(received.folder.iterdir()) == []
