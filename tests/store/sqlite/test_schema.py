"""Migration of stores of older versions, in one transaction."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from ingest_records import execute_raw, ingest_record
from older_stores import drop_suspects, set_back_sounds
from processes import PATIENCE_SECONDS
from transcripts import save_transcribed_asset, transcribed_audio

from mediafp.store.sqlite import schema
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import StoreError
from mediafp.types.file_sounds import FileSound, TranscribedFile
from mediafp.types.fingerprints import pack_fingerprint
from mediafp.types.logistic import stated_probability
from mediafp.types.runs import LedgerEntry
from mediafp.types.transcripts import Transcript, TranscriptSegment


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty store."""
    with SqliteStore(tmp_path / "store", create=True) as opened:
        yield opened


def test_store_of_version_1_is_migrated(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database:
        for statement in schema.MIGRATIONS[0].split(";"):
            database.execute(statement)
        database.execute("INSERT INTO asset VALUES (?, 'video', 1, '{}', '[]', '')", ("b" * 64,))
        database.execute("INSERT INTO sighting (sha256, uri, source) VALUES (?, ?, '')", ("b" * 64, b"/old.mp4"))
        database.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
        database.execute("PRAGMA user_version=1")
        database.commit()
    segment = TranscriptSegment(start=0, end=5, language="zh", language_probability=0.9, text="你好")
    transcript = Transcript(
        model="m", version="v", duration=5, speech_seconds=5, untranscribed_seconds=0, segments=(segment,)
    )
    with SqliteStore(tmp_path) as store:
        assert store.uris("b" * 64) == ("/old.mp4",), "the sighting is preserved"
        assert store.sounds("b" * 64) is None, "the file was never transcribed"
        save_transcribed_asset(store, "a" * 64, "a", "sound-a", transcript, 2)
        assert len(list(store.search_passages("你好"))) == 1
        assert not any("sound-a" in problem for problem in store.check_integrity())
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)


VERSION_2_ROWS = """
    INSERT INTO asset VALUES ('{a}', 'video', 9, '{{}}', '[]', '2024-01-01T00:00:00Z');
    INSERT INTO asset VALUES ('{b}', 'image', 7, '{{"width": 8, "height": 8, "frames": 3}}', '[]', '2024-01-02T00:00:00Z');
    INSERT INTO sighting (sha256, uri, source) SELECT sha256, CAST('/' || substr(sha256, 1, 1) AS BLOB), '' FROM asset;
    INSERT INTO file SELECT CAST('/' || substr(sha256, 1, 1) AS BLOB), bytes, 5, sha256 FROM asset;
    INSERT INTO failure VALUES (x'2fff', 'corrupt', 'is cut short', 3, '2024-01-03T00:00:00Z');
    INSERT INTO failure VALUES (CAST('/b' AS BLOB), 'crash', 'died', 1, '2024-01-03T00:00:00Z');
    PRAGMA user_version=2;
"""
"""Rows of a store of version 2; one of its two files failed after it was ingested."""


def test_store_of_version_2_is_migrated(tmp_path: Path) -> None:
    sha256s = {"a": "a" * 64, "b": "b" * 64}
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as old, old:
        old.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
        for step in (*schema.MIGRATIONS[:2], VERSION_2_ROWS.format(**sha256s)):
            old.executescript(step)
        for sha256 in sha256s.values():
            record = ingest_record(sha256[0])
            old.executemany(
                "INSERT INTO fingerprint VALUES (?, ?, ?, ?)",
                [(sha256, f.type, f.version, pack_fingerprint(f)) for f in record.fingerprints],
            )
            old.executemany(
                "INSERT INTO thumbnail VALUES (?, ?, ?, ?)",
                [(sha256, t.position, t.seconds, t.jpeg) for t in record.thumbnails],
            )
    with SqliteStore(tmp_path) as store:
        assert store.find_ledger_entry("/a", bytes=9, modified_ns=5) == LedgerEntry(
            path="/a", bytes=9, modified_ns=5, version="1", state="done", sha256="a" * 64
        )
        assert store.find_ledger_entry("/b", bytes=7, modified_ns=5) is None, "the file failed after it was ingested"
        assert [(f.path, f.kind, f.message, f.bytes, f.attempts) for f in store.failures()] == [
            ("/b", "crash", "died", -1, 1),
            ("/\udcff", "corrupt", "is cut short", -1, 3),
        ]
        assert [(entry.n, entry.what, entry.details["sha256"]) for entry in store.iter_log("adopted")] == [
            (1, "adopted", "a" * 64),
            (2, "adopted", "b" * 64),
        ]
        assert store.check_integrity() == [] and store.count_assets() == 2
        (tables,) = zip(
            *store.database.rows("SELECT name FROM sqlite_master WHERE name IN ('file', 'failure', 'log')"), strict=True
        )
        assert tables == ("log",)
    execute_raw(store, "DELETE FROM thumbnail WHERE position = 2")
    with SqliteStore(tmp_path) as store:
        assert any("differ from the custody log" in problem for problem in store.check_integrity())


def transcript_of(text: str, version: str) -> Transcript:
    segment = TranscriptSegment(start=3, end=5, language="zh", language_probability=0.9, text=text)
    return Transcript(
        model="m", version=version, duration=5, speech_seconds=2, untranscribed_seconds=0, segments=(segment,)
    )


@pytest.fixture
def version_9(tmp_path: Path) -> Path:
    """A store of version 9 with two assets that have one sound, transcribed with the times of one of them."""
    with SqliteStore(tmp_path, create=True) as store:
        for name in "ab":
            save_transcribed_asset(store, name * 64, name, "sound", transcript_of("你好", "old"), 2)
        with store.writing():
            store.save_sounds("c" * 64, ())
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)) as database:
        set_back_sounds(database)
        database.execute("PRAGMA user_version=9")
    return tmp_path


def test_transcripts_of_version_9_keep_the_times_of_their_file_until_it_is_transcribed_anew(version_9: Path) -> None:
    a, b = "a" * 64, "b" * 64
    with SqliteStore(version_9) as store:
        assert store.check_integrity() == []
        assert store.sounds(a) is None and not store.is_transcribed(a, "old"), "it may have more sounds"
        assert store.sounds("c" * 64) == () and store.is_transcribed("c" * 64, "old")
        assert store.load_transcript("sound", "old") is None is store.best_transcript("sound")
        found = store.find_transcript(a)
        assert found and found.segments[0].start == 3 and not found.warnings
        made = transcribed_audio("sound", transcript_of("您好", "new"))
        transcribed = TranscribedFile(
            sounds=(FileSound(audio_sha256="sound", start=2),), made=(replace(made, model_rank=1),)
        )
        with store.writing():
            store.save_transcription(a, transcribed)
        assert store.is_transcribed(a, "new") and not store.is_transcribed(b, "new"), "the start of b is unknown"
        # That of the better model is still the best one, and has the times of a file.
        assert [(hit.text, hit.start) for hit in store.search_passages("你好")] == [("你好", 3), ("你好", 3)]
        assert {rows.sha256: rows.spans[0, 0] for rows in store.transcript_fingerprints()} == {a: 3, b: 3}
        with store.writing():
            store.save_transcription(a, replace(transcribed, made=(replace(made, model_rank=3),)))
        assert [(hit.sha256, hit.start) for hit in store.search_passages("您好")] == [(a, 5), (b, 3)]
        assert {rows.sha256: rows.spans[0, 0] for rows in store.transcript_fingerprints()} == {a: 5, b: 3}
        joined = store.find_transcript(a)
        assert joined and joined.segments[0].start == 5
        assert store.check_integrity() == []
    with SqliteStore(version_9) as store:
        assert store.check_integrity() == []


def test_hits_of_older_versions_are_certain_for_equal_bytes_alone(tmp_path: Path) -> None:
    a, b = "a" * 64, "b" * 64
    hits = [(a, "a", 1.0), (b, "b", 1.0), (b, "other", 0.999999), (b, "third", 0.4), (b, "fourth", None)]
    with SqliteStore(tmp_path, create=True) as store, store.writing():
        store.add_record(ingest_record("a"))
        store.add_record(ingest_record("b"))
        store.database.execute("INSERT INTO watch VALUES ('w', 'asset', ?, '', '', 0, NULL)", (a,))
        for sha256, path, probability in hits:
            row = ("w", sha256, path.encode(), "", "copy", "copy", probability, 1, "", None)
            store.database.execute("INSERT INTO watch_hit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)) as database:
        drop_suspects(database)
        database.execute("PRAGMA user_version=11")
    with SqliteStore(tmp_path) as store:
        assert store.check_integrity() == []
        found = {hit.uri: hit.probability for hit in store.watch_hits()}
        assert found == {"a": 1.0, "b": 0.999999, "other": 0.999999, "third": 0.4, "fourth": None}
        assert stated_probability(99.0) == 0.999999


def test_failing_migration_leaves_the_older_store_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as old:
        old.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
        for step in (*schema.MIGRATIONS[:2], VERSION_2_ROWS.format(a="a" * 64, b="b" * 64)):
            old.executescript(step)
    with monkeypatch.context() as broken, pytest.raises(StoreError, match="no such table"):
        broken.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS[:2], schema.MIGRATIONS[2] + "DROP TABLE nowhere;"])
        SqliteStore(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as old:
        assert old.execute("SELECT count(*) FROM file").fetchone() == (2,)
        assert old.execute("PRAGMA user_version").fetchone() == (2,)
    with SqliteStore(tmp_path) as store:
        assert len(store.failures()) == 2


def test_second_process_waits_for_the_first_to_create_the_tables(tmp_path: Path) -> None:
    """The second process starts while the store has no tables, and waits until the first has committed them."""
    command = [sys.executable, "-c", f"{PRINT_STATEMENTS}\nSqliteStore(Path({str(tmp_path)!r}), create=True).close()"]
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)) as first:
        first.execute("PRAGMA journal_mode=WAL")
        first.execute("BEGIN IMMEDIATE")
        second = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert second.stdout is not None
        while (line := second.stdout.readline()) and not line.startswith("BEGIN IMMEDIATE"):
            pass
        for statement in schema.split_statements(schema.MIGRATIONS[0]):
            first.execute(statement)
        first.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
        first.execute("PRAGMA user_version=1")
        first.execute("COMMIT")
    _, errors = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 0, errors
    with SqliteStore(tmp_path) as store:
        assert store.check_integrity() == []


PRINT_STATEMENTS = """
from pathlib import Path
import sqlite3
from mediafp.store.sqlite.store import SqliteStore

class PrintingConnection(sqlite3.Connection):
    "A connection that prints each statement before it runs."
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.set_trace_callback(lambda statement: print(statement, flush=True))

connect = sqlite3.connect
sqlite3.connect = lambda *arguments, **options: connect(*arguments, factory=PrintingConnection, **options)
"""
