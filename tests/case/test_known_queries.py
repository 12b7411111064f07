"""The matches of a file that is in the store come from what was kept, and are those of a search."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ingest_records import add_records, execute_raw
from linked_stores import image_record, keep, link, linked_store
from mixed_stores import Ingested, kept_rows, open_references
from older_stores import drop_newest_tables

import mediafp
from mediafp import Case
from mediafp.case.answers import stored
from mediafp.case.comparison import comparer as asset_comparer
from mediafp.case.comparison import run as comparison_run
from mediafp.case.comparison.pair import keep_match
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.known_query import known_matches
from mediafp.case.publication.content import _pair_matches
from mediafp.matching.promise import Promise
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.matches import Change, Match, OcrResult, TextLine
from mediafp.types.sightings import Sighting

MAX_PROBABILITY_DIFFERENCE = 0.02
SEARCHED = ("cat-crop", "frame", "bar", "without-bar", "grey")
"""Images of which the search is compared with what was kept."""


@pytest.fixture
def case(ingested: Ingested, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A case in which everything was compared."""
    monkeypatch.setattr(asset_comparer, "compare_pair", ingested.compare_once)
    with SqliteStore(tmp_path / "store", create=True) as store:
        with store.writing():
            for event in ingested.events:
                ingested.apply(store, event)
        list(comparison_run.run_comparisons(store, open_references(store)))
    return mediafp.open(tmp_path / "store")


def matches(case: Case, path: Path, min_probability: float) -> dict[str, Match]:
    (result,) = case.match([path], ocr=False, speech=None, top=100, min_probability=min_probability)
    assert result.error is None
    return {Path(match.uris[0]).stem: match for match in result.matches if match.probability >= 0.5}


def test_kept_matches_of_a_known_file_are_those_of_a_search(
    case: Case, ingested: Ingested, monkeypatch: pytest.MonkeyPatch
) -> None:
    with case:
        for name in SEARCHED:
            with monkeypatch.context() as only_kept:
                only_kept.setattr(case, "_start_engine", lambda: pytest.fail("the file was analysed"))
                kept = matches(case, ingested.media.images[name], 0.5)
            # Improbable candidates are not kept, so that asking for them is a search.
            searched = matches(case, ingested.media.images[name], 0)
            assert kept.keys() == searched.keys(), name
            for reference, match in kept.items():
                other = searched[reference]
                assert (match.relation, match.verdict) == (other.relation, other.verdict), (name, reference)
                assert match.probability == pytest.approx(other.probability, abs=MAX_PROBABILITY_DIFFERENCE)


def test_text_that_was_cropped_off_is_told_from_both_sides(case: Case, ingested: Ingested) -> None:
    with case:
        cropped = matches(case, ingested.media.images["without-bar"], 0.5)["bar"].placement
        whole = matches(case, ingested.media.images["bar"], 0.5)["without-bar"].placement
    assert cropped and whole
    assert cropped.handles == ("@样例用户",) and [line.text for line in cropped.removed_text] == ["微博 @样例用户"]
    assert cropped.removed[3] == pytest.approx(40 / 280, abs=0.02)
    assert whole.handles == () and whole.removed_text == ()
    assert np.array(whole.removed).max() < 0.03


def test_a_file_that_was_added_later_is_found_before_it_is_compared(case: Case, ingested: Ingested) -> None:
    record = ingested.records["cat-crop"]
    with case:
        store = case._store
        with store.writing():
            # As if it were added only now.
            store.database.execute("DELETE FROM asset WHERE sha256 = ?", (record.asset.sha256,))  # type: ignore[attr-defined]
            ingested.apply(store, ("record", "cat-crop"))
        assert store.is_compared(ingested.records["cat"].asset.sha256, comparison_versions())
        assert "cat-crop" in matches(case, ingested.media.images["cat"], 0.5)


def test_a_store_of_version_5_answers_before_it_compares_and_catches_up(
    case: Case, ingested: Ingested, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, crop = case.folder, ingested.media.images["cat-crop"]
    with case:
        expected, kept = kept_rows(case._store), matches(case, crop, 0.5)  # type: ignore[arg-type]
    with closing(sqlite3.connect(folder / DATABASE_NAME)) as database, database:
        drop_newest_tables(database)
        database.execute("PRAGMA user_version=5")
    with mediafp.open(folder) as reopened:
        with monkeypatch.context() as nothing_compared:
            nothing_compared.setattr(asset_comparer, "compare_pair", lambda *_: pytest.fail("a pair was compared"))
            assert matches(reopened, crop, 0.5).keys() == kept.keys()
        reopened.cluster()
        assert kept_rows(reopened._store) == expected  # type: ignore[arg-type]


def test_a_damaged_asset_is_left_out_of_the_kept_matches_of_others(case: Case, ingested: Ingested) -> None:
    with case:
        before = matches(case, ingested.media.images["cat"], 0.5)
        damaged = ingested.records["cat-crop"].asset.sha256
        execute_raw(case._store, "UPDATE asset SET properties = '[' WHERE sha256 = ?", (damaged,))  # type: ignore[arg-type]
        after = matches(case, ingested.media.images["cat"], 0.5)
        assert before.keys() - after.keys() == {"cat-crop"}
        assert case.damaged.keys() == {damaged}


def test_text_that_was_removed_is_named_though_no_text_is_left_in_the_query(tmp_path: Path) -> None:
    """Its OCR result is there, and empty: what only the reference says was removed."""
    box = ((10.0, 10.0), (90.0, 10.0), (90.0, 40.0), (10.0, 40.0))
    change = Change(box=box, what="removed", kind="object")
    clean, captioned = "a" * 64, "b" * 64
    with SqliteStore(tmp_path / "store", create=True) as store:
        add_records(store, image_record("a"), image_record("b"))
        with store.writing():
            store.save_ocr_result(clean, OcrResult(version="1", lines=()))
            store.save_ocr_result(
                captioned, OcrResult(version="1", lines=(TextLine(text="FAKE NEWS", box=box, confidence=0.9),))
            )
        keep(store, link("a", "b", changes=(change,)))
        _, match = known_matches(store, store.asset(clean), speech=False, ocr_lines=lambda m: store.ocr_lines(m.sha256))
        (published,) = _pair_matches(store, store.asset(clean), captioned)
        # Reports and exports take what was kept as it is.
        found = clean, link("a", "b", changes=(change,)).match
        references: Any = SimpleNamespace(find_asset=store.asset)
        saved = keep_match(
            (clean, captioned), Promise(value=1.0, rows=(0, 0)), found, references, store.ocr_lines
        ).match
    read = replace(change, kind="text", before="FAKE NEWS")
    assert saved and match.changes == published.changes == saved.changes == (read,)
    assert "the text “FAKE NEWS” was removed" in match.why[0]


def test_matches_that_are_not_listed_are_counted_and_their_sightings_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    with linked_store(tmp_path / "store", "abcde", dict.fromkeys(("ab", "ac", "ad", "ae"), 0.9)) as store:
        own = store.sightings

        def sightings(sha256: str) -> Sequence[Sighting]:
            read.append(sha256)
            return own(sha256)

        monkeypatch.setattr(store, "sightings", sightings)
        monkeypatch.setattr(stored, "LISTED_MATCHES", 3)
        result = stored.stored_result(store, store.asset("a" * 64))
    # The file itself is the first of them.
    assert (len(result.matches), result.more_matches, len(read)) == (3, 2, 3)
