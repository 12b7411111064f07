"""Limit of the archives within one archive."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from mediafp.ingest.archives.streams import MAX_EXPANSION_RATIO, RATIO_FREE_BYTES
from mediafp.ingest.archives.time_limit import archive_wall_seconds
from mediafp.ingest.files import OpenFile
from mediafp.types.errors import TooLargeMedia, WorkerLost


class InnerArchiveLimit:
    """Limit of bytes and time of all archives within one archive together: no more than it alone may have.

    A bomb in a bomb would multiply the ratios of both, and a million small archives would have the time of each.
    """

    def __init__(self, outer: OpenFile) -> None:
        self._name = outer.name
        self._bytes_left = RATIO_FREE_BYTES + MAX_EXPANSION_RATIO * outer.bytes
        self._seconds = archive_wall_seconds(outer)
        self._seconds_left = self._seconds

    @contextmanager
    def spending(self, name: str) -> Iterator[None]:
        """Count the time inside; raise WorkerLost if none is left for the archive of this name."""
        if self._seconds_left <= 0:
            reason = (
                f"the archives in {self._name!r} took more than {self._seconds:.0f} s of wall time; unpack it first"
            )
            raise WorkerLost("timeout", f"cannot unpack the rest of {name!r}: {reason}")
        started = time.monotonic()
        try:
            yield
        finally:
            self._seconds_left -= time.monotonic() - started

    def take(self, unpacked_bytes: int, name: str) -> None:
        """Count the bytes of a member; raise TooLargeMedia if they are too many."""
        self._bytes_left -= unpacked_bytes
        if self._bytes_left < 0:
            reason = f"the archives in {self._name!r} expand to more than {MAX_EXPANSION_RATIO} times its size"
            raise TooLargeMedia(f"cannot unpack the rest of {name!r}: {reason}; unpack it first if you trust it")
