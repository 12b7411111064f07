"""The integrity check finds damage to transcripts and to the full-text index."""

import re

import pytest
from ingest_records import execute_raw
from transcripts import save_transcribed_asset

from mediafp.case.case import Case
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.damage import raise_damage
from mediafp.types.errors import StoreError
from mediafp.types.transcripts import Transcript, TranscriptSegment

A = "a" * 64


@pytest.fixture
def store(case: Case) -> SqliteStore:
    """A store with one transcript of two segments."""
    store = case._store
    assert isinstance(store, SqliteStore)
    segments = tuple(
        TranscriptSegment(start=5 * n, end=5 * n + 5, language="zh", language_probability=0.9, text=text)
        for n, text in enumerate(("今天很好", "明天下雨"))
    )
    transcript = Transcript(
        model="whisper-base", version="v1", duration=60, speech_seconds=50, untranscribed_seconds=1, segments=segments
    )
    save_transcribed_asset(store, A, "a", "sound-a", transcript, 2)
    assert store.check_integrity() == []
    store.on_damage = raise_damage
    return store


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("UPDATE transcript SET data = '{'", "v1"),
        ("UPDATE transcript SET data = '[]'", "v1"),
        ("UPDATE transcript SET words = x'00'", "v1"),
        ("UPDATE passage SET text = '另外的话' WHERE id = 1", "v1"),
        ("DELETE FROM passage WHERE id = 1", "passage 1 is gone"),
        ("DELETE FROM passage_index WHERE rowid = 2", "passage 2 is missing"),
        ("UPDATE passage_index_content SET c0 = '别的' WHERE id = 1", "full-text index is damaged"),
        ("UPDATE passage_index_data SET block = x'00' WHERE id > 1000", "full-text index is damaged"),
        ("DELETE FROM transcript", "no transcript"),
        ("UPDATE sound SET start = 9e999", "its audio tracks are damaged"),
        ("UPDATE sound SET track = 99", "its audio tracks are damaged"),
        ("UPDATE sound SET channel = -1", "its audio tracks are damaged"),
        ("UPDATE sound SET repeats = 7", "that repeat the words of others"),
        ("INSERT INTO sound (sha256, position, track, sound) SELECT sha256, 1, 1, '' FROM sound", "are damaged"),
    ],
)
def test_check_integrity_finds_damaged_transcripts(store: SqliteStore, damage: str, expected: str) -> None:
    execute_raw(store, damage)
    assert any(expected in problem for problem in store.check_integrity())


def test_damaged_transcript_raises_store_error(store: SqliteStore) -> None:
    execute_raw(store, "UPDATE transcript SET data = '{'")
    with pytest.raises(StoreError, match=r"sound-a.*verify"):
        store.best_transcript("sound-a")
    with pytest.raises(StoreError, match="verify"):
        store.load_transcript("sound-a", "v1")


def test_damaged_transcript_fingerprints_raise_store_error(store: SqliteStore) -> None:
    execute_raw(store, "UPDATE transcript SET words = x'00'")
    with pytest.raises(StoreError, match=rf"{A}.*verify"):
        list(store.transcript_fingerprints())


def test_damaged_start_of_a_sound_raises_store_error(store: SqliteStore) -> None:
    execute_raw(store, "UPDATE sound SET start = 9e999")
    for read in (
        lambda: store.find_transcript(A),
        lambda: store.sounds(A),
        lambda: list(store.transcript_fingerprints()),
        lambda: list(store.search_passages("今天")),
    ):
        with pytest.raises(StoreError, match=rf"{A}.*verify"):
            read()


def test_damaged_full_text_index_raises_store_error(store: SqliteStore) -> None:
    execute_raw(store, "DELETE FROM passage_index_data")
    with (
        SqliteStore(store.folder) as reopened,
        pytest.raises(StoreError, match=re.escape("cannot search the full-text index")),
    ):
        list(reopened.search_passages("今天"))


def test_damaged_times_of_a_passage_raise_store_error(store: SqliteStore) -> None:
    execute_raw(store, "UPDATE passage SET times = '[1]'")
    with pytest.raises(StoreError, match="verify"):
        list(store.search_passages("今天"))


def test_check_integrity_runs_while_another_process_writes(store: SqliteStore) -> None:
    with SqliteStore(store.folder) as other, other.writing():
        other.save_sounds("b" * 64, ())
        assert store.check_integrity() == []
