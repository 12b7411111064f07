"""Opening of the database file of a store, with the tables of the current version."""

import errno
import os
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from mediafp.store.sqlite import schema
from mediafp.store.sqlite.errors import is_busy

DATABASE_NAME = "case.sqlite"
"""Name of the database file in the folder of a store."""
BUSY_SECONDS = 60.0
"""Wall seconds that a writer waits for another process. Chosen, not measured."""
RETRY_SECONDS = 0.01
"""Wall seconds between two tries to open a store that another process is creating, which takes a few flushes to disk of
4 ms each."""
NO_FLUSH = (errno.EINVAL, errno.ENOTSUP)
"""Errors of file systems that cannot flush a folder."""


def open_connection(file: Path, *, create: bool) -> sqlite3.Connection:
    """Return a connection to a database file, migrated to the current schema version.

    The connection may be used by any thread. Writes are flushed to disk before a transaction ends (`synchronous=FULL`).

    Args:
        file: The database file, absolute.
        create: Create the file if it does not exist.

    Raises:
        StoreError: The file belongs to another program or to a newer version; it is left unchanged.
        sqlite3.Error: The file cannot be opened.
        OSError: A folder cannot be flushed.
    """
    uri = f"file:{quote(os.fsencode(file))}?mode={'rwc' if create else 'rw'}"
    until = time.monotonic() + BUSY_SECONDS
    while True:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            # First of all: the file of another program or of a newer version is left unchanged.
            if not schema.schema_version(connection, file.parent):
                # All folders that may be as new as the store, so that a power cut does not lose their names.
                for folder in file.parents:
                    _flush_folder(folder)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")
            schema.migrate(connection, file.parent)
            return connection
        except BaseException as error:
            connection.close()
            # SQLite itself does not wait for its lock when it changes the journal mode.
            if not (isinstance(error, sqlite3.Error) and is_busy(error)) or time.monotonic() > until:
                raise
        time.sleep(RETRY_SECONDS)


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
