"""The open SQLite database of a store: its connections, transactions and errors."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mediafp.store.interface import READ_ONLY_REASON
from mediafp.store.sqlite import transactions
from mediafp.store.sqlite.errors import READ_ERRORS, store_error
from mediafp.store.sqlite.log_chain import log_groups
from mediafp.store.sqlite.row_digests import take_changed_groups
from mediafp.types.damage import DamageHandler, raise_damage
from mediafp.types.errors import StoreError


class Database:
    """The open SQLite database of a store.

    Every thread has a connection of its own, so that it reads a committed state while another thread writes. One lock
    admits the writing threads of this process one after another; SQLite's own lock does so for processes.
    """

    def __init__(
        self,
        folder: Path,
        file: Path,
        connection: sqlite3.Connection,
        connect: Callable[[], Any],
        *,
        is_read_only: bool = False,
    ) -> None:
        """Take over the connection of the current thread.

        Args:
            folder: Folder of the store, for error messages.
            file: The database file, absolute.
            connection: An open connection to it.
            connect: Opens a further connection to the same file, for another thread.
            is_read_only: The connections can read alone.
        """
        self.folder, self.is_read_only = folder, is_read_only
        self.on_damage: DamageHandler = raise_damage
        """Gets each stored value that is damaged, and raises StoreError unless it is replaced."""
        self._file = file
        self._identity = _file_identity(file)
        self._content = _file_content(file) if is_read_only else None
        self._connect = connect
        self._connections: dict[threading.Thread, sqlite3.Connection] = {threading.current_thread(): connection}
        self._opening = threading.Lock()
        self._writing = threading.RLock()
        self._closed = False

    @property
    def connection(self) -> sqlite3.Connection:
        """Connection of the current thread, opened on first use.

        Raises StoreError if the store is closed or can no longer be opened, or if it is read only and was changed.
        """
        self._check_unchanged()
        return self._connections.get(threading.current_thread()) or self._open_connection()

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._opening:
            self._closed = True
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    def rows(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a query.

        Raises:
            StoreError: They cannot be read.
        """
        with self.read_errors():
            # `yield from` would close the cursor where a reader stops early, which fails once the store is closed.
            for row in self.connection.execute(query, values):  # noqa: UP028
                yield row
        self._check_unchanged()

    @contextmanager
    def read_errors(self) -> Iterator[None]:
        """Raise StoreError for the errors of SQLite while it reads."""
        try:
            yield
        except READ_ERRORS as error:
            raise store_error(self.folder, "read", error) from error

    def row(self, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """Return the first row of a query, or None.

        Raises:
            StoreError: It cannot be read.
        """
        return next(self.rows(query, values), None)

    def execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Execute a statement on the connection of the current thread, errors as SQLite raises them."""
        return self.connection.execute(statement, values)

    @contextmanager
    def read_transaction(self) -> Iterator[None]:
        """Give all reads inside one state, whatever other threads and processes write meanwhile."""
        with transactions.read_transaction(self.connection):
            yield
        self._check_unchanged()

    @contextmanager
    def write_transaction(self) -> Iterator[None]:
        """Save and log all writes inside, or none if an exception leaves the block.

        Raises:
            StoreError: They cannot be saved, or the file was moved or deleted while it was open.
        """
        if self.is_read_only:
            raise StoreError(f"cannot write the store '{self.folder}': {READ_ONLY_REASON}", kind="read_only")
        try:
            with self._writing, transactions.write_transaction(self.connection):
                yield
                log_groups(self.connection, take_changed_groups(self.connection))
                self._check_identity()
        except sqlite3.Error as error:
            raise store_error(self.folder, "write", error) from error

    def _open_connection(self) -> sqlite3.Connection:
        with self._opening:
            if self._closed:
                raise StoreError(f"cannot use the store '{self.folder}': it is closed; open it again")
            # A thread that has ended needs its connection no more.
            for thread in [thread for thread in self._connections if not thread.is_alive()]:
                self._connections.pop(thread).close()
            try:
                connection: sqlite3.Connection = self._connect()
            except (*READ_ERRORS, OSError) as error:
                raise store_error(self.folder, "open", error) from error
            try:
                self._check_identity()
            except StoreError:
                connection.close()
                raise
            self._connections[threading.current_thread()] = connection
            return connection

    def _check_unchanged(self) -> None:
        """Raise StoreError if another program changed a file that is read without locks: pages of two states would be mixed."""
        if self.is_read_only and _file_content(self._file) != self._content:
            raise StoreError(
                f"cannot read the store '{self.folder}': another program changed it meanwhile, and it is read without locks"
                " where you may not write; run the same command again when nobody else uses it, or copy the folder",
                kind="changed",
            )

    def _check_identity(self) -> None:
        if _file_identity(self._file) != self._identity:
            raise StoreError(
                f"cannot write the store '{self.folder}': its folder was moved or deleted while it was open, and the"
                " last write is undone; restore the folder, and run the same command again",
                kind="moved",
            )


def _file_identity(file: Path) -> tuple[int, int] | None:
    """Return device and inode of a file; None if it does not exist."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _file_content(file: Path) -> tuple[int, ...] | None:
    """Return what changes with the content of a database file, and the size of its write-ahead log; None if it does not exist."""
    try:
        stat = file.stat()
    except OSError:
        return None
    try:
        log_bytes = file.with_name(f"{file.name}-wal").stat().st_size
    except OSError:
        log_bytes = 0
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, log_bytes
