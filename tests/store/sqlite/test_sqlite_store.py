"""The SQLite store with several processes and threads, on failing disks, and in folders that contain no store."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from ingest_records import (
    BAD_NAME,
    HEAD,
    done_entry,
    end_child,
    execute_raw,
    failed_entry,
    ingest_record,
    read_line,
    request_line,
    send_line,
    start_child,
)
from processes import PATIENCE_SECONDS

from mediafp.store.sqlite import connection
from mediafp.store.sqlite.connection import DATABASE_NAME
from mediafp.store.sqlite.store import SqliteStore
from mediafp.types.errors import StoreError

SKIPPED = 77
"""Exit status of a process that cannot run its test."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty store."""
    with SqliteStore(tmp_path / "store", create=True) as opened:
        yield opened


def test_ledger_entry_is_deleted_with_its_asset(store: SqliteStore) -> None:
    entry = done_entry(ingest_record("a", BAD_NAME))
    with store.writing():
        store.add_record(ingest_record("a", BAD_NAME))
        store.write_ledger_entry(entry)
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        execute_raw(store, "UPDATE ledger SET sha256 = NULL")
    store.database.execute("DELETE FROM asset")
    assert store.find_ledger_entry(entry.path, bytes=entry.bytes, modified_ns=entry.modified_ns) is None


def test_rows_that_nobody_reads_to_the_end_end_with_the_store(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "store", create=True) as store:
        with store.writing():
            for name in "ab":
                store.add_record(ingest_record(name))
        rows = store.database.rows("SELECT sha256 FROM asset")
        next(rows)
    # As when the reader of a pipe leaves: the generator is closed after the store.
    rows.close()  # type: ignore[attr-defined]


# Several processes --------------------------------------------------------------------------------


def test_killed_writer_leaves_the_committed_writes(store: SqliteStore) -> None:
    """A process that is killed inside a transaction leaves its committed writes and no others."""
    writer = start_child(
        """
        with store.writing():
            fail("/committed")
        with store.writing():
            fail("/lost")
            os._exit(9)
        """,
        store.folder,
    )
    assert end_child(writer) == 9
    assert [f.path for f in store.failures()] == ["/committed"]
    assert store.check_integrity() == []


READER = """
for _ in sys.stdin:
    rows = sum(len(f.vectors) for f in store.fingerprints("pdq", "1"))
    print(store.count_assets(), rows, len(store.failures()), len(store.check_integrity()), flush=True)
"""


def test_readers_get_the_state_before_an_open_write_until_it_is_committed(store: SqliteStore) -> None:
    with store.writing():
        store.add_record(ingest_record("a"))
    early = start_child(READER, store.folder)
    assert request_line(early) == "1 3 0 0"
    with store.writing():
        store.add_record(ingest_record("b"))
        store.write_ledger_entry(failed_entry("/dump/c.mp4"))
        late = start_child(READER, store.folder)  # a reader that opens the store during the write
        assert [request_line(reader) for reader in (early, late)] == ["1 3 0 0"] * 2
    assert [request_line(reader) for reader in (early, late)] == ["2 6 1 0"] * 2
    for reader in (early, late):
        assert end_child(reader) == 0


def test_second_writer_waits_for_the_first(store: SqliteStore) -> None:
    writer = 'input(); print("begins", flush=True)\nwith store.writing():\n    fail("/x", "crash")\n'
    with store.writing():
        store.write_ledger_entry(failed_entry("/x"))
        second = start_child(writer, store.folder)
        assert request_line(second) == "begins"
    assert end_child(second) == 0
    assert [f.kind for f in store.failures()] == ["crash"]
    assert [entry.details["kind"] for entry in store.iter_log("failed")] == ["corrupt", "crash"]


def test_second_writer_that_waits_too_long_raises_store_error(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    with SqliteStore(store.folder) as second:
        with store.writing():
            store.add_record(ingest_record("a"))
            with pytest.raises(StoreError, match="locked"), second.writing():
                pytest.fail("two writers at once")
        with second.writing():
            assert not second.add_record(ingest_record("a", "/other"))
    assert store.uris("a" * 64) == ("/dump/a.mp4", "/other")


def test_open_waits_for_a_process_that_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite does not wait by itself: changing the journal mode fails at once while another process writes."""
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None, check_same_thread=False)) as first:
        first.execute("BEGIN IMMEDIATE")
        with monkeypatch.context() as short, pytest.raises(StoreError, match="locked"):
            short.setattr(connection, "BUSY_SECONDS", 0.05)
            SqliteStore(tmp_path, create=True)
        rollback = threading.Timer(0.2, first.execute, ("ROLLBACK",))
        rollback.start()
        with SqliteStore(tmp_path, create=True) as store:
            assert not first.in_transaction and store.check_integrity() == []
        rollback.join()


def test_sixteen_processes_create_one_store_at_once(tmp_path: Path) -> None:
    openers = [
        start_child(
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
    assert [read_line(opener) for opener in openers] == ["ready"] * 16, (
        "all processes have started before the first of them opens the store"
    )
    for turn in range(5):
        for opener in openers:
            send_line(opener, str(turn))
        assert [read_line(opener) for opener in openers] == ["written"] * 16
        with SqliteStore(tmp_path / str(turn)) as store:
            assert len(store.failures()) == 16 and store.check_integrity() == []
    assert [end_child(opener) for opener in openers] == [0] * 16


# Several threads ----------------------------------------------------------------------------------


def open_files(store: SqliteStore) -> int:
    """Return the number of open descriptors of the database file in this process."""
    file = store.folder / DATABASE_NAME
    return sum(link.resolve() == file for link in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed in /proc")
def test_connections_of_ended_threads_are_closed(store: SqliteStore) -> None:
    for _ in range(20):
        thread = threading.Thread(target=store.count_assets)
        thread.start()
        thread.join()
    assert open_files(store) <= 2
    store.close()
    assert open_files(store) == 0


def test_new_thread_raises_store_error_after_the_store_was_replaced(store: SqliteStore) -> None:
    store.folder.rename(store.folder.with_name("away"))
    with ThreadPoolExecutor(1) as other:
        with pytest.raises(StoreError, match="cannot open the store"):
            other.submit(store.count_assets).result()
        assert not store.folder.exists(), "no other store is created"
        SqliteStore(store.folder, create=True).close()
        with pytest.raises(StoreError, match="moved or deleted"):
            other.submit(store.count_assets).result()


# Failing disks and folders ------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["when it is written", "when it is committed"])
def test_full_disk_undoes_the_write_alone(store: SqliteStore, at: str) -> None:
    with store.writing():
        store.write_ledger_entry(failed_entry("/committed"))
    pages = 10_000 if at == "when it is committed" else 5  # more pages are written to disk before the commit
    writer = start_child(
        f"""
        reached = False
        store.database.connection.execute("PRAGMA cache_size={pages}")
        limit(200_000)
        try:
            with store.writing():
                for n in range(3000):
                    fail(f"/lost/{{n}}" * 40)
                reached = True
        except StoreError as error:
            print(error)
        limit()
        print(reached, [row.path for row in store.failures()], store.check_integrity())
        with store.writing():
            fail("/later")
        """,
        store.folder,
    )
    message, after = writer.communicate(timeout=PATIENCE_SECONDS)[0].splitlines()
    assert writer.returncode == 0
    assert str(store.folder) in message and "not full, and run the same command again" in message
    assert after == f"{at == 'when it is committed'} ['/committed'] []"
    assert [row.path for row in store.failures()] == ["/committed", "/later"]
    assert store.check_integrity() == []


def test_store_is_not_created_on_a_full_disk(tmp_path: Path) -> None:
    opener = start_child(
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
            assert store.check_integrity() == []
        """
    )
    lines = opener.communicate(timeout=PATIENCE_SECONDS)[0].splitlines()
    assert opener.returncode == 0 and len(lines) > 5
    assert all(str(tmp_path / "store") in line and "cannot open the store" in line for line in lines)


def test_error_of_a_full_disk_states_the_reason(tmp_path: Path) -> None:
    mount = ["unshare", "--mount", "--map-root-user", "sh", "-c", 'mount -t tmpfs -o size=1m none "$0" && exec "$@"']
    if not shutil.which("unshare") or subprocess.run([*mount, tmp_path, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("a small disk cannot be mounted on this system")
    code = f"""{HEAD}
folder = Path({str(tmp_path / "store")!r})
with SqliteStore(folder, create=True) as store:
    with store.writing():
        fail("/committed")
    try:
        with store.writing():
            for n in range(3000):
                fail(f"/lost/{{n}}" * 40)
    except StoreError as error:
        print(error)
    print([row.path for row in store.failures()])
try:
    (folder / "filler").write_bytes(bytes(1 << 20))
except OSError:
    Path({str(tmp_path)!r}, "other").mkdir()
try:
    SqliteStore(Path({str(tmp_path)!r}, "other"), create=True)
except StoreError as error:
    print(error)
"""
    command = [*mount, tmp_path, sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
    write_error, committed, open_error = done.stdout.splitlines()
    assert committed == "['/committed']"
    for message in (write_error, open_error):
        assert "no space left on its disk; free some space and run the same command again" in message


def test_moved_or_replaced_store_is_not_written(store: SqliteStore) -> None:
    away = store.folder.with_name("away")
    with pytest.raises(StoreError, match=r"moved or deleted.*restore the folder"), store.writing():
        store.write_ledger_entry(failed_entry("/lost"))
        store.folder.rename(away)
    SqliteStore(store.folder, create=True).close()
    with pytest.raises(StoreError, match="moved or deleted"), store.writing():
        store.write_ledger_entry(failed_entry("/lost"))
    shutil.rmtree(store.folder)
    with pytest.raises(StoreError, match="contains no store"):
        SqliteStore(store.folder)
    away.rename(store.folder)
    with store.writing():
        store.write_ledger_entry(failed_entry("/committed"))
    assert [row.path for row in store.failures()] == ["/committed"]


def test_relative_folder_stays_valid_in_another_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with SqliteStore(Path("relative"), create=True) as store:
        monkeypatch.chdir("/")
        with store.writing():
            store.write_ledger_entry(failed_entry("/x"))


def test_error_of_denied_access_names_store_and_action() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, locked = Path(name, "store"), Path(name, "locked")
        SqliteStore(folder, create=True).close()
        locked.mkdir()
        for path, mode in ((Path(name), 0o755), (folder / DATABASE_NAME, 0o444), (folder, 0o555), (locked, 0)):
            path.chmod(mode)
        opener = start_child(
            f"""
            if not os.getuid():
                try:
                    os.setresuid(65534, 65534, 65534)  # a user to whom the modes apply
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
        lines = opener.communicate(timeout=PATIENCE_SECONDS)[0].splitlines()
        locked.chmod(0o755)
        folder.chmod(0o755)
    if opener.returncode == SKIPPED:
        pytest.skip("root cannot become another user on this system")
    assert opener.returncode == 0 and len(lines) == 6
    assert all(str(folder.parent) in line for line in lines)
    assert all("yourself write access" in line for line in lines[:5]) and "contains no store" in lines[5]


def test_folders_of_a_new_store_are_flushed_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = []
    monkeypatch.setattr(os, "fsync", lambda number: flushed.append(Path(f"/proc/self/fd/{number}").readlink()))
    SqliteStore(tmp_path / "new" / "store", create=True).close()
    assert flushed[:3] == [tmp_path / "new" / "store", tmp_path / "new", tmp_path]
    flushed.clear()
    SqliteStore(tmp_path / "new" / "store", create=True).close()
    assert flushed == []


def test_open_ignores_unflushable_folders_but_no_failing_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flush(number: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", flush)
    code = errno.EINVAL
    SqliteStore(tmp_path / "a", create=True).close()
    code = errno.ENOSPC
    with pytest.raises(StoreError, match="no space left"):
        SqliteStore(tmp_path / "b", create=True)
    code = errno.EIO
    with pytest.raises(StoreError, match="cannot open the store"):
        SqliteStore(tmp_path / "c", create=True)


# Folders that contain no store --------------------------------------------------------------------


def test_folder_without_a_store_is_rejected_unless_one_is_created(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="ingest"):
        SqliteStore(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot create the store"):
        SqliteStore(tmp_path / "file" / "store", create=True)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\x00" + b"\xff" * 5000], ids=["text", "head"])
def test_garbage_file_is_rejected_and_unchanged(tmp_path: Path, content: bytes, create: bool) -> None:
    (tmp_path / DATABASE_NAME).write_bytes(content)
    with pytest.raises(StoreError, match="cannot open the store"):
        SqliteStore(tmp_path, create=create)
    assert (tmp_path / DATABASE_NAME).read_bytes() == content


def create_foreign_database(folder: Path, application: int) -> Path:
    """Create the database of another program under the name of a store's file."""
    file = folder / DATABASE_NAME
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE notes (text)")
        database.execute("INSERT INTO notes VALUES ('note')")
        database.execute(f"PRAGMA application_id={application}")
    return file


@pytest.mark.parametrize("create", [False, True])
def test_database_of_another_program_is_rejected(tmp_path: Path, create: bool) -> None:
    file = create_foreign_database(tmp_path, 0x1234)
    with pytest.raises(StoreError, match="another program"):
        SqliteStore(tmp_path, create=create)
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("notes",)]


def test_database_of_another_program_is_unchanged(tmp_path: Path) -> None:
    file = create_foreign_database(tmp_path, 0x1234)
    before = file.read_bytes()
    with pytest.raises(StoreError):
        SqliteStore(tmp_path)
    assert file.read_bytes() == before


def test_unmarked_database_of_another_program_is_rejected(tmp_path: Path) -> None:
    file = create_foreign_database(tmp_path, 0)  # most programs leave the application identifier at 0
    before = file.read_bytes()
    with pytest.raises(StoreError):
        SqliteStore(tmp_path).close()
    assert file.read_bytes() == before


def test_newer_store_is_rejected_with_its_version(store: SqliteStore) -> None:
    execute_raw(store, "PRAGMA user_version=999")
    with pytest.raises(StoreError, match="999"):
        SqliteStore(store.folder)
