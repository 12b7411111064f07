"""Unpacking of archives in a worker, member by member, into files without a name."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from mediafp.engine.interface import UnpackedMember
from mediafp.engine.local.messages import ArchiveEnd, DataChunk, Failure, MemberDecision, MemberEnd, MemberStart, Task
from mediafp.engine.local.pool import ERROR_CLASSES, WorkerPool, error_from_failure
from mediafp.engine.local.process import WorkerProcess
from mediafp.ingest.anonymous_files import anonymous_file, write_data
from mediafp.ingest.archives.members import MAX_MEMBER_BYTES, MAX_MEMBERS
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import VIDEO_WALL_SECONDS
from mediafp.types.errors import TooLargeMedia, UnreadableMedia, WorkerLost

_logger = logging.getLogger(__name__)


def unpack_archive(pool: WorkerPool, file: OpenFile, is_wanted: Callable[[str], bool]) -> Iterator[UnpackedMember]:
    """Yield the files in an archive, in its order, unpacked if `is_wanted` returns True for their name.

    If a member crashes its worker, only that member is lost: a fresh worker skips to the member behind it. Each member
    is yielded once.

    Raises:
        MediaError: After the last readable member, if the archive cannot be read to its end.
    """
    completed = 0
    while True:
        completed_before = completed
        try:
            with pool.worker() as worker:
                worker.send_file(Task(what="unpack_archive", name=os.fsencode(file.name)), file, VIDEO_WALL_SECONDS)
                number = 0
                while isinstance(message := worker.receive(), MemberStart):
                    number += 1
                    if number > MAX_MEMBERS:
                        raise ValueError(f"more than {MAX_MEMBERS} members")
                    worker.set_deadline(VIDEO_WALL_SECONDS)
                    if number <= completed:
                        worker.send(MemberDecision(wanted=False))
                        continue
                    completed, name = number, os.fsdecode(message.name)
                    wanted = is_wanted(name)
                    try:
                        worker.send(MemberDecision(wanted=wanted))
                    except WorkerLost as lost:
                        # The worker ended behind the name: the member counts as completed, and has to be yielded.
                        if wanted:
                            raise _MemberLostError(name, lost) from lost
                        yield UnpackedMember(name=name)
                        raise
                    yield _receive_member(worker, name, pool.scratch_folder) if wanted else UnpackedMember(name=name)
                    worker.set_deadline(VIDEO_WALL_SECONDS)
                if not isinstance(message, ArchiveEnd | Failure):
                    raise ValueError("not the result that was requested")
        except _MemberLostError as lost:
            if pool.closed:
                raise lost.error from lost
            _logger.info("member %r of %r ended its worker; a fresh worker continues behind it", lost.name, file.name)
            yield UnpackedMember(name=lost.name, error=lost.error)
        except (WorkerLost, ValueError) as error:
            if pool.closed or completed == completed_before:
                kind = error.kind if isinstance(error, WorkerLost) else "crash"
                raise WorkerLost(kind, f"cannot unpack the rest of {file.name!r}: {error}") from error
            # The text of a ValueError may quote what the worker sent.
            reason = error if isinstance(error, WorkerLost) else "the worker returned invalid data"
            _logger.info("the next members of %r are unpacked by a fresh worker: %s", file.name, reason)
        else:
            if isinstance(message, Failure):
                raise error_from_failure(message)
            return


class _MemberLostError(Exception):
    """The loss of a worker in the middle of a member."""

    def __init__(self, name: str, error: WorkerLost) -> None:
        super().__init__(name)
        self.name, self.error = name, error


def _receive_member(worker: WorkerProcess, name: str, scratch_folder: Path) -> UnpackedMember:
    """Return the member whose content the worker sends."""
    with anonymous_file(scratch_folder) as content:
        received = 0
        try:
            while isinstance(message := worker.receive(), DataChunk):
                received += len(message.data)
                if received > MAX_MEMBER_BYTES:
                    raise ValueError(f"a member of more than {MAX_MEMBER_BYTES} bytes")
                write_data(content, message.data)
            if not isinstance(message, MemberEnd):
                raise ValueError("not the end of the member")
        except WorkerLost as lost:
            raise _MemberLostError(name, lost) from lost
        except ValueError as error:
            raise _MemberLostError(name, WorkerLost("crash", f"the worker returned invalid data ({error})")) from error
        if message.kind:
            return UnpackedMember(name=name, error=ERROR_CLASSES.get(message.kind, TooLargeMedia)(message.message))
        content.flush()
        try:
            return UnpackedMember(name=name, file=OpenFile(name.rpartition("/")[2], os.dup(content.fileno())))
        except OSError as error:
            return UnpackedMember(name=name, error=UnreadableMedia(f"cannot open {name!r}: {error.strerror}"))
