"""The archives of an ingest, unpacked in threads of their own while other files go on."""

import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from mediafp.case.ingestion.items import IngestItem
from mediafp.ingest.files import OpenFile

UNPACKING_THREADS: Final = 2
"""Archives that are unpacked at once, each by a worker of its own: a slow one does not stop the next. Chosen, not
measured."""
MAX_UNPACKED_BYTES: Final = 8 << 30
"""Disk space, bytes, of members in progress above which no further one is unpacked; the last ones may exceed it by
`MAX_MEMBER_BYTES` each. Chosen, not measured."""
MAX_WAITING_ARCHIVES: Final = 10_000
"""Archives that wait while the walk goes on. Chosen, not measured: each takes 1 kB."""
STEP_ITEMS: Final = 64
"""Members that need no work which one step returns at most. Chosen, not measured."""
STEP_SECONDS: Final = 0.2
"""Wall seconds after which a step ends with the next member, whatever it is. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next items of an archive."""

    archive: Generator[IngestItem]
    items: list[IngestItem]
    is_last: bool


class ArchiveUnpacker:
    """Archives that are unpacked step by step, each step up to the next member that has to be analysed.

    Nothing is unpacked between two steps, so the caller bounds the members that wait by the steps that it starts. Only
    one thread may use it.
    """

    def __init__(self, iter_items: Callable[[IngestItem], Generator[IngestItem]]) -> None:
        """Create threads.

        Args:
            iter_items: Yields the members of an archive; it is used in the threads.
        """
        self._iter_items = iter_items
        self._threads = ThreadPoolExecutor(UNPACKING_THREADS, "mediafp-unpacking")
        self._waiting: deque[IngestItem] = deque()
        self._paused: deque[Generator[IngestItem]] = deque()
        """Archives between two steps."""
        self._running = 0
        self._unpacked: list[OpenFile] = []
        """Members that may be open still."""

    def add(self, archive: IngestItem) -> None:
        """Add a file that is named like an archive."""
        self._waiting.append(archive)

    @property
    def has_archives(self) -> bool:
        """True if an archive has a step to come."""
        return bool(self._waiting or self._paused or self._running)

    @property
    def is_full(self) -> bool:
        """True if so many archives wait that no more may be added."""
        return len(self._waiting) >= MAX_WAITING_ARCHIVES

    def start_step(self) -> Future[Step] | None:
        """Start a step of the archive that waited longest; return None if none can start now."""
        self._unpacked = [file for file in self._unpacked if file.descriptor >= 0]
        if sum(file.bytes for file in self._unpacked) > MAX_UNPACKED_BYTES:
            return None
        if self._waiting and self._running + len(self._paused) < UNPACKING_THREADS:
            self._paused.append(self._iter_items(self._waiting.popleft()))
        if not self._paused:
            return None
        self._running += 1
        return self._threads.submit(_run_step, self._paused.popleft())

    def finish_step(self, future: Future[Step]) -> list[IngestItem]:
        """Return the items of a step that is done."""
        self._running -= 1
        step = future.result()
        if not step.is_last:
            self._paused.append(step.archive)
        self._unpacked.extend(item.unpacked for item in step.items if item.unpacked)
        return step.items

    def close(self) -> None:
        """End the threads; their workers must have been ended."""
        self._threads.shutdown(cancel_futures=True)
        for archive in self._paused:
            archive.close()


def _run_step(archive: Generator[IngestItem]) -> Step:
    """Return the next items of an archive, up to one that has to be analysed."""
    items = []
    started = time.monotonic()
    for item in archive:
        items.append(item)
        if item.unpacked or len(items) >= STEP_ITEMS or time.monotonic() - started > STEP_SECONDS:
            return Step(archive=archive, items=items, is_last=False)
    return Step(archive=archive, items=items, is_last=True)
