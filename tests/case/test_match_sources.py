"""Sightings and clues of the references of a query."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ingest_records import ingest_record
from sample_matches import sample_match

from mediafp.case.match_sources import count_with_sources, iter_with_sources
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.sightings import Clue, Sighting

A, B = "a" * 64, "b" * 64
CLUE = Clue(kind="weibo_uid", value="1669879400", source="file name", trust="high")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path, create=True) as store:
        with store.writing():
            for name in "ab":
                store.add_record(ingest_record(name, f"/dump/{name}.jpg"))
            store.save_sightings([Sighting(sha256=B, uri="/dump/late.jpg", captured_at="2019-05", source="x")])
            store.save_clues(B, "/dump/b.jpg", [CLUE])
        yield store


def test_match_has_every_sighting_oldest_first_and_the_clues(store: SqliteStore) -> None:
    (match,) = iter_with_sources([sample_match(sha256=B)], store, query=(A, "/dump/a.jpg"))
    assert match.uris == ("/dump/late.jpg", "/dump/b.jpg") and match.clues == (CLUE,)
    assert [seen.date for seen in match.sightings] == ["2019-05", "2024-05-01T00:00:00Z"]


def test_query_is_not_its_own_match_and_its_other_copies_are(store: SqliteStore) -> None:
    assert not list(iter_with_sources([sample_match(sha256=A)], store, query=(A, "/dump/a.jpg")))
    (match,) = iter_with_sources([sample_match(sha256=B)], store, query=(B, "/dump/b.jpg"))
    assert match.uris == ("/dump/late.jpg",)
    (match,) = iter_with_sources([sample_match(sha256=B)], store, query=(B, "/elsewhere.jpg"))
    assert match.uris == ("/dump/late.jpg", "/dump/b.jpg")


@pytest.mark.parametrize("query", [(A, "/dump/a.jpg"), (B, "/dump/b.jpg"), (B, None), (A, None), ("c" * 64, "/c.jpg")])
def test_matches_are_counted_as_they_are_yielded_and_without_their_sightings(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, query: tuple[str, str | None]
) -> None:
    matches = [sample_match(sha256=sha256) for sha256 in (A, B)]
    expected = len(list(iter_with_sources(matches, store, query=query)))
    assert expected == (1 if query == (A, "/dump/a.jpg") else 2)
    monkeypatch.setattr(SqliteStore, "sightings", None)
    assert count_with_sources(matches, store, query=query) == expected


def test_clues_that_both_files_state_are_reasons(store: SqliteStore) -> None:
    account = Clue(kind="account_id", value=CLUE.value, source="file name", trust="high")
    device = Clue(kind="device", value="iPhone 12", source="EXIF", trust="medium")
    with store.writing():
        store.save_clues(B, "/dump/b.jpg", [CLUE, account, device])
    for query_clues, reasons in (
        ((CLUE, account, device), ("both files state the weibo uid '1669879400'",)),
        ((device,), ()),
        ((), ()),
    ):
        match = sample_match(sha256=B)
        (found,) = iter_with_sources([match], store, query=(A, None), query_clues=query_clues)
        assert found.why == (*match.why, *reasons)
        # A saved match is given its sources again: its reasons were stated twice.
        (again,) = iter_with_sources([found], store, query=(A, None), query_clues=query_clues)
        assert again.why == found.why


def test_clue_of_the_same_bytes_is_no_reason(store: SqliteStore) -> None:
    match = sample_match(sha256=B)
    (found,) = iter_with_sources([match], store, query=(B, "/dump/b.jpg"), query_clues=[CLUE])
    assert found.why == match.why


def test_clues_that_both_files_state_beyond_the_first_reasons_are_counted(store: SqliteStore) -> None:
    clues = [replace(CLUE, value=f"16698794{number:02}") for number in range(5)]
    with store.writing():
        store.save_clues(B, "/dump/b.jpg", clues)
    (found,) = iter_with_sources([sample_match(sha256=B)], store, query=(A, None), query_clues=clues)
    assert found.why[-4:] == (
        *(f"both files state the weibo uid '{clue.value}'" for clue in clues[:3]), "both files state 2 more such values"
    )  # fmt: skip
