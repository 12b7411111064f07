"""Open files and their SHA-256."""

import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final, Self

from mediafp.types.errors import UnreadableMedia
from mediafp.types.media import SiblingOpener, SidecarFile


class OpenFile:
    """A regular file open for reading, and the name that it is shown by.

    Libraries get its descriptor and never a name, which they could take for a protocol, an option or a format.
    Use it as a context manager; forgotten, it closes by itself.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor = descriptor
        status = os.fstat(descriptor)
        self.bytes = status.st_size
        self.stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        """Changes when the file does."""

    def reader(self) -> BinaryIO:
        """A binary reader at the file's start, closed by the caller. All readers share one place: one at a time."""
        try:
            file = os.fdopen(os.dup(self.descriptor), "rb")
        except OSError as exc:
            raise UnreadableMedia(f"{self.name!r} cannot be opened once more: {exc.strerror}") from exc
        file.seek(0)
        return file

    def read_head(self) -> bytes:
        """The first `SNIFF_BYTES` bytes."""
        with self.reader() as file:
            return read_head(file)

    def has_changed(self) -> bool:
        """Whether the file was written to since it was opened."""
        status = os.fstat(self.descriptor)
        return (status.st_size, status.st_mtime_ns) != self.stamp[2:]

    def close(self) -> None:
        """Closes the file; the readers it gave stay open."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "descriptor", -1) >= 0:
            self.close()


def read_head(file: BinaryIO) -> bytes:
    """The first `SNIFF_BYTES` bytes of a reader, which is left at its start."""
    try:
        file.seek(0)
        head = file.read(SNIFF_BYTES)
        file.seek(0)
    except OSError as exc:
        raise UnreadableMedia(f"the file cannot be read: {exc.strerror}; check the disk it lies on") from exc
    return head


def open_file(path: Path, root: Path | None = None) -> OpenFile:
    """A regular file, opened; raises `UnreadableMedia` for anything else.

    Below `root`, the folder that it was found in, no link is followed, whatever is put there meanwhile; a link that
    leads to another place below `root` is looked up first. Without one, the user named the file, and links hold.
    """
    shown = repr(path.name)
    try:
        # Without O_NONBLOCK a pipe in the file's place would hold us.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
        descriptor = os.open(path, flags) if root is None else _open_below(path, root, flags)
    except FileNotFoundError as exc:
        raise UnreadableMedia(f"{shown} does not exist; check the path") from exc
    except PermissionError as exc:
        raise UnreadableMedia(f"{shown} may not be read; allow this user to read it") from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise UnreadableMedia(f"{shown} cannot be opened: {reason}; check the path") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableMedia(f"{shown} is not a regular file; name a file that can be read twice")
    return OpenFile(path.name, descriptor)


def _open_below(path: Path, root: Path, flags: int) -> int:
    """A descriptor of what lies at `path`, reached from `root` folder by folder, through no link."""
    inside = os.path.realpath(root)
    folders = Path(os.path.relpath(os.path.realpath(path), inside)).parts
    if os.pardir in folders:
        raise PermissionError(errno.EPERM, "it leads out of its folder")
    at = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for folder in folders[:-1]:
            below = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        return os.open(folders[-1], flags | os.O_NOFOLLOW, dir_fd=at)
    finally:
        os.close(at)


SNIFF_BYTES: Final = 4096
"""Bytes read to tell a file: five packets of a transport stream, two frames of most MP3s."""
HASH_BLOCK_BYTES: Final = 1 << 20
"""Bytes hashed at once: enough that Python's share of the time is gone."""


def file_sha256(file: OpenFile) -> str:
    """The SHA-256 of a file's bytes in hexadecimal."""
    with file.reader() as reader:
        try:
            digest = hashlib.sha256()
            while block := reader.read(HASH_BLOCK_BYTES):
                digest.update(block)
            return digest.hexdigest()
        except OSError as exc:
            raise UnreadableMedia(f"{file.name!r} cannot be read: {exc.strerror}; check the disk it lies on") from exc


def open_sibling(path: Path, root: Path | None = None) -> SiblingOpener:
    """Opens what lies beside a file on disk, as `open_file` does."""

    def opened(name: str) -> SidecarFile | None:
        other = path.with_name(name)
        return open_file(other, root) if os.path.lexists(other) else None

    return opened
