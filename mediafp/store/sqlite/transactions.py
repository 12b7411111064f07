"""Transactions of a connection: one to read in, one to write in."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def read_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Give all reads inside one state, whatever is written meanwhile; inside a transaction, the state of that one."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        # SQLite itself ends the transaction on some errors. A ROLLBACK, because a damaged index can make a COMMIT fail
        # though nothing was written.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


@contextmanager
def write_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Save all writes inside, or none if an exception leaves the block."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            # The first error is the one to raise: a failed ROLLBACK leaves nothing committed either.
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise
