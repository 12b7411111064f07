"""Unpacking of archives in a worker, member by member, into files without a name."""

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from mediafp.engine.interface import UnpackedMember
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.messages import ArchiveEnd, DataChunk, Failure, MemberDecision, MemberEnd, MemberStart, Task
from mediafp.engine.local.packing import unpack_capture
from mediafp.engine.local.pool import ERROR_CLASSES, WorkerPool, error_from_failure
from mediafp.engine.local.process import WorkerProcess
from mediafp.ingest.anonymous_files import anonymous_file, write_data
from mediafp.ingest.archives.members import MAX_MEMBER_BYTES, MAX_MEMBERS, MemberNames
from mediafp.ingest.archives.time_limit import archive_wall_seconds
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import MEMBER_WALL_SECONDS
from mediafp.types.errors import MediaError, StoreError, TooLargeMedia, UnreadableMedia, WorkerLost

_logger = logging.getLogger(__name__)


def unpack_archive(
    pool: WorkerPool,
    file: OpenFile,
    is_wanted: Callable[[str], bool],
    *,
    max_bytes: int = MAX_MEMBER_BYTES,
    on_warning: Callable[[str], object] = lambda warning: None,
    on_hidden: Callable[[int], object] = lambda count: None,
) -> Generator[UnpackedMember]:
    """Yield the files in an archive, in its order, unpacked if `is_wanted` returns True for their name.

    If a member crashes its worker, only that member is lost: a fresh worker skips to the member behind it. Each member
    is yielded once. The archive has a limit of wall time, in which the caller's use of the members does not count.

    Args:
        pool: The pool of workers.
        file: The open archive.
        is_wanted: Returns True for the names of members to unpack.
        max_bytes: Bytes above which a member is an error, and is not written to the disk.
        on_warning: Called with each warning about the archive as a whole, after the last member.
        on_hidden: Called with the number of hidden names that were skipped, after the last member.

    Raises:
        MediaError: After the last readable member, if the archive cannot be read to its end.
    """
    wall_time = WallTime(file)
    with closing(_iter_members(pool, file, is_wanted, max_bytes, wall_time, on_warning, on_hidden)) as members:
        while True:
            with wall_time.spending():
                member = next(members, None)
            if member is None:
                return
            yield member


class WallTime:
    """Wall seconds that the unpacking of one archive may take."""

    def __init__(self, archive: OpenFile) -> None:
        self.limit = archive_wall_seconds(archive)
        self._spent, self._since = 0.0, time.monotonic()

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the time inside."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._spent += time.monotonic() - self._since

    def left(self) -> float:
        """Return the seconds that are left, inside of `spending`."""
        return self.limit - self._spent - (time.monotonic() - self._since)

    def set_deadline(self, worker: WorkerProcess) -> None:
        """Give a worker the time of a member, or what is left."""
        worker.set_deadline(min(MEMBER_WALL_SECONDS, self.left()))

    def error(self, what: str) -> WorkerLost:
        """Return the error for what is not unpacked because no time is left."""
        reason = f"the archive took more than {self.limit:.0f} s of wall time; unpack it first"
        return WorkerLost("timeout", f"cannot unpack {what}: {reason}")


def _iter_members(
    pool: WorkerPool,
    file: OpenFile,
    is_wanted: Callable[[str], bool],
    max_bytes: int,
    wall_time: WallTime,
    on_warning: Callable[[str], object],
    on_hidden: Callable[[int], object],
) -> Generator[UnpackedMember]:
    names = MemberNames()
    completed = 0
    while True:
        completed_before = completed
        if wall_time.left() <= 0:
            raise wall_time.error(f"the rest of {file.name!r}")
        try:
            with pool.worker(WorkerCapabilities(unpacks=True)) as worker:
                seconds = min(MEMBER_WALL_SECONDS, wall_time.left())
                worker.send_file(Task(what="unpack_archive", name=os.fsencode(file.name)), file, seconds)
                number = 0
                while isinstance(message := worker.receive(), MemberStart):
                    number += 1
                    if number > MAX_MEMBERS:
                        raise ValueError(f"more than {MAX_MEMBERS} members")
                    if number <= completed:
                        worker.send(MemberDecision(wanted=False))
                        continue
                    wall_time.set_deadline(worker)
                    name = os.fsdecode(message.name)
                    names.add(name)
                    completed = number
                    wanted = is_wanted(name)
                    capture = unpack_capture(message.capture) if message.capture else None
                    try:
                        worker.send(MemberDecision(wanted=wanted))
                    except WorkerLost as lost:
                        # The worker ended behind the name: the member counts as completed, and has to be yielded.
                        if wanted:
                            raise _MemberLostError(name, lost) from lost
                        yield UnpackedMember(name=name, capture=capture)
                        raise
                    if wanted:
                        member = _receive_member(worker, name, pool.scratch_folder, max_bytes)
                        yield replace(member, capture=capture)
                    else:
                        yield UnpackedMember(name=name, capture=capture)
                    wall_time.set_deadline(worker)
                if not isinstance(message, ArchiveEnd | Failure):
                    raise ValueError("not the result that was requested")
                for warning in message.warnings:
                    on_warning(warning)
                if isinstance(message, ArchiveEnd) and message.hidden:
                    on_hidden(message.hidden)
                if isinstance(message, Failure) and message.kind not in ERROR_CLASSES:
                    worker.dismiss(message.kind)
        except _MemberLostError as lost:
            if pool.closed:
                raise lost.error from lost
            _logger.info("member %r of %r ended its worker; a fresh worker continues behind it", lost.name, file.name)
            yield UnpackedMember(
                name=lost.name, error=lost.error if wall_time.left() > 0 else wall_time.error(repr(lost.name))
            )
        except (WorkerLost, ValueError) as error:
            if wall_time.left() > 0 and (pool.closed or completed == completed_before):
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


def _receive_member(worker: WorkerProcess, name: str, scratch_folder: Path, max_bytes: int) -> UnpackedMember:
    """Return the member whose content the worker sends."""
    try:
        with anonymous_file(scratch_folder) as content:
            if failure := _receive_content(worker, name, content, max_bytes):
                return UnpackedMember(name=name, error=failure)
            content.flush()
            return UnpackedMember(name=name, file=OpenFile(name.rpartition("/")[2], os.dup(content.fileno())))
    except OSError as error:
        # The file is flushed when it is closed, too.
        return UnpackedMember(name=name, error=UnreadableMedia(f"cannot unpack {name!r}: {error.strerror}"))


def _receive_content(worker: WorkerProcess, name: str, content: BinaryIO, max_bytes: int) -> MediaError | None:
    """Write a member to a file, and return the error if it cannot be used."""
    received = 0
    failure: MediaError | None = None
    try:
        while isinstance(message := worker.receive(), DataChunk):
            received += len(message.data)
            if received > MAX_MEMBER_BYTES:
                raise ValueError(f"a member of more than {MAX_MEMBER_BYTES} bytes")
            if failure is None and received <= max_bytes:
                failure = _write(content, message.data, name)
        if not isinstance(message, MemberEnd):
            raise ValueError("not the end of the member")
    except WorkerLost as lost:
        raise _MemberLostError(name, lost) from lost
    except ValueError as error:
        raise _MemberLostError(name, WorkerLost("crash", f"the worker returned invalid data ({error})")) from error
    if message.kind:
        if message.kind not in ERROR_CLASSES:
            worker.dismiss(message.kind)
        return ERROR_CLASSES.get(message.kind, TooLargeMedia)(message.message)
    if received > max_bytes:
        reason = f"{received:,} bytes are over the limit of {max_bytes:,}"
        return TooLargeMedia(f"cannot unpack {name!r}: {reason}")
    return failure


def _write(content: BinaryIO, data: bytes, name: str) -> UnreadableMedia | None:
    """Write data of a member; if the disk is full, free what the member occupies and return the error."""
    try:
        write_data(content, data)
    except StoreError as error:
        with suppress(OSError):
            os.ftruncate(content.fileno(), 0)
        return UnreadableMedia(f"cannot unpack {name!r}: {error}")
    return None
