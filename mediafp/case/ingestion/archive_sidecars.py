"""The sidecars in an archive, kept in memory while its other members are ingested."""

import io
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import BinaryIO, Final

from mediafp.engine.interface import Engine
from mediafp.ingest.files import OpenFile
from mediafp.sightings.sidecar_content import MAX_SIDECAR_BYTES
from mediafp.sightings.sidecars import is_sidecar
from mediafp.types.errors import MediaError
from mediafp.types.media import SidecarFolders

MAX_ARCHIVE_SIDECAR_BYTES: Final = 64 << 20
"""Memory, bytes, of the sidecars of one archive, compressed and with their names; later ones are skipped with a warning.
Chosen, not measured: yt-dlp's compress to an eighth."""
ENTRY_BYTES: Final = 500
"""Memory, bytes, of an entry, in addition to its name and content. Chosen, not measured."""


class ArchiveSidecars:
    """The sidecars in an archive, read before its other members: a sidecar may come after its media file."""

    def __init__(self, engine: Engine, file: OpenFile, archive: str) -> None:
        self._archive = archive
        self._kept: dict[str, InMemorySidecar] = {}
        self._bytes = 0
        self._names: list[str] = []
        try:
            for member in engine.unpack_archive(file, _is_wanted, max_bytes=MAX_SIDECAR_BYTES):
                self._names.append(member.name)
                if member.file:
                    with member.file as opened, opened.reader() as reader:
                        self._keep(member.name, reader.read(MAX_SIDECAR_BYTES))
        except MediaError:
            # Unpacking the other members raises it again.
            return

    def _keep(self, name: str, content: bytes) -> None:
        sidecar = InMemorySidecar(name, content)
        size = ENTRY_BYTES + 2 * sys.getsizeof(name) + sidecar.compressed_bytes
        if self._bytes + size <= MAX_ARCHIVE_SIDECAR_BYTES:
            self._kept[name] = sidecar
            self._bytes += size

    def warnings(self, name: str) -> tuple[str, ...]:
        """Return the warning about a member that is a sidecar and is not kept."""
        if name in self._kept or not _is_wanted(name):
            return ()
        limits = f"{MAX_SIDECAR_BYTES >> 20} MiB, or {MAX_ARCHIVE_SIDECAR_BYTES >> 20} MiB with the others, compressed"
        return (f"skipped {PurePath(name).name!r}: it is damaged or over the limit ({limits})",)

    def folders(self, name: str) -> SidecarFolders:
        """Return the folder of a member, and those above it in the archive."""
        return [ArchiveFolder(self._archive, str(folder), self._kept, self._names) for folder in PurePath(name).parents]


class ArchiveFolder:
    """A folder in an archive. Implements `SidecarFolder`."""

    def __init__(self, archive: str, folder: str, kept: "Mapping[str, InMemorySidecar]", names: Sequence[str]) -> None:
        """Take the archive, the folder in it, the sidecars that are kept, and the names of all members."""
        self.path = f"{archive}/{folder}".removesuffix("/.")
        self._folder, self._kept, self._members = PurePath(folder), kept, names

    def names(self) -> Sequence[str]:
        """Return the names of the sidecars in it, sorted."""
        return sorted(path.name for path in map(PurePath, self._kept) if path.parent == self._folder)

    def paths_below(self) -> Iterator[str]:
        """Yield the paths of the members in it and in the folders below it, relative to it."""
        for path in map(PurePath, self._members):
            if path.is_relative_to(self._folder):
                yield str(path.relative_to(self._folder))

    def open(self, name: str) -> "InMemorySidecar | None":
        """Open a sidecar in it by its name; None if there is none."""
        return self._kept.get(str(self._folder / name))


class InMemorySidecar:
    """A sidecar in memory, compressed. Implements `SidecarFile`."""

    def __init__(self, path: str, content: bytes) -> None:
        self.name, self.bytes = PurePath(path).name, len(content)
        self.stamp = (path, hash(content))
        self._compressed = zlib.compress(content, 1)

    @property
    def compressed_bytes(self) -> int:
        """Bytes that it takes."""
        return len(self._compressed)

    def reader(self) -> BinaryIO:
        """Return a reader at the start."""
        return io.BytesIO(zlib.decompress(self._compressed))

    def close(self) -> None:
        """Do nothing: no file is open."""


def _is_wanted(name: str) -> bool:
    return is_sidecar(PurePath(name))
