"""Files to ingest or to match, found in the paths that the user names."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mediafp.ingest.files import OpenFile, open_file
from mediafp.ingest.hidden_files import RESOURCE_FOLDER, is_hidden, is_made_by_system
from mediafp.ingest.named_paths import parse_named_path
from mediafp.types.errors import UnreadableMedia

_FOLDER: Final = "d"
_FILE: Final = "f"
_SKIPPED: Final = "s"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundFile:
    """A file to open, and the folder that it was found in; `root` is None if the user named the file.

    `problem` states why what the user named is no path, and `named` what it was; both are empty for a path.
    """

    path: Path
    root: Path | None = None
    problem: str = ""
    named: str = ""

    @property
    def name(self) -> str:
        """The path, or what the user named instead of one."""
        return self.named if self.problem else os.fspath(self.path)

    def open(self) -> OpenFile:
        """Open the file; raise UnreadableMedia if that fails or it is no path."""
        if self.problem:
            raise UnreadableMedia(self.problem)
        return open_file(self.path, self.root)


def walk(
    paths: Sequence[str | os.PathLike[str]], on_skipped: Callable[[Path], object] = lambda path: None
) -> Iterator[FoundFile]:
    """Yield every file in `paths`, and every visible regular file in the folders among them, in sorted order.

    A path that the user names is always yielded, even if it is missing or a pipe: opening it gives the error to record.
    A `file://` address is a path too.
    In folders, hidden names are skipped as in archives; a folder that cannot be listed is yielded itself.

    Args:
        paths: Files and folders.
        on_skipped: Called with each hidden name, pipe, device, linked folder and link in a folder that is broken or leads out of
            it, but for hidden files that macOS makes. What is in a hidden folder is not listed.
    """
    for named in paths:
        path, problem = parse_named_path(named)
        # Unlike Path.is_dir, it is False for a name that is too long or forbidden: opening it gives the reason.
        if not problem and os.path.isdir(path):
            for file in _iter_folder(path, on_skipped):
                yield FoundFile(path=file, root=path)
        else:
            yield FoundFile(path=path, problem=problem, named=os.fspath(named) if problem else "")


def _iter_folder(root: Path, on_skipped: Callable[[Path], object]) -> Iterator[Path]:
    """Yield the visible regular files below `root`, depth first, names sorted by their bytes."""
    inside = os.path.realpath(root)
    # A stack instead of recursion: a hostile tree may be deeper than Python's call stack. It holds names, of which a
    # million take 90 MB, and not paths.
    stack: list[tuple[Path, list[str]]] = []
    folder: Path | None = root
    while True:
        if folder is not None:
            try:
                hides_files = RESOURCE_FOLDER in folder.parts[len(root.parts) :]
                stack.append((folder, _list_folder(folder, inside, hides_files=hides_files)))
            except OSError:
                yield folder
        while stack and not stack[-1][1]:
            stack.pop()
        if not stack:
            return
        path, entries = stack[-1]
        entry = entries.pop()
        kind, name = entry[0], entry[1:]
        folder = path / name if kind == _FOLDER else None
        if kind == _FILE:
            yield path / name
        elif kind == _SKIPPED:
            on_skipped(path / name)


def _list_folder(path: Path, inside: str, *, hides_files: bool) -> list[str]:
    """Return the names in a folder, each after the letter of its kind, sorted by their bytes, the last first.

    Args:
        path: The folder.
        inside: Real path of the folder out of which no link may lead.
        hides_files: All files in it count as hidden.

    Raises:
        OSError: The folder cannot be listed.
    """
    names = []
    with os.scandir(path) as listing:
        for entry in listing:
            try:
                if is_hidden(entry.name):
                    if is_made_by_system(entry.name) and not entry.is_dir(follow_symlinks=False):
                        continue
                    kind = _SKIPPED
                elif entry.is_dir(follow_symlinks=False):
                    kind = _FOLDER
                elif not hides_files and entry.is_file() and (not entry.is_symlink() or _is_inside(entry.path, inside)):
                    kind = _FILE
                else:
                    kind = _SKIPPED
            except OSError:
                kind = _FILE
            names.append(kind + entry.name)
    names.sort(key=lambda name: os.fsencode(name[1:]), reverse=True)
    return names


def _is_inside(link: str, folder: str) -> bool:
    """Return True if the target of `link` is in `folder`, which is a real path."""
    return os.path.realpath(link).startswith(folder.rstrip(os.sep) + os.sep)
