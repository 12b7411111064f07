"""Archives unpacked by a locked worker, entry by entry, into files without a name on the store's disk."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mediafp.errors import LostWorker, MediaError, TooLargeMedia, UnreadableMedia
from mediafp.ingest.archives import ENTRIES, ENTRY_BYTES
from mediafp.ingest.probe import OpenFile
from mediafp.settings import VIDEO_WALL_SECONDS
from mediafp.workers.messages import Closed, Failed, Opened, Part, Take, Task, Unpacked
from mediafp.workers.supervisor import KINDS, Worker, Workers, error_of, keep, spool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file in an archive; without `file` where it was not wanted or where `error` says why it cannot be read."""

    name: str
    file: OpenFile | None = None
    error: MediaError | None = None


def unpack(workers: Workers, file: OpenFile, wanted: Callable[[str], bool]) -> Iterator[Entry]:
    """The files in an archive, in its order; those whose name is `wanted` come unpacked.

    A worker that is lost to an entry costs that entry alone: a fresh one goes on behind it. Raises a MediaError, last,
    where the archive cannot be read further.
    """
    seen = 0
    while True:
        before = seen
        try:
            with workers.worker() as worker:
                worker.hand_in(Task(what="unpack", name=os.fsencode(file.name)), file, VIDEO_WALL_SECONDS)
                number = 0
                while isinstance(answer := worker.receive(), Opened):
                    number += 1
                    if number > ENTRIES:
                        raise ValueError("more entries than there may be")
                    worker.allow(VIDEO_WALL_SECONDS)
                    if number <= seen:
                        worker.tell(Take(wanted=False))
                        continue
                    seen, name = number, os.fsdecode(answer.name)
                    take = wanted(name)
                    worker.tell(Take(wanted=take))
                    yield _unpacked(worker, name, workers.folder) if take else Entry(name=name)
                    worker.allow(VIDEO_WALL_SECONDS)
                if not isinstance(answer, Unpacked | Failed):
                    raise ValueError("another answer than was asked for")
        except _LostEntryError as lost:
            if workers.closed:
                raise lost.error from lost
            yield Entry(name=lost.name, error=lost.error)
        except (LostWorker, ValueError) as lost:
            if workers.closed or seen == before:
                raise LostWorker("crash", f"{file.name!r} could not be unpacked further: {lost}") from lost
        else:
            if isinstance(answer, Failed):
                raise error_of(answer)
            return


class _LostEntryError(Exception):
    def __init__(self, name: str, error: LostWorker) -> None:
        super().__init__(name)
        self.name, self.error = name, error


def _unpacked(worker: Worker, name: str, folder: Path) -> Entry:
    """The entry that the worker sends."""
    with spool(folder) as kept:
        count = 0
        try:
            while isinstance(answer := worker.receive(), Part):
                count += len(answer.data)
                if count > ENTRY_BYTES:
                    raise ValueError("more than an entry may have")
                keep(kept, answer.data)
            if not isinstance(answer, Closed):
                raise ValueError("another answer than was asked for")
        except LostWorker as lost:
            raise _LostEntryError(name, lost) from lost
        except ValueError as error:
            raise _LostEntryError(name, LostWorker("crash", f"its worker answered nonsense ({error})")) from error
        if answer.kind:
            return Entry(name=name, error=KINDS.get(answer.kind, TooLargeMedia)(answer.message))
        kept.flush()
        try:
            return Entry(name=name, file=OpenFile(name.rpartition("/")[2], os.dup(kept.fileno())))
        except OSError as error:
            return Entry(name=name, error=UnreadableMedia(f"{name!r} cannot be opened: {error.strerror}"))
