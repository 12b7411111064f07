"""The files of an ingest: those on disk, and those in archives."""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePath
from typing import BinaryIO

from mediafp.engine.interface import Engine
from mediafp.ingest.archives.members import has_archive_suffix, is_archive
from mediafp.ingest.files import OpenFile, open_file, open_sibling
from mediafp.ingest.walk import FoundFile
from mediafp.sightings.sidecar_format import MAX_SIDECAR_BYTES
from mediafp.sightings.sidecars import is_sidecar
from mediafp.types.errors import MediaError, UnreadableMedia
from mediafp.types.media import SiblingOpener

FileStamp = tuple[int, int]
"""Size in bytes and modification time in ns of a file, or of the archive that contains it."""
NO_STAMP: FileStamp = (-1, -1)
"""Stamp of a file that cannot be examined."""
MAX_ARCHIVE_SIDECAR_BYTES = 256 << 20
"""Total size of the sidecars of one archive that are kept in memory; later ones are ignored. Chosen, not measured."""


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
    open_sibling: SiblingOpener
    """Opens a file next to it."""


def iter_items(
    files: Iterable[FoundFile], engine: Engine, is_done: Callable[[IngestItem], bool], *, sidecars: bool
) -> Iterator[IngestItem]:
    """Yield the files in order, with the members of an archive in its place.

    Args:
        files: Files on disk.
        engine: Engine that unpacks archives.
        is_done: Function that returns True for a member that need not be unpacked. It is yielded, and must not be
            opened.
        sidecars: Read the sidecars in archives.

    Yields:
        The items. An archive that cannot be read to its end comes after its members, and raises the error if opened.
    """
    for found_file in files:
        item = item_on_disk(found_file)
        if not has_archive_suffix(item.path.name):
            yield item
            continue
        try:
            with item.open() as file:
                if not is_archive(file.name, file.read_head()):
                    yield item
                    continue
                yield from _iter_members(item, file, engine, is_done, sidecars=sidecars)
        except MediaError as error:
            yield replace(item, open=partial(_fail_to_open, error))


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
        uri=_uri_of(path),
        stamp=stamp,
        open=partial(open_file, path, found_file.root),
        open_sibling=open_sibling(path, found_file.root),
    )


def _uri_of(path: Path) -> str:
    """Return the absolute path of a file, as a text that the store can keep even if no file can have this name."""
    try:
        uri = os.path.abspath(path)
    except FileNotFoundError:
        # The current folder was deleted, so the file cannot be opened either.
        uri = os.fspath(path)
    try:
        os.fsencode(uri)
    except UnicodeEncodeError:
        return uri.encode("utf-8", "backslashreplace").decode()
    return uri


def _iter_members(
    archive: IngestItem, file: OpenFile, engine: Engine, is_done: Callable[[IngestItem], bool], *, sidecars: bool
) -> Iterator[IngestItem]:
    kept_sidecars = ArchiveSidecars(engine, file) if sidecars else None

    def make_item(name: str) -> IngestItem:
        return IngestItem(
            path=archive.path / name,
            uri=f"{archive.uri}/{name}",
            stamp=archive.stamp,
            open=partial(
                _fail_to_open, UnreadableMedia(f"cannot open {name!r}: it was not unpacked, as it is done already")
            ),
            open_sibling=kept_sidecars.opener(name) if kept_sidecars else _no_sibling,
        )

    def is_wanted(name: str) -> bool:
        return not (sidecars and is_sidecar(PurePath(name))) and not is_done(make_item(name))

    for member in engine.unpack_archive(file, is_wanted):
        if member.error:
            yield replace(make_item(member.name), open=partial(_fail_to_open, member.error))
        elif member.file:
            yield replace(make_item(member.name), open=partial(_open_member, member.file))
        else:
            yield make_item(member.name)


class ArchiveSidecars:
    """The sidecars in an archive, read before its other members: a sidecar may come after its media file."""

    def __init__(self, engine: Engine, file: OpenFile) -> None:
        self._contents: dict[str, bytes] = {}
        total = 0
        try:
            for member in engine.unpack_archive(file, lambda name: is_sidecar(PurePath(name))):
                if member.file:
                    with member.file as opened, opened.reader() as reader:
                        if opened.bytes <= MAX_SIDECAR_BYTES and total + opened.bytes <= MAX_ARCHIVE_SIDECAR_BYTES:
                            self._contents[member.name] = reader.read()
                            total += opened.bytes
        except MediaError:
            # Unpacking the other members raises it again.
            return

    def opener(self, name: str) -> SiblingOpener:
        """Return the function that opens sidecars next to a member."""

        def open_next_to(sidecar: str) -> InMemorySidecar | None:
            path = str(PurePath(name).with_name(sidecar))
            return InMemorySidecar(path, self._contents[path]) if path in self._contents else None

        return open_next_to


class InMemorySidecar:
    """A sidecar in memory. Implements `SidecarFile`."""

    def __init__(self, path: str, data: bytes) -> None:
        self.name, self._data = PurePath(path).name, data
        self.bytes = len(data)
        self.stamp = (path, hash(data))

    def reader(self) -> BinaryIO:
        """Return a reader at the start."""
        return io.BytesIO(self._data)

    def close(self) -> None:
        """Do nothing: no file is open."""


def _fail_to_open(error: MediaError) -> OpenFile:
    raise error


def _open_member(file: OpenFile) -> OpenFile:
    return file


def _no_sibling(name: str) -> None:
    return None
