"""The files of a dump: those on disk, and those in its archives."""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import BinaryIO

from mediafp.engine.local.pool import WorkerPool
from mediafp.engine.local.unpack import unpack_archive
from mediafp.ingest.archives.members import has_archive_suffix, is_archive
from mediafp.ingest.files import OpenFile, open_file, open_sibling
from mediafp.ingest.walk import FoundFile
from mediafp.sightings.sidecar_format import MAX_SIDECAR_BYTES
from mediafp.sightings.sidecars import is_sidecar
from mediafp.types.errors import MediaError, UnreadableMedia
from mediafp.types.media import SiblingOpener

FileStamp = tuple[int, int]
"""Bytes and time of change (ns) of a file, or of the archive that it lies in."""
NO_STAMP: FileStamp = (-1, -1)
MAX_ARCHIVE_SIDECAR_BYTES = 256 << 20
"""Bytes of the sidecars of one archive that are kept in memory; those behind are left unread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestItem:
    """A file to take in. `path` is how it was named, `uri` where it lies; `open` raises MediaError."""

    path: Path
    uri: str
    stamp: FileStamp
    open: Callable[[], OpenFile]
    open_sibling: SiblingOpener


def iter_items(
    files: Iterable[FoundFile], workers: WorkerPool, is_done: Callable[[IngestItem], bool], *, sidecars: bool
) -> Iterator[IngestItem]:
    """The files, in order, those in an archive in the place of it.

    An entry of an archive that is `settled` is not unpacked, and must not be opened. An archive that cannot be read
    to its end comes last itself, and opening it says why.
    """
    for found in files:
        item = item_on_disk(found)
        if not has_archive_suffix(item.path.name):
            yield item
            continue
        try:
            with item.open() as file:
                if not is_archive(file.name, file.read_head()):
                    yield item
                    continue
                yield from _inside(item, file, workers, is_done, sidecars=sidecars)
        except MediaError as error:
            yield replace(item, open=partial(_refuse, error))


def _inside(
    archive: IngestItem, file: OpenFile, workers: WorkerPool, settled: Callable[[IngestItem], bool], *, sidecars: bool
) -> Iterator[IngestItem]:
    """The files in an archive."""
    notes = ArchiveSidecars(workers, file) if sidecars else None

    def item(name: str) -> IngestItem:
        return IngestItem(
            path=archive.path / name,
            uri=f"{archive.uri}/{name}",
            stamp=archive.stamp,
            open=partial(_refuse, UnreadableMedia(f"{name!r} was settled before")),
            open_sibling=notes.beside(name) if notes else _nothing,
        )

    def wanted(name: str) -> bool:
        return not (sidecars and is_sidecar(PurePath(name))) and not settled(item(name))

    for entry in unpack_archive(workers, file, wanted):
        if entry.error:
            yield replace(item(entry.name), open=partial(_refuse, entry.error))
        elif entry.file:
            yield replace(item(entry.name), open=partial(_given, entry.file))
        else:
            yield item(entry.name)


class ArchiveSidecars:
    """The sidecars in an archive, which may lie behind the files that they are beside."""

    def __init__(self, workers: WorkerPool, file: OpenFile) -> None:
        self._kept: dict[str, bytes] = {}
        held = 0
        try:
            for entry in unpack_archive(workers, file, lambda name: is_sidecar(PurePath(name))):
                if entry.file:
                    with entry.file, entry.file.reader() as reader:
                        if (
                            entry.file.bytes <= MAX_SIDECAR_BYTES
                            and held + entry.file.bytes <= MAX_ARCHIVE_SIDECAR_BYTES
                        ):
                            self._kept[entry.name] = reader.read()
                            held += entry.file.bytes
        except MediaError:
            # The second time through says so.
            return

    def beside(self, name: str) -> SiblingOpener:
        """Opens what lies beside an entry."""

        def opened(other: str) -> InMemorySidecar | None:
            path = str(PurePath(name).with_name(other))
            return InMemorySidecar(path, self._kept[path]) if path in self._kept else None

        return opened


class InMemorySidecar:
    """A sidecar in memory."""

    def __init__(self, path: str, data: bytes) -> None:
        self.name, self._data = PurePath(path).name, data
        self.bytes = len(data)
        self.stamp = (path, hash(data))

    def reader(self) -> BinaryIO:
        """A reader at its start."""
        return io.BytesIO(self._data)

    def close(self) -> None:
        """Nothing is held open."""


def _refuse(error: MediaError) -> OpenFile:
    raise error


def _given(file: OpenFile) -> OpenFile:
    return file


def _nothing(name: str) -> None:
    return None


def item_on_disk(found: FoundFile) -> IngestItem:
    """A file on disk."""
    path = found.path
    try:
        status = path.stat()
        stamp = status.st_size, status.st_mtime_ns
    except (OSError, ValueError):
        stamp = NO_STAMP  # opening it says why
    return IngestItem(
        path=path,
        uri=os.path.abspath(path),
        stamp=stamp,
        open=partial(open_file, path, found.root),
        open_sibling=open_sibling(path, found.root),
    )
