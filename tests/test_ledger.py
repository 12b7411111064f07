"""The ledger: what became of every file, under which version of the pipeline, until the file changes."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from intakes import BAD_NAME, done, failed, intake, raw

from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import StoreError
from mediafp.types.runs import LedgerEntry


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A store that holds one asset, the file of which is not in the ledger."""
    with SqliteStore(tmp_path / "store", create=True) as opened:
        with opened.writing():
            opened.add_record(intake("a", BAD_NAME))
        yield opened


def write(store: SqliteStore, *entries: LedgerEntry) -> None:
    with store.writing():
        for entry in entries:
            store.write_ledger_entry(entry)


def skipped(path: str) -> LedgerEntry:
    return LedgerEntry(path=path, bytes=0, modified_ns=-5, version="v", state="skipped")


@pytest.mark.parametrize(
    "entry",
    [
        done(intake("a", BAD_NAME), version="版本 2"),
        skipped("-leading '\" %_.txt"),
        failed(BAD_NAME, "timeout", attempts=7),
        replace(failed("/huge"), bytes=1 << 50, modified_ns=(1 << 63) - 1, message="of 3 lines\n\nand 汉字"),
    ],
    ids=lambda entry: entry.state,
)
def test_a_row_comes_back_as_it_was(store: SqliteStore, entry: LedgerEntry) -> None:
    write(store, entry)
    store.close()
    with SqliteStore(store.folder) as again:
        assert again.find_ledger_entry(entry.path, bytes=entry.bytes, modified_ns=entry.modified_ns) == entry
        assert again.failures() == ([entry] if entry.state == "failed" else [])
        assert again.check_integrity() == []


def test_a_changed_file_is_not_found(store: SqliteStore) -> None:
    entry = done(intake("a", BAD_NAME))
    write(store, entry)
    assert store.find_ledger_entry(entry.path, bytes=entry.bytes + 1, modified_ns=entry.modified_ns) is None
    assert store.find_ledger_entry(entry.path, bytes=entry.bytes, modified_ns=entry.modified_ns + 1) is None
    assert store.find_ledger_entry("/other", bytes=entry.bytes, modified_ns=entry.modified_ns) is None


def test_a_file_has_one_row_the_last(store: SqliteStore) -> None:
    write(store, failed(BAD_NAME), failed(BAD_NAME, "crash", attempts=2), failed("/z"), failed("/b"))
    assert store.failures() == [failed("/b"), failed(BAD_NAME, "crash", attempts=2), failed("/z")]
    write(store, done(intake("a", BAD_NAME)), skipped("/b"))
    assert [row.path for row in store.failures()] == ["/z"]


def test_a_hostile_message_does_not_stop_the_ledger(store: SqliteStore) -> None:
    write(store, replace(failed(BAD_NAME), message=f"{BAD_NAME} is\ud800\x00cut"))
    (row,) = store.failures()
    assert row.path == BAD_NAME and row.message is not None and row.message.endswith("is?\x00cut")
    assert store.check_integrity() == []


@pytest.mark.parametrize(
    "wrong",
    [
        replace(done(intake("a")), sha256=None),
        replace(done(intake("a")), sha256="f" * 64),
        replace(skipped("/s"), sha256="a" * 64),
        replace(failed("/f"), sha256="a" * 64),
        replace(failed("/f"), message=None),
        replace(failed("/f"), kind=None),
        replace(skipped("/s"), kind="corrupt"),
        replace(skipped("/s"), message="m"),
        replace(done(intake("a")), message="m"),
    ],
    ids=lambda entry: f"{entry.state} {entry.sha256 and entry.sha256[0]} {entry.kind} {entry.message}",
)
def test_a_row_that_contradicts_itself_is_refused(store: SqliteStore, wrong: LedgerEntry) -> None:
    with pytest.raises(StoreError, match="cannot be written"):
        write(store, wrong)
    assert store.failures() == []


def test_a_failure_is_logged_when_it_is_new_and_when_it_is_another(store: SqliteStore) -> None:
    write(store, failed(BAD_NAME), failed(BAD_NAME, attempts=2))
    write(store, failed(BAD_NAME, "crash"), skipped(BAD_NAME), failed(BAD_NAME, "crash"), skipped("/s"))
    logged = [entry.details for entry in store.iter_log("failed")]
    assert logged == [{"path": BAD_NAME, "kind": kind} for kind in ("corrupt", "crash", "crash")]


def test_a_file_that_was_taken_in_and_not_seen_is_found(store: SqliteStore) -> None:
    write(store, done(intake("a", BAD_NAME)))
    assert store.check_integrity() == []
    write(store, done(intake("a", "/elsewhere")))
    (problem,) = store.check_integrity()
    assert "'/elsewhere'" in problem and "a" * 64 in problem


def test_no_asset_means_no_row(store: SqliteStore) -> None:
    entry = done(intake("a", BAD_NAME))
    write(store, entry)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        raw(store, "UPDATE ledger SET sha256 = NULL")
    store.database.connection.execute("DELETE FROM asset")
    assert store.find_ledger_entry(entry.path, bytes=entry.bytes, modified_ns=entry.modified_ns) is None
