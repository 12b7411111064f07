"""Content of an open file that is the same for everything that reads it, even if another program writes to the file."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Final

from mediafp.ingest.files import OpenFile, changed_file_error, file_sha256, iter_blocks
from mediafp.types.errors import UnreadableMedia

MAX_COPIED_BYTES: Final = 32 << 20
"""Bytes of a file that is copied into memory to be read. A photograph of 3 MB takes 3 ms, a file of 32 MiB 33 ms; more
would cost too much memory, as every worker has one."""


@contextmanager
def stable_content(file: OpenFile, sha256: str, cancelled: Event | None = None) -> Iterator[OpenFile]:
    """Yield a file whose bytes have a SHA-256 from the first to the last time that they are read.

    A small file is a copy in memory that nobody can write to. A larger one is the file itself, which is hashed again after
    it was read: its change time and its content show that it was written to.

    Args:
        file: The open file.
        sha256: Its SHA-256, computed before.
        cancelled: As for `iter_blocks`.

    Raises:
        UnreadableMedia: The content is another one, or has changed while it was read, so that the result of the block is
            wrong; or there is no memory for the copy.
        CancelledError: `cancelled` was set.
    """
    if file.bytes <= MAX_COPIED_BYTES:
        with _copy_in_memory(file, sha256, cancelled) as copy:
            yield copy
        return
    yield file
    # The time of the last change has a granularity of some ms, and a write to mapped memory may not set it.
    if file.has_changed() or file_sha256(file, cancelled) != sha256:
        raise changed_file_error(file)


@contextmanager
def _copy_in_memory(file: OpenFile, sha256: str, cancelled: Event | None) -> Iterator[OpenFile]:
    """Yield a copy without a name; raise UnreadableMedia if the bytes that were copied have another SHA-256."""
    digest = hashlib.sha256()
    with ExitStack() as stack:
        try:
            copy = stack.enter_context(OpenFile(file.name, _new_memory_file()))
            for block in iter_blocks(file, cancelled):
                digest.update(block)
                rest = memoryview(block)
                while rest:
                    rest = rest[os.write(copy.descriptor, rest) :]
            _deny_writes(copy.descriptor)
            copy = stack.enter_context(OpenFile(file.name, os.dup(copy.descriptor)))
        except OSError as error:
            raise UnreadableMedia(
                f"cannot copy {file.name!r} into memory: {error.strerror}; end other programs and run this again"
            ) from error
        if digest.hexdigest() != sha256:
            raise changed_file_error(file)
        yield copy


def _new_memory_file() -> int:
    """Return the descriptor of an empty file in memory, or on a system without such files, of a temporary one."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("mediafp", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def _deny_writes(descriptor: int) -> None:
    """Deny all writes to a file in memory, also by the worker that gets its descriptor."""
    if hasattr(os, "memfd_create"):
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
