"""Files to ingest or to match, found in the paths that the user names."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file to open, and the folder that it was found in; `root` is None if the user named the file."""

    path: Path
    root: Path | None = None


def walk(paths: Sequence[Path], on_skipped: Callable[[Path], object] = lambda path: None) -> Iterator[FoundFile]:
    """Yield every file in `paths`, and every visible regular file in the folders among them, in sorted order.

    A path that the user names is always yielded, even if it is missing or a pipe: opening it gives the error to record.
    In folders, hidden names are ignored; a folder that cannot be listed is yielded itself.

    Args:
        paths: Files and folders.
        on_skipped: Called with each pipe, device, linked folder and link in a folder that is broken or leads out of it.
    """
    for path in paths:
        # Unlike Path.is_dir, it is False for a name that is too long or forbidden: opening it gives the reason.
        if os.path.isdir(path):
            for file in _iter_folder(path, on_skipped):
                yield FoundFile(path=file, root=path)
        else:
            yield FoundFile(path=path)


def _iter_folder(root: Path, on_skipped: Callable[[Path], object]) -> Iterator[Path]:
    """Yield the visible regular files below `root`, depth first, names sorted by their bytes."""
    inside = os.path.realpath(root)
    # A stack instead of recursion: a hostile tree may be deeper than Python's call stack.
    stack: list[tuple[Path, bool]] = [(root, True)]
    while stack:
        path, is_folder = stack.pop()
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
                    stack.append((path / entry.name, True))
                elif entry.is_file() and (not entry.is_symlink() or _is_inside(entry.path, inside)):
                    stack.append((path / entry.name, False))
                else:
                    on_skipped(path / entry.name)
            except OSError:
                stack.append((path / entry.name, False))


def _is_inside(link: str, folder: str) -> bool:
    """Return True if the target of `link` is in `folder`, which is a real path."""
    return os.path.realpath(link).startswith(folder.rstrip(os.sep) + os.sep)
