"""The same files give the same kept matches, whatever the order, the runs and the threads."""

import random
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from mixed_stores import Event, Ingested, Row, kept_rows, open_references

from mediafp.case.comparison import comparer as asset_comparer
from mediafp.case.comparison import partners
from mediafp.case.comparison import run as comparison_run
from mediafp.case.comparison.pair import compare_pair
from mediafp.case.references import StoredReferences
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.matching.promise import AssetRows, Promise, pair_promise
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.kept_matches import KeptMatch

ORDERS, LIMITED_ORDERS = 21, 8


@pytest.fixture
def remembered(ingested: Ingested, monkeypatch: pytest.MonkeyPatch) -> Ingested:
    """The media, of which each pair is compared once in all tests."""
    ingested.counts.clear()
    monkeypatch.setattr(asset_comparer, "compare_pair", ingested.compare_once)
    monkeypatch.setattr(comparison_run, "COMMIT_SECONDS", 0.01)
    return ingested


def build(folder: Path, ingested: Ingested, seed: int, *, interrupted: bool = True) -> list[Row]:
    """Return the kept matches of a new store to which everything is added in one order, in several runs.

    Some runs are ended before all is compared.
    """
    rng = random.Random(seed)
    events = ingested.events
    rng.shuffle(events)
    # A text belongs to an asset; a script may be older than its asset.
    events.sort(key=lambda event: event[0] == "text" and rng.random() < 0.5)
    added: set[str] = set()
    waiting: list[Event] = []
    with SqliteStore(folder, create=True) as store:
        # What is tested does not depend on the disk, and most of the time would be spent on it.
        store.database.connection.execute("PRAGMA synchronous=OFF")
        references = open_references(store)
        while events:
            size = rng.choice((1, 6, 12, len(events)))
            batch, events = events[:size] + waiting, events[size:]
            waiting = []
            with store.writing():
                for event in batch:
                    if event[0] == "text" and event[1] not in added:
                        waiting.append(event)
                        continue
                    ingested.apply(store, event)
                    added |= {event[1]} if event[0] == "record" else set()
            if waiting and not events:
                events = waiting
                waiting = []
            progress = comparison_run.run_comparisons(store, references, jobs=rng.choice((1, 2, 5)))
            if interrupted and rng.random() < 0.4:
                for _ in range(rng.randrange(3)):
                    next(progress, None)
                progress.close()
            elif rng.random() < 0.8:
                list(progress)
        list(comparison_run.run_comparisons(store, references))
        return kept_rows(store)


def test_kept_matches_are_equal_after_any_order_runs_and_threads(remembered: Ingested, tmp_path: Path) -> None:
    expected = build(tmp_path / "0", remembered, 0)
    channels = Counter(row[2] for row in expected if row[5])
    assert channels["picture"] > 20 and channels["script"] >= 2
    for seed in range(1, ORDERS):
        assert build(tmp_path / str(seed), remembered, seed) == expected, f"order {seed}"


def test_comparing_all_anew_gives_the_same_rows(remembered: Ingested, tmp_path: Path) -> None:
    expected = build(tmp_path / "remembered", remembered, 0)
    with pytest.MonkeyPatch.context() as context:
        context.setattr(asset_comparer, "compare_pair", compare_pair)
        assert build(tmp_path / "anew", remembered, 1, interrupted=False) == expected


@pytest.mark.parametrize(("promising", "in_any_case"), [(2, 1), (5, 2)])
def test_kept_matches_are_equal_after_any_order_if_partners_are_limited(
    remembered: Ingested,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    promising: int,
    in_any_case: int,
) -> None:
    monkeypatch.setattr("mediafp.types.kept_matches.MAX_PARTNERS", promising)
    monkeypatch.setattr("mediafp.types.kept_matches.MAX_PARTNERS_IN_ANY_CASE", in_any_case)
    expected = build(tmp_path / "0", remembered, 0)
    for seed in range(1, LIMITED_ORDERS):
        assert build(tmp_path / str(seed), remembered, seed) == expected, f"order {seed}"


def test_a_pair_is_compared_once_by_several_threads(remembered: Ingested, tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store", create=True) as store:
        with store.writing():
            for event in remembered.events:
                remembered.apply(store, event)
        list(comparison_run.run_comparisons(store, partial(StoredReferences, store, decode_thumbnail), jobs=4))
    assert set(remembered.counts.values()) == {1}


def test_another_version_compares_all_anew_and_leaves_no_row_of_the_former_one(
    remembered: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediafp.types.kept_matches.MAX_PARTNERS", 2)
    monkeypatch.setattr("mediafp.types.kept_matches.MAX_PARTNERS_IN_ANY_CASE", 1)
    expected = build(tmp_path / "expected", remembered, 0)
    with SqliteStore(tmp_path / "store", create=True) as store:
        references = open_references(store)
        with store.writing():
            for event in remembered.events:
                remembered.apply(store, event)
        with monkeypatch.context() as former:
            for module in (asset_comparer, comparison_run):
                former.setattr(module, "comparison_versions", lambda: {"picture": "former", "script": "former"})
            # Another order of the partners, as another model gives it.
            former.setattr(partners, "pair_promise", reversed_promise)
            former.setattr(asset_comparer, "compare_pair", keep_nothing)
            list(comparison_run.run_comparisons(store, references))
        assert {version for (version,) in store.database.rows("SELECT version FROM kept_match")} == {"former"}
        list(comparison_run.run_comparisons(store, references, jobs=3))
        assert kept_rows(store) == expected


def reversed_promise(a: AssetRows, b: AssetRows) -> Promise | None:
    """Return a promise that is the lower the higher the true one is."""
    found = pair_promise(a, b)
    return found and replace(found, value=20.0 - found.value)


def keep_nothing(a: str, b: str, promise: Promise, *_: object) -> KeptMatch:
    """Return a pair without a match."""
    return KeptMatch(query=a, reference=b, channel="picture", promise=promise.value, match=None)
