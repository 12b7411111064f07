"""Content of a record file: in memory if it is small, else read where it is needed."""

import re
from collections.abc import Iterator
from threading import Lock
from typing import Any, Final

from mediafp.sightings.sidecar_content import COMPRESSED_SUFFIXES, MAX_SIDECAR_BYTES, UnusableSidecarError, read_bytes
from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.types.errors import UnreadableMedia
from mediafp.types.media import SidecarFile

MAX_RECORD_FILE_BYTES: Final = 4 << 30
"""Size, bytes, above which a record file is not read. The largest tables of the archive of information operations have
about 1 GB."""
MAX_RECORD_BYTES: Final = 1 << 20
"""Bytes of one row or line: the text of a post may exceed the 128 Ki characters that Python's `csv` allows. Chosen, not
measured."""
RECORD_HEAD_BYTES: Final = 64 << 10
"""Bytes from which a format is recognised. Chosen, not measured."""
_FIRST_BLOCK_BYTES: Final = 4 << 10
"""Bytes read first: one row has fewer. Chosen, not measured."""
_BLOCK_BYTES: Final = 256 << 10
"""Bytes read at once of a whole file. Chosen, not measured."""
_LINE: Final = re.compile(rb"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")


class RecordContent:
    """Content of a record file. Several threads may use it."""

    def __init__(self, name: str, data: bytes = b"", file: SidecarFile | None = None) -> None:
        """Take the file name, and either the bytes or the open file, which is closed by `close`."""
        self.name = name
        self.size = file.bytes if file else len(data)
        self.table: Any = None
        """The table that a format has found in it, so that the next one need not find it again."""
        self._data, self._file, self._lock = data, file, Lock()
        try:
            self._reader = file.reader() if file else None
        except UnreadableMedia as error:
            raise UnusableSidecarError(f"cannot be read ({error})") from error

    @property
    def memory_bytes(self) -> int:
        """Memory that it takes."""
        return len(self._data)

    @property
    def is_open(self) -> bool:
        """True if it keeps a file open."""
        return self._file is not None

    def close(self) -> None:
        """Close the file."""
        for opened in (self._reader, self._file):
            if opened:
                opened.close()

    def head(self) -> bytes:
        """Return the first bytes, from which a format is recognised."""
        return self.read(0, RECORD_HEAD_BYTES)

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes from an offset on; fewer at the end.

        Raises:
            UnusableSidecarError: The file cannot be read.
        """
        if self._reader is None:
            return self._data[offset : offset + length]
        try:
            with self._lock:
                self._reader.seek(offset)
                return self._reader.read(length)
        except OSError as error:
            raise UnusableSidecarError(f"cannot be read ({error.strerror})") from error

    def lines(self, offset: int = 0) -> Iterator[tuple[int, bytes]]:
        r"""Yield offset and bytes of each line, which ends in `\n`, `\r\n` or `\r`.

        Raises:
            UnusableSidecarError: A line is longer than `MAX_RECORD_BYTES`, or the file cannot be read.
        """
        rest, size = b"", _FIRST_BLOCK_BYTES
        while True:
            block = self.read(offset + len(rest), size)
            size = min(2 * size, _BLOCK_BYTES)
            # A line end at the end of a block may be half of one.
            held = rest + block
            end = len(held) if not block else max(held.rfind(b"\n"), held.rfind(b"\r", 0, -1)) + 1
            for match in _LINE.finditer(held, 0, end):
                if match.end() - match.start() > MAX_RECORD_BYTES:
                    raise long_row_error(offset + match.start())
                yield offset + match.start(), match[0]
            if not block:
                return
            offset, rest = offset + end, held[end:]
            if len(rest) > MAX_RECORD_BYTES:
                raise long_row_error(offset)

    def blocks(self) -> Iterator[bytes]:
        """Yield the whole content in blocks.

        Raises:
            UnusableSidecarError: The file cannot be read.
        """
        for offset in range(0, self.size, _BLOCK_BYTES):
            yield self.read(offset, _BLOCK_BYTES)


def long_row_error(offset: int) -> UnusableSidecarError:
    """Return the error for a row that is too long."""
    return UnusableSidecarError(f"the row at byte {offset:,} is over the limit of {MAX_RECORD_BYTES >> 20} MiB")


def load_record_content(file: SidecarFile, warnings: SidecarWarnings) -> RecordContent | None:
    """Return the content of an open record file, which it closes or keeps; None, with a warning, if it cannot be read."""
    if file.bytes <= MAX_SIDECAR_BYTES or file.name.lower().endswith(COMPRESSED_SUFFIXES):
        try:
            data = read_bytes(file, warnings)
        finally:
            file.close()
        return None if data is None else RecordContent(file.name, data)
    if file.bytes > MAX_RECORD_FILE_BYTES:
        size = f"{file.bytes:,} bytes are over the limit of {MAX_RECORD_FILE_BYTES >> 30} GiB"
        warnings.add(f"skipped {file.name!r}: {size}")
        file.close()
        return None
    try:
        return RecordContent(file.name, file=file)
    except UnusableSidecarError as error:
        warnings.add(f"skipped {file.name!r}: {error}")
        file.close()
        return None
