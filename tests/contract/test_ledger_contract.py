"""Contract of `Store` for the ledger: the state of every path."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from ingest_records import BAD_NAME, done_entry, failed_entry, ingest_record

from mediafp.store import Store
from mediafp.types.errors import StoreError
from mediafp.types.runs import LedgerEntry

A = "a" * 64


def write(store: Store, *entries: LedgerEntry) -> None:
    with store.writing():
        for entry in entries:
            store.write_ledger_entry(entry)


def skipped(path: str) -> LedgerEntry:
    return LedgerEntry(path=path, bytes=0, modified_ns=-5, version="v", state="skipped")


@pytest.fixture
def store_with_asset(store: Store) -> Store:
    """A store that contains one asset, whose path is not in the ledger."""
    with store.writing():
        store.add_record(ingest_record("a", BAD_NAME))
    return store


@pytest.mark.parametrize(
    "entry",
    [
        done_entry(ingest_record("a", BAD_NAME), version="版本 2"),
        skipped("-leading '\" %_.txt"),
        failed_entry(BAD_NAME, "timeout", attempts=7),
        replace(failed_entry("/huge"), bytes=1 << 50, modified_ns=(1 << 63) - 1, message="of 3 lines\n\nand 汉字"),
    ],
    ids=lambda entry: entry.state,
)
def test_write_ledger_entry_stores_the_entry_unchanged(
    store_with_asset: Store, open_any: Callable[..., Store], entry: LedgerEntry
) -> None:
    write(store_with_asset, entry)
    store_with_asset.close()
    with open_any(store_with_asset.folder) as reopened:
        assert reopened.find_ledger_entry(entry.path, bytes=entry.bytes, modified_ns=entry.modified_ns) == entry
        assert reopened.failures() == ([entry] if entry.state == "failed" else [])
        assert reopened.check_integrity() == []


def test_find_ledger_entry_ignores_a_changed_file(store_with_asset: Store) -> None:
    entry, find = done_entry(ingest_record("a", BAD_NAME)), store_with_asset.find_ledger_entry
    write(store_with_asset, entry)
    assert find(entry.path, bytes=entry.bytes + 1, modified_ns=entry.modified_ns) is None
    assert find(entry.path, bytes=entry.bytes, modified_ns=entry.modified_ns + 1) is None
    assert find("/other", bytes=entry.bytes, modified_ns=entry.modified_ns) is None


def test_path_has_one_ledger_entry_the_last_one(store_with_asset: Store) -> None:
    store = store_with_asset
    write(
        store,
        failed_entry(BAD_NAME),
        failed_entry(BAD_NAME, "crash", attempts=2),
        failed_entry("/z"),
        failed_entry("/b"),
    )
    assert store.failures() == [failed_entry("/b"), failed_entry(BAD_NAME, "crash", attempts=2), failed_entry("/z")]
    write(store, done_entry(ingest_record("a", BAD_NAME)), skipped("/b"))
    assert [entry.path for entry in store.failures()] == ["/z"]


def test_clear_failure_removes_a_failed_entry_alone(store_with_asset: Store) -> None:
    store = store_with_asset
    write(store, failed_entry("/z"), done_entry(ingest_record("a", BAD_NAME)))
    with store.writing():
        store.clear_failure("/z")
        store.clear_failure(BAD_NAME)
    assert store.failures() == []
    entry = done_entry(ingest_record("a", BAD_NAME))
    assert store.find_ledger_entry(entry.path, bytes=entry.bytes, modified_ns=entry.modified_ns) == entry
    assert [entry.details for entry in store.iter_log("mended")] == [{"path": "/z"}, {"path": BAD_NAME}]


def test_write_ledger_entry_stores_a_hostile_message_as_text(store: Store) -> None:
    write(store, replace(failed_entry(BAD_NAME), message=f"{BAD_NAME} is\ud800\x00cut"))
    (entry,) = store.failures()
    assert entry.path == BAD_NAME and entry.message is not None and entry.message.endswith("is?\x00cut")
    assert store.check_integrity() == []


@pytest.mark.parametrize(
    "invalid",
    [
        replace(done_entry(ingest_record("a")), sha256=None),
        replace(done_entry(ingest_record("a")), sha256="f" * 64),
        replace(skipped("/s"), sha256=A),
        replace(failed_entry("/f"), sha256=A),
        replace(failed_entry("/f"), message=None),
        replace(failed_entry("/f"), kind=None),
        replace(skipped("/s"), kind="corrupt"),
        replace(skipped("/s"), message="m"),
        replace(done_entry(ingest_record("a")), message="m"),
    ],
    ids=lambda entry: f"{entry.state} {entry.sha256 and entry.sha256[0]} {entry.kind} {entry.message}",
)
def test_write_ledger_entry_rejects_contradictory_fields(store_with_asset: Store, invalid: LedgerEntry) -> None:
    with pytest.raises(StoreError, match="cannot write the store"):
        write(store_with_asset, invalid)
    assert store_with_asset.failures() == []


def test_failure_is_logged_if_it_is_new_or_of_another_kind(store_with_asset: Store) -> None:
    store = store_with_asset
    write(store, failed_entry(BAD_NAME), failed_entry(BAD_NAME, attempts=2))
    write(store, failed_entry(BAD_NAME, "crash"), skipped(BAD_NAME), failed_entry(BAD_NAME, "crash"), skipped("/s"))
    logged = [entry.details for entry in store.iter_log("failed")]
    assert logged == [{"path": BAD_NAME, "kind": kind} for kind in ("corrupt", "crash", "crash")]


def test_check_integrity_finds_an_ingested_path_without_a_sighting(store_with_asset: Store) -> None:
    write(store_with_asset, done_entry(ingest_record("a", BAD_NAME)))
    assert store_with_asset.check_integrity() == []
    write(store_with_asset, done_entry(ingest_record("a", "/elsewhere")))
    (problem,) = store_with_asset.check_integrity()
    assert "'/elsewhere'" in problem and A in problem
