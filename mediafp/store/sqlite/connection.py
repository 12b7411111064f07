"""Opening of the database file of a store, with the tables of the current version."""

import errno
import os
import sqlite3
import stat
import time
from pathlib import Path
from urllib.parse import quote

from mediafp.store.interface import READ_ONLY_REASON
from mediafp.store.sqlite import row_digests, schema
from mediafp.store.sqlite.errors import is_busy
from mediafp.types.errors import StoreError

DATABASE_NAME = "case.sqlite"
"""Name of the database file in the folder of a store."""
BUSY_SECONDS = 60.0
"""Wall seconds that a writer waits for another process. Chosen, not measured."""
RETRY_SECONDS = 0.01
"""Wall seconds between two tries to open a store that another process is creating, which takes a few flushes to disk of
4 ms each."""
NEW_DATABASE_BYTES = 4096
"""Bytes of a database that contains no table yet: one page."""
JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
"""Bytes at the start of each part of a rollback journal, and behind the name of a super-journal."""
MAX_VALUE_BYTES = 128 << 20
"""Bytes of one value or statement. The longest value is the embeddings of a video of ten hours, 37 MB."""
NO_FLUSH = (errno.EINVAL, errno.ENOTSUP)
"""Errors of file systems that cannot flush a folder."""


def may_write(file: Path) -> bool:
    """Return True if files may be made beside a database file, as SQLite does for every reader of one with a log."""
    return os.access(file.parent, os.W_OK)


def open_read_only(file: Path) -> sqlite3.Connection:
    """Return a connection to a database file in a folder in which no file may be made, such as that of a read-only mount.

    SQLite takes the file as one that nobody changes (`immutable`): it locks nothing, and reads no write-ahead log.

    Raises:
        StoreError: The file belongs to another program or to another version, contains a trigger or a view that mediafp did not
            create, or has a journal or a log with changes that are not in it yet.
        sqlite3.Error: The file cannot be opened.
    """
    for name in (f"{file.name}-wal", f"{file.name}-journal"):
        if (beside := file.with_name(name)).exists() and beside.stat().st_size:
            raise StoreError(
                f"cannot open the store '{file.parent}': its {name!r} contains changes that are not in the database yet, and"
                f" {READ_ONLY_REASON}"
            )
    if file.is_symlink():
        raise _link_error(file)
    uri = f"file://{quote(os.fsencode(file))}?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        _protect(connection)
        version = schema.schema_version(connection, file.parent)
        if version < schema.SCHEMA_VERSION:
            raise StoreError(
                f"cannot open the store '{file.parent}': an older mediafp made it, whose version {version} must be migrated to"
                f" {schema.SCHEMA_VERSION}, and {READ_ONLY_REASON}"
            )
        schema.check_objects(connection, file.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def open_connection(file: Path, *, create: bool) -> sqlite3.Connection:
    """Return a connection to a database file, migrated to the current schema version.

    The connection may be used by any thread. Writes are flushed to disk before a transaction ends (`synchronous=FULL`).
    What is deleted is overwritten with zeros (`secure_delete`), also by a change that only moves it to another page.

    Args:
        file: The database file, absolute.
        create: Create the file if it does not exist.

    Raises:
        StoreError: The file belongs to another program or to a newer version, or it contains a trigger or a view, or has
            a journal, that mediafp did not create; it is left unchanged.
        sqlite3.Error: The file cannot be opened.
        OSError: A folder cannot be flushed.
    """
    # The empty authority keeps a path that starts with two slashes from being read as one.
    uri = f"file://{quote(os.fsencode(file))}?mode={'rwc' if create else 'rw'}"
    until = time.monotonic() + BUSY_SECONDS
    _refuse_foreign_files(file)
    while True:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _protect(connection)
            # First of all: the file of another program or of a newer version is left unchanged.
            if not schema.schema_version(connection, file.parent):
                # All folders that may be as new as the store, so that a power cut does not lose their names.
                for folder in file.parents:
                    _flush_folder(folder)
            schema.check_objects(connection, file.parent)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}")
            schema.migrate(connection, file.parent)
            row_digests.watch_changes(connection)
            return connection
        except BaseException as error:
            connection.close()
            # SQLite itself does not wait for its lock when it changes the journal mode.
            if not (isinstance(error, sqlite3.Error) and is_busy(error)) or time.monotonic() > until:
                raise
        time.sleep(RETRY_SECONDS)


def _protect(connection: sqlite3.Connection) -> None:
    """Have a connection trust nothing that a crafted database file contains, beyond its rows."""
    connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)
    connection.setconfig(sqlite3.SQLITE_DBCONFIG_TRUSTED_SCHEMA, False)
    connection.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_VIEW, False)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)


def _refuse_foreign_files(file: Path) -> None:
    """Raise StoreError for a database that is a link, or that has a rollback journal which mediafp did not write.

    SQLite obeys a journal when it opens a database: it overwrites the database, and deletes the file that the journal
    names as its super-journal (SQLite documentation, fileformat2, section 3). A store has one only while it is created:
    later it uses a write-ahead log.
    """
    if file.is_symlink():
        # SQLite looks for a journal beside the target, and would write to whatever store that is.
        raise _link_error(file)
    size = file.stat().st_size if file.exists() else 0
    journal = file.with_name(f"{file.name}-journal")
    try:
        status = journal.lstat()
        is_foreign = not stat.S_ISREG(status.st_mode) or (status.st_size > 0 and size > NEW_DATABASE_BYTES)
        is_foreign = is_foreign or _names_super_journal(journal)
    except FileNotFoundError:
        return
    if is_foreign:
        raise StoreError(
            f"cannot open the store '{file.parent}': it contains {journal.name!r}, which mediafp did not write;"
            " move that file away, and run: mediafp verify"
        )


def _link_error(file: Path) -> StoreError:
    return StoreError(
        f"cannot open the store '{file.parent}': its {file.name!r} is a link; name the folder that contains the file"
    )


def _names_super_journal(journal: Path) -> bool:
    """Return True if a journal ends with the name of a super-journal: its name, length, checksum and the magic bytes."""
    with journal.open("rb") as file:
        file.seek(-min(len(JOURNAL_MAGIC), file.seek(0, os.SEEK_END)), os.SEEK_END)
        return file.read() == JOURNAL_MAGIC


def _flush_folder(folder: Path) -> None:
    """Flush the file names in a folder to disk, if the folder may be opened and the file system can do so."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_FLUSH:
            raise
    finally:
        os.close(descriptor)
