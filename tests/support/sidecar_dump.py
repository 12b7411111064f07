"""A dump of media files and sidecars in memory, and what its sidecars state."""

import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from mediafp.sightings.sidecars import SidecarReader, is_sidecar


@dataclass(frozen=True, kw_only=True)
class MemoryFile:
    """A file in memory. Implements `SidecarFile`."""

    name: str
    content: bytes
    stamp: object = None

    @property
    def bytes(self) -> int:
        return len(self.content)

    def reader(self) -> BinaryIO:
        return io.BytesIO(self.content)

    def close(self) -> None:
        """Do nothing: no file is open."""


class MemoryFolder:
    """A folder in memory. Implements `SidecarFolder`."""

    def __init__(self, files: Mapping[str, bytes], folder: PurePosixPath) -> None:
        self._files, self._folder, self.path = files, folder, f"/dump/{folder}"

    def names(self) -> list[str]:
        return [path.name for path in map(PurePosixPath, self._files) if path.parent == self._folder]

    def paths_below(self) -> Iterator[str]:
        paths = map(PurePosixPath, self._files)
        return (str(path.relative_to(self._folder)) for path in paths if path.is_relative_to(self._folder))

    def open(self, name: str) -> MemoryFile | None:
        content = self._files.get(str(self._folder / name))
        return None if content is None else MemoryFile(name=name, content=content)


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What the sidecars of a dump state."""

    sightings: Mapping[str, list[dict[str, object]]]
    """Fields of the sightings of each media file, without those that are unknown and without `source`."""
    sources: Mapping[str, list[str]]
    warnings: Mapping[str, list[str]]
    """Warnings of each file that has some."""

    def only(self) -> dict[str, object]:
        """Return the fields of the only sighting of the only media file."""
        ((fields,),) = self.sightings.values()
        return fields


def read_dump(files: Mapping[str, str | bytes]) -> Stated:
    """Return what the sidecars among the files of a dump state of the others."""
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    sightings: dict[str, list[dict[str, object]]] = {}
    sources: dict[str, list[str]] = {}
    warnings: dict[str, list[str]] = {}

    def folders(path: str) -> list[MemoryFolder]:
        return [MemoryFolder(contents, folder) for folder in PurePosixPath(path).parents]

    with closing(SidecarReader()) as reader:
        for path in contents:
            if not is_sidecar(PurePosixPath(path)):
                read = reader.read(PurePosixPath(path).name, folders(path))
                fields = [
                    {key: value for key, value in asdict(one).items() if value is not None} for one in read.sightings
                ]
                sources[path] = [str(one.pop("source")) for one in fields]
                sightings[path], warnings[path] = fields, list(read.warnings)
        for path in contents:
            if is_sidecar(PurePosixPath(path)):
                warnings[path] = list(reader.unused_parts(PurePosixPath(path).name, folders(path)))
    return Stated(
        sightings=sightings, sources=sources, warnings={path: texts for path, texts in warnings.items() if texts}
    )
