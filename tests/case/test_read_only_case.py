"""A case in a folder in which no file may be made, as on a read-only mount, can be read; what would change it says what to do."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from ingest_records import add_records
from linked_stores import image_record, linked_store
from PIL import Image
from served_case import served

from mediafp import AnalysisOptions, IngestOptions
from mediafp.case import open_case
from mediafp.store import open_store
from mediafp.store.sqlite import store as sqlite_store
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.types.errors import StoreError

SKIPPED = 77
"""Exit status of a process that may write to the folder whatever its mode is."""
PATIENCE_SECONDS = 300
RUN = f"""
import ctypes, os, sys
from mediafp.engine.local.privileges import drop_capabilities
ctypes.CDLL(None).prctl(28, 3, 0, 0, 0)  # SECBIT_NOROOT: programs that it starts get none of root's capabilities back
drop_capabilities()  # with which root may write to any folder
if os.access(sys.argv[2], os.W_OK):
    sys.exit({SKIPPED})
from mediafp.cli.app import main
main()
"""


@pytest.fixture(scope="module")
def locked(photos: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The store of two images, in a folder of which the mode lets nobody write, beside the images."""
    folder = tmp_path_factory.mktemp("locked")
    image = Image.fromarray(photos["cat"])
    image.save(folder / "a.png")
    image.crop((30, 20, 400, 280)).save(folder / "b.png")
    options = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))
    with open_case(folder / "store", create=True) as case:
        assert len(list(case.ingest([folder / "a.png", folder / "b.png"], options))) == 2
    (folder / "store" / DATABASE_NAME).chmod(0o444)
    (folder / "store").chmod(0o555)
    yield folder
    (folder / "store").chmod(0o755)


def run(folder: Path, *arguments: object) -> tuple[int, str, str]:
    """Run a command on the store as a user whom the modes bind; return its status, its output and its messages."""
    command = [sys.executable, "-c", RUN, "--store", str(folder / "store"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    if done.returncode == SKIPPED:
        pytest.skip("this user may write to any folder")
    return done.returncode, done.stdout, done.stderr


def test_commands_that_read_leave_a_folder_unchanged_in_which_they_may_not_write(locked: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (locked / "store").iterdir()}
    for command in ("match", "trace"):
        status, output, messages = run(locked, command, locked / "b.png", "--ocr", "no", "--json")
        assert status == 0, messages
        assert [match["relation"] for match in json.loads(output)["matches"]] == ["copy"]
    status, _, messages = run(locked, "report", tmp_path / "page.html")
    assert status == 0 and "keypoints agree" in (tmp_path / "page.html").read_text(), messages
    status, output, messages = run(locked, "verify")
    assert status == 0 and "the store is sound" in output, messages
    assert {path: path.stat().st_mtime_ns for path in (locked / "store").iterdir()} == before


@pytest.mark.parametrize(
    "arguments", [("ingest", "a.png"), ("relate",), ("decide", "confirm", "a.png", "b.png")], ids=lambda one: one[0]
)
def test_commands_that_write_say_to_copy_the_case(locked: Path, arguments: tuple[str, ...]) -> None:
    named = [locked / one if one.endswith(".png") else one for one in arguments]
    status, _, messages = run(locked, *named)
    assert (
        status == 2 and "you may not write to its folder; copy the folder to a disk to which you may write" in messages
    )


def test_log_that_is_not_in_the_database_yet_is_not_passed_over(locked: Path) -> None:
    """SQLite would read the state before it."""
    log = locked / "store" / f"{DATABASE_NAME}-wal"
    (locked / "store").chmod(0o755)
    log.write_bytes(bytes(4096))
    (locked / "store").chmod(0o555)
    try:
        status, _, messages = run(locked, "verify")
    finally:
        (locked / "store").chmod(0o755)
        log.unlink()
        (locked / "store").chmod(0o555)
    assert status == 2 and f"its '{DATABASE_NAME}-wal' contains changes" in messages and "copy the folder" in messages


# The rest needs no other user: only the question whether one may write is answered for the store.


def test_pages_of_a_case_that_cannot_be_written_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    linked_store(tmp_path / "store", "abc", {"ab": 0.99}).close()
    before = (tmp_path / "store" / DATABASE_NAME).read_bytes()
    monkeypatch.setattr(sqlite_store, "may_write", lambda file: False)
    a, b = "a" * 64, "b" * 64
    with open_case(tmp_path / "store") as case, served(case) as one:
        for page in ("/", "/groups", "/groups/c1", "/accounts", f"/answer/{a}", f"/compare/{a}/{b}", "/review", "/log"):
            assert one.get(page).status_code == 200, page
    assert (tmp_path / "store" / DATABASE_NAME).read_bytes() == before


def test_pages_of_a_case_that_somebody_changes_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of the error counted the files of the case, which raised the error again: "Internal Server Error"."""
    linked_store(tmp_path / "store", "ab", {"ab": 0.99}).close()
    monkeypatch.setattr(sqlite_store, "may_write", lambda file: False)
    with open_case(tmp_path / "store") as case, served(case) as one:
        assert one.get("/groups").status_code == 200
        os.utime(tmp_path / "store" / DATABASE_NAME, (0, 0))
        for page in ("/", "/groups"):
            answer = one.get(page)
            assert answer.status_code == 503 and "Another program has changed the case" in answer.text, page


def test_files_that_were_not_compared_are_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with linked_store(tmp_path / "store", "ab", {"ab": 0.99}) as store:
        add_records(store, image_record("c"))
    monkeypatch.setattr(sqlite_store, "may_write", lambda file: False)
    with open_case(tmp_path / "store") as case:
        case.report(tmp_path / "page.html")
        with pytest.raises(StoreError, match=r"cannot compare the files of .* copy the folder"):
            case.relate()
    stated = "1 file not compared with all others, so that matches may be missing"
    assert stated in (tmp_path / "page.html").read_text() and stated in caplog.text


@pytest.mark.parametrize("is_saved", [False, True], ids=["in the log", "in the database"])
def test_case_that_somebody_else_changes_is_read_no_further(
    is_saved: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite takes it as unchanged: it would mix pages in memory with those of the new state, without an error."""
    linked_store(tmp_path / "store", "ab", {"ab": 0.99}).close()
    with open_store(tmp_path / "store") as writer:
        monkeypatch.setattr(sqlite_store, "may_write", lambda file: False)
        with open_store(tmp_path / "store") as reader:
            assert reader.count_assets() == 2
            add_records(writer, image_record("c"))
            if is_saved:
                writer.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]
            with pytest.raises(StoreError, match=r"another program changed it meanwhile.* copy the folder"):
                reader.count_assets()


def test_store_of_an_older_version_says_that_it_cannot_be_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked_store(tmp_path / "store", "a", {}).close()
    with open_store(tmp_path / "store") as store:
        store.database.execute("PRAGMA user_version = 1")  # type: ignore[attr-defined]
    monkeypatch.setattr(sqlite_store, "may_write", lambda file: False)
    with pytest.raises(
        StoreError, match=r"an older mediafp made it, whose version 1 must be migrated .* copy the folder"
    ):
        open_store(tmp_path / "store")
