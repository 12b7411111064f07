"""Changes of the custody log and of the logged data are rejected, or found by the integrity check."""

import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from ingest_records import BAD_NAME, JPEGS, done_entry, execute_raw, fingerprint, ingest_record

from mediafp.store.sqlite import log_chain
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import StoreError
from mediafp.types.file_sounds import FileSound
from mediafp.types.fingerprints import Fingerprint, pack_fingerprint
from mediafp.types.transcripts import Transcript, TranscriptSegment

A, B = "a" * 64, "b" * 64
WORDS: Fingerprint = replace(fingerprint("sound"), type="words")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty store."""
    with SqliteStore(tmp_path / "store", create=True) as opened:
        yield opened


def transcript_of(text: str) -> Transcript:
    return Transcript(
        model="m",
        version="v",
        duration=2,
        speech_seconds=1,
        untranscribed_seconds=0,
        segments=(TranscriptSegment(start=0, end=1, language="zh", language_probability=1, text=text),),
    )


def fill(store: SqliteStore) -> None:
    """Save two assets, one of them with two sightings and a transcript."""
    with store.writing():
        for record in (ingest_record("a"), ingest_record("b"), ingest_record("a", BAD_NAME)):
            store.add_record(record)
            store.write_ledger_entry(done_entry(record))
        store.save_sounds(A, (FileSound(audio_sha256="sound"),))
        store.save_transcript("sound", transcript_of("机器"), WORDS, 1)
    assert store.check_integrity() == []


# Appending ----------------------------------------------------------------------------------------


def test_log_order_does_not_depend_on_the_clock(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for time in ("2030-01-01T00:00:00Z", "2024-01-01T00:00:00Z"):
        monkeypatch.setattr(log_chain, "utc_now", lambda time=time: time)
        with store.writing():
            store.append_log("ingest", {"at": time})
    assert [entry.at[:4] for entry in store.iter_log()] == ["2030", "2024"]
    assert store.check_integrity() == []


# Rejected changes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE log SET details = '{}'",
        "UPDATE log SET n = n + 100",
        "DELETE FROM log",
        "DELETE FROM log WHERE n = (SELECT max(n) FROM log)",
        "INSERT INTO log VALUES (1, '', '', '', '')",
        "INSERT OR REPLACE INTO log VALUES (1, '', '', '', '')",
        "REPLACE INTO log SELECT n, at, what, details, '' FROM log",
        "INSERT OR IGNORE INTO log VALUES (1000, '', '', '', '')",
        "INSERT INTO log VALUES (1, '', '', '', '') ON CONFLICT (n) DO UPDATE SET what = 'x'",
    ],
)
def test_log_rejects_all_changes_but_an_appended_entry(store: SqliteStore, change: str) -> None:
    fill(store)
    before = list(store.iter_log())
    with pytest.raises(sqlite3.IntegrityError, match="the log is only added to"):
        execute_raw(store, change)
    assert list(store.iter_log()) == before


def test_damaged_log_entry_raises_store_error_with_its_number(store: SqliteStore) -> None:
    fill(store)
    tamper(store, "UPDATE log SET details = '{' WHERE n = 2")
    with pytest.raises(StoreError, match=r"entry 2 .*verify"):
        list(store.iter_log())


# Changes found by the integrity check -------------------------------------------------------------


def tamper(store: SqliteStore, *changes: str) -> None:
    """Change the store without its triggers, which are restored afterwards."""
    triggers = list(store.database.rows("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    for name, _ in triggers:
        execute_raw(store, f"DROP TRIGGER {name}")
    for change in changes:
        execute_raw(store, change)
    for _, sql in triggers:
        execute_raw(store, sql)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "UPDATE log SET details = replace(details, 'video', 'image') WHERE n = 3",
            "entry 3 of the custody log was changed",
        ),
        ("UPDATE log SET details = details || ' ' WHERE n = 3", "entry 3 of the custody log was changed"),
        ("UPDATE log SET details = '[' WHERE n = 3", "entry 3 of the custody log was changed"),
        ("UPDATE log SET what = 'seen' WHERE n = 2", "entry 2 of the custody log was changed"),
        ("UPDATE log SET at = '2001-01-01T00:00:00Z' WHERE n = 7", "entry 7 of the custody log was changed"),
        ("UPDATE log SET hash = '' WHERE n = 7", "entry 7 of the custody log was changed"),
        ("DELETE FROM log WHERE n = 2", "entries 2 to 2 of the custody log are missing"),
        ("DELETE FROM log WHERE n IN (1, 2)", "entries 1 to 2 of the custody log are missing"),
        ("DELETE FROM log WHERE n > 2", f"asset {B} is missing from the custody log"),
        ("DELETE FROM log", f"asset {A} is missing from the custody log"),
        ("UPDATE fingerprint SET data = zeroblob(9) WHERE type = 'pdq'", f"{A} differ from the custody log"),
        ("UPDATE fingerprint SET version = '2'", f"{A} differ from the custody log"),
        ("DELETE FROM fingerprint WHERE type = 'pdq'", f"{B} differ from the custody log"),
        ("UPDATE thumbnail SET seconds = seconds + 0.001", f"{A} differ from the custody log"),
        (
            "UPDATE asset SET bytes = 999",
            f"asset {A} is stored as video of 999 bytes, and logged as video of 1000 bytes",
        ),
        ("UPDATE asset SET kind = 'image'", "and logged as video"),
        ("DELETE FROM asset WHERE sha256 LIKE 'b%'", f"asset {B} is in the custody log, and missing from the store"),
        (
            "UPDATE sighting SET account = 'x' WHERE uri = x'2f64756d702f622e6d7034'",
            f"the account of {B} at '/dump/b.mp4'",
        ),
        ("UPDATE sighting SET posted_at = NULL, views = 8", f"the posted_at, views of {A} at '/dump/a.mp4'"),
        ("DELETE FROM sighting WHERE hex(uri) LIKE '%FF%'", "/dump/bad\\udcff"),
        (
            "UPDATE transcript SET data = replace(data, 'zh', 'en')",
            "transcript v of audio sound differs from the custody log",
        ),
        ("UPDATE transcript SET data = data || ' '", "transcript v of audio sound differs from the custody log"),
        ("DELETE FROM transcript", "transcript v of audio sound is in the custody log, and missing from the store"),
    ],
)
def test_check_integrity_finds_changed_rows(store: SqliteStore, change: str, expected: str) -> None:
    fill(store)
    tamper(store, change)
    assert any(expected in problem for problem in store.check_integrity())


def test_check_integrity_finds_a_replaced_thumbnail(store: SqliteStore) -> None:
    fill(store)
    execute_raw(store, "UPDATE thumbnail SET jpeg = ? WHERE position = 1 AND sha256 = ?", (JPEGS[9], B))
    assert store.check_integrity() == [f"the fingerprints or thumbnails of {B} differ from the custody log"]


def test_check_integrity_finds_a_replaced_fingerprint(store: SqliteStore) -> None:
    fill(store)
    other = pack_fingerprint(fingerprint(B, "pdq", seed=1))
    execute_raw(store, "UPDATE fingerprint SET data = ? WHERE type = 'pdq' AND sha256 = ?", (other, B))
    assert store.check_integrity() == [f"the fingerprints or thumbnails of {B} differ from the custody log"]


def test_check_integrity_finds_an_asset_that_was_not_logged(store: SqliteStore) -> None:
    fill(store)
    execute_raw(
        store, "INSERT INTO asset SELECT ?, kind, bytes, properties, warnings, '' FROM asset LIMIT 1", ("c" * 64,)
    )
    assert f"asset {'c' * 64} is missing from the custody log" in store.check_integrity()


def test_check_integrity_finds_a_forged_entry_with_a_valid_hash(store: SqliteStore) -> None:
    fill(store)
    for what, details in (
        ("added", {}),
        ("refreshed", {"sha256": "c" * 64, "content": ""}),
        ("sighted", {"sha256": []}),
    ):
        with store.writing():
            store.append_log(what, details)
        number, _ = store.last_log_entry()
        assert f"entry {number} of the custody log was changed" in store.check_integrity()


def test_check_integrity_finds_a_missing_log(store: SqliteStore) -> None:
    fill(store)
    execute_raw(store, "DROP TABLE log")
    assert "table log is missing, or differs from what mediafp creates" in store.check_integrity()


@pytest.mark.parametrize("trigger", ["log_is_in_order", "log_is_not_changed", "log_is_not_cut"])
def test_check_integrity_finds_a_missing_trigger_of_the_log(store: SqliteStore, trigger: str) -> None:
    execute_raw(store, f"DROP TRIGGER {trigger}")
    assert store.check_integrity() == [f"trigger {trigger} is missing, or differs from what mediafp creates"]


def test_check_integrity_finds_an_added_trigger(store: SqliteStore) -> None:
    execute_raw(store, "CREATE TRIGGER spy AFTER INSERT ON asset BEGIN DELETE FROM sighting; END")
    assert store.check_integrity() == ["trigger spy is missing, or differs from what mediafp creates"]


def test_integrity_problems_are_printable(store: SqliteStore) -> None:
    fill(store)
    tamper(
        store,
        "UPDATE ledger SET path = x'2fff0a' WHERE sha256 LIKE 'b%'",
        "UPDATE asset SET added_at = CAST(x'ff' AS TEXT)",
    )
    assert store.check_integrity() and all(
        problem.encode() and "\n" not in problem for problem in store.check_integrity()
    )
    assert os.fsdecode(b"\xff") not in "".join(store.check_integrity())
