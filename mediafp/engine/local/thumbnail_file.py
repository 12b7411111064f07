"""Thumbnails that a worker sent, kept in a file: those of a long video have hundreds of megabytes."""

import os
import weakref
from collections.abc import Sequence
from pathlib import Path

from mediafp.ingest.anonymous_files import anonymous_file
from mediafp.types.errors import StoreError, denied_write
from mediafp.types.media import Thumbnail

MEMORY_BYTES = 4 << 20
"""Bytes of thumbnails of one file that stay in memory. Chosen, not measured."""


class ThumbnailFile:
    """Thumbnails in the order of their frames: the first in memory, the rest in a file without a name.

    One thread may append, and several may read what was appended.
    """

    def __init__(self, folder: Path) -> None:
        """Create an empty file; `folder` is where it is put once it is large."""
        self._folder = folder
        self._memory = bytearray()
        self._descriptor: int | None = None
        self._ends = [0]

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def total_bytes(self) -> int:
        """Total size of the thumbnails."""
        return self._ends[-1]

    def append(self, jpegs: Sequence[bytes]) -> None:
        """Add thumbnails. Raises StoreError if the disk is full."""
        for jpeg in jpegs:
            if len(self._memory) < MEMORY_BYTES:
                self._memory += jpeg
            else:
                self._write(jpeg, self._ends[-1] - len(self._memory))
            self._ends.append(self._ends[-1] + len(jpeg))

    def read(self, number: int) -> bytes:
        """Return one thumbnail. Raises StoreError if the disk fails."""
        start, end = self._ends[number : number + 2]
        if start < len(self._memory):
            return bytes(self._memory[start:end])
        assert self._descriptor is not None or start == end, "what is not in memory was written to the file"
        if self._descriptor is None:
            return b""
        try:
            return os.pread(self._descriptor, end - start, start - len(self._memory))
        except OSError as error:
            raise StoreError(
                f"cannot read from the store's disk: {error.strerror}; check it and run this again"
            ) from error

    def _write(self, data: bytes, position: int) -> None:
        if self._descriptor is None:
            with anonymous_file(self._folder) as file:
                self._descriptor = os.dup(file.fileno())
            weakref.finalize(self, os.close, self._descriptor)
        try:
            while data:
                written = os.pwrite(self._descriptor, data, position)
                data, position = data[written:], position + written
        except OSError as error:
            raise StoreError(
                f"cannot write to the store's disk: {error.strerror}; free space and run this again",
                kind=denied_write(error),
            ) from error


class FiledThumbnail(Thumbnail):
    """A thumbnail whose JPEG is read from a file when it is needed."""

    __slots__ = ("_file",)
    _file: ThumbnailFile

    def __init__(self, *, position: int, seconds: float, file: ThumbnailFile) -> None:
        """Take thumbnail number `position` of a file."""
        for name, value in (("position", position), ("seconds", seconds), ("_file", file)):
            object.__setattr__(self, name, value)

    @property
    def jpeg(self) -> bytes:
        """The JPEG."""
        return self._file.read(self.position)

    def __eq__(self, other: object) -> bool:
        """Return True for a thumbnail with the same values, wherever its JPEG is stored."""
        if not isinstance(other, Thumbnail):
            return NotImplemented
        return (self.position, self.seconds, self.jpeg) == (other.position, other.seconds, other.jpeg)

    def __hash__(self) -> int:
        """Return the hash of position and time."""
        return hash((self.position, self.seconds))
