"""The store: what goes in comes out, whole or not at all, whoever else reads or writes."""

import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mediafp.errors import StoreError
from mediafp.fingerprint import Fingerprint
from mediafp.ingest.thumbnails import thumbnail
from mediafp.media import Asset, Sighting
from mediafp.store import records, schema
from mediafp.store.records import FILE_NAME, Failure, Intake, Store, Thumbnail

BAD_NAME = os.fsdecode(b"/dump/bad\xff \xe5\x89\xaf\n.mp4")
"""A path with a byte that is no UTF-8, beside Chinese and a newline."""
JPEGS = [thumbnail(np.full((8, 8, 3), 5 * n, np.uint8), 8) for n in range(40)]


def fingerprint(sha256: str, type: str = "pdq", rows: int = 3, *, seed: int = 0) -> Fingerprint:
    rng = np.random.default_rng(seed)
    if type == "pdq":
        vectors = rng.integers(0, 256, (rows, 32), dtype=np.uint8)
    else:
        vectors = rng.normal(size=(rows, 512)).astype(np.float16)
    starts = np.arange(rows) / 3
    return Fingerprint(
        sha256=sha256,
        type=type,
        version="1",
        spans=np.column_stack((starts, starts + 1 / 3)),
        vectors=vectors,
        quality=rng.random(rows).astype(np.float32),
    )


def intake(name: str = "a", path: str | None = None, *, rows: int = 3) -> Intake:
    """All that one file adds: its asset's SHA-256 is its name repeated."""
    sha256, path = (name * 64)[:64], path or f"/dump/{name}.mp4"
    return Intake(
        path=path,
        bytes=1000,
        modified_ns=1_700_000_000_123_456_789,
        asset=Asset(
            sha256=sha256,
            kind="video",
            bytes=1000,
            properties={"format": "mp4", "width": 640, "duration": 1.5, "has_sound": False, "codec": None},
        ),
        sighting=Sighting(
            sha256=sha256, uri=path, account="某人", posted_at="2024-05-01T00:00:00Z", views=7, source="x"
        ),
        fingerprints=(fingerprint(sha256, "pdq", rows), fingerprint(sha256, "sscd_distilled", rows)),
        thumbnails=tuple(Thumbnail(position=n, seconds=n / 3, jpeg=JPEGS[n]) for n in range(rows)),
        warnings=("2 packets are damaged",),
        sidecar_warnings=("not kept",),
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with Store(tmp_path / "store", create=True) as opened:
        yield opened


def raw(store: Store, statement: str, values: tuple[object, ...] = ()) -> None:
    """Changes the file behind the store's back."""
    with closing(sqlite3.connect(store.folder / FILE_NAME)) as database, database:
        database.execute(statement, values)


def state(store: Store) -> tuple[object, ...]:
    """Everything that a write could have left behind."""
    assets = store.assets()
    return (
        assets,
        [store.sightings(a.sha256) for a in assets],
        [store.fingerprint_types(a.sha256) for a in assets],
        [store.thumbnail_at(a.sha256, 0) for a in assets],
        store.failures(),
    )


# What goes in comes out ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/dump/a.mp4", BAD_NAME, "-leading '\" %_.mp4"])
def test_an_intake_comes_back_as_it_was(store: Store, path: str) -> None:
    given = intake("a", path)
    with store.writing():
        assert store.add(given)
    store.close()
    with Store(store.folder) as again:
        sha256 = given.asset.sha256
        assert again.assets() == [given.asset] == [again.asset(sha256)]
        assert again.sightings(sha256) == [given.sighting] and again.uris(sha256) == (path,)
        assert again.warnings(sha256) == ["2 packets are damaged"]
        assert again.count() == 1
        assert again.known(path, given.bytes, given.modified_ns) == sha256
        assert again.fingerprint_types(sha256) == [("pdq", "1"), ("sscd_distilled", "1")]
        for kept in given.fingerprints:
            (back,) = again.fingerprints(kept.type, kept.version)
            assert (back.sha256, back.type, back.version) == (sha256, kept.type, kept.version)
            for name in ("spans", "vectors", "quality"):
                mine, theirs = getattr(kept, name), getattr(back, name)
                assert mine.dtype == theirs.dtype and mine.shape == theirs.shape
                assert mine.tobytes() == theirs.tobytes() and not theirs.flags.writeable
        assert [again.thumbnail_at(sha256, t.position) for t in given.thumbnails] == [t.jpeg for t in given.thumbnails]
        assert again.thumbnail_at(sha256, 3) is None
        assert again.problems() == []


def test_a_file_without_a_row_comes_back_too(store: Store) -> None:
    given = intake("a", rows=0)
    with store.writing():
        store.add(given)
    (back,) = store.fingerprints("pdq", "1")
    assert back.vectors.shape == (0, 32) and back.spans.shape == (0, 2)
    assert store.thumbnail(back.sha256) is None
    assert store.problems() == []


def test_versions_are_kept_apart(store: Store) -> None:
    with store.writing():
        store.add(intake("a"))
        given = intake("b")
        store.add(replace(given, fingerprints=(replace(given.fingerprints[0], version="2"),)))
    assert store.versions("pdq") == {"1", "2"} and store.versions("none") == set()
    assert [f.sha256[0] for f in store.fingerprints("pdq", "2")] == ["b"]
    assert [f.sha256[0] for f in store.fingerprints("pdq", "1")] == ["a"]


def test_the_thumbnail_of_a_time_is_the_one_that_stands_then(store: Store) -> None:
    given = replace(
        intake("a"), thumbnails=tuple(Thumbnail(position=n, seconds=4.0 * n, jpeg=b"%d" % n) for n in range(3))
    )
    with store.writing():
        store.add(given)
    times = {None: b"0", 0.0: b"0", 3.9: b"0", 4.0: b"1", 7.9: b"1", 8.0: b"2", 500.0: b"2"}
    assert {at: store.thumbnail(given.asset.sha256, at) for at in times} == times


def test_a_changed_file_is_not_known(store: Store) -> None:
    given = intake("a")
    with store.writing():
        store.add(given)
    assert store.known(given.path, given.bytes + 1, given.modified_ns) is None
    assert store.known(given.path, given.bytes, given.modified_ns + 1) is None
    assert store.known("/dump/other.mp4", given.bytes, given.modified_ns) is None


def test_the_same_bytes_twice_are_one_asset_with_two_sightings(store: Store) -> None:
    with store.writing():
        assert store.add(intake("a", "/dump/first.mp4"))
        assert not store.add(intake("a", "/dump/second.mp4"))
        assert not store.add(intake("a", "/dump/second.mp4"))
    assert store.count() == 1
    assert sorted(store.uris("a" * 64)) == ["/dump/first.mp4", "/dump/second.mp4"]
    assert len(list(store.fingerprints("pdq", "1"))) == 1


def test_sightings_come_oldest_first_and_undated_last(store: Store) -> None:
    times = {"c": "2024-05-02T00:00:00Z", "b": None, "a": None, "d": "2019-01-01T00:00:00Z"}
    with store.writing():
        store.add(intake("a", "/first"))
        for uri, posted in times.items():
            store.see(Sighting(sha256="a" * 64, uri=uri, posted_at=posted))
    assert store.uris("a" * 64) == ("d", "/first", "c", "a", "b")


def test_a_later_sighting_of_the_same_path_adds_what_it_knows_and_takes_nothing_away(store: Store) -> None:
    with store.writing():
        store.add(intake("a"))
        (before,) = store.sightings("a" * 64)
        store.see(Sighting(sha256="a" * 64, uri="/dump/a.mp4", account="other"))
    assert store.sightings("a" * 64) == [replace(before, account="other")]


def test_a_hostile_text_does_not_stop_the_store(store: Store) -> None:
    with store.writing():
        store.add(intake("a"))
        store.see(Sighting(sha256="a" * 64, uri="u", title="a\ud800b\x00c", account="'; DROP TABLE asset; --"))
        store.fail(BAD_NAME, "corrupt", f"{BAD_NAME} is cut short")
    seen = next(s for s in store.sightings("a" * 64) if s.uri == "u")
    assert seen.account == "'; DROP TABLE asset; --" and seen.title is not None
    assert seen.title.startswith("a") and seen.title.endswith("b\x00c")
    assert store.failures()[0].path == BAD_NAME
    assert store.problems() == []


def test_an_asset_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(StoreError, match="f" * 64):
        store.asset("f" * 64)
    assert store.sightings("f" * 64) == [] and store.warnings("f" * 64) == []


# Failures -----------------------------------------------------------------------------------------


def test_attempts_count_up_and_vanish_once_the_file_is_added(store: Store) -> None:
    with store.writing():
        store.fail("/dump/a.mp4", "corrupt", "first")
        store.fail("/dump/z.mp4", "timeout", "slow")
    for _ in range(2):
        with store.writing():
            store.fail("/dump/a.mp4", "crash", "again")
    assert store.failures() == [
        Failure(path="/dump/a.mp4", kind="crash", message="again", attempts=3),
        Failure(path="/dump/z.mp4", kind="timeout", message="slow", attempts=1),
    ]
    with store.writing():
        store.add(intake("a", "/dump/a.mp4"))
    assert [f.path for f in store.failures()] == ["/dump/z.mp4"]


# Transactions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_is_interrupted_is_undone_as_a_whole(store: Store, error: type[BaseException]) -> None:
    with store.writing():
        store.add(intake("a"))
        store.fail("/dump/b.mp4", "corrupt", "once")
    before = state(store)
    with pytest.raises(error), store.writing():
        store.add(intake("b"))
        store.fail("/dump/c.mp4", "corrupt", "m")
        store.see(Sighting(sha256="a" * 64, uri="elsewhere"))
        assert store.count() == 2
        raise error
    assert state(store) == before
    with store.writing():
        assert store.add(intake("b")), "the store can be written again"


def test_a_write_that_sqlite_refuses_is_a_store_error_and_is_undone(store: Store) -> None:
    with pytest.raises(StoreError, match="cannot be written"), store.writing():
        store.add(intake("a"))
        store.see(Sighting(sha256="f" * 64, uri="of no asset"))
    assert store.count() == 0


def test_a_killed_writer_leaves_what_was_committed(store: Store) -> None:
    """A process that dies inside a transaction: what it had committed is there, the rest is not."""
    writer = child(
        store.folder,
        """
        with store.writing():
            store.fail("/kept", "corrupt", "m")
        with store.writing():
            store.fail("/lost", "corrupt", "m")
            os._exit(9)
        """,
    )
    writer.communicate(timeout=30)
    assert writer.returncode == 9
    assert [f.path for f in store.failures()] == ["/kept"]
    assert store.problems() == []


def child(folder: Path, code: str) -> "subprocess.Popen[str]":
    """Another process with the same store open as `store`; its input and output are pipes."""
    head = "import os, sys\nfrom pathlib import Path\nfrom mediafp.store.records import Store\n"
    opened = f"store = Store(Path({str(folder)!r}))\n"
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", head + opened + textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ask(process: "subprocess.Popen[str]", question: str = "") -> str:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(question + "\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


READER = """
for _ in sys.stdin:
    rows = sum(len(f.vectors) for f in store.fingerprints("pdq", "1"))
    print(store.count(), rows, len(store.failures()), len(store.problems()), flush=True)
"""


def test_readers_see_the_state_before_an_open_transaction_and_then_the_state_after(store: Store) -> None:
    with store.writing():
        store.add(intake("a"))
    early = child(store.folder, READER)
    assert ask(early) == "1 3 0 0"
    with store.writing():
        store.add(intake("b"))
        store.fail("/dump/c.mp4", "corrupt", "m")
        late = child(store.folder, READER)  # even one that comes while the transaction is open
        assert [ask(reader) for reader in (early, late)] == ["1 3 0 0"] * 2
    assert [ask(reader) for reader in (early, late)] == ["2 6 1 0"] * 2
    for reader in (early, late):
        reader.communicate(timeout=30)
        assert reader.returncode == 0


def test_a_reading_that_has_begun_keeps_its_state(store: Store) -> None:
    with store.writing():
        for name in "ac":
            store.add(intake(name))
    with Store(store.folder) as reader:
        reading = reader.fingerprints("pdq", "1")
        assert next(reading).sha256[0] == "a"
        with store.writing():
            store.add(intake("b"))
        assert [f.sha256[0] for f in reading] == ["c"]
        assert [f.sha256[0] for f in reader.fingerprints("pdq", "1")] == ["a", "b", "c"]


def test_a_second_writer_waits_for_the_first(store: Store) -> None:
    writer = 'input(); print("begins", flush=True)\nwith store.writing():\n    store.fail("/x", "crash", "second")\n'
    with store.writing():
        store.fail("/x", "crash", "first")
        second = child(store.folder, writer)
        assert ask(second) == "begins"
    second.communicate(timeout=30)
    assert second.returncode == 0
    assert store.failures() == [Failure(path="/x", kind="crash", message="second", attempts=2)]


def test_a_second_writer_that_waits_too_long_fails_cleanly(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "BUSY_SECONDS", 0.05)
    with Store(store.folder) as second:
        with store.writing():
            store.add(intake("a"))
            with pytest.raises(StoreError, match="locked"), second.writing():
                pytest.fail("two writers at once")
        with second.writing():
            assert not second.add(intake("a", "/other"))
    assert store.uris("a" * 64) == ("/dump/a.mp4", "/other")


# The store against itself -------------------------------------------------------------------------


def test_an_empty_store_is_sound(store: Store) -> None:
    assert store.problems() == [] and store.count() == 0


@pytest.mark.parametrize(
    "damage",
    [b"", b"MFA1", b"garbage", "cut", "longer", "head", "rows", "two arrays"],
    ids=lambda damage: repr(damage),
)
def test_a_damaged_fingerprint_is_found_and_the_others_are_not_blamed(store: Store, damage: bytes | str) -> None:
    with store.writing():
        for name in "ab":
            store.add(intake(name))
    good = records.pack(*(getattr(intake("a").fingerprints[0], name) for name in ("spans", "vectors", "quality")))
    damaged = {
        "cut": good[:-3],
        "longer": good + b"\0",
        "head": good[:4] + b"\x09" + good[5:],
        "rows": records.pack(np.zeros((2, 2)), np.zeros((3, 32), np.uint8), np.zeros(3, np.float32)),
        "two arrays": records.pack(np.zeros((3, 2)), np.zeros((3, 32), np.uint8)),
    }.get(str(damage), damage)
    raw(store, "UPDATE fingerprint SET data = ? WHERE sha256 = ? AND type = 'pdq'", (damaged, "a" * 64))
    (problem,) = store.problems()
    assert "pdq" in problem and "a" * 64 in problem


def test_an_asset_that_was_seen_nowhere_is_found(store: Store) -> None:
    with store.writing():
        store.add(intake("a"))
    raw(store, "DELETE FROM sighting")
    (problem,) = store.problems()
    assert "a" * 64 in problem


def test_a_row_without_its_asset_is_found(store: Store) -> None:
    with store.writing():
        store.add(intake("a"))
        store.add(intake("b"))
    raw(store, "DELETE FROM asset WHERE sha256 = ?", ("b" * 64,))  # no foreign keys behind the store's back
    problems = store.problems()
    assert problems and all("missing asset" in problem for problem in problems)


@pytest.mark.parametrize("damaged", [b"", JPEGS[0][:100], b"\xff" * 500], ids=["empty", "cut", "noise"])
def test_a_damaged_thumbnail_is_found(store: Store, damaged: bytes) -> None:
    with store.writing():
        store.add(intake("a"))
    raw(store, "UPDATE thumbnail SET jpeg = ? WHERE position = 1", (damaged,))
    (problem,) = store.problems()
    assert "thumbnail" in problem and "a" * 64 in problem


def test_overwritten_pages_are_found(store: Store) -> None:
    with store.writing():
        for name in "abcdef":
            store.add(intake(name, rows=40))
    store.close()
    file = store.folder / FILE_NAME
    data = bytearray(file.read_bytes())
    assert len(data) > 20 * 4096
    for page in range(4, len(data) // 4096, 3):
        data[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
    file.write_bytes(data)
    with Store(store.folder) as again:
        assert again.problems()


# What is no store ---------------------------------------------------------------------------------


def test_no_store_is_refused_unless_one_is_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="ingest"):
        Store(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be made"):
        Store(tmp_path / "file" / "store", create=True)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000], ids=["text", "head"])
def test_a_file_of_garbage_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes, create: bool) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path, create=create)
    assert (tmp_path / FILE_NAME).read_bytes() == content


def foreign(folder: Path, application: int) -> Path:
    """Another program's database under our file's name."""
    file = folder / FILE_NAME
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE notes (text)")
        database.execute("INSERT INTO notes VALUES ('mine')")
        database.execute(f"PRAGMA application_id={application}")
    return file


@pytest.mark.parametrize("create", [False, True])
def test_another_program_s_database_is_refused(tmp_path: Path, create: bool) -> None:
    file = foreign(tmp_path, 0x1234)
    with pytest.raises(StoreError, match="another program"):
        Store(tmp_path, create=create)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("notes",)]


def test_another_program_s_database_is_left_as_it_is(tmp_path: Path) -> None:
    file = foreign(tmp_path, 0x1234)
    before = file.read_bytes()
    with pytest.raises(StoreError):
        Store(tmp_path)
    assert file.read_bytes() == before


def test_another_program_s_unmarked_database_is_refused(tmp_path: Path) -> None:
    file = foreign(tmp_path, 0)  # most programs leave the mark at 0
    before = file.read_bytes()
    with pytest.raises(StoreError):
        Store(tmp_path).close()
    assert file.read_bytes() == before


def test_a_newer_store_is_refused_and_both_versions_are_named(store: Store) -> None:
    raw(store, "PRAGMA user_version=999")
    with pytest.raises(StoreError, match="999"):
        Store(store.folder)


def test_two_programs_may_make_one_store_at_once(tmp_path: Path) -> None:
    """The second finds no tables, waits for the first to make them, and then has nothing left to make."""
    maker = [sys.executable, "-c", f"{TOLD}\nStore(Path({str(tmp_path)!r}), create=True).close()"]
    with closing(sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)) as first:
        first.execute("PRAGMA journal_mode=WAL")
        first.execute("BEGIN IMMEDIATE")
        second = subprocess.Popen(maker, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert second.stdout is not None
        while (line := second.stdout.readline()) and not line.startswith("BEGIN"):
            pass
        for statement in schema.MIGRATIONS[0].split(";"):
            first.execute(statement)
        first.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
        first.execute("PRAGMA user_version=1")
        first.execute("COMMIT")
    _, told = second.communicate(timeout=60)
    assert second.returncode == 0, told
    with Store(tmp_path) as store:
        assert store.problems() == []


TOLD = """
from pathlib import Path
import sqlite3
from mediafp.store.records import Store

class Told(sqlite3.Connection):
    "Prints every statement that begins."
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.set_trace_callback(lambda statement: print(statement, flush=True))

connect = sqlite3.connect
sqlite3.connect = lambda *arguments, **options: connect(*arguments, factory=Told, **options)
"""
