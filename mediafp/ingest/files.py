"""Open files and their SHA-256."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from threading import Event
from typing import BinaryIO, Final, Self

from mediafp.types.errors import UnreadableMedia

HEAD_BYTES: Final = 4096
"""Bytes from which the kind of a file is detected: five packets of a transport stream, two frames of most MP3s."""
HASH_BLOCK_BYTES: Final = 1 << 20
"""Bytes hashed at once: so many that Python's share of the time is negligible."""


class OpenFile:
    """A regular file that is open for reading, and the name that messages show.

    Libraries get its descriptor, never its name, which they might interpret as a protocol, an option or a format. Use
    it as a context manager; it also closes itself when it is garbage collected.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.descriptor = descriptor
        status = os.fstat(descriptor)
        self.bytes = status.st_size
        # A program can set the time of modification, but not the time of the last change.
        self.stamp = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        """Value that changes if the file does."""

    def reader(self) -> BinaryIO:
        """Return a binary reader at the start of the file, which the caller closes.

        All readers share one position, so only one may be in use at a time.
        """
        try:
            file = os.fdopen(os.dup(self.descriptor), "rb")
        except OSError as error:
            raise UnreadableMedia(
                f"cannot open {self.name!r} a second time: {error.strerror}; raise the limit on open files"
            ) from error
        file.seek(0)
        return file

    def read_head(self) -> bytes:
        """Return the first `HEAD_BYTES` bytes."""
        with self.reader() as file:
            try:
                return read_head(file)
            except UnreadableMedia as error:
                raise UnreadableMedia(f"cannot read {self.name!r}: {error}") from error

    def has_changed(self) -> bool:
        """Return True if the file was written to since it was opened."""
        status = os.fstat(self.descriptor)
        return (status.st_size, status.st_mtime_ns, status.st_ctime_ns) != self.stamp[2:]

    def close(self) -> None:
        """Close the file; its readers stay open."""
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


def open_file(path: Path, root: Path | None = None) -> OpenFile:
    """Open a regular file; raise UnreadableMedia for anything else.

    Args:
        path: Path of the file.
        root: The folder that the file was found in. Below it no link is followed, even if one replaces the file or one
            of its folders meanwhile; a link to another place below `root` is resolved first. None for a file that the
            user named, whose links are followed.
    """
    shown = repr(path.name)
    try:
        # Without O_NONBLOCK, opening a pipe in the file's place would block.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
        descriptor = os.open(path, flags) if root is None else _open_below(path, root, flags)
    except FileNotFoundError as error:
        raise UnreadableMedia(f"cannot open {shown}: the file does not exist; check the path") from error
    except PermissionError as error:
        raise UnreadableMedia(f"cannot open {shown}: permission denied; allow this user to read it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableMedia(f"cannot open {shown}: {reason}; check the path") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode) and root is not None:
            raise UnreadableMedia(
                f"cannot list {shown}: none of the files in this folder was read; shorten its path, or allow this user to list it"
            )
        raise UnreadableMedia(f"cannot open {shown}: not a regular file; name a file that can be read twice")
    return OpenFile(path.name, descriptor)


def read_head(file: BinaryIO) -> bytes:
    """Return the first `HEAD_BYTES` bytes of a reader, and leave it at its start.

    Raises:
        UnreadableMedia: Reading fails; the caller adds the name of the file.
    """
    try:
        file.seek(0)
        head = file.read(HEAD_BYTES)
        file.seek(0)
    except OSError as error:
        raise UnreadableMedia(f"{error.strerror}; check the disk that holds it") from error
    return head


def file_sha256(file: OpenFile, cancelled: Event | None = None) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal; arguments and errors as for `iter_blocks`."""
    digest = hashlib.sha256()
    for block in iter_blocks(file, cancelled):
        digest.update(block)
    return digest.hexdigest()


def iter_blocks(file: OpenFile, cancelled: Event | None = None) -> Iterator[bytes]:
    """Yield the bytes of a file, as many as it had when it was opened.

    Args:
        file: The file.
        cancelled: Ends the iteration when it is set by another thread.

    Raises:
        UnreadableMedia: Reading fails, or the file has become longer or shorter.
        CancelledError: `cancelled` was set.
    """
    with file.reader() as reader:
        bytes_left = file.bytes
        try:
            while bytes_left:
                if cancelled and cancelled.is_set():
                    raise CancelledError
                block = reader.read(min(HASH_BLOCK_BYTES, bytes_left))
                if not block:
                    raise changed_file_error(file)
                bytes_left -= len(block)
                yield block
            if reader.read(1):
                raise changed_file_error(file)
        except OSError as error:
            raise UnreadableMedia(
                f"cannot read {file.name!r}: {error.strerror}; check the disk that holds it"
            ) from error


def changed_file_error(file: OpenFile) -> UnreadableMedia:
    """Return the error for a file that was written to while it was read."""
    return UnreadableMedia(f"cannot read {file.name!r}: it changed while it was read; run this again")


def _open_below(path: Path, root: Path, flags: int) -> int:
    """Return a descriptor of the file at `path`, opened folder by folder from `root`, without following a link."""
    inside = os.path.realpath(root)
    parts = Path(os.path.relpath(os.path.realpath(path), inside)).parts
    if os.pardir in parts:
        raise PermissionError(errno.EPERM, "it leads out of its folder")
    folder = os.open(inside, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in parts[:-1]:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
        return os.open(parts[-1], flags | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)
