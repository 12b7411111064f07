"""The files of an ingest: where each is, and how it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mediafp.ingest.files import OpenFile, open_file
from mediafp.ingest.path_uri import path_uri
from mediafp.ingest.sidecar_folders import sidecar_folders
from mediafp.ingest.walk import FoundFile
from mediafp.types.media import SidecarFolders

FileStamp = tuple[int, int]
"""Size in bytes and modification time in ns of a file, or of the archive that contains it."""
NO_STAMP: FileStamp = (-1, -1)
"""Stamp of a file that cannot be examined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestItem:
    """One file to ingest."""

    path: Path
    """Path as the user named it; inside an archive, that of the archive and the member."""
    uri: str
    """The same as an absolute path, which names the sighting."""
    stamp: FileStamp
    open: Callable[[], OpenFile]
    """Opens the file; raises MediaError."""
    folders: Callable[[], SidecarFolders]
    """Returns the folders in which its sidecars may lie."""
    unpacked: OpenFile | None = None
    """The file that `open` returns, if it is a member of an archive that was unpacked."""
    warnings: tuple[str, ...] = ()
    """Warnings about a sidecar that is not used."""


def item_on_disk(found_file: FoundFile) -> IngestItem:
    """Return the item of a file on disk."""
    path = found_file.path
    try:
        status = path.stat()
        stamp = status.st_size, status.st_mtime_ns
    except (OSError, ValueError):
        # Opening it raises an error with the reason.
        stamp = NO_STAMP
    return IngestItem(
        path=path,
        uri=path_uri(path),
        stamp=stamp,
        open=partial(open_file, path, found_file.root),
        folders=partial(sidecar_folders, path, found_file.root),
    )
