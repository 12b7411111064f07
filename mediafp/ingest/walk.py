"""The files under the paths that were named, and their SHA-256."""

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from mediafp.errors import UnreadableMedia


def walk(paths: Sequence[Path]) -> Iterator[Path]:
    """Every named file, and every regular file in named folders, sorted; links in folders are not followed.

    A path that does not exist is passed on, so that it ends in the error list.
    """
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, inner, files in os.walk(path, followlinks=False):
            inner[:] = sorted(name for name in inner if not name.startswith("."))
            for name in sorted(files):
                file = Path(folder, name)
                if not name.startswith(".") and not file.is_symlink() and file.is_file():
                    yield file


def sha256_of(path: Path) -> tuple[str, int]:
    """The hexadecimal SHA-256 and the size in bytes. Raises UnreadableMedia for all but regular files."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableMedia(f"{shown(path)} is no regular file")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
            return digest.hexdigest(), file.tell()
    except OSError as error:
        raise UnreadableMedia(f"{shown(path)} cannot be read: {error.strerror}; check its path and permissions") from error


def shown(path: Path) -> str:
    """The path as text that may go into any message: undecodable bytes and control characters escaped."""
    return repr(os.fsencode(path).decode("utf-8", "backslashreplace"))
