"""A pool of worker processes: starts, lends, restarts and ends them, and runs a task in one.

This process opens files and passes their descriptors to the workers. It parses no media: it only reads the first bytes of
a file to detect its kind, and the headers of the thumbnails that workers made, which workers decode too (SECURITY.md).

The pool is written here because no library fits. Workers of pebble exchange pickles, with which a worker that an
attacker took over could run code in this process, and no library passes file descriptors or counts CPU seconds.
"""

import io
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock, get_ident
from typing import BinaryIO, Protocol, Self

from mediafp.engine.comparison.messages import PairResult, PairTask
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.messages import RESTART_CPU_SECONDS, Failure, PixelsResult, Task
from mediafp.engine.local.process import WorkerProcess
from mediafp.engine.local.received_results import AnswerAssets, Received
from mediafp.ingest.anonymous_files import anonymous_file
from mediafp.ingest.files import OpenFile
from mediafp.types.errors import (
    CorruptMedia,
    ErrorKind,
    MediaError,
    NotMedia,
    SandboxError,
    TooLargeMedia,
    UnreadableMedia,
    UnsupportedMedia,
    WorkerLost,
)
from mediafp.types.media import Pixels

_logger = logging.getLogger(__name__)

MAX_FILES_PER_WORKER = 512
"""Files that one worker processes before a fresh one replaces it, which discards leaked memory and corrupted state.
Chosen, not measured."""
MAX_PAIRS_PER_WORKER = 4096
"""Pairs that one worker compares before a fresh one replaces it: a start takes as long as some 40 pairs of images. Chosen, not
measured."""
PAIR_WALL_SECONDS = 7200.0
"""Wall seconds that the comparison of one pair may take in a worker, as the analysis of a video. Chosen, not measured."""
MAX_THUMBNAILS_PER_WORKER = 65_536
"""Thumbnails that a worker decodes, if it does nothing else, before a fresh one replaces it: a start takes as long as some 200 of
them. Chosen, not measured."""
THUMBNAIL_WALL_SECONDS = 60.0
"""Wall seconds that a worker has for one thumbnail; it takes a millisecond on an idle machine. Chosen, not measured."""
MAX_ATTEMPTS = 2
"""Attempts for one file, each in a fresh worker, before it counts as failed. Chosen, not measured."""
ERROR_CLASSES: dict[ErrorKind, type[MediaError]] = {
    "corrupt": CorruptMedia,
    "unsupported": UnsupportedMedia,
    "too_large": TooLargeMedia,
    "unreadable": UnreadableMedia,
}
"""Error class of each kind that a worker may report for a file."""


class TaskWorker(Protocol):
    """A worker that runs tasks: a process on this machine, or one on a node of a cluster."""

    def request(self, task: Task, file: OpenFile, wall_seconds: float, samples: BinaryIO) -> Received:
        """Return the result of a task; write the audio samples that precede it to `samples`.

        Raises:
            WorkerLost: The worker ended, or took longer than `wall_seconds`.
            ValueError: It sent bytes that are not a message, or audio or thumbnails that were not requested.
        """

    def compare(self, pair: PairTask, answer: AnswerAssets, wall_seconds: float) -> PairResult | Failure:
        """Return the result of comparing a pair; `answer` returns what the worker asks for. Raises as `request`."""

    def dismiss(self, kind: ErrorKind) -> None:
        """End a worker that reports an error of its own, and not one of the file: it processes no further file."""


class TaskPool(ABC):
    """Workers that run tasks, and the attempts that a task has. Several threads may use it at once."""

    def __init__(self, scratch_folder: Path, *, sandboxed: bool) -> None:
        self.scratch_folder = scratch_folder
        self.sandboxed = sandboxed
        self._closed = False

    @property
    def closed(self) -> bool:
        """True if the pool runs no more tasks."""
        return self._closed

    @abstractmethod
    def close(self) -> None:
        """End every worker; callers whose task is in progress get WorkerLost."""

    @abstractmethod
    def start(self, needed: WorkerCapabilities) -> None:
        """Start a worker, so that the first task does not wait for it. Raises as `worker`."""

    @abstractmethod
    def worker(self, needed: WorkerCapabilities) -> AbstractContextManager[TaskWorker]:
        """Lend a worker that has loaded what is needed; an exception in the block ends it.

        Raises:
            SandboxError: The worker could not enter the sandbox.
            WorkerLost: The pool is closed.
        """

    def run[T](
        self,
        task: Task,
        file: OpenFile,
        *,
        wall_seconds: float,
        audio: bool,
        needed: WorkerCapabilities,
        convert: Callable[[Received, BinaryIO], T],
    ) -> T:
        """Run a task and return its converted result; a worker that ends is replaced once.

        Args:
            task: The task.
            file: The file that the task is about.
            wall_seconds: Time limit of one attempt.
            audio: True if samples are expected before the result.
            needed: What the worker must have loaded.
            convert: Validates a result and the samples that preceded it, and converts them; raises ValueError for values
                that no valid worker result has.

        Raises:
            MediaError: The file cannot be used.
            SandboxError: A worker could not enter the sandbox.
            StoreError: The samples cannot be written to the disk.
        """

        def request(worker: TaskWorker) -> T | Failure:
            with anonymous_file(self.scratch_folder) if audio else nullcontext(io.BytesIO()) as samples:
                result = worker.request(task, file, wall_seconds, samples)
                return result if isinstance(result, Failure) else convert(result, samples)

        return self.attempt(f"process {file.name!r}", file.bytes, needed, request)

    def compare[T](self, pair: PairTask, answer: AnswerAssets, convert: Callable[[PairResult], T]) -> T:
        """Return the converted result of comparing two stored assets; a worker that ends is replaced once.

        Args:
            pair: The pair.
            answer: Returns a part of one of the assets; errors that it raises are passed on.
            convert: As for `run`.

        Raises:
            WorkerLost: It cannot be compared by workers.
            SandboxError: A worker could not enter the sandbox.
        """

        def request(worker: TaskWorker) -> T | Failure:
            result = worker.compare(pair, answer, PAIR_WALL_SECONDS)
            return result if isinstance(result, Failure) else convert(result)

        return self.attempt(f"compare {pair.a} with {pair.b}", 0, WorkerCapabilities(compares=True), request)

    def attempt[T](
        self, what: str, size: int, needed: WorkerCapabilities, request: Callable[[TaskWorker], T | Failure]
    ) -> T:
        """Return the result of a task; a worker that ends is replaced once.

        Args:
            what: The task, as error messages name it behind `cannot`.
            size: Bytes of its file.
            needed: What the worker must have loaded.
            request: Runs the task in a worker; raises as `TaskWorker.request`.

        Raises:
            MediaError: The file cannot be used.
            SandboxError: A worker could not enter the sandbox.
        """
        attempts = 0
        while True:
            attempts += 1
            try:
                with self.worker(needed) as worker:
                    result = request(worker)
                    if not isinstance(result, Failure):
                        return result
                    if result.kind not in ERROR_CLASSES:
                        worker.dismiss(result.kind)
            except WorkerLost as lost:
                if self._closed or lost.final or attempts == MAX_ATTEMPTS:
                    message = f"cannot {what}: {lost}"
                    raise WorkerLost(lost.kind, message, attempts=attempts, final=lost.final) from None
                _logger.info("another worker is to %s: %s", what, lost)
                continue
            except ValueError as error:
                message = f"cannot {what}: the worker returned invalid data ({error})"
                raise WorkerLost("crash", message, attempts=attempts) from error
            raise error_from_failure(result)


class WorkerPool(TaskPool):
    """Worker processes, started when they are needed and kept for later tasks.

    Several threads may use it at once. There are never more workers than tasks that ran at once. A worker loads only
    what the tasks so far need (`WorkerCapabilities`).

    Close the pool, or use it as a context manager.
    """

    def __init__(self, scratch_folder: Path, *, sandboxed: bool = True) -> None:
        """Create an empty pool.

        Args:
            scratch_folder: Folder for the unnamed files that hold audio and unpacked members.
            sandboxed: False to run the workers without a sandbox.
        """
        super().__init__(scratch_folder, sandboxed=sandboxed)
        self._lock = Lock()
        self._idle: list[WorkerProcess] = []
        """Idle workers; the one that was used last is used first."""
        self._all: set[WorkerProcess] = set()
        self._decoding = Lock()
        """Held while a thumbnail is decoded. One at a time: what is done with its pixels takes longer by far, and threads that
        compare would else start a decoder each."""
        self._has_decoder = False
        """True once there was a worker that decodes thumbnails alone: no other one decodes any from then on."""

    def start(self, needed: WorkerCapabilities = WorkerCapabilities()) -> None:  # noqa: B008
        """Start a worker, so that the first task does not wait for it."""
        with self.worker(needed):
            pass

    def close(self) -> None:
        """End every worker; callers whose task is in progress get WorkerLost."""
        self._closed = True
        for worker in list(self._all):
            worker.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def worker(self, needed: WorkerCapabilities = WorkerCapabilities()) -> Iterator[WorkerProcess]:  # noqa: B008
        """Lend an idle worker or a fresh one; an exception in the block ends it.

        Args:
            needed: What the worker must have loaded.

        Raises:
            SandboxError: The worker could not enter the sandbox.
            WorkerLost: The pool is closed.
        """
        worker = self._take_idle(needed) or self._start_worker(self._retire_idle(needed))
        worker.files += 1
        with self._lent(worker):
            yield worker

    def decode(self, jpeg: bytes, convert: Callable[[bytes], Pixels], *, apart: bool) -> Pixels:
        """Return the pixels of a thumbnail, decoded by an idle worker or a fresh one; one that ends is replaced once.

        Args:
            jpeg: The thumbnail.
            convert: Validates the bytes that a worker sent, and converts them; raises ValueError.
            apart: True if a worker that analyses files must not decode it: one that a file took over can return any pixels.

        Raises:
            CorruptMedia: It is damaged, or ends every worker.
            SandboxError: A worker could not enter the sandbox.
            WorkerLost: The pool is closed.
        """
        attempts = 0
        while True:
            attempts += 1
            try:
                with self._decoding, self._decoder(apart=apart) as worker:
                    result = worker.decode(jpeg, THUMBNAIL_WALL_SECONDS)
                    if isinstance(result, PixelsResult):
                        return convert(result.pixels)
                    if result.kind != "corrupt":
                        raise WorkerLost(result.kind, f"the worker reports an error of kind {result.kind!r}")
                raise CorruptMedia(result.message)
            except (WorkerLost, ValueError) as error:
                if self._closed:
                    raise WorkerLost("crash", f"cannot decode a stored thumbnail: {error}") from None
                if attempts == MAX_ATTEMPTS:
                    raise CorruptMedia(f"cannot decode a stored thumbnail: {error}; run: mediafp verify") from error
                _logger.info("another worker is to decode a thumbnail: %s", error)

    @contextmanager
    def _decoder(self, *, apart: bool) -> Iterator[WorkerProcess]:
        """Lend a worker that decodes thumbnails: one that analyses files only if no other was needed so far, nor is `apart`."""
        decodes = WorkerCapabilities(decodes=True)
        is_apart = apart or self._has_decoder
        worker = self._take_idle(decodes if is_apart else WorkerCapabilities())
        if worker is None:
            self._has_decoder = True
            worker = self._start_worker(decodes)
        # The others are replaced by their files: to load their models again takes longer than to decode for a query.
        worker.files += worker.capabilities.decodes
        with self._lent(worker):
            yield worker

    @contextmanager
    def _lent(self, worker: WorkerProcess) -> Iterator[None]:
        """End a worker if the block raises an exception, and take it back."""
        try:
            yield
        except BaseException:
            worker.end()
            raise
        finally:
            self._give_back(worker)

    def _take_idle(self, needed: WorkerCapabilities) -> WorkerProcess | None:
        while True:
            with self._lock:
                fitting = [worker for worker in self._idle if worker.capabilities.covers(needed)]
                if not fitting:
                    return None
                # A worker that compares has kept the parts of the asset that this thread compares with others.
                worker = next((one for one in reversed(fitting) if one.user == get_ident()), fitting[-1])
                worker.user = get_ident()
                self._idle.remove(worker)
            if worker.is_silent():
                return worker
            _logger.info("worker %d is ended: it died or sent data without a task", worker.pid)
            self._end(worker)

    def _retire_idle(self, needed: WorkerCapabilities) -> WorkerCapabilities:
        """End an idle worker, so that the number of workers stays the same, and return what its successor has to load."""
        with self._lock:
            same_use = [worker for worker in self._idle if worker.capabilities.has_use_of(needed)]
            if not same_use:
                return needed
            retired = same_use[-1]
            self._idle.remove(retired)
        successor = needed | retired.capabilities
        _logger.info("worker %d is replaced by one for %s", retired.pid, successor)
        self._end(retired)
        return successor

    def _start_worker(self, capabilities: WorkerCapabilities) -> WorkerProcess:
        worker = WorkerProcess(sandboxed=self.sandboxed, capabilities=capabilities, scratch_folder=self.scratch_folder)
        with self._lock:
            self._all.add(worker)
        try:
            if self._closed:
                raise WorkerLost("crash", "the worker was ended")
            worker.wait_until_ready()
        except BaseException as error:
            self._end(worker)
            if self._closed and isinstance(error, SandboxError):
                # It was ended while it started: nothing is wrong with this machine.
                raise WorkerLost("crash", "the worker was ended") from None
            raise
        return worker

    def _give_back(self, worker: WorkerProcess) -> None:
        reason = None
        if not worker.ended and not worker.is_silent():
            reason = "it died or sent data behind its answer"
        elif worker.capabilities.compares and worker.files >= MAX_PAIRS_PER_WORKER:
            reason = f"it compared {worker.files} pairs"
        elif worker.capabilities.decodes and worker.files >= MAX_THUMBNAILS_PER_WORKER:
            reason = f"it decoded {worker.files} thumbnails"
        elif not (worker.capabilities.compares or worker.capabilities.decodes) and worker.files >= MAX_FILES_PER_WORKER:
            reason = f"it processed {worker.files} files"
        elif worker.cpu > RESTART_CPU_SECONDS:
            reason = f"it used {worker.cpu:.0f} CPU seconds"
        if worker.ended:
            self._end(worker)
        elif reason:
            _logger.info("worker %d is ended: %s", worker.pid, reason)
            self._end(worker)
        else:
            with self._lock:
                self._idle.append(worker)

    def _end(self, worker: WorkerProcess) -> None:
        worker.end()
        with self._lock:
            self._all.discard(worker)


def error_from_failure(failure: Failure) -> MediaError:
    """Return the error that a worker reports for a file."""
    if failure.not_media:
        return NotMedia(failure.message)
    if failure.kind in ERROR_CLASSES:
        return ERROR_CLASSES[failure.kind](failure.message)
    return WorkerLost(failure.kind, failure.message)
