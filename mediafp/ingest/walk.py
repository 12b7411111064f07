"""The files to take in, and the names of their contents."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mediafp.errors import UnreadableMedia
from mediafp.ingest.probe import open_file

READ_BYTES: Final = 1 << 20
"""Bytes hashed at once: enough that Python's share of the time is gone."""


def walk(paths: Sequence[Path]) -> Iterator[Path]:
    """Every file named, and every visible regular file in the folders named, in sorted order.

    What is named itself is always yielded, even if it is missing or a pipe: opening it then gives
    the error to record. In folders, hidden names, pipes, devices, linked folders and links that
    lead out of the folder named are left out; a folder that may not be listed is yielded itself.
    """
    for path in paths:
        if path.is_dir():
            yield from _files_in(path)
        else:
            yield path


def sha256_of(path: Path) -> tuple[str, int]:
    """The SHA-256 of a file's bytes in hexadecimal, and how many bytes there are."""
    with open_file(path) as file:
        try:
            digest = hashlib.sha256()
            while block := file.read(READ_BYTES):
                digest.update(block)
            return digest.hexdigest(), file.tell()
        except OSError as exc:
            raise UnreadableMedia(f"{path.name!r} cannot be read: {exc.strerror}; check the disk it lies on") from exc


def _files_in(root: Path) -> Iterator[Path]:
    """The visible regular files below `root`, depth first, names sorted by their bytes."""
    inside = os.path.realpath(root)
    # A stack instead of recursion: a hostile tree may be deeper than Python's call stack.
    waiting: list[tuple[Path, bool]] = [(root, True)]
    while waiting:
        path, is_folder = waiting.pop()
        if not is_folder:
            yield path
            continue
        try:
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: os.fsencode(entry.name), reverse=True)
        except OSError:
            yield path
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((path / entry.name, True))
                elif entry.is_file() and (not entry.is_symlink() or _lies_in(entry.path, inside)):
                    waiting.append((path / entry.name, False))
            except OSError:
                waiting.append((path / entry.name, False))


def _lies_in(link: str, folder: str) -> bool:
    """Whether what `link` points to lies in `folder`, itself a real path."""
    return os.path.realpath(link).startswith(folder.rstrip(os.sep) + os.sep)
