"""The hash chain of the custody log: its entries, on a connection inside a transaction."""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from mediafp.store.sqlite.content_hash import content_hash
from mediafp.store.sqlite.row_digests import GroupKey, iter_groups, iter_log_details
from mediafp.store.sqlite.values import canonical_json
from mediafp.types.custody import LogKind
from mediafp.types.timestamps import utc_now

GENESIS_HASH = "0" * 64
"""Hash before that of the first entry."""


def append_entry(connection: sqlite3.Connection, what: LogKind, details: Mapping[str, Any]) -> None:
    """Append an entry; `details` contains JSON values, paths with surrogate escapes. Call it inside a transaction."""
    assert connection.in_transaction, "two writers could both follow the same entry"
    last, before = connection.execute("SELECT n, hash FROM log ORDER BY n DESC LIMIT 1").fetchone() or (0, GENESIS_HASH)
    n, at = last + 1, utc_now()
    connection.execute(
        "INSERT INTO log VALUES (?, ?, ?, ?, ?)",
        (n, at, what, canonical_json(details), entry_hash(n, at, what, details, before)),
    )


def entry_hash(n: int, at: str, what: str, details: object, before: str) -> str:
    """Return the SHA-256, in hex, of the canonical JSON of an entry's fields and the hash before it."""
    return hashlib.sha256(canonical_json([n, at, what, details, before]).encode()).hexdigest()


def log_groups(connection: sqlite3.Connection, groups: Iterable[tuple[str, GroupKey]]) -> None:
    """Append entries that state the digests of groups of rows; none for no groups."""
    for details in iter_log_details(connection, groups):
        append_entry(connection, "rows", details)


def log_existing_assets(connection: sqlite3.Connection) -> None:
    """Append an entry for each asset of a store that had no log."""
    for sha256, size, kind in connection.execute("SELECT sha256, bytes, kind FROM asset ORDER BY sha256").fetchall():
        details = {"sha256": sha256, "bytes": size, "kind": kind, "content": content_hash(connection, sha256)}
        append_entry(connection, "adopted", details)


def log_existing_rows(connection: sqlite3.Connection, *tables: str) -> None:
    """Append entries for all rows of tables whose rows the log of a store did not state."""
    log_groups(connection, ((table, key) for table in tables for key in iter_groups(connection, table)))
