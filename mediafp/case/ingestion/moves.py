"""Files that were moved since they were ingested: the path that a known content had before."""

import errno
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from mediafp.case.ingestion.items import IngestItem
from mediafp.store import Store
from mediafp.types.path_parts import count_common_parts
from mediafp.types.runs import LedgerEntry
from mediafp.types.sightings import Sighting

MAX_OLD_PATHS: Final = 100
"""Paths of one asset that are examined for one new path. Chosen, not measured: a folder of many copies of one file would
take quadratic time."""
MOUNT_FOLDERS: Final = tuple(map(Path, ("/media", "/mnt", "/run/media", "/Volumes")))
"""Folders in which systems mount disks that can be unplugged."""
_ABSENT: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
"""Errors of a path that does not exist; others, as of a disk or a permission, leave it open."""
_IDENTITY: Final = ("platform", "account", "account_id", "post_id", "url")
"""Fields of a sighting that say which post it is."""


def find_moved_path(store: Store, sha256: str, uri: str, stated: Sequence[Sighting]) -> str | None:
    """Return the path from which a file was moved to a new path; None if there is none.

    It is a path of the same content and file name that does not exist any more. If the sidecars at the new path state
    another post than those at the old one did, both are sightings of their own, and nothing was moved. Of several such
    paths, the one that ends like the new path for longest is returned.
    """
    old_paths = [old for old in store.paths_of_name(sha256, uri.rpartition("/")[2]) if old != uri]
    if not old_paths or store.sightings_at(sha256, uri):
        return None
    old_paths.sort(key=lambda old: -count_common_parts(old, uri))
    return next(
        (
            old
            for old in old_paths[:MAX_OLD_PATHS]
            if is_gone(old) and _is_same_source(store.sightings_at(sha256, old), stated)
        ),
        None,
    )


class MovedFailures:
    """The paths of files that failed in earlier runs, by what a move leaves as it is: name, size and time of change."""

    def __init__(self, failures: Iterable[LedgerEntry]) -> None:
        self._paths: dict[tuple[str, int, int], list[str]] = {}
        for entry in failures:
            key = entry.path.rpartition("/")[2], entry.bytes, entry.modified_ns
            self._paths.setdefault(key, []).append(entry.path)

    def find_old_paths(self, item: IngestItem) -> list[str]:
        """Return the paths from which a file may have been moved to where it is now."""
        paths = self._paths.get((item.uri.rpartition("/")[2], *item.stamp), ())
        return [path for path in paths[:MAX_OLD_PATHS] if path != item.uri and is_gone(path)]


def is_gone(uri: str) -> bool:
    """Return True if the file of a sighting does not exist any more, and the disk that it was on is there.

    A member of an archive is gone if the archive is.
    """
    path = Path(uri)
    for place in (path, *path.parents):
        try:
            os.lstat(place)
        except OSError as error:
            if error.errno in _ABSENT:
                continue
            return False
        except ValueError:
            continue
        # The first place that exists is a folder, or else the file itself, the archive that contains it, or a link to a
        # disk that may be unplugged.
        return place != path and place.is_dir() and place != place.parent and _is_mounted(place)
    return False


def _is_mounted(folder: Path) -> bool:
    """Return False for a folder on a disk that may be unplugged."""
    for mount_folder in MOUNT_FOLDERS:
        if folder.is_relative_to(mount_folder):
            inside = [place for place in (folder, *folder.parents) if mount_folder in place.parents]
            return any(map(os.path.ismount, inside))
    return True


def _is_same_source(stored: Sequence[Sighting], stated: Sequence[Sighting]) -> bool:
    """Return True if what is stated at a new path contradicts nothing that is stored at an old one."""
    return all(any(_agree(old, new) for old in stored) for new in stated)


def _agree(first: Sighting, second: Sighting) -> bool:
    return all(
        getattr(first, field) == getattr(second, field)
        for field in _IDENTITY
        if getattr(first, field) and getattr(second, field)
    )
