"""The files of an ingest: where each is, and how it is opened."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from mediafp.ingest.files import OpenFile
from mediafp.ingest.path_uri import path_uri
from mediafp.ingest.sidecar_folders import sidecar_folders
from mediafp.ingest.walk import FoundFile
from mediafp.types.media import SidecarFolders
from mediafp.types.runs import FileOutcome
from mediafp.types.sightings import SightingFields

FileStamp = tuple[int, int]
"""Size in bytes and modification time in ns of a file, or of the archive that contains it."""
NO_STAMP: FileStamp = (-1, -1)
"""Stamp of a file that cannot be examined."""
_PARTIAL_DOWNLOAD: Final = re.compile(
    r".*\.(?:part|part-frag\d+|crdownload|opdownload|partial|ytdl|aria2|!qb|!ut)", re.IGNORECASE | re.DOTALL
)
"""Names of files that a download has not finished: yt-dlp, gallery-dl and Firefox, Chrome, Opera, Edge, aria2, qBittorrent
and uTorrent."""


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
    """Warnings about a sidecar that is not used, or about what the archive states of a member."""
    sightings: tuple[SightingFields, ...] = ()
    """Sightings of a member that the archive itself states."""
    decided: FileOutcome | None = None
    """Outcome of an item that is not opened: it is no path, or known by its name to be of no use."""


def item_on_disk(found_file: FoundFile) -> IngestItem:
    """Return the item of a file on disk."""
    path = found_file.path
    decided = skip_partial_download(path)
    try:
        if found_file.problem:
            raise ValueError(found_file.problem)
        status = path.stat()
        stamp = status.st_size, status.st_mtime_ns
    except (OSError, ValueError):
        # Opening it raises an error with the reason.
        stamp = NO_STAMP
    if found_file.problem:
        decided = FileOutcome(
            path=found_file.name, sha256=None, status="failed", kind="unreadable", message=found_file.problem
        )
    return IngestItem(
        path=path,
        uri=path_uri(path),
        stamp=stamp,
        open=found_file.open,
        folders=partial(sidecar_folders, path, found_file.root),
        decided=decided,
    )


def skip_partial_download(path: Path) -> FileOutcome | None:
    """Return the outcome of a file that is named like an incomplete download; None for another file."""
    if not _PARTIAL_DOWNLOAD.fullmatch(path.name):
        return None
    warning = f"skipped {path.name!r}: it is an incomplete download; finish it, then ingest the file"
    return FileOutcome(path=os.fspath(path), sha256=None, status="skipped", warnings=(warning,))
