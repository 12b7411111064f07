"""The sidecars in an archive, kept in memory while its other members are ingested."""

import io
import sys
import zlib
from pathlib import PurePath
from typing import BinaryIO, Final

from mediafp.engine.interface import Engine
from mediafp.ingest.files import OpenFile
from mediafp.sightings.sidecar_format import MAX_SIDECAR_BYTES
from mediafp.sightings.sidecars import is_sidecar
from mediafp.types.errors import MediaError
from mediafp.types.media import SiblingOpener

MAX_ARCHIVE_SIDECAR_BYTES: Final = 64 << 20
"""Memory, bytes, of the sidecars of one archive, compressed and with their names; later ones are skipped with a warning.
Chosen, not measured: yt-dlp's compress to an eighth."""
ENTRY_BYTES: Final = 200
"""Memory, bytes, of an entry, in addition to its name and content. Chosen, not measured."""


class ArchiveSidecars:
    """The sidecars in an archive, read before its other members: a sidecar may come after its media file."""

    def __init__(self, engine: Engine, file: OpenFile) -> None:
        self._contents: dict[str, bytes] = {}
        self._bytes = 0
        try:
            for member in engine.unpack_archive(file, _is_wanted, max_bytes=MAX_SIDECAR_BYTES):
                if member.file:
                    with member.file as opened, opened.reader() as reader:
                        self._keep(member.name, reader.read(MAX_SIDECAR_BYTES))
        except MediaError:
            # Unpacking the other members raises it again.
            return

    def _keep(self, name: str, content: bytes) -> None:
        compressed = zlib.compress(content, 1)
        size = ENTRY_BYTES + sys.getsizeof(name) + len(compressed)
        if self._bytes + size <= MAX_ARCHIVE_SIDECAR_BYTES:
            self._contents[name] = compressed
            self._bytes += size

    def warnings(self, name: str) -> tuple[str, ...]:
        """Return the warning about a member that is a sidecar and is not kept."""
        if name in self._contents or not _is_wanted(name):
            return ()
        limits = f"{MAX_SIDECAR_BYTES >> 20} MiB, or {MAX_ARCHIVE_SIDECAR_BYTES >> 20} MiB with the others, compressed"
        return (f"skipped {PurePath(name).name!r}: it is damaged or over the limit ({limits})",)

    def opener(self, name: str) -> SiblingOpener:
        """Return the function that opens sidecars next to a member."""

        def open_next_to(sidecar: str) -> InMemorySidecar | None:
            path = str(PurePath(name).with_name(sidecar))
            content = self._contents.get(path)
            return None if content is None else InMemorySidecar(path, zlib.decompress(content))

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


def _is_wanted(name: str) -> bool:
    return is_sidecar(PurePath(name))
