"""Contract of `Store` for transactions and threads."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from ingest_records import failed_entry, ingest_record, state

from mediafp.store import Store
from mediafp.types.errors import StoreError
from mediafp.types.sightings import Sighting

A = "a" * 64


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_interrupted_write_is_undone_as_a_whole(store: Store, error: type[BaseException]) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
        store.write_ledger_entry(failed_entry("/dump/b.mp4"))
    before = state(store)
    with pytest.raises(error), store.writing():
        store.add_record(ingest_record("b"))
        store.write_ledger_entry(failed_entry("/dump/c.mp4"))
        store.save_sightings([Sighting(sha256=A, uri="elsewhere")])
        assert store.count_assets() == 2
        raise error
    assert state(store) == before
    with store.writing():
        assert store.add_record(ingest_record("b")), "the next write succeeds"


def test_rejected_write_raises_store_error_and_is_undone(store: Store) -> None:
    with pytest.raises(StoreError, match="cannot write the store"), store.writing():
        store.add_record(ingest_record("a"))
        store.save_sightings([Sighting(sha256="f" * 64, uri="of no asset")])
    assert store.count_assets() == 0


def test_started_iteration_returns_the_state_at_its_start(store: Store, open_any: Callable[..., Store]) -> None:
    with store.writing():
        for name in "ac":
            store.add_record(ingest_record(name))
    with open_any(store.folder) as reader:
        reading = reader.fingerprints("pdq", "1")
        assert next(reading).sha256[0] == "a"
        with store.writing():
            store.add_record(ingest_record("b"))
        assert [f.sha256[0] for f in reading] == ["c"]
        assert [f.sha256[0] for f in reader.fingerprints("pdq", "1")] == ["a", "b", "c"]


def test_other_thread_reads_the_state_before_an_open_write(store: Store) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
    with ThreadPoolExecutor(1) as other:
        with store.writing():
            store.add_record(ingest_record("b"))
            assert store.count_assets() == 2
            assert other.submit(store.count_assets).result() == 1
        assert other.submit(store.count_assets).result() == 2


def test_threads_read_whole_writes_while_one_writes(store: Store) -> None:
    """Each write adds an asset with its fingerprints, sighting and thumbnails; a reader gets all of them or none."""
    writes, partial, reads = 40, [], []
    finished = threading.Event()

    def read_until_finished() -> None:
        while not finished.is_set():
            entries = [entry.details["sha256"] for entry in store.iter_log("added")]
            fingerprints = [f.sha256 for f in store.fingerprints("pdq", "1")]
            # Later reads of a thread return the same state or a newer one.
            if fingerprints[: len(entries)] != entries or len(store.assets()) < len(fingerprints):
                partial.append((entries, fingerprints))
            for sha256 in fingerprints[-1:]:
                if len(store.uris(sha256)) != 1 or store.row_thumbnail(sha256, 2) is None:
                    partial.append(sha256)
            reads.append(len(fingerprints))

    readers = [threading.Thread(target=read_until_finished) for _ in range(4)]
    for reader in readers:
        reader.start()
    for n in range(writes):
        record, sha256 = ingest_record("a", f"/dump/{n}.mp4"), f"{n:064d}"
        with store.writing():
            store.add_record(
                replace(
                    record,
                    asset=replace(record.asset, sha256=sha256),
                    sightings=(replace(record.sightings[0], sha256=sha256),),
                    fingerprints=tuple(replace(f, sha256=sha256) for f in record.fingerprints),
                )
            )
    finished.set()
    for reader in readers:
        reader.join()
    assert partial == [] and len(reads) >= len(readers)
    assert store.count_assets() == writes and store.check_integrity() == []


def test_threads_write_one_after_another(store: Store) -> None:
    """No write is lost, and the entries of one write are consecutive."""
    threads, turns = 6, 15

    def write_turns(thread: int) -> None:
        for turn in range(turns):
            with store.writing():
                for part in range(3):
                    store.append_log("turn", {"thread": thread, "turn": turn, "part": part})

    with ThreadPoolExecutor(threads) as pool:
        for writer in [pool.submit(write_turns, n) for n in range(threads)]:
            writer.result()
    logged = [tuple(entry.details.values()) for entry in store.iter_log("turn")]
    assert len(logged) == 3 * threads * turns
    assert all(len({entry[1:] for entry in logged[n : n + 3]}) == 1 for n in range(0, len(logged), 3))
    assert store.check_integrity() == []


def test_iterator_can_be_finished_by_another_thread(store: Store) -> None:
    with store.writing():
        for name in "abc":
            store.add_record(ingest_record(name))
    iterator = store.fingerprints("pdq", "1")
    next(iterator)
    with ThreadPoolExecutor(1) as other:
        assert [f.sha256[0] for f in other.submit(list, iterator).result()] == ["b", "c"]


def test_close_closes_the_store_for_all_threads(store: Store) -> None:
    with ThreadPoolExecutor(1) as other:
        assert other.submit(store.count_assets).result() == 0
        store.close()
        for read in (store.count_assets, lambda: other.submit(store.count_assets).result()):
            with pytest.raises(StoreError, match="closed"):
                read()
