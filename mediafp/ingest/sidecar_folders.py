"""The folders on disk in which the sidecars of a media file may lie."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from mediafp.ingest.files import open_file
from mediafp.types.media import SidecarFile

MAX_SIDECAR_LEVELS: Final = 8
"""Folders above a media file in which its sidecars are searched, its own included; a dump of tweets has three. Chosen, not
measured."""


class DiskFolder:
    """A folder on disk whose sidecars may be read. Implements `SidecarFolder`."""

    def __init__(self, path: Path, root: Path) -> None:
        """Take a folder, and the folder out of which no link may lead (`open_file`)."""
        self.path, self._folder, self._root = os.path.abspath(path), path, root

    def names(self) -> Sequence[str]:
        """Return the names of the visible files in it, also of pipes and devices, sorted; none if it cannot be listed."""
        try:
            with os.scandir(self._folder) as listing:
                return sorted(entry.name for entry in listing if not entry.name.startswith(".") and not entry.is_dir())
        except OSError:
            return []

    def paths_below(self) -> Iterator[str]:
        """Yield the paths of the files in it and in the folders below it, relative to it; links to folders are not followed."""
        for folder, _, names in os.walk(self._folder):
            below = os.path.relpath(folder, self._folder)
            yield from names if below == os.curdir else (os.path.join(below, name) for name in names)

    def open(self, name: str) -> SidecarFile | None:
        """Open a file in it by its name; None if there is none.

        Raises:
            UnreadableMedia: It cannot be opened, or a link leads out of the root.
        """
        path = self._folder / name
        return open_file(path, self._root) if os.path.lexists(path) else None


def sidecar_folders(path: Path, root: Path | None) -> list[DiskFolder]:
    """Return the folder of a file on disk, and the folders above it up to the one that the user named with it.

    Args:
        path: Path of the file.
        root: The folder that the file was found in; None for a file that the user named, with its own folder alone.
    """
    if root is None:
        return [DiskFolder(path.parent, path.parent)]
    folders = []
    for folder in path.parents[:MAX_SIDECAR_LEVELS]:
        folders.append(DiskFolder(folder, root))
        if folder == root:
            break
    return folders
