"""Bounded reading of sidecar files."""

import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.types.errors import UnreadableMedia
from mediafp.types.media import SidecarFile, SidecarFolder

MAX_SIDECAR_BYTES: Final = 8 << 20
"""Size, bytes, above which a sidecar of one media file is not read, also decompressed: those of yt-dlp with every comment
inside are smaller in most cases."""
MAX_XZ_MEMORY_BYTES: Final = 96 << 20
"""Memory, bytes, of the decompression of a sidecar; instaloader's take 9 MB. Chosen, not measured."""
COMPRESSED_SUFFIXES: Final = (".xz", ".gz")
"""Suffixes of sidecars that are compressed."""


class UnusableSidecarError(ValueError):
    """Content of a sidecar that cannot be read; the message is the reason."""


@contextmanager
def open_sidecar(folder: SidecarFolder, name: str, warnings: SidecarWarnings) -> Iterator[SidecarFile | None]:
    """Open a file in a folder; None if it does not exist or, with a warning, cannot be opened."""
    try:
        file = folder.open(name)
    except (UnreadableMedia, ValueError) as error:
        warnings.add(f"skipped a sidecar: {error}")
        file = None
    try:
        yield file
    finally:
        if file is not None:
            file.close()


def read_bytes(file: SidecarFile, warnings: SidecarWarnings, *, max_bytes: int = MAX_SIDECAR_BYTES) -> bytes | None:
    """Return the content of a sidecar, decompressed if its name says that it is compressed.

    Returns:
        The content; None, with a warning, if it is too large, unreadable, damaged or grows meanwhile.
    """
    if file.bytes > max_bytes:
        warnings.add(f"skipped {file.name!r}: {file.bytes:,} bytes are over the limit of {_shown_size(max_bytes)}")
        return None
    try:
        with file.reader() as reader:
            content = reader.read(file.bytes + 1)
    except (OSError, UnreadableMedia) as error:
        warnings.add(f"skipped {file.name!r}: cannot be read ({getattr(error, 'strerror', None) or error})")
        return None
    if len(content) > file.bytes:
        warnings.add(f"skipped {file.name!r}: it grew while it was read")
        return None
    if not file.name.lower().endswith(COMPRESSED_SUFFIXES):
        return content
    try:
        with _open_compressed(file.name, content) as reader:
            content = reader.read(max_bytes + 1)
    except (lzma.LZMAError, OSError, EOFError, zlib.error):
        warnings.add(f"skipped {file.name!r}: its compressed data are damaged")
        return None
    if len(content) > max_bytes:
        warnings.add(f"skipped {file.name!r}: its decompressed bytes are over the limit of {_shown_size(max_bytes)}")
        return None
    return content


def _shown_size(size: int) -> str:
    return f"{size >> 20:,} MiB" if size >= 1 << 20 else f"{size >> 10} KiB"


def _open_compressed(name: str, content: bytes) -> io.BufferedIOBase:
    """Return a reader of decompressed bytes."""
    if name.lower().endswith(".gz"):
        return gzip.open(io.BytesIO(content))
    limited = lzma.LZMADecompressor(memlimit=MAX_XZ_MEMORY_BYTES)
    return io.BytesIO(limited.decompress(content, MAX_SIDECAR_BYTES + 1))
