"""The integrity check reports each damage to a store, and raises for none."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ingest_records import BAD_NAME, JPEGS, done_entry, execute_raw, failed_entry, fingerprint, ingest_record

from mediafp.store.sqlite import schema
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types import arrays
from mediafp.types.errors import StoreError
from mediafp.types.file_sounds import FileSound
from mediafp.types.fingerprint_types import FingerprintDeclaration
from mediafp.types.fingerprints import pack_fingerprint
from mediafp.types.transcripts import Transcript, TranscriptSegment

PAGE = 4096
"""Bytes of a page of SQLite."""
DECLARED = {
    "pdq": FingerprintDeclaration(name="pdq", consumes="frames", metric="hamming", columns=32, max_rows=None),
    "crops": FingerprintDeclaration(name="crops", consumes="image", metric="hamming", columns=32, max_rows=5),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty store."""
    with SqliteStore(tmp_path / "store", create=True) as opened:
        yield opened


@pytest.mark.parametrize(
    "damage",
    [b"", b"MFA1", b"garbage", "cut", "longer", "head", "rows", "two arrays", "flat", "vast"],
    ids=lambda damage: repr(damage),
)
def test_check_integrity_finds_a_damaged_fingerprint_and_names_no_other_asset(
    store: SqliteStore, damage: bytes | str
) -> None:
    with store.writing():
        for name in "ab":
            store.add_record(ingest_record(name))
    valid = pack_fingerprint(ingest_record("a").fingerprints[0])
    damaged = {
        "cut": valid[:-3],
        "longer": valid + b"\0",
        "head": valid[:4] + b"\x09" + valid[5:],
        "rows": arrays.pack_arrays(np.zeros((2, 2)), np.zeros((3, 32), np.uint8), np.zeros(3, np.float32)),
        "two arrays": arrays.pack_arrays(np.zeros((3, 2)), np.zeros((3, 32), np.uint8)),
        "flat": arrays.pack_arrays(np.zeros((3, 2)), np.uint8(7).reshape(()), np.zeros(3, np.float32)),
        "vast": arrays.MAGIC + b"\x01\x01\x02" + bytes(8) + b"\xff" * 8,
    }.get(str(damage), damage)
    execute_raw(store, "UPDATE fingerprint SET data = ? WHERE sha256 = ? AND type = 'pdq'", (damaged, "a" * 64))
    problems = store.check_integrity()
    assert "pdq" in problems[0] and all("a" * 64 in problem for problem in problems)


@pytest.mark.parametrize("count", [0, 5, 6])
def test_check_integrity_finds_more_rows_of_an_image_than_declared(store: SqliteStore, count: int) -> None:
    record = ingest_record("a")
    crops = replace(fingerprint("a" * 64, "pdq", count), type="crops", spans=np.zeros((count, 2)))
    with store.writing():
        store.add_record(replace(record, fingerprints=(*record.fingerprints, crops)))
    problem = f"fingerprint crops of {'a' * 64} is damaged: crops: 6 rows, more than 5"
    assert store.check_integrity(DECLARED) == ([] if count <= 5 else [problem])


def test_check_integrity_finds_a_fingerprint_that_differs_from_its_declaration(store: SqliteStore) -> None:
    record = ingest_record("a")
    with store.writing():
        store.add_record(record)
        store.add_record(ingest_record("b", rows=4))
    assert store.check_integrity(DECLARED) == []
    damaged = replace(record.fingerprints[0], quality=np.full(3, 1.5, np.float32))
    execute_raw(
        store,
        "UPDATE fingerprint SET data = ? WHERE sha256 = ? AND type = 'pdq'",
        (pack_fingerprint(damaged), "a" * 64),
    )
    execute_raw(store, "DELETE FROM thumbnail WHERE sha256 = ? AND position = 3", ("b" * 64,))
    problems = store.check_integrity(DECLARED)
    assert problems[0] == f"fingerprint pdq of {'a' * 64} is damaged: pdq: a quality outside 0..1"
    assert problems[1] == f"asset {'b' * 64} has 3 thumbnails and fingerprints of [4] rows"


def test_check_integrity_checks_only_the_shapes_of_an_undeclared_type(store: SqliteStore) -> None:
    record = ingest_record("a")
    other = replace(record.fingerprints[0], type="other", quality=np.full(3, 1.5, np.float32))
    with store.writing():
        store.add_record(replace(record, fingerprints=(other,), thumbnails=()))
    assert store.check_integrity(DECLARED) == []
    execute_raw(
        store, "UPDATE fingerprint SET data = ?", (arrays.pack_arrays(np.zeros((3, 2)), np.zeros(3), np.zeros(3)),)
    )
    assert f"fingerprint other of {'a' * 64} is damaged" in store.check_integrity(DECLARED)[0]


def test_check_integrity_finds_an_asset_without_a_fingerprint(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
    execute_raw(store, "DELETE FROM fingerprint")
    assert f"asset {'a' * 64} has no fingerprint" in store.check_integrity()


def test_check_integrity_finds_an_asset_without_a_sighting(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
    execute_raw(store, "DELETE FROM sighting")
    problems = store.check_integrity()
    assert "has no sighting" in problems[0] and all("a" * 64 in problem for problem in problems)


def test_check_integrity_finds_a_row_without_its_asset(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
        store.add_record(ingest_record("b"))
    # Another connection does not enforce foreign keys.
    execute_raw(store, "DELETE FROM asset WHERE sha256 = ?", ("b" * 64,))
    problems = store.check_integrity()
    assert any("missing asset" in problem for problem in problems)
    assert not any("a" * 64 in problem for problem in problems)


@pytest.mark.parametrize("damaged", [b"", JPEGS[0][:100], b"\xff" * 500], ids=["empty", "cut", "noise"])
def test_check_integrity_finds_a_damaged_thumbnail(store: SqliteStore, damaged: bytes) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
    execute_raw(store, "UPDATE thumbnail SET jpeg = ? WHERE position = 1", (damaged,))
    problems = store.check_integrity()
    assert "thumbnail 1 of" in problems[0] and all("a" * 64 in problem for problem in problems)


def test_damaged_properties_and_warnings_are_reported_and_raise_store_error(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
    execute_raw(store, "UPDATE asset SET properties = '{', warnings = '['")
    assert [problem.split(" are damaged")[0] for problem in store.check_integrity()] == [
        f"the properties of {'a' * 64}",
        f"the warnings of {'a' * 64}",
        f"asset {'a' * 64} differs from the custody log",
    ]
    for read in (store.assets, lambda: store.asset("a" * 64), lambda: store.warnings("a" * 64)):
        with pytest.raises(StoreError, match="verify"):
            read()


def test_check_integrity_reports_a_schema_that_cannot_be_read(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(schema, "object_definitions", fail)
    assert store.check_integrity() == ["database: database disk image is malformed"]


def problems_of(store: SqliteStore, data: bytes) -> list[str]:
    """Write a store with these bytes and return its problems, or the error of opening it."""
    (store.folder / DATABASE_NAME).write_bytes(data)
    try:
        with SqliteStore(store.folder) as reopened:
            return reopened.check_integrity()
    except StoreError as error:
        return [str(error)]


def fill_and_close(store: SqliteStore) -> bytes:
    """Fill every table of a store, close it, and return the bytes of its file."""
    with store.writing():
        for name in "abcdef":
            record = ingest_record(name, rows=40)
            store.add_record(record)
            store.write_ledger_entry(done_entry(record))
        store.write_ledger_entry(failed_entry(BAD_NAME))
        store.save_sounds("a" * 64, (FileSound(audio_sha256="sound"),))
        segment = TranscriptSegment(start=0, end=1, language="zh", language_probability=1, text="机器 learning")
        transcript = Transcript(
            model="m", version="v", duration=1, speech_seconds=1, untranscribed_seconds=0, segments=(segment,)
        )
        store.save_transcript("sound", transcript, replace(fingerprint("a" * 64), type="words"), 1)
    assert store.check_integrity() == []
    store.close()
    return (store.folder / DATABASE_NAME).read_bytes()


def test_check_integrity_finds_overwritten_pages(store: SqliteStore) -> None:
    whole = fill_and_close(store)
    with closing(sqlite3.connect(store.folder / DATABASE_NAME)) as database:
        (unused,) = database.execute("PRAGMA freelist_count").fetchone()
    starts = range(PAGE, len(whole), PAGE)
    problems = [problems_of(store, whole[:start] + b"\xa5" * 64 + whole[start + 64 :]) for start in starts]
    assert len(problems) > 20 and problems.count([]) <= unused


def test_check_integrity_reports_random_damage_without_raising(store: SqliteStore) -> None:
    whole = np.frombuffer(fill_and_close(store), np.uint8)
    rng = np.random.default_rng(0)
    for turn in range(200):
        data = whole.copy()
        # Damage all over the file, at its start, or in one run of bytes.
        first = 0 if turn % 3 == 1 else rng.integers(len(data))
        positions = rng.integers(0, len(data), rng.integers(1, 400)) if turn % 3 == 0 else np.arange(first, first + 90)
        data[positions % len(data)] = rng.integers(0, 256, len(positions))
        length = len(data) if turn % 10 else rng.integers(1, len(data))
        for problem in problems_of(store, data[:length].tobytes()):
            assert problem and problem.encode()


@pytest.mark.parametrize("table", ["asset", "sighting", "fingerprint", "transcript", "passage", "ledger", "log"])
def test_check_integrity_finds_text_that_is_not_utf8(store: SqliteStore, table: str) -> None:
    fill_and_close(store)
    with closing(sqlite3.connect(store.folder / DATABASE_NAME)) as database:
        database.execute("DROP TRIGGER log_is_not_changed")
        columns = database.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE type = 'TEXT'").fetchall()
    assert columns
    for (column,) in columns:
        with SqliteStore(store.folder) as reopened, suppress(sqlite3.IntegrityError):
            reopened.database.connection.execute("BEGIN")
            reopened.database.connection.execute("PRAGMA ignore_check_constraints=ON")
            reopened.database.connection.execute(f"UPDATE {table} SET {column} = CAST(x'68c328ff' AS TEXT) WHERE true")
            assert any(
                f"the {column} of a row of {table} is not UTF-8: 'h" in problem
                for problem in reopened.check_integrity()
            )
