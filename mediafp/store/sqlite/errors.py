"""Why a store could not be used, as an error whose text names the folder and the mend."""

import errno
import shutil
import sqlite3
from pathlib import Path

from mediafp.types.errors import StoreError

MIN_FREE_BYTES = 1 << 20
"""Less free space than this is why a write failed: SQLite calls a full disk an I/O error where it maps shared memory,
and grows its files by at most 32 KiB at a time."""
READ_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What Python raises where SQLite fails; the latter where damage stands in SQLite's own message."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def store_error(folder: Path, done: str, error: sqlite3.Error | UnicodeDecodeError | OSError) -> StoreError:
    """The error to raise where a store could not be `done` (made, opened, read, written)."""
    if isinstance(error, OSError):
        why = _of_system(error)
    else:
        why = _damaged(error) if isinstance(error, UnicodeDecodeError) else _of_sqlite(folder, error)
    return StoreError(f"the store {folder} cannot be {done}: {why}")


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process was in the way."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def _of_system(error: OSError) -> str:
    if error.errno in _FULL:
        return _no_space()
    return _forbidden() if error.errno in _FORBIDDEN else error.strerror or str(error)


def _of_sqlite(folder: Path, error: sqlite3.Error) -> str:
    code = _code(error)
    if code == sqlite3.SQLITE_FULL or (code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and _is_full(folder)):
        return _no_space()
    if code == sqlite3.SQLITE_IOERR:
        return (
            f"the disk that holds it fails or has a limit ({error.sqlite_errorname});"
            " see that it is there, sound and not full, and run the same command again"
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return "its folder is gone, or its files are not yours to write; put it back, or give yourself the right to it"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return _forbidden()
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return (
            f"it is damaged, or no store ({error}); put a copy of it back, or ingest the originals into a new --store"
        )
    if is_busy(error):
        return "another program keeps it locked; wait until that has ended, and run the same command again"
    return str(error)


def _damaged(error: Exception) -> str:
    return f"it is damaged, or no store ({error}); put a copy of it back, or ingest the originals into a new --store"


def _no_space() -> str:
    return "no space left on the disk that holds it; free some and run the same command again"


def _forbidden() -> str:
    return (
        "it is not yours to write; give yourself the right to write the folder and its files, or choose a new --store"
    )


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < MIN_FREE_BYTES
    except OSError:
        return False


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where Python itself raised the error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
