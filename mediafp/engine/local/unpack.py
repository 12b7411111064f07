"""Archives unpacked by a locked worker, entry by entry, into files without a name on the store's disk."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mediafp.engine.local.messages import ArchiveEnd, DataChunk, Failure, MemberDecision, MemberEnd, MemberStart, Task
from mediafp.engine.local.pool import ERROR_CLASSES, WorkerPool, error_from_failure
from mediafp.engine.local.process import WorkerProcess, anonymous_file, write_data
from mediafp.ingest.archives.members import MAX_MEMBER_BYTES, MAX_MEMBERS
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import VIDEO_WALL_SECONDS
from mediafp.types.errors import MediaError, TooLargeMedia, UnreadableMedia, WorkerLost


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackedMember:
    """A file in an archive; without `file` where it was not wanted or where `error` says why it cannot be read."""

    name: str
    file: OpenFile | None = None
    error: MediaError | None = None


def unpack_archive(workers: WorkerPool, file: OpenFile, wanted: Callable[[str], bool]) -> Iterator[UnpackedMember]:
    """The files in an archive, in its order; those whose name is `wanted` come unpacked.

    A worker that is lost to an entry costs that entry alone: a fresh one goes on behind it. Raises a MediaError, last,
    where the archive cannot be read further.
    """
    seen = 0
    while True:
        before = seen
        try:
            with workers.worker() as worker:
                worker.send_file(Task(what="unpack", name=os.fsencode(file.name)), file, VIDEO_WALL_SECONDS)
                number = 0
                while isinstance(answer := worker.receive(), MemberStart):
                    number += 1
                    if number > MAX_MEMBERS:
                        raise ValueError("more entries than there may be")
                    worker.set_deadline(VIDEO_WALL_SECONDS)
                    if number <= seen:
                        worker.send(MemberDecision(wanted=False))
                        continue
                    seen, name = number, os.fsdecode(answer.name)
                    take = wanted(name)
                    worker.send(MemberDecision(wanted=take))
                    yield _unpacked(worker, name, workers.folder) if take else UnpackedMember(name=name)
                    worker.set_deadline(VIDEO_WALL_SECONDS)
                if not isinstance(answer, ArchiveEnd | Failure):
                    raise ValueError("another answer than was asked for")
        except _LostEntryError as lost:
            if workers.closed:
                raise lost.error from lost
            yield UnpackedMember(name=lost.name, error=lost.error)
        except (WorkerLost, ValueError) as lost:
            if workers.closed or seen == before:
                raise WorkerLost("crash", f"{file.name!r} could not be unpacked further: {lost}") from lost
        else:
            if isinstance(answer, Failure):
                raise error_from_failure(answer)
            return


class _LostEntryError(Exception):
    def __init__(self, name: str, error: WorkerLost) -> None:
        super().__init__(name)
        self.name, self.error = name, error


def _unpacked(worker: WorkerProcess, name: str, folder: Path) -> UnpackedMember:
    """The entry that the worker sends."""
    with anonymous_file(folder) as kept:
        count = 0
        try:
            while isinstance(answer := worker.receive(), DataChunk):
                count += len(answer.data)
                if count > MAX_MEMBER_BYTES:
                    raise ValueError("more than an entry may have")
                write_data(kept, answer.data)
            if not isinstance(answer, MemberEnd):
                raise ValueError("another answer than was asked for")
        except WorkerLost as lost:
            raise _LostEntryError(name, lost) from lost
        except ValueError as error:
            raise _LostEntryError(name, WorkerLost("crash", f"its worker answered nonsense ({error})")) from error
        if answer.kind:
            return UnpackedMember(name=name, error=ERROR_CLASSES.get(answer.kind, TooLargeMedia)(answer.message))
        kept.flush()
        try:
            return UnpackedMember(name=name, file=OpenFile(name.rpartition("/")[2], os.dup(kept.fileno())))
        except OSError as error:
            return UnpackedMember(name=name, error=UnreadableMedia(f"{name!r} cannot be opened: {error.strerror}"))
