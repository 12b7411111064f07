"""The files to take in, and the names of their contents."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file to take in, and the folder that it was found in; None where it was named itself."""

    path: Path
    root: Path | None = None


def walk(paths: Sequence[Path], on_skipped: Callable[[Path], object] = lambda path: None) -> Iterator[FoundFile]:
    """Every file named, and every visible regular file in the folders named, in sorted order.

    What is named itself is always yielded, even if it is missing or a pipe: opening it then gives
    the error to record. In folders, hidden names are passed over, and pipes, devices, linked folders
    and links that lead out of the folder named or nowhere are told to `left_out`; a folder that may
    not be listed is yielded itself.
    """
    for path in paths:
        if path.is_dir():
            for found in _files_in(path, on_skipped):
                yield FoundFile(path=found, root=path)
        else:
            yield FoundFile(path=path)


def _files_in(root: Path, left_out: Callable[[Path], object]) -> Iterator[Path]:
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
                else:
                    left_out(path / entry.name)
            except OSError:
                waiting.append((path / entry.name, False))


def _lies_in(link: str, folder: str) -> bool:
    """Whether what `link` points to lies in `folder`, itself a real path."""
    return os.path.realpath(link).startswith(folder.rstrip(os.sep) + os.sep)
