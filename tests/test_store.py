"""The store: what goes in comes out, whole or not at all, whoever else reads or writes."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from intakes import BAD_NAME, HEAD, JPEGS, answer, ask, child, done, end, failed, fingerprint, intake, raw, tell
from processes import PATIENCE_SECONDS

from mediafp.store.sqlite import custody_log, ledger, schema, transcripts
from mediafp.store.sqlite import store as store_module
from mediafp.store.sqlite.ledger import LedgerEntry
from mediafp.store.sqlite.store import DATABASE_NAME, SqliteStore
from mediafp.types import arrays, fingerprints
from mediafp.types.errors import StoreError
from mediafp.types.fingerprint_types import FingerprintDeclaration
from mediafp.types.media import Sighting, Thumbnail
from mediafp.types.transcripts import Transcript, TranscriptSegment

PAGE = 4096
"""Bytes of a page of SQLite."""
SKIPPED = 77
"""The exit status of a process that cannot try what it is to try."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty store."""
    with SqliteStore(tmp_path / "store", create=True) as opened:
        yield opened


def state(store: SqliteStore) -> tuple[object, ...]:
    """Everything that a write could have left behind."""
    assets = store.assets()
    return (
        assets,
        [store.sightings(a.sha256) for a in assets],
        [store.fingerprint_types(a.sha256) for a in assets],
        [store.row_thumbnail(a.sha256, 0) for a in assets],
        ledger.failures(store),
        custody_log.last_entry(store),
    )


# What goes in comes out ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/dump/a.mp4", BAD_NAME, "-leading '\" %_.mp4"])
def test_an_intake_comes_back_as_it_was(store: SqliteStore, path: str) -> None:
    given = intake("a", path)
    with store.writing():
        assert store.add_record(given)
    store.close()
    with SqliteStore(store.folder) as again:
        sha256 = given.asset.sha256
        assert again.assets() == [given.asset] == [again.asset(sha256)]
        assert again.sightings(sha256) == [given.sighting] and again.uris(sha256) == (path,)
        assert again.warnings(sha256) == ["2 packets are damaged"]
        assert again.count() == 1
        assert again.fingerprint_types(sha256) == [("pdq", "1"), ("sscd_distilled", "1")]
        for kept in given.fingerprints:
            (back,) = again.fingerprints(kept.type, kept.version)
            assert (back.sha256, back.type, back.version) == (sha256, kept.type, kept.version)
            for name in ("spans", "vectors", "quality"):
                mine, theirs = getattr(kept, name), getattr(back, name)
                assert mine.dtype == theirs.dtype and mine.shape == theirs.shape
                assert mine.tobytes() == theirs.tobytes() and not theirs.flags.writeable
        assert [again.row_thumbnail(sha256, t.position) for t in given.thumbnails] == [t.jpeg for t in given.thumbnails]
        assert again.row_thumbnail(sha256, 3) is None
        assert again.check_integrity() == []


def test_a_file_without_a_row_comes_back_too(store: SqliteStore) -> None:
    given = intake("a", rows=0)
    with store.writing():
        store.add_record(given)
    (back,) = store.fingerprints("pdq", "1")
    assert back.vectors.shape == (0, 32) and back.spans.shape == (0, 2)
    assert store.thumbnail(back.sha256) is None
    assert store.check_integrity() == []


def test_versions_are_kept_apart(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(intake("a"))
        given = intake("b")
        store.add_record(replace(given, fingerprints=(replace(given.fingerprints[0], version="2"),)))
    assert store.versions("pdq") == {"1", "2"} and store.versions("none") == set()
    assert [f.sha256[0] for f in store.fingerprints("pdq", "2")] == ["b"]
    assert [f.sha256[0] for f in store.fingerprints("pdq", "1")] == ["a"]


def test_what_is_held_in_every_version_that_is_asked_for_needs_no_second_reading(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(intake("a"))
    assert store.has_fingerprints("a" * 64, {}) and store.has_fingerprints(
        "a" * 64, {"pdq": "1", "sscd_distilled": "1"}
    )
    for versions in ({"pdq": "2"}, {"pdq": "1", "words": "1"}):
        assert not store.has_fingerprints("a" * 64, versions)
    assert not store.has_fingerprints("b" * 64, {})


def test_a_newer_reading_of_an_asset_replaces_what_it_has_and_leaves_older_versions(store: SqliteStore) -> None:
    first, longer = intake("a"), intake("a", "/dump/other.mp4", rows=5)
    newer = replace(
        longer,
        asset=replace(longer.asset, properties={"format": "mkv"}),
        fingerprints=(longer.fingerprints[0], replace(longer.fingerprints[1], version="2")),
        warnings=("anew",),
    )
    with store.writing():
        assert store.add_record(first)
        assert not store.add_record(newer)
    assert store.fingerprint_types("a" * 64) == [("pdq", "1"), ("sscd_distilled", "1"), ("sscd_distilled", "2")]
    rows = [
        len(f.vectors) for type, version in store.fingerprint_types("a" * 64) for f in store.fingerprints(type, version)
    ]
    assert rows == [5, 3, 5], "pictures of one reading go together, those of the older version are as they were"
    assert store.row_thumbnail("a" * 64, 4) is not None
    assert store.asset("a" * 64).properties == {"format": "mkv"} and store.warnings("a" * 64) == ["anew"]
    assert store.uris("a" * 64) == ("/dump/a.mp4", "/dump/other.mp4")
    assert store.check_integrity() == []


def test_the_same_reading_again_changes_nothing(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(intake("a"))
    before = state(store)
    with store.writing():
        assert not store.add_record(
            replace(intake("a"), warnings=("other",), fingerprints=intake("a").fingerprints[:1])
        )
    assert state(store) == before


def test_the_thumbnail_of_a_time_is_the_one_that_stands_then(store: SqliteStore) -> None:
    given = replace(
        intake("a"), thumbnails=tuple(Thumbnail(position=n, seconds=4.0 * n, jpeg=b"%d" % n) for n in range(3))
    )
    with store.writing():
        store.add_record(given)
    times = {None: b"0", 0.0: b"0", 3.9: b"0", 4.0: b"1", 7.9: b"1", 8.0: b"2", 500.0: b"2"}
    assert {at: store.thumbnail(given.asset.sha256, at) for at in times} == times


def test_the_same_bytes_twice_are_one_asset_with_two_sightings(store: SqliteStore) -> None:
    with store.writing():
        assert store.add_record(intake("a", "/dump/first.mp4"))
        assert not store.add_record(intake("a", "/dump/second.mp4"))
        assert not store.add_record(intake("a", "/dump/second.mp4"))
    assert store.count() == 1
    assert sorted(store.uris("a" * 64)) == ["/dump/first.mp4", "/dump/second.mp4"]
    assert len(list(store.fingerprints("pdq", "1"))) == 1


def test_sightings_come_oldest_first_and_undated_last(store: SqliteStore) -> None:
    times = {"c": "2024-05-02T00:00:00Z", "b": None, "a": None, "d": "2019-01-01T00:00:00Z"}
    with store.writing():
        store.add_record(intake("a", "/first"))
        for uri, posted in times.items():
            store.add_sighting(Sighting(sha256="a" * 64, uri=uri, posted_at=posted))
    assert store.uris("a" * 64) == ("d", "/first", "c", "a", "b")


def test_a_later_sighting_of_the_same_path_adds_what_it_knows_and_takes_nothing_away(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(intake("a"))
        (before,) = store.sightings("a" * 64)
        store.add_sighting(Sighting(sha256="a" * 64, uri="/dump/a.mp4", account="other"))
    assert store.sightings("a" * 64) == [replace(before, account="other")]


def test_a_hostile_text_does_not_stop_the_store(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(intake("a"))
        store.add_sighting(Sighting(sha256="a" * 64, uri="u", title="a\ud800b\x00c", account="'; DROP TABLE asset; --"))
    seen = next(s for s in store.sightings("a" * 64) if s.uri == "u")
    assert seen.account == "'; DROP TABLE asset; --" and seen.title is not None
    assert seen.title.startswith("a") and seen.title.endswith("b\x00c")
    assert store.check_integrity() == []


def test_an_asset_that_is_not_there_is_named(store: SqliteStore) -> None:
    with pytest.raises(StoreError, match="f" * 64):
        store.asset("f" * 64)
    assert store.sightings("f" * 64) == [] and store.warnings("f" * 64) == []


# Transactions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_what_is_interrupted_is_undone_as_a_whole(store: SqliteStore, error: type[BaseException]) -> None:
    with store.writing():
        store.add_record(intake("a"))
        ledger.write_entry(store, failed("/dump/b.mp4"))
    before = state(store)
    with pytest.raises(error), store.writing():
        store.add_record(intake("b"))
        ledger.write_entry(store, failed("/dump/c.mp4"))
        store.add_sighting(Sighting(sha256="a" * 64, uri="elsewhere"))
        assert store.count() == 2
        raise error
    assert state(store) == before
    with store.writing():
        assert store.add_record(intake("b")), "the store can be written again"


def test_a_write_that_sqlite_refuses_is_a_store_error_and_is_undone(store: SqliteStore) -> None:
    with pytest.raises(StoreError, match="cannot be written"), store.writing():
        store.add_record(intake("a"))
        store.add_sighting(Sighting(sha256="f" * 64, uri="of no asset"))
    assert store.count() == 0


def test_a_killed_writer_leaves_what_was_committed(store: SqliteStore) -> None:
    """A process that dies inside a transaction: what it had committed is there, the rest is not."""
    writer = child(
        """
        with store.writing():
            fail("/kept")
        with store.writing():
            fail("/lost")
            os._exit(9)
        """,
        store.folder,
    )
    assert end(writer) == 9
    assert [f.path for f in ledger.failures(store)] == ["/kept"]
    assert store.check_integrity() == []


READER = """
for _ in sys.stdin:
    rows = sum(len(f.vectors) for f in store.fingerprints("pdq", "1"))
    print(store.count(), rows, len(ledger.failures(store)), len(store.problems()), flush=True)
"""


def test_readers_see_the_state_before_an_open_transaction_and_then_the_state_after(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(intake("a"))
    early = child(READER, store.folder)
    assert ask(early) == "1 3 0 0"
    with store.writing():
        store.add_record(intake("b"))
        ledger.write_entry(store, failed("/dump/c.mp4"))
        late = child(READER, store.folder)  # even one that comes while the transaction is open
        assert [ask(reader) for reader in (early, late)] == ["1 3 0 0"] * 2
    assert [ask(reader) for reader in (early, late)] == ["2 6 1 0"] * 2
    for reader in (early, late):
        assert end(reader) == 0


def test_a_reading_that_has_begun_keeps_its_state(store: SqliteStore) -> None:
    with store.writing():
        for name in "ac":
            store.add_record(intake(name))
    with SqliteStore(store.folder) as reader:
        reading = reader.fingerprints("pdq", "1")
        assert next(reading).sha256[0] == "a"
        with store.writing():
            store.add_record(intake("b"))
        assert [f.sha256[0] for f in reading] == ["c"]
        assert [f.sha256[0] for f in reader.fingerprints("pdq", "1")] == ["a", "b", "c"]


def test_a_second_writer_waits_for_the_first(store: SqliteStore) -> None:
    writer = 'input(); print("begins", flush=True)\nwith store.writing():\n    fail("/x", "crash")\n'
    with store.writing():
        ledger.write_entry(store, failed("/x"))
        second = child(writer, store.folder)
        assert ask(second) == "begins"
    assert end(second) == 0
    assert [f.kind for f in ledger.failures(store)] == ["crash"]
    assert [entry.details["kind"] for entry in custody_log.iter_log(store)] == ["corrupt", "crash"]


def test_a_second_writer_that_waits_too_long_fails_cleanly(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BUSY_SECONDS", 0.05)
    with SqliteStore(store.folder) as second:
        with store.writing():
            store.add_record(intake("a"))
            with pytest.raises(StoreError, match="locked"), second.writing():
                pytest.fail("two writers at once")
        with second.writing():
            assert not second.add_record(intake("a", "/other"))
    assert store.uris("a" * 64) == ("/dump/a.mp4", "/other")


# The store against itself -------------------------------------------------------------------------


def test_an_empty_store_is_sound(store: SqliteStore) -> None:
    assert store.check_integrity() == [] and store.count() == 0


@pytest.mark.parametrize(
    "damage",
    [b"", b"MFA1", b"garbage", "cut", "longer", "head", "rows", "two arrays", "flat", "vast"],
    ids=lambda damage: repr(damage),
)
def test_a_damaged_fingerprint_is_found_and_the_others_are_not_blamed(store: SqliteStore, damage: bytes | str) -> None:
    with store.writing():
        for name in "ab":
            store.add_record(intake(name))
    good = fingerprints.pack_fingerprint(intake("a").fingerprints[0])
    damaged = {
        "cut": good[:-3],
        "longer": good + b"\0",
        "head": good[:4] + b"\x09" + good[5:],
        "rows": arrays.pack_arrays(np.zeros((2, 2)), np.zeros((3, 32), np.uint8), np.zeros(3, np.float32)),
        "two arrays": arrays.pack_arrays(np.zeros((3, 2)), np.zeros((3, 32), np.uint8)),
        "flat": arrays.pack_arrays(np.zeros((3, 2)), np.uint8(7).reshape(()), np.zeros(3, np.float32)),
        "vast": arrays.MAGIC + b"\x01\x01\x02" + bytes(8) + b"\xff" * 8,
    }.get(str(damage), damage)
    raw(store, "UPDATE fingerprint SET data = ? WHERE sha256 = ? AND type = 'pdq'", (damaged, "a" * 64))
    problems = store.check_integrity()
    assert "pdq" in problems[0] and all("a" * 64 in problem for problem in problems)


CROPS = FingerprintDeclaration(name="crops", consumes="image", metric="hamming", columns=32, max_rows=5)
PDQ = FingerprintDeclaration(name="pdq", consumes="frames", metric="hamming", columns=32, max_rows=None)


@pytest.mark.parametrize("count", [0, 5, 6])
def test_crops_have_no_thumbnails_and_are_few(store: SqliteStore, count: int) -> None:
    given = intake("a")
    crops = replace(fingerprint("a" * 64, "pdq", count), type="crops", spans=np.zeros((count, 2)))
    with store.writing():
        store.add_record(replace(given, fingerprints=(*given.fingerprints, crops)))
    told = [] if count <= 5 else [f"fingerprint crops of {'a' * 64}: crops: 6 rows, more than 5"]
    assert store.check_integrity({"crops": CROPS, "pdq": PDQ}) == told


def test_an_asset_that_was_seen_nowhere_is_found(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(intake("a"))
    raw(store, "DELETE FROM sighting")
    problems = store.check_integrity()
    assert "seen nowhere" in problems[0] and all("a" * 64 in problem for problem in problems)


def test_a_row_without_its_asset_is_found(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(intake("a"))
        store.add_record(intake("b"))
    raw(store, "DELETE FROM asset WHERE sha256 = ?", ("b" * 64,))  # no foreign keys behind the store's back
    problems = store.check_integrity()
    assert any("missing asset" in problem for problem in problems)
    assert not any("a" * 64 in problem for problem in problems)


@pytest.mark.parametrize("damaged", [b"", JPEGS[0][:100], b"\xff" * 500], ids=["empty", "cut", "noise"])
def test_a_damaged_thumbnail_is_found(store: SqliteStore, damaged: bytes) -> None:
    with store.writing():
        store.add_record(intake("a"))
    raw(store, "UPDATE thumbnail SET jpeg = ? WHERE position = 1", (damaged,))
    problems = store.check_integrity()
    assert "thumbnail 1 of" in problems[0] and all("a" * 64 in problem for problem in problems)


def findings(store: SqliteStore, data: bytes) -> list[str]:
    """What is found in a store whose file has become this, be it that it can no longer be opened."""
    (store.folder / DATABASE_NAME).write_bytes(data)
    try:
        with SqliteStore(store.folder) as again:
            return again.check_integrity()
    except StoreError as error:
        return [str(error)]


def full_and_closed(store: SqliteStore) -> bytes:
    """A store with rows in every table; the bytes of its file."""
    with store.writing():
        for name in "abcdef":
            given = intake(name, rows=40)
            store.add_record(given)
            ledger.write_entry(store, done(given))
        ledger.write_entry(store, failed(BAD_NAME))
        transcripts.save_audio_id(store, "a" * 64, "sound")
        said = TranscriptSegment(start=0, end=1, language="zh", language_probability=1, text="机器 learning")
        spoken = Transcript(
            model="m", version="v", duration=1, speech_seconds=1, untranscribed_seconds=0, segments=(said,)
        )
        transcripts.save_transcript(store, "sound", spoken, replace(fingerprint("a" * 64), type="words"), 1)
    assert store.check_integrity() == []
    store.close()
    return (store.folder / DATABASE_NAME).read_bytes()


def test_every_overwritten_page_is_found(store: SqliteStore) -> None:
    whole = full_and_closed(store)
    with closing(sqlite3.connect(store.folder / DATABASE_NAME)) as database:
        (unused,) = database.execute("PRAGMA freelist_count").fetchone()
    starts = range(PAGE, len(whole), PAGE)
    found = [findings(store, whole[:at] + b"\xa5" * 64 + whole[at + 64 :]) for at in starts]
    assert len(found) > 20 and found.count([]) <= unused


def test_whatever_the_damage_is_it_is_told_and_not_raised(store: SqliteStore) -> None:
    whole = np.frombuffer(full_and_closed(store), np.uint8)
    rng = np.random.default_rng(0)
    for turn in range(200):
        data = whole.copy()
        # All over the file, in its head, or in one place.
        first = 0 if turn % 3 == 1 else rng.integers(len(data))
        places = rng.integers(0, len(data), rng.integers(1, 400)) if turn % 3 == 0 else np.arange(first, first + 90)
        data[places % len(data)] = rng.integers(0, 256, len(places))
        length = len(data) if turn % 10 else rng.integers(1, len(data))
        for finding in findings(store, data[:length].tobytes()):
            assert finding and finding.encode()


@pytest.mark.parametrize("table", ["asset", "sighting", "fingerprint", "transcript", "passage", "ledger", "log"])
def test_text_that_is_no_text_is_found(store: SqliteStore, table: str) -> None:
    full_and_closed(store)
    with closing(sqlite3.connect(store.folder / DATABASE_NAME)) as database:
        database.execute("DROP TRIGGER log_is_not_changed")
        columns = database.execute(f"SELECT name FROM pragma_table_info('{table}') WHERE type = 'TEXT'").fetchall()
    assert columns
    for (column,) in columns:
        with SqliteStore(store.folder) as again, suppress(sqlite3.IntegrityError):
            again.db.execute("BEGIN")
            again.db.execute("PRAGMA ignore_check_constraints=ON")
            again.db.execute(f"UPDATE {table} SET {column} = CAST(x'68c328ff' AS TEXT) WHERE true")
            assert any(
                f"the {column} of a row of {table} is no text: 'h" in finding for finding in again.check_integrity()
            )


# Disks and folders that fail ----------------------------------------------------------------------


@pytest.mark.parametrize("at", ["when it is written", "when it is committed"])
def test_a_full_disk_undoes_the_transaction_and_nothing_else(store: SqliteStore, at: str) -> None:
    with store.writing():
        ledger.write_entry(store, failed("/kept"))
    pages = 10_000 if at == "when it is committed" else 5  # more than these do not stay in memory until then
    writer = child(
        f"""
        reached = False
        store.db.execute("PRAGMA cache_size={pages}")
        limit(200_000)
        try:
            with store.writing():
                for n in range(3000):
                    fail(f"/lost/{{n}}" * 40)
                reached = True
        except StoreError as error:
            print(error)
        limit()
        print(reached, [row.path for row in ledger.failures(store)], store.problems())
        with store.writing():
            fail("/then")
        """,
        store.folder,
    )
    said, after = writer.communicate(timeout=PATIENCE_SECONDS)[0].splitlines()
    assert writer.returncode == 0
    assert str(store.folder) in said and "not full, and run the same command again" in said
    assert after == f"{at == 'when it is committed'} ['/kept'] []"
    assert [row.path for row in ledger.failures(store)] == ["/kept", "/then"]
    assert store.check_integrity() == []


def test_a_store_is_not_made_on_a_full_disk(tmp_path: Path) -> None:
    maker = child(
        f"""
        folder = Path({str(tmp_path / "store")!r})
        for size in range(0, 120_000, 4000):
            limit(size)
            try:
                SqliteStore(folder, create=True).close()
                break
            except StoreError as error:
                print(error)
        limit()
        with SqliteStore(folder, create=True) as store:
            assert store.problems() == []
        """
    )
    said = maker.communicate(timeout=PATIENCE_SECONDS)[0].splitlines()
    assert maker.returncode == 0 and len(said) > 5
    assert all(str(tmp_path / "store") in line and "cannot be opened" in line for line in said)


def test_a_disk_without_space_is_named(tmp_path: Path) -> None:
    mount = ["unshare", "--mount", "--map-root-user", "sh", "-c", 'mount -t tmpfs -o size=1m none "$0" && exec "$@"']
    if not shutil.which("unshare") or subprocess.run([*mount, tmp_path, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("a small disk cannot be mounted here")
    code = f"""{HEAD}
folder = Path({str(tmp_path / "store")!r})
with SqliteStore(folder, create=True) as store:
    with store.writing():
        fail("/kept")
    try:
        with store.writing():
            for n in range(3000):
                fail(f"/lost/{{n}}" * 40)
    except StoreError as error:
        print(error)
    print([row.path for row in ledger.failures(store)])
try:
    (folder / "filler").write_bytes(bytes(1 << 20))
except OSError:
    Path({str(tmp_path)!r}, "other").mkdir()
try:
    SqliteStore(Path({str(tmp_path)!r}, "other"), create=True)
except StoreError as error:
    print(error)
"""
    words = [*mount, tmp_path, sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    written, kept, opened = done.stdout.splitlines()
    assert kept == "['/kept']"
    for said in (written, opened):
        assert "no space left on the disk that holds it; free some and run the same command again" in said


def test_a_folder_that_vanishes_or_is_replaced_takes_no_more_files(store: SqliteStore) -> None:
    away = store.folder.with_name("away")
    with pytest.raises(StoreError, match=r"moved or deleted.*put it back"), store.writing():
        ledger.write_entry(store, failed("/lost"))
        store.folder.rename(away)
    SqliteStore(store.folder, create=True).close()
    with pytest.raises(StoreError, match="moved or deleted"), store.writing():
        ledger.write_entry(store, failed("/lost"))
    shutil.rmtree(store.folder)
    with pytest.raises(StoreError, match="there is no store"):
        SqliteStore(store.folder)
    away.rename(store.folder)
    with store.writing():
        ledger.write_entry(store, failed("/kept"))
    assert [row.path for row in ledger.failures(store)] == ["/kept"]


def test_a_store_is_the_same_from_another_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with SqliteStore(Path("here"), create=True) as store:
        monkeypatch.chdir("/")
        with store.writing():
            ledger.write_entry(store, failed("/x"))


def test_a_store_that_may_not_be_written_or_entered_is_named_with_the_mend() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, locked = Path(name, "store"), Path(name, "locked")
        SqliteStore(folder, create=True).close()
        locked.mkdir()
        for path, mode in ((Path(name), 0o755), (folder / DATABASE_NAME, 0o444), (folder, 0o555), (locked, 0)):
            path.chmod(mode)
        visitor = child(
            f"""
            if not os.getuid():
                try:
                    os.setresuid(65534, 65534, 65534)  # whom the modes bind
                except OSError:
                    sys.exit({SKIPPED})
            for folder, create in ((Path({name!r}, f), c) for f in ("store", "locked", "new") for c in (True, False)):
                try:
                    store = SqliteStore(folder, create=create)
                    with store.writing():
                        fail("/x")
                except StoreError as error:
                    print(error)
            """
        )
        said = visitor.communicate(timeout=PATIENCE_SECONDS)[0].splitlines()
        locked.chmod(0o755)
        folder.chmod(0o755)
    if visitor.returncode == SKIPPED:
        pytest.skip("root cannot become another user here")
    assert visitor.returncode == 0 and len(said) == 6
    assert all(str(folder.parent) in line for line in said)
    assert all("yourself the right" in line for line in said[:5]) and "there is no store" in said[5]


def test_a_new_store_s_folders_are_flushed_to_disk_before_it_takes_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda number: flushed.append(Path(f"/proc/self/fd/{number}").readlink()))
    SqliteStore(tmp_path / "new" / "store", create=True).close()
    assert flushed[:3] == [tmp_path / "new" / "store", tmp_path / "new", tmp_path]
    flushed.clear()
    SqliteStore(tmp_path / "new" / "store", create=True).close()
    assert flushed == []


def test_folders_that_cannot_be_flushed_do_not_matter_and_failing_disks_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flush(number: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", flush)
    code = errno.EINVAL
    SqliteStore(tmp_path / "a", create=True).close()
    code = errno.ENOSPC
    with pytest.raises(StoreError, match="no space left"):
        SqliteStore(tmp_path / "b", create=True)
    code = errno.EIO
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore(tmp_path / "c", create=True)


def test_a_program_that_is_in_the_way_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite itself does not wait here: it refuses at once to change the journal of a file that another writes."""
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None, check_same_thread=False)) as first:
        first.execute("BEGIN IMMEDIATE")
        with monkeypatch.context() as short, pytest.raises(StoreError, match="locked"):
            short.setattr(store_module, "BUSY_SECONDS", 0.05)
            SqliteStore(tmp_path, create=True)
        ending = threading.Timer(0.2, first.execute, ("ROLLBACK",))
        ending.start()
        with SqliteStore(tmp_path, create=True) as store:
            assert not first.in_transaction and store.check_integrity() == []
        ending.join()


def test_sixteen_programs_may_make_one_store_at_once(tmp_path: Path) -> None:
    openers = [
        child(
            f"""
            print("ready", flush=True)
            for line in sys.stdin:
                try:
                    with SqliteStore(Path({str(tmp_path)!r}, line.strip()), create=True) as store, store.writing():
                        fail("/from/{n}")
                    print("written", flush=True)
                except BaseException as error:
                    print(repr(error), flush=True)
            """
        )
        for n in range(16)
    ]
    assert [answer(opener) for opener in openers] == ["ready"] * 16, "none is still starting when the others open"
    for turn in range(5):
        for opener in openers:
            tell(opener, str(turn))
        assert [answer(opener) for opener in openers] == ["written"] * 16
        with SqliteStore(tmp_path / str(turn)) as store:
            assert len(ledger.failures(store)) == 16 and store.check_integrity() == []
    assert [end(opener) for opener in openers] == [0] * 16


# What is no store ---------------------------------------------------------------------------------


def test_no_store_is_refused_unless_one_is_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="ingest"):
        SqliteStore(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be made"):
        SqliteStore(tmp_path / "file" / "store", create=True)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000], ids=["text", "head"])
def test_a_file_of_garbage_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes, create: bool) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(content)
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore(tmp_path, create=create)
    assert (tmp_path / DATABASE_NAME).read_bytes() == content


def foreign(folder: Path, application: int) -> Path:
    """Another program's database under our file's name."""
    file = folder / DATABASE_NAME
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE notes (text)")
        database.execute("INSERT INTO notes VALUES ('mine')")
        database.execute(f"PRAGMA application_id={application}")
    return file


@pytest.mark.parametrize("create", [False, True])
def test_another_program_s_database_is_refused(tmp_path: Path, create: bool) -> None:
    file = foreign(tmp_path, 0x1234)
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(tmp_path, create=create)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("notes",)]


def test_another_program_s_database_is_left_as_it_is(tmp_path: Path) -> None:
    file = foreign(tmp_path, 0x1234)
    before = file.read_bytes()
    with pytest.raises(StoreError):
        SqliteStore(tmp_path)
    assert file.read_bytes() == before


def test_another_program_s_unmarked_database_is_refused(tmp_path: Path) -> None:
    file = foreign(tmp_path, 0)  # most programs leave the mark at 0
    before = file.read_bytes()
    with pytest.raises(StoreError):
        SqliteStore(tmp_path).close()
    assert file.read_bytes() == before


def test_a_newer_store_is_refused_and_both_versions_are_named(store: SqliteStore) -> None:
    raw(store, "PRAGMA user_version=999")
    with pytest.raises(StoreError, match="999"):
        SqliteStore(store.folder)


SECOND = """
    INSERT INTO asset VALUES ('{a}', 'video', 9, '{{}}', '[]', '2024-01-01T00:00:00Z');
    INSERT INTO asset VALUES ('{b}', 'image', 7, '{{}}', '[]', '2024-01-02T00:00:00Z');
    INSERT INTO sighting (sha256, uri, source) SELECT sha256, CAST('/' || substr(sha256, 1, 1) AS BLOB), '' FROM asset;
    INSERT INTO file SELECT CAST('/' || substr(sha256, 1, 1) AS BLOB), bytes, 5, sha256 FROM asset;
    INSERT INTO failure VALUES (x'2fff', 'corrupt', 'is cut short', 3, '2024-01-03T00:00:00Z');
    INSERT INTO failure VALUES (CAST('/b' AS BLOB), 'crash', 'died', 1, '2024-01-03T00:00:00Z');
    PRAGMA user_version=2;
"""
"""Rows of a store of the second version; of its two files, one has failed since it was taken in."""


def test_a_store_of_the_second_version_is_brought_up(tmp_path: Path) -> None:
    sha256s = {"a": "a" * 64, "b": "b" * 64}
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as old, old:
        old.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
        for step in (*schema.MIGRATIONS[:2], SECOND.format(**sha256s)):
            old.executescript(step)
        for sha256 in sha256s.values():
            given = intake(sha256[0])
            old.executemany(
                "INSERT INTO fingerprint VALUES (?, ?, ?, ?)",
                [(sha256, f.type, f.version, fingerprints.pack_fingerprint(f)) for f in given.fingerprints],
            )
            old.executemany(
                "INSERT INTO thumbnail VALUES (?, ?, ?, ?)",
                [(sha256, t.position, t.seconds, t.jpeg) for t in given.thumbnails],
            )
    with SqliteStore(tmp_path) as store:
        assert ledger.find_entry(store, "/a", bytes=9, modified_ns=5) == LedgerEntry(
            path="/a", bytes=9, modified_ns=5, version="1", state="done", sha256="a" * 64
        )
        assert ledger.find_entry(store, "/b", bytes=7, modified_ns=5) is None, "it failed later than it was taken in"
        assert [(f.path, f.kind, f.message, f.bytes, f.attempts) for f in ledger.failures(store)] == [
            ("/b", "crash", "died", -1, 1),
            ("/\udcff", "corrupt", "is cut short", -1, 3),
        ]
        assert [(entry.n, entry.what, entry.details["sha256"]) for entry in custody_log.iter_log(store)] == [
            (1, "adopted", "a" * 64),
            (2, "adopted", "b" * 64),
        ]
        assert store.check_integrity() == [] and store.count() == 2
        (tables,) = zip(
            *store.rows("SELECT name FROM sqlite_master WHERE name IN ('file', 'failure', 'log')"), strict=True
        )
        assert tables == ("log",)
    raw(store, "DELETE FROM thumbnail WHERE position = 2")
    with SqliteStore(tmp_path) as store:
        assert any("vouches" in problem for problem in store.check_integrity())


def test_a_step_that_fails_leaves_the_older_store_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as old:
        old.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
        for step in (*schema.MIGRATIONS[:2], SECOND.format(a="a" * 64, b="b" * 64)):
            old.executescript(step)
    with monkeypatch.context() as broken, pytest.raises(StoreError, match="no such table"):
        broken.setattr(schema, "MIGRATIONS", [*schema.MIGRATIONS[:2], schema.MIGRATIONS[2] + "DROP TABLE nowhere;"])
        SqliteStore(tmp_path)
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as old:
        assert old.execute("SELECT count(*) FROM file").fetchone() == (2,)
        assert old.execute("PRAGMA user_version").fetchone() == (2,)
    with SqliteStore(tmp_path) as store:
        assert len(ledger.failures(store)) == 2


def test_two_programs_may_make_one_store_at_once(tmp_path: Path) -> None:
    """The second finds no tables, waits for the first to make them, and then has nothing left to make."""
    maker = [sys.executable, "-c", f"{TOLD}\nSqliteStore(Path({str(tmp_path)!r}), create=True).close()"]
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)) as first:
        first.execute("PRAGMA journal_mode=WAL")
        first.execute("BEGIN IMMEDIATE")
        second = subprocess.Popen(maker, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert second.stdout is not None
        while (line := second.stdout.readline()) and not line.startswith("BEGIN IMMEDIATE"):
            pass
        for statement in schema.split_statements(schema.MIGRATIONS[0]):
            first.execute(statement)
        first.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
        first.execute("PRAGMA user_version=1")
        first.execute("COMMIT")
    _, told = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 0, told
    with SqliteStore(tmp_path) as store:
        assert store.check_integrity() == []


TOLD = """
from pathlib import Path
import sqlite3
from mediafp.store.sqlite.store import SqliteStore

class Told(sqlite3.Connection):
    "Prints every statement that begins."
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.set_trace_callback(lambda statement: print(statement, flush=True))

connect = sqlite3.connect
sqlite3.connect = lambda *arguments, **options: connect(*arguments, factory=Told, **options)
"""
