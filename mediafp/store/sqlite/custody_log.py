"""The custody log in the database: an append-only hash chain of everything done to the store."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from mediafp.store.sqlite.content_hash import content_hash
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import canonical_json, utc_now
from mediafp.types.custody import LogEntry, LogKind
from mediafp.types.errors import StoreError

GENESIS_HASH = "0" * 64
"""Hash before that of the first entry."""


def append(database: Database, what: LogKind, details: Mapping[str, Any]) -> None:
    """Append an entry; `details` contains JSON values, paths with surrogate escapes."""
    assert database.connection.in_transaction, "two writers could both follow the same entry"
    _append(database.connection, what, details)


def log_existing_assets(connection: sqlite3.Connection) -> None:
    """Append an entry for each asset of a store that had no log. Call it inside a transaction."""
    for sha256, size, kind in connection.execute("SELECT sha256, bytes, kind FROM asset ORDER BY sha256").fetchall():
        details = {"sha256": sha256, "bytes": size, "kind": kind, "content": content_hash(connection, sha256)}
        _append(connection, "adopted", details)


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
            raise StoreError(f"cannot read entry {n} of the custody log: {error}; see: mediafp verify") from error


def entry_hash(n: int, at: str, what: str, details: object, before: str) -> str:
    """Return the SHA-256, in hex, of the canonical JSON of an entry's fields and the hash before it."""
    return hashlib.sha256(canonical_json([n, at, what, details, before]).encode()).hexdigest()


def _append(connection: sqlite3.Connection, what: LogKind, details: Mapping[str, Any]) -> None:
    last, before = connection.execute("SELECT n, hash FROM log ORDER BY n DESC LIMIT 1").fetchone() or (0, GENESIS_HASH)
    n, at = last + 1, utc_now()
    connection.execute(
        "INSERT INTO log VALUES (?, ?, ?, ?, ?)",
        (n, at, what, canonical_json(details), entry_hash(n, at, what, details, before)),
    )
