"""The two kinds of transaction of a store's database: one to read in, one to write in."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def read_transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All reading in it sees one state, whoever writes meanwhile; inside a transaction, that of the transaction."""
    if db.in_transaction:
        yield
        return
    db.execute("BEGIN")
    try:
        yield
    finally:
        # SQLite itself ends it on some errors. Nothing was written; a damaged index makes a COMMIT fail all the same.
        if db.in_transaction:
            db.execute("ROLLBACK")


@contextmanager
def write_transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All writing in it is done as a whole, or not at all where an exception leaves it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            # What first went wrong is told, not that it could not be undone either: nothing was committed.
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise
