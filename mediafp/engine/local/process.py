"""One worker process and the socket to it, seen from the parent process."""

import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from mediafp.engine.comparison.messages import AssetAnswer, AssetRequest, PairResult, PairTask
from mediafp.engine.local.messages import (
    EXIT_OUT_OF_MEMORY,
    LENGTH,
    NONCE_BYTES,
    AnalysisResult,
    ArchiveEnd,
    AudioResult,
    DataChunk,
    Failure,
    FramesResult,
    MemberDecision,
    OcrTaskResult,
    PixelsResult,
    Ready,
    Result,
    Task,
    ThumbnailPart,
    VideoTextResult,
    comparison_task,
    decode_result,
    encode,
    thumbnail_task,
)
from mediafp.engine.local.python_command import START_FOLDER, module_command
from mediafp.engine.local.thread_limit import GREETING, answer_thread_starts, warn_of_missing_listener
from mediafp.engine.local.thumbnail_file import ThumbnailFile
from mediafp.ingest.anonymous_files import write_data
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import (
    MAX_AUDIO_SECONDS,
    MAX_FRAMES,
    MAX_THUMBNAIL_BYTES,
    MAX_WORKER_MEMORY_BYTES,
    MAX_WORKER_THREADS,
)
from mediafp.types.errors import ErrorKind, SandboxError, WorkerLost
from mediafp.types.media import AUDIO_SAMPLE_RATE

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
MAX_AUDIO_BYTES = 2 * AUDIO_SAMPLE_RATE * (MAX_AUDIO_SECONDS + 1)
"""Bytes of int16 samples that a worker may send for one file."""
MAX_SENT_THUMBNAIL_BYTES = MAX_THUMBNAIL_BYTES + (16 << 20)
"""Bytes of thumbnails that a worker may send for one file: it checks the limit before each batch of 16 frames."""
RECEIVE_BYTES = 1 << 20
"""Bytes of a message that are read at once: memory is taken for what has arrived, not for what a message claims."""
PRIVATE_UMASK = 0o077
"""Mode bits that no file of a worker may have; it writes none."""
_STARTER = ThreadPoolExecutor(1, "mediafp-starter")
"""Thread that starts every worker. The kernel kills a worker when the thread that started it ends, and this one lasts as
long as the program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerCapabilities:
    """The models and libraries that a worker loads before it enters the sandbox; it cannot load any later."""

    ocr: bool = False
    """The OCR models, which take a second and 150 MB."""
    all_types: bool = False
    """The libraries of the fingerprint types that matching does not compare; SciPy, for pHash, takes half a second."""
    video: bool = False
    """The decoders of videos and audio, which take .1 CPU seconds."""
    unpacks: bool = False
    """True for a worker that unpacks archives, and does nothing else: it chooses the content of every member, and is kept
    apart from the workers that analyse them and other files."""
    compares: bool = False
    """True for a worker that compares stored assets, and does nothing else: it decodes their thumbnails alone."""
    decodes: bool = False
    """True for a worker that decodes thumbnails, and does nothing else: it loads OpenCV alone."""

    def covers(self, needed: "WorkerCapabilities") -> bool:
        """Return True if a worker with these capabilities can run a task that needs others."""
        return (
            self.has_use_of(needed)
            and self.ocr >= needed.ocr
            and self.all_types >= needed.all_types
            and self.video >= needed.video
        )

    def has_use_of(self, other: "WorkerCapabilities") -> bool:
        """Return True if workers with these and with other capabilities do the same: unpack, compare, decode, or analyse."""
        return (self.unpacks, self.compares, self.decodes) == (other.unpacks, other.compares, other.decodes)

    def __or__(self, other: "WorkerCapabilities") -> "WorkerCapabilities":
        """Return the capabilities of both, which have the same use."""
        return WorkerCapabilities(
            ocr=self.ocr or other.ocr,
            all_types=self.all_types or other.all_types,
            video=self.video or other.video,
            unpacks=self.unpacks,
            compares=self.compares,
            decodes=self.decodes,
        )

    def __str__(self) -> str:
        if self.unpacks:
            return "archives"
        if self.compares:
            return "comparisons"
        if self.decodes:
            return "thumbnails"
        names = (
            "videos" if self.video else "images",
            "OCR" if self.ocr else "",
            "all fingerprint types" if self.all_types else "matched fingerprint types",
        )
        return ", ".join(filter(None, names))


@dataclass(frozen=True, slots=True)
class ReceivedAnalysis:
    """The analysis of a file, and the thumbnails that preceded it."""

    result: AnalysisResult
    thumbnails: ThumbnailFile


Received = ReceivedAnalysis | Result
"""The result of a task."""
AnswerAssets = Callable[[AssetRequest], AssetAnswer]
"""Function that returns a part of a stored asset, for a worker that compares it."""


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


def collect_result(receive: Callable[[], Result], task: Task, samples: BinaryIO, scratch_folder: Path) -> Received:
    """Return the result of a task; write the audio samples that precede it to `samples`.

    Args:
        receive: Returns the next message of the worker.
        task: The task.
        samples: File for the samples.
        scratch_folder: Folder for the unnamed files that hold many thumbnails.

    Raises:
        ValueError: The worker sent audio or thumbnails that were not requested; besides, what `receive` raises.
    """
    limit = MAX_AUDIO_BYTES if task.audio or task.what == "read_audio" else 0
    received, thumbnails = 0, ThumbnailFile(scratch_folder)
    while isinstance(message := receive(), DataChunk | ThumbnailPart):
        if isinstance(message, ThumbnailPart):
            thumbnails.append(message.jpegs)
            if (
                task.what != "analyse"
                or len(thumbnails) > MAX_FRAMES
                or thumbnails.total_bytes > MAX_SENT_THUMBNAIL_BYTES
            ):
                raise ValueError(f"{len(thumbnails)} thumbnails of {thumbnails.total_bytes} bytes")
            continue
        received += len(message.data)
        if received > limit:
            raise ValueError(f"more than {limit} bytes of audio")
        write_data(samples, message.data)
    return ReceivedAnalysis(message, thumbnails) if isinstance(message, AnalysisResult) else message


def collect_pair(
    receive: Callable[[], Result], send: Callable[[AssetAnswer], object], pair: PairTask, answer: AnswerAssets
) -> PairResult | Failure:
    """Return the result of comparing a pair, after the questions of the worker.

    Args:
        receive: Returns the next message of the worker.
        send: Sends an answer to it.
        pair: The pair.
        answer: Returns a part of one of the two assets.

    Raises:
        ValueError: The worker asked for another asset, or sent another result; besides, what `receive` and `send` raise.
    """
    while isinstance(message := receive(), AssetRequest):
        if message.sha256 not in (pair.a, pair.b):
            raise ValueError("a request for an asset that is not compared")
        send(answer(message))
    if isinstance(message, PairResult) and {message.query, *message.damaged} <= {pair.a, pair.b}:
        return message
    if not isinstance(message, Failure):
        raise ValueError("not the result that was requested")
    return message


def _wait_or_kill(process: "subprocess.Popen[bytes]") -> int:
    """Return the exit status of a process that closed its socket; it is negative for a signal."""
    try:
        return process.wait(EXIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
