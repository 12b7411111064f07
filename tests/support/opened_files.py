"""Files that any process opens in a folder, from the kernel (inotify)."""

import ctypes
import os
import struct
from pathlib import Path
from typing import Self

IN_OPEN = 0x20
IN_ISDIR = 0x4000_0000
IN_NONBLOCK = os.O_NONBLOCK
HEADER = struct.Struct("iIII")
BUFFER_BYTES = 1 << 20


class OpenedFiles:
    """Watch on a folder and the folders in it: the files that were opened there, executed ones included."""

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(IN_NONBLOCK)
        assert self._descriptor >= 0, os.strerror(ctypes.get_errno())
        self._folders: dict[int, Path] = {}
        for watched in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(watched), IN_OPEN)
            assert watch >= 0, os.strerror(ctypes.get_errno())
            self._folders[watch] = watched.relative_to(folder)

    def take(self) -> set[str]:
        """Return the files that were opened since the last call; folders are omitted."""
        opened: set[str] = set()
        while data := self._read():
            position = 0
            while position < len(data):
                watch, mask, _, length = HEADER.unpack_from(data, position)
                position += HEADER.size
                name = data[position : position + length].rstrip(b"\0")
                position += length
                if not mask & IN_ISDIR:
                    opened.add(os.fspath(self._folders[watch] / os.fsdecode(name)))
        return opened

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, BUFFER_BYTES)
        except BlockingIOError:
            return b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
