"""One worker process and the connection to it."""

import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from mediafp.engine.local.messages import (
    EXIT_OUT_OF_MEMORY,
    LENGTH,
    MESSAGE_BYTES,
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
)
from mediafp.engine.local.python_command import module_command
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import MAX_AUDIO_SECONDS, MAX_WORKER_MEMORY_BYTES
from mediafp.types.errors import SandboxError, StoreError, WorkerLost
from mediafp.types.media import AUDIO_SAMPLE_RATE

WORKER = "mediafp.engine.local.worker"
START_SECONDS = 120.0
"""Wall seconds in which a worker starts; it takes one on a quiet machine."""
HANG_UP_SECONDS = 1.0
"""Wall seconds in which a worker that has hung up ends by itself."""
AUDIO_BYTES = 2 * AUDIO_SAMPLE_RATE * (MAX_AUDIO_SECONDS + 1)
_STARTER = ThreadPoolExecutor(1, "mediafp-starter")
"""Starts every worker. The kernel ends a worker with the thread that started it, so that is one that stays to the end."""
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


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
