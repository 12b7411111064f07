"""Files read by locked workers, from the side of the program: it opens files and hands them in, and never parses media.

Our own few lines rather than a pool's: pebble's workers take pickled tasks and give pickled answers, which a worker
that an attacker has taken over could make run anything, and no pool hands over descriptors or looks at the CPU.
"""

import io
import math
import os
import queue
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Self

import numpy as np

from mediafp.errors import (
    CorruptMedia,
    ErrorKind,
    MediaError,
    NotMedia,
    SandboxError,
    StoreError,
    TooLargeMedia,
    UnreadableMedia,
    UnsupportedMedia,
    WorkerLost,
)
from mediafp.evidence import OcrResult
from mediafp.ingest.probe import OpenFile
from mediafp.media import AUDIO_SAMPLE_RATE, Audio, Kind
from mediafp.pipeline import FileAnalysis
from mediafp.settings import IMAGE_WALL_SECONDS, MAX_AUDIO_SECONDS, MAX_WORKER_MEMORY_BYTES, VIDEO_WALL_SECONDS
from mediafp.workers.messages import (
    EXIT_OUT_OF_MEMORY,
    LENGTH,
    MESSAGE_BYTES,
    RESTART_CPU_SECONDS,
    AnalysisResult,
    ArchiveEnd,
    AudioResult,
    DataChunk,
    Failure,
    MemberDecision,
    OcrTaskResult,
    Ready,
    Result,
    Task,
    decode_result,
    encode,
    truncate_texts,
    validate_analysis,
    validate_lines,
)
from mediafp.workers.python import module_command

WORKER = "mediafp.workers.worker"
MAX_FILES_PER_WORKER = 512
"""Files that one worker reads before a fresh one takes its place: what leaks or was bent in it goes with it."""
MAX_ATTEMPTS = 2
"""Workers that are lost to a file before it is given up."""
START_SECONDS = 120.0
"""Wall seconds in which a worker starts; it takes one on a quiet machine."""
HANG_UP_SECONDS = 1.0
"""Wall seconds in which a worker that has hung up ends by itself."""
AUDIO_BYTES = 2 * AUDIO_SAMPLE_RATE * (MAX_AUDIO_SECONDS + 1)
_STARTER = ThreadPoolExecutor(1, "mediafp-starter")
"""Starts every worker. The kernel ends a worker with the thread that started it, so that is one that stays to the end."""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
ERROR_CLASSES: dict[ErrorKind, type[MediaError]] = {
    "corrupt": CorruptMedia,
    "unsupported": UnsupportedMedia,
    "too_large": TooLargeMedia,
    "unreadable": UnreadableMedia,
}


class WorkerPool:
    """Workers that are started when they are needed; its methods block and may be called from several threads.

    `folder` is where sound and unpacked entries lie while they are worked on, in files without a name. With `text` they
    are ready to read text in pictures. Raises SandboxError where a worker cannot be locked in. Close it, or use it as a
    context manager.
    """

    def __init__(self, folder: Path, *, sandboxed: bool = True, text: bool = False) -> None:
        self.folder = folder
        self.sandboxed = sandboxed
        self.text = text
        self._idle: queue.LifoQueue[WorkerProcess] = queue.LifoQueue()
        self._all: set[WorkerProcess] = set()
        self._closed = False

    def start(self) -> None:
        """Has a worker started, so that the first file need not wait for it."""
        with self.worker():
            pass

    @property
    def closed(self) -> bool:
        """Whether nothing is read any more."""
        return self._closed

    def close(self) -> None:
        """Ends every worker; those that read a file as well, whose callers get a LostWorker."""
        self._closed = True
        for worker in list(self._all):
            worker.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def worker(self) -> Iterator["WorkerProcess"]:
        """A worker for one file: an idle one, else a fresh one. What leaves by an exception ends it."""
        try:
            worker = self._idle.get_nowait()
        except queue.Empty:
            worker = self._fresh()
        try:
            yield worker
        except BaseException:
            worker.end()
            raise
        finally:
            worker.files += 1
            if worker.ended or worker.files >= MAX_FILES_PER_WORKER or worker.cpu > RESTART_CPU_SECONDS:
                worker.end()
                self._all.discard(worker)
            else:
                self._idle.put(worker)

    def _fresh(self) -> "WorkerProcess":
        worker = WorkerProcess(sandboxed=self.sandboxed, text=self.text)
        self._all.add(worker)
        if self._closed:
            worker.end()
            raise WorkerLost("crash", "its worker was ended")
        worker.wait_until_ready()
        return worker

    def analyse(
        self,
        file: OpenFile,
        sha256: str,
        kind: Kind,
        *,
        full_decode: bool = False,
        audio: bool = False,
        text: bool = False,
        image: bool = False,
        crops: bool = False,
    ) -> FileAnalysis:
        """What a file shows, with its sound, text, picture and crops of it where they are asked for. Raises MediaError."""
        task = Task(
            what="read",
            name=os.fsencode(file.name),
            sha256=sha256,
            full_decode=full_decode,
            audio=audio,
            text=text and kind == "image",
            image=image,
            crops=crops,
        )
        wall = IMAGE_WALL_SECONDS if kind == "image" else VIDEO_WALL_SECONDS

        def done(answer: Result, samples: BinaryIO) -> FileAnalysis:
            if not isinstance(answer, AnalysisResult) or answer.kind != kind or (answer.text is not None) != task.text:
                raise ValueError("another answer than was asked for")
            if (answer.crops is not None) != (crops and kind == "image"):
                raise ValueError("crops that were not asked for, or none")
            reading = validate_analysis(answer, sha256, file.bytes)
            if answer.audio_start is None:
                return reading
            return replace(reading, audio=_audio(samples, answer.audio_start))

        return self._run(task, file, wall, done)

    def read_audio(self, file: OpenFile) -> tuple[Audio | None, list[str]]:
        """The sound of a file alone, and warnings; None where it has none. Raises MediaError."""

        def done(answer: Result, samples: BinaryIO) -> tuple[Audio | None, list[str]]:
            if not isinstance(answer, AudioResult):
                raise ValueError("another answer than was asked for")
            start = answer.audio_start
            return None if start is None else _audio(samples, start), truncate_texts(answer.warnings)

        return self._run(Task(what="sound", name=os.fsencode(file.name)), file, VIDEO_WALL_SECONDS, done)

    def run_ocr(self, file: OpenFile) -> tuple[OcrResult, list[str]]:
        """The text in a picture alone, and warnings. Raises MediaError."""

        def done(answer: Result, samples: BinaryIO) -> tuple[OcrResult, list[str]]:
            if not isinstance(answer, OcrTaskResult):
                raise ValueError("another answer than was asked for")
            return validate_lines(answer.text), truncate_texts(answer.warnings)

        return self._run(Task(what="text", name=os.fsencode(file.name)), file, IMAGE_WALL_SECONDS, done)

    def _run[T](self, task: Task, file: OpenFile, wall: float, done: Callable[[Result, BinaryIO], T]) -> T:
        """What `done` makes of the answer and of the samples that came before it; one retry in a fresh worker."""
        if (task.text or task.what == "text") and not self.text:
            raise ValueError("these workers were started without what reads text")
        attempts, heard = 0, task.audio or task.what == "sound"
        while True:
            attempts += 1
            try:
                with (
                    self.worker() as worker,
                    anonymous_file(self.folder) if heard else nullcontext(io.BytesIO()) as samples,
                ):
                    answer = worker.request(task, file, wall, samples)
                    if not isinstance(answer, Failure):
                        return done(answer, samples)
            except WorkerLost as lost:
                if self._closed or lost.final or attempts == MAX_ATTEMPTS:
                    raise WorkerLost(lost.kind, f"{file.name!r}: {lost}", attempts=attempts) from None
                continue
            except ValueError as error:
                # No worker of ours sends such a thing.
                message = f"{file.name!r}: its worker answered nonsense ({error})"
                raise WorkerLost("crash", message, attempts=attempts) from error
            raise error_from_failure(answer)


class WorkerProcess:
    """One process, and the supervisor's end of the socket to it."""

    def __init__(self, *, sandboxed: bool, text: bool) -> None:
        self.files = 0
        self.cpu = 0.0
        """CPU seconds that it says it has used."""
        self.ended = False
        self.set_deadline(START_SECONDS)
        ours, theirs = socket.socketpair()
        with theirs:
            self._end = ours
            flags = [*([] if sandboxed else ["--unlocked"]), *(["--text"] if text else [])]
            words, variables = module_command(WORKER, str(theirs.fileno()), *flags)
            self._process = _STARTER.submit(
                subprocess.Popen,
                words,
                pass_fds=(theirs.fileno(),),
                env={**variables, **dict.fromkeys(ONE_THREAD, "1")},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ).result()
        self._lock = Lock()

    def wait_until_ready(self) -> None:
        """Returns once it has locked itself in. Raises SandboxError where it cannot."""
        try:
            answer = self.receive()
        except (WorkerLost, ValueError) as error:
            self.end()
            raise SandboxError(f"a worker could not start ({error}); see: mediafp doctor") from error
        if isinstance(answer, Failure):
            self.end()
            raise SandboxError(f"{answer.message}; to go on without the locks, add --unsafe-no-sandbox")
        if not isinstance(answer, Ready):
            self.end()
            raise SandboxError("a worker started with nonsense; see: mediafp doctor")

    def request(self, task: Task, file: OpenFile, wall: float, samples: BinaryIO) -> Result:
        """The last answer on a file, its samples written to `samples`. Raises LostWorker, ValueError for nonsense."""
        most = AUDIO_BYTES if task.audio or task.what == "sound" else 0
        self.send_file(task, file, wall)
        count = 0
        while isinstance(answer := self.receive(), DataChunk):
            count += len(answer.data)
            if count > most:
                raise ValueError("more sound than was asked for")
            write_data(samples, answer.data)
        return answer

    def send_file(self, task: Task, file: OpenFile, wall: float) -> None:
        """Gives it a file to read within so many wall seconds. Raises LostWorker."""
        self.set_deadline(wall)
        try:
            self._end.settimeout(wall)
            message = encode(task)
            sent = socket.send_fds(self._end, [message], [file.descriptor])
            self._end.sendall(message[sent:])
        except OSError as error:
            raise self._lost() from error

    def set_deadline(self, wall: float) -> None:
        """Nothing; gives it so many wall seconds from now on."""
        self._deadline, self._wall = time.monotonic() + wall, wall

    def send(self, message: MemberDecision) -> None:
        """Sends it an answer to a question. Raises LostWorker."""
        try:
            self._end.sendall(encode(message))
        except OSError as error:
            raise self._lost() from error

    def receive(self) -> Result:
        """Its next message. Raises LostWorker, ValueError for nonsense."""
        try:
            (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
            if length > MESSAGE_BYTES:
                raise ValueError(f"a message of {length} bytes")
            answer = decode_result(self._exactly(length))
        except TimeoutError as error:
            self.end()
            raise WorkerLost("timeout", f"reading took more than {self._wall:.0f} s of time") from error
        except OSError as error:
            raise self._lost() from error
        if isinstance(answer, AnalysisResult | AudioResult | OcrTaskResult | Failure | ArchiveEnd):
            self.cpu = answer.cpu
        return answer

    def _exactly(self, count: int) -> bytearray:
        data = bytearray(count)
        rest = memoryview(data)
        while rest:
            self._end.settimeout(max(0.001, self._deadline - time.monotonic()))
            got = self._end.recv_into(rest)
            if not got:
                raise ConnectionResetError("it hung up")
            rest = rest[got:]
        return data

    def end(self) -> None:
        """Kills the process, if it still lives, and forgets it."""
        with self._lock:
            if not self.ended:
                self.ended = True
                self._process.kill()
                self._process.wait()
                # Whoever waits for an answer gets an end of file.
                with suppress(OSError):
                    self._end.shutdown(socket.SHUT_RDWR)
                self._end.close()

    def _lost(self) -> WorkerLost:
        """Why the process ended, by its exit status and the memory that it had."""
        with self._lock:
            if self.ended:
                return WorkerLost("crash", "its worker was ended")
            self.ended = True
            self._end.close()
            status = _reap(self._process)
        if status == EXIT_OUT_OF_MEMORY:
            return WorkerLost(
                "oom", f"there was not enough memory to read it ({MAX_WORKER_MEMORY_BYTES >> 20} MiB at most)"
            )
        if status == -signal.SIGXCPU:
            return WorkerLost("timeout", "reading took more CPU time than a file may take", final=True)
        if status == -signal.SIGKILL:
            return WorkerLost("oom", "the system ended its worker, most likely for want of memory")
        return WorkerLost("crash", f"its worker died (exit status {status})")


def _reap(process: "subprocess.Popen[bytes]") -> int:
    """The exit status, negative for a signal, of a process that has hung up."""
    try:
        return process.wait(HANG_UP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@contextmanager
def anonymous_file(folder: Path) -> Iterator[BinaryIO]:
    """A file without a name on the store's disk, gone with its last reader or with the program."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile(dir=folder))
        except OSError as error:
            raise StoreError(f"nothing can be written to {folder}: {error.strerror}") from error
        yield file


def write_data(file: BinaryIO, data: bytes) -> None:
    """Nothing; writes what a worker sent. Raises StoreError where the disk is full."""
    try:
        file.write(data)
    except OSError as error:
        raise StoreError(f"the store's disk takes no more ({error.strerror}): free some, and run this again") from error


def error_from_failure(answer: Failure) -> MediaError:
    """What a worker says is wrong with a file, as an error."""
    if answer.not_media:
        return NotMedia(answer.message)
    if answer.kind in ERROR_CLASSES:
        return ERROR_CLASSES[answer.kind](answer.message)
    return WorkerLost(answer.kind, answer.message)


def _audio(samples: BinaryIO, start: float) -> Audio:
    """The sound whose samples were written to a file, which is mapped, not read."""
    samples.flush()
    if not samples.tell() or samples.tell() % 2 or not math.isfinite(start):
        raise ValueError("a sound that is none")
    return Audio(samples=np.memmap(samples, "<i2", mode="r"), start=start)
