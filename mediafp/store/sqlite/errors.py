"""Errors of SQLite and the operating system, as errors that name the store, the reason and an action."""

import shutil
import sqlite3
from pathlib import Path
from typing import Literal

from mediafp.types.errors import FULL_DISK, NO_ACCESS, StoreError, StoreErrorKind, denied_write

MIN_FREE_BYTES = 1 << 20
"""Free bytes on the disk below which a failed write is reported as a full disk.

SQLite reports a full disk as an I/O error where it maps shared memory, and grows its files by at most 32 KiB at a time.
"""
READ_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Errors that Python raises for a failure of SQLite; the second one if damaged text is part of SQLite's own message."""

_DAMAGED_ACTION = "restore a copy of it, or ingest the originals into a new --store"
_FULL_MESSAGE = "no space left on its disk; free some space and run the same command again"
_ACCESS_MESSAGE = (
    "you may not write to it; give yourself write access to the folder and its files, or choose a new --store"
)


def store_error(
    folder: Path,
    verb: Literal["create", "open", "read", "write"],
    error: sqlite3.Error | UnicodeDecodeError | OSError,
) -> StoreError:
    """Return the error to raise if a store cannot be created, opened, read or written."""
    kind: StoreErrorKind
    if isinstance(error, OSError):
        kind, reason = denied_write(error), _system_reason(error)
    elif isinstance(error, sqlite3.Error):
        kind, reason = _sqlite_reason(folder, error)
    else:
        kind, reason = "damaged", _damage_reason(error)
    return StoreError(f"cannot {verb} the store '{folder}': {reason}", kind=kind)


def is_busy(error: sqlite3.Error) -> bool:
    """Return True if another connection holds the lock that was needed."""
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def _system_reason(error: OSError) -> str:
    if error.errno in FULL_DISK:
        return _FULL_MESSAGE
    return _ACCESS_MESSAGE if error.errno in NO_ACCESS else error.strerror or str(error)


def _sqlite_reason(folder: Path, error: sqlite3.Error) -> tuple[StoreErrorKind, str]:
    code = _primary_code(error)
    if code == sqlite3.SQLITE_FULL or (
        code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _is_disk_full(folder)
    ):
        return "full", _FULL_MESSAGE
    if code == sqlite3.SQLITE_IOERR:
        return "unusable", (
            f"its disk failed, or reached a limit ({error.sqlite_errorname});"
            " check that the disk is connected, sound and not full, and run the same command again"
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return "moved", (
            "its folder is missing, or you may not write to its files;"
            " restore the folder, or give yourself write access to it"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return "read_only", _ACCESS_MESSAGE
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "damaged", _damage_reason(error)
    if is_busy(error):
        action = "wait until that program has ended, and run the same command again"
        return "locked", f"another program keeps it locked; {action}"
    return "unusable", str(error)


def _damage_reason(error: Exception) -> str:
    return f"it is damaged, or not a store ({error}); {_DAMAGED_ACTION}"


def _is_disk_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < MIN_FREE_BYTES
    except OSError:
        return False


def _primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 if Python itself raised the error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
