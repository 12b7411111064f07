"""Every change of a store that bypasses its custody log is found, whatever table and column it is in."""

import random
import sqlite3
import struct
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ingest_records import JPEGS, done_entry, failed_entry, ingest_record
from older_stores import drop_newest_tables
from sample_matches import sample_match, sample_placement

from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.store.sqlite import log_chain, schema
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.store.sqlite.content_hash import content_hash
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import StoreError
from mediafp.types.file_sounds import FileSound
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.matches import OcrResult, TextLine
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import Transcript, TranscriptSegment
from mediafp.types.video_text import VideoText, VideoTextLine

A, B, AUDIO = "a" * 64, "b" * 64, "5" * 64
WITHOUT_EFFECT = {"passage_index_data: added", "passage_index_idx.segid", "passage_index_idx: removed"}
"""Changes of FTS5's own tables that change no answer: a row that nothing refers to, and the lookup table of an index with
one leaf, which needs none. Of a larger index they are found."""
BOX = ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0), (0.0, 9.0))


def transcript_of(*texts: str, version: str = "v") -> Transcript:
    segments = tuple(
        TranscriptSegment(
            start=3 * n,
            end=3 * n + 2,
            language="en",
            language_probability=1,
            text=text,
            token_times=((3 * n, 3 * n + 1),),
        )
        for n, text in enumerate(texts)
    )
    return Transcript(
        model="m", version=version, duration=9, speech_seconds=8, untranscribed_seconds=0, segments=segments
    )


CLUE = Clue(kind="device", value="a phone", source="EXIF", trust="medium")


OTHER_ROWS: Mapping[str, tuple[Any, ...]] = {
    "decision": ("match", A, B, "reject", "another scene", "an analyst", "2026-01-01T00:00:00Z", "", "[]", "[]", None),
    "recalibration": ("images", 1.1, -0.2, 200, "2026-01-01T00:00:00Z", "1"),
    "watch": ("stolen", "text", "a phrase", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", 7, None),
    "watch_hit": ("stolen", A, b"/dump/a.mp4", "says it", "copy", "copy", 0.9, 1, "2026-01-02T00:00:00Z", None),
    "listed_hash": (1, "shared", "pdq", bytes(32), '["a label"]'),
    "suspect": (A,),
}
"""A row of each table of decisions and of watches, and of the suspects."""


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The database file of a store with rows in each table."""
    folder = tmp_path_factory.mktemp("filled")
    with SqliteStore(folder, create=True) as store:
        with store.writing():
            store.append_log("ingest", {"mediafp": "test"})
            for name in "ab":
                record = replace(ingest_record(name), clues=(CLUE,))
                store.add_record(record)
                store.write_ledger_entry(done_entry(record))
            store.save_sightings(
                [Sighting(sha256=A, uri="/second.mp4", title="A title", text="A post", url="https://x.example")]
            )
            store.write_ledger_entry(failed_entry("/bad.jpg"))
            store.save_ocr_result(A, OcrResult(version="1", lines=(TextLine(text="sign", box=BOX, confidence=0.9),)))
            shown = VideoTextLine(text="headline", start=1, end=3, box=BOX, confidence=0.9)
            store.save_video_text(B, VideoText(version="1", lines=(shown,)))
            store.save_sounds(A, (FileSound(audio_sha256=AUDIO),))
            store.save_sounds(B, ())
            for version in ("v", "w"):
                transcript = transcript_of("good morning", "and good night", version=version)
                store.save_transcript(AUDIO, transcript, fingerprint_transcript(A, transcript), 1)
        pending, started = store.pending_comparisons({"picture": "1"})[0], store.last_log_entry()[0]
        match = sample_match(sha256=B, placement=sample_placement())
        with store.writing():
            store.save_comparison(
                pending,
                "1",
                started,
                [KeptMatch(query=A, reference=B, channel="picture", promise=0.5, match=match)],
            )
            store.save_cluster_numbers({A: 1, B: 1}, 1)
            for table, row in OTHER_ROWS.items():
                marks = ", ".join("?" * len(row))
                store.database.execute(f"INSERT INTO {table} VALUES ({marks})", row)
        assert store.check_integrity() == []
    return (folder / DATABASE_NAME).read_bytes()


@pytest.fixture
def folder(content: bytes, tmp_path: Path) -> Path:
    """The folder of a store with rows in each table."""
    (tmp_path / DATABASE_NAME).write_bytes(content)
    return tmp_path


@pytest.fixture
def tampered(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody who ignores triggers and constraints."""
    with closing(sqlite3.connect(folder / DATABASE_NAME, isolation_level=None)) as database:
        database.execute("PRAGMA ignore_check_constraints=ON")
        yield database


def problems_of(folder: Path) -> list[str]:
    """Return the problems of a store, or the error of opening it."""
    try:
        with SqliteStore(folder) as store:
            return store.check_integrity()
    except StoreError as error:
        return [str(error)]


def seal_of(folder: Path) -> tuple[int, str]:
    with SqliteStore(folder) as store:
        return store.last_log_entry()


def tables(database: sqlite3.Connection) -> list[str]:
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND NOT name GLOB 'sqlite_*' AND sql NOT LIKE '%VIRTUAL%'"
    )
    return [name for (name,) in database.execute(query).fetchall()]


def without_triggers(database: sqlite3.Connection, change: str, values: tuple[Any, ...] = ()) -> int:
    """Execute a change while the triggers of the log are removed; return the number of changed rows."""
    triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")
    count = database.execute(change, values).rowcount
    for _, sql in triggers:
        database.execute(sql)
    return count


def another_value(value: Any, declared: str) -> Any:
    """Return another value of the same type; for NULL, one of the declared type."""
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, bytes):
        return JPEGS[7] if value in JPEGS else value[:-1] + bytes([(value or b"x")[-1] ^ 1])
    if isinstance(value, str):
        return {"image": "video", "video": "image"}.get(value, value + "x")
    return {"INTEGER": 7, "REAL": 7.0, "BLOB": b"7"}.get(declared, "7")


def changes(database: sqlite3.Connection) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """Yield name, statement and values of one change of each column of each row of each table, and of its removal."""
    for table in tables(database):
        columns = database.execute(f"SELECT name, type FROM pragma_table_info('{table}')").fetchall()
        keys = [name for (name,) in database.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE pk > 0")]
        rows = database.execute(f"SELECT {', '.join(name for name, _ in columns)} FROM {table}").fetchall()
        for row in rows:
            values = dict(zip((name for name, _ in columns), row, strict=True))
            condition = " AND ".join(f"{key} IS ?" for key in keys or values)
            where = tuple(values[key] for key in keys or values)
            yield f"{table}: removed", f"DELETE FROM {table} WHERE {condition}", where
            for name, declared in columns:
                changed = another_value(values[name], declared)
                yield f"{table}.{name}", f"UPDATE {table} SET {name} = ? WHERE {condition}", (changed, *where)
            key = (keys or [columns[0][0]])[-1]
            copy = {**values, key: another_value(values[key], "TEXT")}
            marks = ", ".join("?" * len(copy))
            yield f"{table}: added", f"INSERT INTO {table} ({', '.join(copy)}) VALUES ({marks})", tuple(copy.values())


def test_every_change_of_a_column_and_every_added_and_removed_row_is_found(folder: Path, content: bytes) -> None:
    with closing(sqlite3.connect(folder / DATABASE_NAME)) as database:
        listed = list(changes(database))
        assert {name.split(":")[0].split(".")[0] for name, *_ in listed} == set(tables(database))
    unnoticed = set()
    for name, statement, values in listed:
        for file in folder.iterdir():
            file.unlink()
        (folder / DATABASE_NAME).write_bytes(content)
        with closing(sqlite3.connect(folder / DATABASE_NAME, isolation_level=None)) as database:
            database.execute("PRAGMA ignore_check_constraints=ON")
            try:
                count = without_triggers(database, statement, values)
            except sqlite3.IntegrityError:
                continue
        if count and not problems_of(folder):
            unnoticed.add(name)
    assert not unnoticed - WITHOUT_EFFECT


def test_large_full_text_index_that_does_not_find_its_words_is_found(
    folder: Path, tampered: sqlite3.Connection
) -> None:
    rng = random.Random(0)
    with SqliteStore(folder) as store, store.writing():
        for number in range(40):
            words = (" ".join(f"w{rng.randrange(3000)}" for _ in range(20)) for _ in range(20))
            transcript = transcript_of(*words)
            store.save_transcript(f"{number:064}", transcript, fingerprint_transcript(A, transcript), 1)
        assert len(list(store.search_passages("w7"))) == 0, "no asset has these transcripts"
    assert problems_of(folder) == []
    (leaves,) = tampered.execute("SELECT count(*) FROM passage_index_idx").fetchone()
    assert leaves > 10
    # A row names the first word of a leaf, behind a byte for the kind of the index.
    assert tampered.execute("DELETE FROM passage_index_idx WHERE term > x'307732'").rowcount > 3
    assert any("full-text index is damaged" in problem for problem in problems_of(folder))


# The attacks of which each was not noticed before the log stated digests of rows -----------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "INSERT INTO sighting (sha256, uri, position, account, source) SELECT sha256, x'2f78', 0, 'framed', '' FROM asset",
            f"the sighting of {A} at '/x' is missing from the custody log",
        ),
        (
            "UPDATE sighting SET url = 'https://framed.example' WHERE url IS NULL",
            f"the sighting of {A} at '/dump/a.mp4' differs from the custody log",
        ),
        ("UPDATE asset SET properties = '{\"width\": 1}'", f"asset {A} differs from the custody log"),
        ("UPDATE asset SET warnings = '[]'", f"asset {A} differs from the custody log"),
        (
            f"UPDATE sound SET sound = '{AUDIO}' WHERE sound = ''",
            f"the audio tracks of {B} differs from the custody log",
        ),
        ("UPDATE sound SET start = 5", f"the audio tracks of {A} differs from the custody log"),
        ("UPDATE transcript SET has_file_times = 1", f"transcript v of audio {AUDIO} differs from the custody log"),
        ("DELETE FROM sound", f"the audio tracks of {A} is in the custody log, and missing from the store"),
        (
            "INSERT INTO transcript SELECT sound, 'x', 'large', 9, data, words_version, words, made_at, 0 FROM transcript"
            " WHERE version = 'v'",
            f"transcript x of audio {AUDIO} is missing from the custody log",
        ),
        (
            "UPDATE ledger SET message = 'a lie' WHERE state = 'failed'",
            "the ledger entry of '/bad.jpg' differs from the custody log",
        ),
        ("DELETE FROM ledger", "the ledger entry of '/bad.jpg' is in the custody log, and missing from the store"),
        ("UPDATE post_text SET text = 'I confess.'", "of a post differs from the custody log"),
        ("UPDATE passage SET times = NULL", f"the text of {AUDIO} (speech) differs from the custody log"),
    ],
)
def test_change_beside_the_log_is_named(folder: Path, tampered: sqlite3.Connection, change: str, expected: str) -> None:
    before = seal_of(folder)
    assert tampered.execute(change).rowcount > 0
    assert any(expected in problem for problem in problems_of(folder))
    assert seal_of(folder) == before


def test_sighting_at_a_very_long_path_is_covered_and_stated_briefly(folder: Path) -> None:
    path = "/" + "\U0001f600" * 900
    with SqliteStore(folder) as store:
        with store.writing():
            store.save_sightings([Sighting(sha256=A, uri=path)])
        assert store.check_integrity() == []
        (last,) = list(store.iter_log("rows"))[-1:]
        assert len(str(last.details)) < 400
    with closing(sqlite3.connect(folder / DATABASE_NAME)) as database, database:
        database.execute("UPDATE sighting SET account = 'framed' WHERE uri = ?", (path.encode(),))
    assert any("differs from the custody log" in problem for problem in problems_of(folder))


def test_clean_changes_of_every_kind_leave_a_sound_store(folder: Path) -> None:
    with SqliteStore(folder) as store:
        with store.writing():
            store.save_sightings([Sighting(sha256=A, uri="/second.mp4", text="A longer post", views=3)])
            store.save_ocr_result(A, OcrResult(version="2", lines=()))
            transcript = transcript_of("good morning")
            store.save_transcript(AUDIO, transcript, fingerprint_transcript(A, transcript), 3)
            store.write_ledger_entry(done_entry(ingest_record("a"), version="2"))
            store.clear_failure("/bad.jpg")
        assert store.check_integrity() == []


def test_equal_texts_of_posts_are_stored_once_and_logged_by_their_hash(folder: Path) -> None:
    text = "A description. " * 5_000
    with SqliteStore(folder) as store:
        with store.writing():
            for number in range(20):
                store.save_sightings([Sighting(sha256=A, uri=f"/copy-{number}.mp4", text=text)])
        assert [sighting.text for sighting in store.sightings(A)].count(text) == 20
        assert store.check_integrity() == []
        logged = sum(len(str(entry.details)) for entry in store.iter_log())
    with closing(sqlite3.connect(folder / DATABASE_NAME)) as database:
        assert database.execute("SELECT count(*) FROM post_text WHERE text = ?", (text,)).fetchone() == (1,)
    assert logged < len(text)


def test_store_of_version_4_keeps_its_texts_and_its_checks(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)) as old:
        for migration in schema.MIGRATIONS[:4]:
            for statement in schema.split_statements(migration):
                old.execute(statement)
        old.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
        old.execute("PRAGMA user_version=4")
        properties = '{"height":9,"width":9}'
        old.execute("INSERT INTO asset VALUES (?, 'image', 9, ?, '[]', '')", (A, properties))
        fields = {"text": "An old post", "source": "yt-dlp"}
        for uri in (b"/a", b"/b"):
            old.execute(
                "INSERT INTO sighting (sha256, uri, text, source) VALUES (?, ?, ?, ?)", (A, uri, *fields.values())
            )
        old.execute("BEGIN")
        added = {"sha256": A, "bytes": 9, "kind": "image", "uri": "/a", "content": content_hash(old, A)}
        log_chain.append_entry(old, "added", added)
        log_chain.append_entry(old, "seen", {"sha256": A, "uri": "/b"})
        for uri in ("/a", "/b"):
            log_chain.append_entry(old, "sighted", {"sha256": A, "uri": uri, "fields": fields})
        old.execute("COMMIT")
    no_fingerprint = f"asset {A} has no fingerprint"
    with SqliteStore(tmp_path) as store:
        assert store.captions(A) == ["An old post"] * 2
        assert store.check_integrity() == [no_fingerprint]
        assert [entry.what for entry in store.iter_log()] == ["added", "seen", "sighted", "sighted", "rows"]
        with store.writing():
            store.save_sightings([Sighting(sha256=A, uri="/a", text="A post that was edited since")])
        assert store.check_integrity() == [no_fingerprint]
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as database, database:
        database.execute("UPDATE sighting SET text_sha256 = NULL WHERE uri = x'2f62'")
    with SqliteStore(tmp_path) as store:
        assert f"the text of {A} at '/b' differ from the custody log" in store.check_integrity()


# A crafted database file --------------------------------------------------------------------------

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
"""A query that never ends."""


@pytest.mark.parametrize(
    "crafted",
    [
        f"CREATE VIEW spy AS {ENDLESS} SELECT i FROM n",
        f"CREATE TRIGGER spy AFTER INSERT ON asset BEGIN INSERT INTO sound {ENDLESS} SELECT i, i FROM n; END",
        "CREATE TABLE spy (a, b AS (zeroblob(900000000)))",
        "CREATE INDEX spy ON asset (hex(zeroblob(bytes)))",
    ],
)
def test_store_with_a_crafted_object_is_not_opened(folder: Path, tampered: sqlite3.Connection, crafted: str) -> None:
    tampered.execute(crafted)
    with pytest.raises(StoreError, match=r"spy', which mediafp did not create; restore a copy"):
        SqliteStore(folder)


@pytest.mark.parametrize("name", ["passage_index_data", "sqlite_spy", "passage_index_other"])
@pytest.mark.parametrize(
    "crafted",
    [
        "CREATE TRIGGER {name} AFTER INSERT ON ledger BEGIN UPDATE ledger SET attempts = 777; END",
        "CREATE VIEW {name} AS SELECT 1",
        "CREATE INDEX {name} ON asset (kind)",
    ],
)
def test_crafted_object_with_the_name_of_an_internal_table_is_refused(
    folder: Path, tampered: sqlite3.Connection, name: str, crafted: str
) -> None:
    # SQLite itself refuses such names, except in the text of the schema.
    tampered.execute(crafted.format(name="spy"))
    tampered.execute("PRAGMA writable_schema=ON")
    tampered.execute("UPDATE sqlite_master SET name = ?, sql = replace(sql, 'spy', ?) WHERE name = 'spy'", (name, name))
    with pytest.raises(
        StoreError, match=rf"{name}', which mediafp did not create|malformed database schema \({name}\)"
    ):
        SqliteStore(folder)


def test_store_whose_table_is_an_endless_view_is_not_opened(folder: Path, tampered: sqlite3.Connection) -> None:
    columns = [name for (name,) in tampered.execute("SELECT name FROM pragma_table_info('picture_text')").fetchall()]
    tampered.execute("DROP TABLE picture_text")
    values = ", ".join(f"i AS {name}" for name in columns)
    tampered.execute(f"CREATE VIEW picture_text AS {ENDLESS} SELECT {values} FROM n")
    with pytest.raises(StoreError, match="view picture_text', which mediafp did not create"):
        SqliteStore(folder)


def test_view_that_appears_while_a_store_is_open_does_not_keep_the_check_from_ending(folder: Path) -> None:
    with SqliteStore(folder) as store:
        with closing(sqlite3.connect(folder / DATABASE_NAME)) as database, database:
            database.execute("DROP TABLE sound")
            database.execute(f"CREATE VIEW sound AS {ENDLESS} SELECT i AS sha256, i AS sound FROM n")
        assert store.check_integrity() == ["view sound is missing, or differs from what mediafp creates"]


def journal_of(super_journal: Path) -> bytes:
    """Return an empty rollback journal that names a super-journal (SQLite documentation, fileformat2, section 3)."""
    magic, name = bytes.fromhex("d9d505f920a163d7"), str(super_journal).encode()
    header = magic + struct.pack(">5I", 0, 0, 1, 512, 4096)
    end = name + struct.pack(">2I", len(name), sum(name)) + magic
    # The name follows a page number that no page has.
    return header.ljust(512, b"\0") + struct.pack(">I", 0x40000000 // 4096 + 1) + end


@pytest.mark.parametrize("size", ["new", "filled"])
def test_journal_that_names_another_file_is_refused_and_deletes_nothing(
    folder: Path, tmp_path: Path, size: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"the only copy")
    if size == "new":
        with closing(sqlite3.connect(folder / "new.sqlite")) as new:
            new.execute("PRAGMA user_version=1")
        (folder / "new.sqlite").replace(folder / DATABASE_NAME)
    (folder / f"{DATABASE_NAME}-journal").write_bytes(journal_of(victim))
    with pytest.raises(StoreError, match=r"case\.sqlite-journal', which mediafp did not write; move that file away"):
        SqliteStore(folder, create=True)
    assert victim.read_bytes() == b"the only copy"


def test_journal_without_a_super_journal_of_a_filled_store_is_refused(folder: Path, content: bytes) -> None:
    header = bytes.fromhex("d9d505f920a163d7") + struct.pack(">5I", 1, 0, 1, 512, 4096)
    (folder / f"{DATABASE_NAME}-journal").write_bytes(header.ljust(512, b"\0") + struct.pack(">I", 1) + bytes(4100))
    with pytest.raises(StoreError, match="which mediafp did not write"):
        SqliteStore(folder)
    assert (folder / DATABASE_NAME).read_bytes() == content


def test_link_in_place_of_a_journal_is_refused(folder: Path, tmp_path: Path) -> None:
    (folder / f"{DATABASE_NAME}-journal").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="which mediafp did not write"):
        SqliteStore(folder)


def test_database_that_is_a_link_is_not_opened(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"the only copy")
    for name in ("linked", "data"):
        (tmp_path / name).mkdir()
    (folder / DATABASE_NAME).replace(tmp_path / "data" / "x.sqlite")
    (tmp_path / "data" / "x.sqlite-journal").write_bytes(journal_of(victim))
    (tmp_path / "linked" / DATABASE_NAME).symlink_to(tmp_path / "data" / "x.sqlite")
    with pytest.raises(StoreError, match=r"its 'case\.sqlite' is a link"):
        SqliteStore(tmp_path / "linked")
    assert victim.read_bytes() == b"the only copy"


def test_store_that_was_set_back_to_an_older_version_is_not_opened(folder: Path, tampered: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(":memory:")) as model:
        for migration in schema.MIGRATIONS[:4]:
            model.executescript(migration)
        (sighting,) = model.execute("SELECT sql FROM sqlite_master WHERE name = 'sighting'").fetchone()
        (index,) = model.execute("SELECT sql FROM sqlite_master WHERE name = 'fingerprint_by_type'").fetchone()
    drop_newest_tables(tampered)
    tampered.execute("ALTER TABLE sighting RENAME TO newer")
    tampered.execute(sighting)
    tampered.execute(
        "INSERT INTO sighting (sha256, uri, account, source) SELECT sha256, uri, 'framed', source FROM newer"
    )
    for statement in ("DROP TABLE newer", "DROP TABLE post_text", "DROP INDEX fingerprint_by_type", index):
        tampered.execute(statement)
    tampered.execute("PRAGMA user_version=4")
    with pytest.raises(StoreError, match="its tables are of version 4, and its custody log of a newer one"):
        SqliteStore(folder)


def test_path_that_starts_with_two_slashes_is_opened(folder: Path) -> None:
    assert problems_of(Path(f"/{folder}")) == []


def test_empty_journal_of_a_filled_store_is_no_obstacle(folder: Path) -> None:
    (folder / f"{DATABASE_NAME}-journal").touch()
    assert problems_of(folder) == []
