"""The log of a store: what was done to it, in order, only ever added to, each entry sealed onto the one before."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mediafp.store.sqlite.content_hash import content_hash
from mediafp.store.sqlite.values import canonical_json, utc_now
from mediafp.types.errors import StoreError

if TYPE_CHECKING:
    from mediafp.store.sqlite.store import SqliteStore


GENESIS_HASH = "0" * 64
"""What stands for the seal before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One thing that was done: its number from 1, which alone gives the order, when, what, details and its seal."""

    n: int
    at: str
    what: str
    details: Mapping[str, Any]
    hash: str


def append(store: SqliteStore, what: str, details: Mapping[str, Any]) -> None:
    """Adds an entry; `details` hold JSON values, paths with surrogate escapes. Call it inside `writing`."""
    assert store.db.in_transaction, "two writers could both follow the same entry"
    _append(store.db, what, details)


def log_existing_assets(db: sqlite3.Connection) -> None:
    """Adds an entry for every asset of a store that was kept without a log. Call it inside a transaction."""
    for sha256, size, kind in db.execute("SELECT sha256, bytes, kind FROM asset ORDER BY sha256").fetchall():
        _append(db, "adopted", {"sha256": sha256, "bytes": size, "kind": kind, "content": content_hash(db, sha256)})


def last_entry(store: SqliteStore) -> tuple[int, str]:
    """The last entry's number and hash, which vouch for all before it; 0 and START where there is none."""
    return store.row("SELECT n, hash FROM log ORDER BY n DESC LIMIT 1") or (0, GENESIS_HASH)


def iter_log(store: SqliteStore, what: str | None = None) -> Iterator[LogEntry]:
    """The entries in order, all or those of one kind. Raises StoreError at a damaged one."""
    for n, at, kind, details, hash in store.rows(
        "SELECT n, at, what, details, hash FROM log WHERE what = coalesce(?, what) ORDER BY n", (what,)
    ):
        try:
            yield LogEntry(n=n, at=at, what=kind, details=json.loads(details), hash=hash)
        except ValueError as error:
            raise StoreError(f"entry {n} of the log is damaged ({error}); see: mediafp verify") from error


def entry_hash(n: int, at: str, what: str, details: object, before: str) -> str:
    """The entry's hash: SHA-256 of the canonical JSON of all that it says and of the hash before it."""
    return hashlib.sha256(canonical_json([n, at, what, details, before]).encode()).hexdigest()


def _append(db: sqlite3.Connection, what: str, details: Mapping[str, Any]) -> None:
    last, before = db.execute("SELECT n, hash FROM log ORDER BY n DESC LIMIT 1").fetchone() or (0, GENESIS_HASH)
    n, at = last + 1, utc_now()
    db.execute(
        "INSERT INTO log VALUES (?, ?, ?, ?, ?)",
        (n, at, what, canonical_json(details), entry_hash(n, at, what, details, before)),
    )
