"""References of a store: its indexes follow the database, and whatever an index file says, rows come from the database."""

import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from indexed_store import answers, name, record
from ingest_records import add_records, execute_raw

from mediafp.case.references import StoredReferences, UnusableReferenceError
from mediafp.fingerprints.insets import INSETS
from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.rectangles import RECTANGLES
from mediafp.fingerprints.reduced_image import REDUCED_IMAGE
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.fingerprints.registry import SEARCH_TYPE, fingerprint_type
from mediafp.fingerprints.sound_codes import SoundCodes
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.store.row_index import index as row_index
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.bounded_cache import BoundedCache


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteStore]:
    """A store of 30 images whose indexes are saved at once."""
    monkeypatch.setattr(row_index, "SAVE_ROWS", 1)
    with SqliteStore(tmp_path / "case", create=True) as opened:
        add_records(opened, *(record(n) for n in range(30)))
        StoredReferences(opened, decode_thumbnail)
        yield opened


def values_of(store: SqliteStore, kind: str, name: str) -> Path:
    (file,) = (store.folder / "index").glob(f"{kind}-*/*.{name}")
    return file


def forge(store: SqliteStore, kind: str, name: str, number: int, value: bytes) -> None:
    with values_of(store, kind, name).open("r+b") as file:
        file.seek(64 + number * len(value))
        file.write(value)


def test_saved_indexes_give_the_answers_of_new_ones(store: SqliteStore) -> None:
    before = answers(StoredReferences(store, decode_thumbnail))
    assert before[1][0][:2] == (name(7), 0)  # type: ignore[index]
    assert StoredReferences(store, decode_thumbnail).row_counts() == {
        SEARCH_TYPE: 30,
        Pdq.name: 30,
        REFERENCE_CROPS: 150,
        RECTANGLES: 60,
        REDUCED_IMAGE: 30,
        INSETS: 0,
        SoundCodes.name: 0,
    }
    shutil.rmtree(store.folder / "index")
    assert answers(StoredReferences(store, decode_thumbnail)) == before and store.check_integrity() == []


def test_order_of_arrival_changes_no_answer(store: SqliteStore, tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "other", create=True) as other:
        for n in np.random.default_rng(3).permutation(30).tolist():
            add_records(other, record(n))
            if n % 7 == 0:
                StoredReferences(other, decode_thumbnail)
        assert answers(StoredReferences(other, decode_thumbnail)) == answers(StoredReferences(store, decode_thumbnail))


def test_what_was_ingested_since_is_added_and_only_that_is_read(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = StoredReferences(store, decode_thumbnail)
    add_records(store, record(30), record(31))
    read: list[object] = []
    load = SqliteStore.fingerprints
    monkeypatch.setattr(
        SqliteStore,
        "fingerprints",
        lambda *a: (a[1] not in (INSETS, SoundCodes.name) and read.append(a[3])) or load(*a),
    )
    opened = StoredReferences(store, decode_thumbnail)
    assert references.update() and answers(references) == answers(opened)
    assert opened.search(record(31).fingerprints[0].vectors, 1).of_query(0)[0].sha256 == name(31)
    assert read and all(only in ({name(30), name(31)}, {name(31)}, {name(30)}) for only in read)


def test_asset_that_was_asked_for_before_it_was_ingested_is_found(store: SqliteStore) -> None:
    references = StoredReferences(store, decode_thumbnail)
    assert references.find_asset(name(70)) is None
    add_records(store, record(70))
    assert references.update() and references.find_asset(name(70)) is not None
    assert references.search(record(70).fingerprints[0].vectors, 1).of_query(0)[0].sha256 == name(70)


def test_asset_that_was_analysed_anew_has_its_new_rows_alone(store: SqliteStore) -> None:
    references = StoredReferences(store, decode_thumbnail)
    add_records(store, record(50, crops=False))
    assert references.update()
    with store.writing():
        # The crops are new: everything of the asset is replaced, and the custody log says so.
        store.add_record(record(50, seed=99))
    assert not references.update()
    renewed = StoredReferences(store, decode_thumbnail)
    best = renewed.search(record(50, seed=99).fingerprints[0].vectors, 1).of_query(0)[0]
    assert best.sha256 == name(50) and best.score > 0.99
    assert renewed.search(record(50).fingerprints[0].vectors, 1).of_query(0)[0].score < 0.9
    assert renewed.row_counts() == {
        SEARCH_TYPE: 31,
        Pdq.name: 31,
        REFERENCE_CROPS: 155,
        RECTANGLES: 62,
        REDUCED_IMAGE: 31,
        INSETS: 0,
        SoundCodes.name: 0,
    }
    assert store.check_integrity() == []


def test_indexes_of_another_store_are_replaced(store: SqliteStore, tmp_path: Path) -> None:
    before = answers(StoredReferences(store, decode_thumbnail))
    with SqliteStore(tmp_path / "other", create=True) as other:
        add_records(other, *(record(n) for n in range(60, 90)))
        StoredReferences(other, decode_thumbnail)
    shutil.rmtree(store.folder / "index")
    shutil.copytree(tmp_path / "other" / "index", store.folder / "index")
    (problem, *_) = store.check_integrity()
    assert problem.startswith("the index of ") and "is that of another store; delete the folder 'index'" in problem
    assert answers(StoredReferences(store, decode_thumbnail)) == before and store.check_integrity() == []


def test_older_indexes_catch_up_and_newer_ones_are_replaced(store: SqliteStore, tmp_path: Path) -> None:
    shutil.copytree(store.folder / "index", tmp_path / "older")
    shutil.copy(store.folder / DATABASE_NAME, tmp_path / "older.sqlite")
    with SqliteStore(store.folder) as older:
        older.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(store.folder / DATABASE_NAME, tmp_path / "older.sqlite")
    before = answers(StoredReferences(store, decode_thumbnail))
    add_records(store, *(record(n) for n in range(30, 40)))
    after = answers(StoredReferences(store, decode_thumbnail))
    newer = tmp_path / "newer"
    shutil.copytree(store.folder / "index", newer / "index")
    shutil.rmtree(store.folder / "index")
    shutil.copytree(tmp_path / "older", store.folder / "index")
    assert store.check_integrity() == [], "what an index lacks since it was saved is no problem"
    assert answers(StoredReferences(store, decode_thumbnail)) == after != before
    shutil.copy(tmp_path / "older.sqlite", newer / DATABASE_NAME)
    with SqliteStore(newer) as restored:
        assert any("another store" in problem for problem in restored.check_integrity())
        assert answers(StoredReferences(restored, decode_thumbnail)) == before


@pytest.mark.parametrize(
    ("kind", "file", "width"), [(SEARCH_TYPE, "codes", 512), (SEARCH_TYPE, "bits", 64), (REFERENCE_CROPS, "codes", 512)]
)
def test_forged_rows_are_reported_and_never_used(
    store: SqliteStore, caplog: pytest.LogCaptureFixture, kind: str, file: str, width: int
) -> None:
    before = answers(StoredReferences(store, decode_thumbnail))
    forge(store, kind, file, 7 if kind == SEARCH_TYPE else 35, b"\x7f" * width)
    (problem,) = store.check_integrity()
    assert f"the index of {kind} contains other rows than the database of 1 assets, such as {name(7)}" in problem
    references = StoredReferences(store, decode_thumbnail)
    with caplog.at_level(logging.WARNING), pytest.raises(UnusableReferenceError):
        references.quality(name(7))
    assert any("does not agree with the database" in message for message in caplog.messages)
    assert answers(references) == before and references.quality(name(7)).tolist() == [1]
    assert store.check_integrity() == [] and answers(StoredReferences(store, decode_thumbnail)) == before


def test_row_that_is_changed_in_the_database_is_indexed_anew(store: SqliteStore) -> None:
    references = StoredReferences(store, decode_thumbnail)
    (other,) = (f for f in store.fingerprints(SEARCH_TYPE, fingerprint_type(SEARCH_TYPE).version, {name(8)}))
    execute_raw(
        store,
        "UPDATE fingerprint SET data = (SELECT data FROM fingerprint WHERE sha256 = ? AND type = ?)"
        " WHERE sha256 = ? AND type = ?",
        (name(8), SEARCH_TYPE, name(7), SEARCH_TYPE),
    )
    found = references.without_unusable(
        lambda: [
            (hit.sha256, float(references.quality(hit.sha256)[hit.row]))
            for hit in references.search(other.vectors, 2).of_query(0)
        ]
    )
    # The first search returns the rows of asset 7 as they were indexed; looking at that asset corrects them.
    assert found[0] == (name(8), 1.0)
    assert references.without_unusable(lambda: references.embeddings(name(7))).tobytes() == other.vectors.tobytes()
    assert {hit.sha256 for hit in references.search(other.vectors, 2).of_query(0)} == {name(7), name(8)}


def test_damaged_assets_are_reported_once_and_skipped(store: SqliteStore) -> None:
    damaged: list[str] = []
    store.on_damage = lambda sha256, _: damaged.append(sha256)
    references = StoredReferences(store, decode_thumbnail)
    execute_raw(store, "UPDATE fingerprint SET data = x'00' WHERE sha256 = ? AND type = ?", (name(7), Pdq.name))
    query = record(7).fingerprints[0].vectors
    assert references.search(query, 1).of_query(0)[0].sha256 == name(7)

    def best() -> str:
        sha256 = references.search(query, 1).of_query(0)[0].sha256
        references.pdq(sha256)
        return sha256

    assert references.without_unusable(best) != name(7) and set(damaged) == {name(7)}
    assert references.find_asset(name(7)) is None and name(7) not in {asset.sha256 for asset in references.assets()}
    with pytest.raises(UnusableReferenceError):
        references.without_unusable(lambda: references.pdq(name(7)))


def test_asset_without_crops_is_no_damaged_one(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    add_records(store, *(record(n, crops=False) for n in range(40, 45)))
    StoredReferences(store, decode_thumbnail)
    scans: list[object] = []
    list_all = SqliteStore.fingerprinted
    monkeypatch.setattr(
        SqliteStore,
        "fingerprinted",
        lambda *a: scans.append(a[3:]) if len(a) < 4 and a[1] not in (INSETS, SoundCodes.name) else list_all(*a),
    )
    assert StoredReferences(store, decode_thumbnail).row_counts() == {
        SEARCH_TYPE: 35,
        Pdq.name: 35,
        REFERENCE_CROPS: 150,
        RECTANGLES: 60,
        REDUCED_IMAGE: 30,
        INSETS: 0,
        SoundCodes.name: 0,
    }
    assert scans == []


def test_damage_at_building_is_tried_again_at_each_opening(store: SqliteStore) -> None:
    """A repaired asset is found again, though nothing was logged."""
    damaged: list[str] = []
    store.on_damage = lambda sha256, _: damaged.append(sha256)
    where = "WHERE sha256 = ? AND type = ?"
    (data,) = store.database.execute(f"SELECT data FROM fingerprint {where}", (name(7), SEARCH_TYPE)).fetchone()
    execute_raw(store, f"UPDATE fingerprint SET data = x'00' {where}", (name(7), SEARCH_TYPE))
    shutil.rmtree(store.folder / "index")
    for openings in (1, 2, 3):
        assert StoredReferences(store, decode_thumbnail).row_counts()[SEARCH_TYPE] == 29
        assert len(damaged) == openings
    assert not any("index" in problem for problem in store.check_integrity())
    execute_raw(store, f"UPDATE fingerprint SET data = ? {where}", (data, name(7), SEARCH_TYPE))
    references = StoredReferences(store, decode_thumbnail)
    assert references.row_counts()[SEARCH_TYPE] == 30 and store.check_integrity() == []


def test_asset_that_is_gone_from_the_database_is_skipped(store: SqliteStore) -> None:
    damaged: list[str] = []
    store.on_damage = lambda sha256, _: damaged.append(sha256)
    references = StoredReferences(store, decode_thumbnail)
    execute_raw(store, "DELETE FROM fingerprint WHERE sha256 = ?", (name(7),))
    assert references.find_asset(name(7)) is None
    query = record(7).fingerprints[0].vectors
    assert references.search(query, 1).of_query(0)[0].sha256 != name(7)
    assert any("contains 1 assets that the database lacks" in problem for problem in store.check_integrity())


def test_bounded_cache_keeps_what_was_used_last() -> None:
    loaded: list[str] = []
    cache = BoundedCache(lambda key: loaded.append(key) or key * 4, len, 12)
    assert [cache.get(key) for key in "abacbd"] == ["aaaa", "bbbb", "aaaa", "cccc", "bbbb", "dddd"]
    assert loaded == ["a", "b", "c", "d"] and cache.get("a") == "aaaa" and loaded[-1] == "a"
    assert cache.get("long") == "longlonglonglong" and cache.get("long") and loaded[-2:] == ["long", "long"]


def test_several_threads_use_references_while_assets_are_added(store: SqliteStore) -> None:
    references = StoredReferences(store, decode_thumbnail)
    wrong: list[object] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            best = references.search(record(7).fingerprints[0].vectors, 1).of_query(0)[0]
            if best.sha256 != name(7) or references.quality(best.sha256).tolist() != [1]:
                wrong.append(best)

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    for n in range(30, 45):
        add_records(store, record(n))
        assert references.update()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == [] and references.row_counts()[SEARCH_TYPE] == 45
