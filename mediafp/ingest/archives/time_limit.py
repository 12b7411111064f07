"""Wall time that the unpacking of an archive may take."""

import os
from typing import Final

from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import ARCHIVE_WALL_SECONDS, ARCHIVE_WALL_SECONDS_PER_MEGABYTE, MAX_ARCHIVE_WALL_SECONDS

STAT_BLOCK_BYTES: Final = 512
"""Bytes of a block in `st_blocks`, on any file system."""


def archive_wall_seconds(archive: OpenFile) -> float:
    """Return the wall seconds that unpacking an archive may take, by the bytes that it occupies."""
    # A file of holes has any size at no cost. An archive has a block, unless its file system counts none.
    blocks = os.fstat(archive.descriptor).st_blocks
    stored_bytes = min(archive.bytes, blocks * STAT_BLOCK_BYTES) if blocks else archive.bytes
    return min(ARCHIVE_WALL_SECONDS + stored_bytes / 1e6 * ARCHIVE_WALL_SECONDS_PER_MEGABYTE, MAX_ARCHIVE_WALL_SECONDS)
