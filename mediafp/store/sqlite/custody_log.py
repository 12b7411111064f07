"""The custody log in the database: an append-only hash chain of everything done to the store."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.log_chain import GENESIS_HASH, append_entry
from mediafp.types.custody import LogEntry, LogKind
from mediafp.types.errors import StoreError


def append(database: Database, what: LogKind, details: Mapping[str, Any]) -> None:
    """Append an entry; `details` contains JSON values, paths with surrogate escapes."""
    append_entry(database.connection, what, details)


def last_entry(database: Database) -> tuple[int, str]:
    """Return number and hash of the last entry; 0 and `GENESIS_HASH` if there is none."""
    return database.row("SELECT n, hash FROM log ORDER BY n DESC LIMIT 1") or (0, GENESIS_HASH)


def iter_log(database: Database, what: LogKind | None = None, *, after: int = 0) -> Iterator[LogEntry]:
    """Yield the entries with a number above `after`, in order: all, or those of one kind.

    Raises:
        StoreError: An entry is damaged.
    """
    for n, at, kind, details, hash in database.rows(
        "SELECT n, at, what, details, hash FROM log WHERE n > ? AND what = coalesce(?, what) ORDER BY n", (after, what)
    ):
        try:
            yield LogEntry(n=n, at=at, what=kind, details=json.loads(details), hash=hash)
        except ValueError as error:
            raise StoreError(
                f"cannot read entry {n} of the custody log: {error}; see: mediafp verify", kind="damaged"
            ) from error
