"""The ledger of a store: one row a file, what became of it and under which version of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.values import path_bytes, path_string, replace_surrogates, utc_now

if TYPE_CHECKING:
    from mediafp.store.sqlite.store import SqliteStore


LedgerState = Literal["done", "skipped", "failed"]
_COLUMNS = "path, bytes, modified_ns, version, state, sha256, kind, message, attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """What became of a file of this size and time; `sha256` is set where done, `kind` and `message` where failed."""

    path: str
    bytes: int
    modified_ns: int
    version: str
    state: LedgerState
    sha256: str | None = None
    kind: str | None = None
    message: str | None = None
    attempts: int = 1


def write_entry(store: SqliteStore, entry: LedgerEntry) -> None:
    """Writes a file's row, in the place of the one that it had. Call it inside `writing`."""
    path = path_bytes(entry.path)
    before = store.row("SELECT state, kind FROM ledger WHERE path = ?", (path,))
    store.db.execute(
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
        custody_log.append(store, "failed", {"path": entry.path, "kind": entry.kind})


def clear_failure(store: SqliteStore, path: str) -> None:
    """Takes out the row of a folder or an archive that failed and can be read now. Call it inside `writing`."""
    store.db.execute("DELETE FROM ledger WHERE path = ? AND state = 'failed'", (path_bytes(path),))
    custody_log.append(store, "mended", {"path": path})


def find_entry(store: SqliteStore, path: str, *, bytes: int, modified_ns: int) -> LedgerEntry | None:
    """The row of a file that is unchanged since it was written, else None."""
    row = store.row(
        f"SELECT {_COLUMNS} FROM ledger WHERE path = ? AND bytes = ? AND modified_ns = ?",
        (path_bytes(path), bytes, modified_ns),
    )
    return _entry(row) if row else None


def failures(store: SqliteStore) -> list[LedgerEntry]:
    """The files that could not be taken in, by path."""
    return [_entry(row) for row in store.rows(f"SELECT {_COLUMNS} FROM ledger WHERE state = 'failed' ORDER BY path")]


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
