"""Assets that change while others are compared with them: no pair is lost, and no result of a former state is kept."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mixed_stores import Ingested, open_references

from mediafp.case.comparison.comparer import ComparedAsset, Comparer
from mediafp.case.comparison.versions import comparison_versions
from mediafp.fingerprints.reference_crops import REFERENCE_CROPS
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.kept_matches import PendingComparison
from mediafp.types.matches import OcrResult, TextLine

LINE = TextLine(text="x", box=((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0)), confidence=1.0)


@pytest.fixture
def store(tmp_path: Path, ingested: Ingested) -> Iterator[SqliteStore]:
    """A store with two copies, of which one lacks its crops."""
    record = ingested.records["cat-mirrored"]
    whole = tuple(one for one in record.fingerprints if one.type != REFERENCE_CROPS)
    with SqliteStore(tmp_path / "store", create=True) as opened:
        with opened.writing():
            ingested.apply(opened, ("record", "cat"))
            opened.add_record(replace(record, fingerprints=whole))
        yield opened


def pending(store: SqliteStore, ingested: Ingested, name: str) -> PendingComparison:
    sha256 = ingested.records[name].asset.sha256
    (one,) = store.pending_comparisons(comparison_versions(), assets=[sha256])
    return one


def save(store: SqliteStore, *compared: ComparedAsset) -> None:
    with store.writing():
        for one in compared:
            store.save_comparison(one.pending, comparison_versions()["picture"], one.started, one.matches)


def change_text(store: SqliteStore, ingested: Ingested, name: str) -> None:
    with store.writing():
        store.save_ocr_result(ingested.records[name].asset.sha256, OcrResult(version="1", lines=(LINE,)))


def test_a_pair_is_compared_anew_if_one_of_the_two_changes_after_both_were_begun(
    store: SqliteStore, ingested: Ingested
) -> None:
    comparer = Comparer(store, open_references(store))
    cat, mirrored = (pending(store, ingested, name) for name in ("cat", "cat-mirrored"))
    comparer.update([cat, mirrored])
    compared = [comparer.compare(cat), comparer.compare(mirrored)]
    assert [len(one.matches) for one in compared] == [1, 0]
    change_text(store, ingested, "cat-mirrored")
    save(store, *compared)
    assert list(store.kept_matches()) == []
    changed = pending(store, ingested, "cat-mirrored")
    comparer.update([changed])
    save(store, comparer.compare(changed))
    assert len(list(store.kept_matches())) == 1
    assert store.pending_comparisons(comparison_versions()) == []


def test_a_state_of_an_asset_that_was_replaced_before_it_was_begun_takes_no_pair_over(
    store: SqliteStore, ingested: Ingested
) -> None:
    comparer = Comparer(store, open_references(store))
    cat, mirrored = (pending(store, ingested, name) for name in ("cat", "cat-mirrored"))
    comparer.update([cat, mirrored])
    change_text(store, ingested, "cat-mirrored")
    changed = pending(store, ingested, "cat-mirrored")
    comparer.update([changed])
    save(store, *map(comparer.compare, (mirrored, cat, changed)))
    assert len(list(store.kept_matches())) == 1
    assert store.pending_comparisons(comparison_versions()) == []


def test_a_result_from_rows_that_were_replaced_is_not_kept(store: SqliteStore, ingested: Ingested) -> None:
    comparer = Comparer(store, open_references(store))
    cat = pending(store, ingested, "cat")
    comparer.update([cat, pending(store, ingested, "cat-mirrored")])
    with store.writing():
        # Another process analyses the file anew before this one begins, whose index has its former rows.
        ingested.apply(store, ("record", "cat-mirrored"))
    assert [entry.what for entry in store.iter_log("refreshed")] == ["refreshed"]
    compared = comparer.compare(cat)
    assert len(compared.matches) == 1
    save(store, compared)
    assert list(store.kept_matches()) == []
