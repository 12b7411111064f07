"""One worker process and the socket to it, seen from the parent process."""

import logging
import os
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from mediafp.engine.comparison.messages import AssetAnswer, PairResult, PairTask
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.messages import (
    EXIT_OUT_OF_MEMORY,
    LENGTH,
    NONCE_BYTES,
    AnalysisResult,
    ArchiveEnd,
    AudioResult,
    Failure,
    FramesResult,
    MemberDecision,
    OcrTaskResult,
    PixelsResult,
    Ready,
    Result,
    Task,
    VideoTextResult,
    comparison_task,
    decode_result,
    encode,
    thumbnail_task,
)
from mediafp.engine.local.python_command import START_FOLDER, module_command
from mediafp.engine.local.received_results import AnswerAssets, Received, collect_pair, collect_result
from mediafp.engine.local.thread_limit import GREETING, answer_thread_starts, warn_of_missing_listener
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import MAX_WORKER_MEMORY_BYTES, MAX_WORKER_THREADS
from mediafp.types.errors import ErrorKind, SandboxError, WorkerLost

_logger = logging.getLogger(__name__)

WORKER_MODULE = "mediafp.engine.local.worker"
DECODER_MODULE = "mediafp.engine.local.decoder"
"""Module of workers that decode thumbnails, and do nothing else."""
FIRST_MESSAGE_BYTES = 64 << 10
"""Length of the longest message before the first task. Chosen, not measured."""
START_SECONDS = 120.0
"""Wall seconds within which a worker must be ready. It takes one second on an idle machine."""
EXIT_SECONDS = 1.0
"""Wall seconds that a worker which closed its socket gets to exit by itself, so that its exit status can be read. Chosen,
not measured."""
RECEIVE_BYTES = 1 << 20
"""Bytes of a message that are read at once: memory is taken for what has arrived, not for what a message claims."""
PRIVATE_UMASK = 0o077
"""Mode bits that no file of a worker may have; it writes none."""
_STARTER = ThreadPoolExecutor(1, "mediafp-starter")
"""Thread that starts every worker. The kernel kills a worker when the thread that started it ends, and this one lasts as
long as the program."""


class WorkerProcess:
    """A worker process and the parent's end of the socket to it."""

    def __init__(self, *, sandboxed: bool, capabilities: WorkerCapabilities, scratch_folder: Path) -> None:
        """Start a worker; `wait_until_ready` must be called before the first task.

        Args:
            sandboxed: False to start it without a sandbox.
            capabilities: What it loads.
            scratch_folder: Folder for the unnamed files that hold many thumbnails.

        Raises:
            SandboxError: The process could not start.
        """
        self.capabilities = capabilities
        self._scratch_folder = scratch_folder
        self._max_message_bytes = FIRST_MESSAGE_BYTES
        self._sandboxed = sandboxed
        self.files = 0
        """Number of files that it has processed, of pairs, or of thumbnails if it decodes nothing else."""
        self.user = 0
        """Thread that has used it last."""
        self.cpu = 0.0
        """CPU seconds that it reports to have used."""
        self.ended = False
        self._nonce = bytes(NONCE_BYTES)
        self.set_deadline(START_SECONDS)
        self._socket, worker_socket = socket.socketpair()
        with worker_socket:
            flags = [
                *([] if sandboxed else ["--no-sandbox"]),
                *(["--ocr"] if capabilities.ocr else []),
                *(["--all-types"] if capabilities.all_types else []),
                *(["--video"] if capabilities.video else []),
                *(["--compare"] if capabilities.compares else []),
            ]
            module = DECODER_MODULE if capabilities.decodes else WORKER_MODULE
            command, variables = module_command(module, str(worker_socket.fileno()), *flags)
            try:
                self._process = _STARTER.submit(
                    subprocess.Popen,
                    command,
                    pass_fds=(worker_socket.fileno(),),
                    env=variables,
                    cwd=START_FOLDER,
                    umask=PRIVATE_UMASK,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                ).result()
            except OSError as error:
                self._socket.close()
                raise SandboxError(f"cannot start a worker: {error.strerror or error}; see: mediafp doctor") from error
        self._end_lock = Lock()
        _logger.info(
            "worker %d is started %s, for %s",
            self.pid,
            "in the sandbox" if sandboxed else "without a sandbox",
            capabilities,
        )

    @property
    def pid(self) -> int:
        """Process identifier."""
        return self._process.pid

    def wait_until_ready(self) -> None:
        """Return once the worker is in the sandbox.

        Raises:
            SandboxError: It could not start or could not enter the sandbox.
        """
        try:
            self._receive_greeting()
            message = self.receive()
        except (WorkerLost, ValueError) as error:
            self.end()
            raise SandboxError(f"cannot start a worker: {error}; see: mediafp doctor") from error
        if isinstance(message, Failure):
            self.end()
            raise SandboxError(
                f"cannot start a worker: {message.message}; to run without the sandbox, put --unsafe-no-sandbox before the"
                " command"
            )
        if not isinstance(message, Ready):
            self.end()
            raise SandboxError("cannot start a worker: its first message is invalid; see: mediafp doctor")
        if self._sandboxed and not self._is_supervised:
            warn_of_missing_listener()

    def _receive_greeting(self) -> None:
        """Receive the greeting of the worker, and answer its thread starts from now on. Raises WorkerLost, ValueError."""
        try:
            self._socket.settimeout(self._seconds_left())
            greeting, listeners, _, _ = socket.recv_fds(self._socket, len(GREETING), 1)
        except TimeoutError as error:
            raise self._overdue() from error
        except OSError as error:
            raise self._lost() from error
        if not greeting:
            raise self._lost()
        self._is_supervised = bool(listeners)
        for listener in listeners:
            answer_thread_starts(listener, self.pid, MAX_WORKER_THREADS)
        if greeting != GREETING:
            raise ValueError("the bytes are not the greeting of a worker")

    def is_silent(self) -> bool:
        """Return True if the worker is alive and sent nothing since its last answer: otherwise it must be ended.

        Whatever it sent belongs to no task: it may be meant as the answer about the next file.
        """
        with self._end_lock:
            if self.ended:
                return False
            try:
                self._socket.settimeout(0)
                self._socket.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            return False

    def request(self, task: Task, file: OpenFile, wall_seconds: float, samples: BinaryIO) -> Received:
        """Return the result of a task; write the audio samples that precede it to `samples`.

        Raises:
            WorkerLost: The worker ended, or took longer than `wall_seconds`.
            ValueError: It sent bytes that are not a message, or audio or thumbnails that were not requested.
        """
        self.send_file(task, file, wall_seconds)
        return collect_result(self.receive, task, samples, self._scratch_folder)

    def send_file(self, task: Task, file: OpenFile, wall_seconds: float) -> None:
        """Send a task with the descriptor of its file, and set its deadline. Raises WorkerLost."""
        self._send_task(task, [file.descriptor], wall_seconds)

    def compare(self, pair: PairTask, answer: AnswerAssets, wall_seconds: float) -> PairResult | Failure:
        """Return the result of comparing a pair.

        Raises:
            WorkerLost: The worker ended, or took longer than `wall_seconds`.
            ValueError: It sent bytes that are not a message, or asked for other assets.
        """
        self.send_pair(pair, wall_seconds)
        return collect_pair(self.receive, self.send, pair, answer)

    def send_pair(self, pair: PairTask, wall_seconds: float) -> None:
        """Send a pair to compare, and set its deadline. Raises WorkerLost."""
        self._send_task(comparison_task(pair), [], wall_seconds)

    def decode(self, jpeg: bytes, wall_seconds: float) -> PixelsResult | Failure:
        """Return the pixels of a thumbnail.

        Raises:
            WorkerLost: The worker ended, or took longer than `wall_seconds`.
            ValueError: It sent bytes that are not a message, or another result.
        """
        self._send_task(thumbnail_task(jpeg), [], wall_seconds)
        message = self.receive()
        if not isinstance(message, PixelsResult | Failure):
            raise ValueError("not the result that was requested")
        return message

    def _send_task(self, task: Task, descriptors: list[int], wall_seconds: float) -> None:
        self.set_deadline(wall_seconds)
        self._max_message_bytes = task.max_message_bytes
        try:
            self._socket.settimeout(wall_seconds)
            self._nonce = os.urandom(NONCE_BYTES)
            message = self._nonce + encode(task)
            sent = socket.send_fds(self._socket, [message], descriptors) if descriptors else 0
            if sent < len(message):
                self._socket.sendall(message[sent:])
        except TimeoutError as error:
            raise self._overdue() from error
        except OSError as error:
            raise self._lost() from error

    def set_deadline(self, wall_seconds: float) -> None:
        """Give the worker this many wall seconds from now on."""
        self._deadline, self._wall_seconds = time.monotonic() + wall_seconds, wall_seconds

    def send(self, message: MemberDecision | AssetAnswer) -> None:
        """Send the decision or the part of an asset that the worker waits for. Raises WorkerLost."""
        try:
            self._socket.settimeout(self._seconds_left())
            self._socket.sendall(encode(message))
        except TimeoutError as error:
            raise self._overdue() from error
        except OSError as error:
            raise self._lost() from error

    def receive(self) -> Result:
        """Return the next message of the worker; errors as for `receive_encoded`."""
        return self.receive_encoded()[0]

    def receive_encoded(self) -> tuple[Result, bytearray]:
        """Return the next message of the worker, and its bytes.

        Raises:
            WorkerLost: The worker ended, the deadline passed, or the message is not about the last task.
            ValueError: It sent bytes that are not a message.
        """
        try:
            if self._receive_exactly(NONCE_BYTES) != self._nonce:
                self.end()
                raise WorkerLost("crash", "the worker sent an answer that belongs to no task")
            (length,) = LENGTH.unpack(self._receive_exactly(LENGTH.size))
            if length > self._max_message_bytes:
                raise ValueError(f"a message of {length} bytes; the limit is {self._max_message_bytes}")
            encoded = self._receive_exactly(length)
            message = decode_result(encoded)
        except TimeoutError as error:
            raise self._overdue() from error
        except OSError as error:
            raise self._lost() from error
        if isinstance(
            message,
            AnalysisResult
            | AudioResult
            | FramesResult
            | OcrTaskResult
            | VideoTextResult
            | Failure
            | ArchiveEnd
            | PairResult
            | PixelsResult,
        ):
            self.cpu = message.cpu
        return message, encoded

    def dismiss(self, kind: ErrorKind) -> None:
        """End a worker that reports an error of its own, and not one of the file: it processes no further file."""
        _logger.info("worker %d is ended: it reports an error of kind %r", self.pid, kind)
        self.end()

    def _receive_exactly(self, count: int) -> bytearray:
        data = bytearray()
        while len(data) < count:
            self._socket.settimeout(self._seconds_left())
            received = self._socket.recv(min(RECEIVE_BYTES, count - len(data)))
            if not received:
                raise ConnectionResetError("the worker closed the connection")
            data += received
        return data

    def end(self) -> None:
        """Kill the process if it is alive, and close the connection. Safe to call twice and from any thread."""
        with self._end_lock:
            if not self.ended:
                self.ended = True
                self._process.kill()
                self._process.wait()
                # A thread that waits for a message gets an end of file.
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
                self._socket.close()

    def _seconds_left(self) -> float:
        """Return the wall seconds until the deadline; more than 0, which would mean not to wait at all."""
        return max(0.001, self._deadline - time.monotonic())

    def _overdue(self) -> WorkerLost:
        """Return the error of a deadline that passed, and end the worker."""
        self.end()
        return WorkerLost("timeout", f"it took more than {self._wall_seconds:.0f} s of wall time")

    def _lost(self) -> WorkerLost:
        """Return the error that explains why the process ended, from its exit status."""
        with self._end_lock:
            if self.ended:
                return WorkerLost("crash", "the worker was ended")
            self.ended = True
            self._socket.close()
            status = _wait_or_kill(self._process)
        _logger.info("worker %d ended with exit status %d", self.pid, status)
        if status == EXIT_OUT_OF_MEMORY:
            return WorkerLost(
                "oom", f"there is not enough memory to read it; a worker may use {MAX_WORKER_MEMORY_BYTES >> 20} MiB"
            )
        if status == -signal.SIGXCPU:
            return WorkerLost("timeout", "it took more CPU time than one file may take", final=True)
        if status == -signal.SIGKILL:
            return WorkerLost("oom", "the system killed the worker, most likely because memory ran out")
        return WorkerLost("crash", f"the worker crashed (exit status {status})")


def _wait_or_kill(process: "subprocess.Popen[bytes]") -> int:
    """Return the exit status of a process that closed its socket; it is negative for a signal."""
    try:
        return process.wait(EXIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
