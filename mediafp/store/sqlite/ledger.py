"""The ledger in the database: one row for each path, with its status and the version that gave it."""

from typing import Any

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import path_bytes, path_string, replace_surrogates
from mediafp.types.runs import LedgerEntry
from mediafp.types.timestamps import utc_now

_COLUMNS = "path, bytes, modified_ns, version, state, sha256, kind, message, attempts"


def write_entry(database: Database, entry: LedgerEntry) -> None:
    """Save the status of a path in place of its earlier status, and log a failure that is new."""
    path = path_bytes(entry.path)
    before = database.row("SELECT state, kind FROM ledger WHERE path = ?", (path,))
    database.execute(
        f"INSERT OR REPLACE INTO ledger ({_COLUMNS}, last_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            path,
            entry.bytes,
            entry.modified_ns,
            entry.version,
            entry.state,
            entry.sha256,
            entry.kind,
            None if entry.message is None else replace_surrogates(entry.message),
            entry.attempts,
            utc_now(),
        ),
    )
    if entry.state == "failed" and before != ("failed", entry.kind):
        custody_log.append(database, "failed", {"path": entry.path, "kind": entry.kind})


def clear_failure(database: Database, path: str) -> None:
    """Remove and log the failed status of a folder or an archive that can be read now."""
    database.execute("DELETE FROM ledger WHERE path = ? AND state = 'failed'", (path_bytes(path),))
    custody_log.append(database, "mended", {"path": path})


def find_entry(database: Database, path: str, *, bytes: int, modified_ns: int) -> LedgerEntry | None:
    """Return the status of a path, or None if it has none or the file has changed since."""
    row = database.row(
        f"SELECT {_COLUMNS} FROM ledger WHERE path = ? AND bytes = ? AND modified_ns = ?",
        (path_bytes(path), bytes, modified_ns),
    )
    return _entry(row) if row else None


def failures(database: Database) -> list[LedgerEntry]:
    """Return the failed entries, by path."""
    return [_entry(row) for row in database.rows(f"SELECT {_COLUMNS} FROM ledger WHERE state = 'failed' ORDER BY path")]


def _entry(row: tuple[Any, ...]) -> LedgerEntry:
    path, size, modified_ns, version, state, sha256, kind, message, attempts = row
    return LedgerEntry(
        path=path_string(path),
        bytes=size,
        modified_ns=modified_ns,
        version=version,
        state=state,
        sha256=sha256,
        kind=kind,
        message=message,
        attempts=attempts,
    )
