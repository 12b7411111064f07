"""A worker on a node of a cluster: it gets files and tasks, and its messages are checked as those of local workers."""

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from mediafp.engine.cluster.messages import INLINE_BYTES, UPLOAD_BYTES, Frame, NodeTask, decode_frame, encode
from mediafp.engine.comparison.messages import AssetAnswer, PairResult, PairTask
from mediafp.engine.local import messages
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.messages import LENGTH, Failure, Result, Task, comparison_task, decode_result
from mediafp.engine.local.received_results import AnswerAssets, Received, collect_pair, collect_result
from mediafp.ingest.files import OpenFile, changed_file_error, file_sha256
from mediafp.types.errors import ErrorKind, WorkerLost

_logger = logging.getLogger(__name__)

START_SECONDS: Final = 60.0
"""Wall seconds within which a process of a node must be ready: Ray starts one in one second on an idle machine. Chosen, not
measured."""
TRANSFER_SECONDS: Final = 120.0
"""Wall seconds that a call which does not wait for a worker may take, such as sending a part of a file. Chosen, not
measured."""
HASH_BYTES_PER_SECOND: Final = 20e6
"""Bytes of a shared file that a node reads in a second at least. Chosen, not measured."""
MAX_ANSWER_BYTES: Final = 64 << 20
"""Bytes of an answer of a node besides a long message of a worker: the transcript of a day of speech has 15 MB. Chosen, not
measured."""


class NodeLostError(Exception):
    """The loss of a node, or of its process, in the middle of a task; the file is not the cause as far as is known."""


class NodeUnfitError(NodeLostError):
    """A node that cannot process files: it gets no further task."""


class NodeFullError(NodeLostError):
    """A node that cannot hold a file: it gets no further one that has to be copied to its disk."""


@dataclass(slots=True, kw_only=True)
class Node:
    """A node of the cluster."""

    id: str
    name: str
    """Its host name and address, for messages."""
    cpus: int
    """Workers that it may run at once."""
    shares: int = 0
    """Workers that run or start."""
    failed_starts: int = 0
    """Workers in a row that did not start."""
    retry_at: float = 0.0
    """Time of the monotonic clock from which on it may start one."""
    version_checked: bool = False
    refusal: str = ""
    """Reason why it gets no task."""
    is_full: bool = False
    """True if its disk was full."""


@dataclass(slots=True, kw_only=True, eq=False)
class Share:
    """A process of a node that holds one worker."""

    node: Node
    actor: Any
    user: int = 0
    """Thread of the driver that has used it last."""


class Fetch(Protocol):
    """Function that returns the bytes behind a reference of Ray."""

    def __call__(self, reference: Any, seconds: float, max_bytes: int = MAX_ANSWER_BYTES) -> bytes:
        """Return them within a number of wall seconds. Raises NodeLostError, also for more than `max_bytes`."""


class RemoteWorker:
    """A worker on a node. Implements `TaskWorker`."""

    def __init__(self, share: Share, needed: WorkerCapabilities, *, fetch: Fetch, scratch_folder: Path) -> None:
        """Take a share of a node.

        Args:
            share: The process on the node that holds the worker.
            needed: What the worker must have loaded.
            fetch: Returns the bytes behind a reference of Ray, within a number of seconds. Raises NodeLostError.
            scratch_folder: Folder of this machine for the unnamed files that hold audio and thumbnails.
        """
        self._node, self._needed = share.node, needed
        self._fetch, self._scratch_folder = fetch, scratch_folder
        self.actor = share.actor
        """The process on the node."""

    def start(self) -> None:
        """Start the worker. Raises NodeLostError."""
        frame = self._fetch(self.actor.start.remote(self._node_task(b"", 0.0)), START_SECONDS)
        self._check(decode_frame(frame), None)

    def request(self, task: Task, file: OpenFile, wall_seconds: float, samples: BinaryIO) -> Received:
        """Return the result of a task; write the audio samples that precede it to `samples`.

        Raises:
            WorkerLost: The worker ended, or took longer than `wall_seconds`.
            ValueError: The node sent bytes that are not a message, or audio or thumbnails that were not requested.
            NodeLostError: The node was lost.
        """
        content = b"" if self._send_large(file, task) else _read(file)
        node_task = self._node_task(messages.encode(task)[LENGTH.size :], wall_seconds)
        first = self.actor.run.remote(node_task, content)
        del content
        received = self._iter_messages(first, task, file, wall_seconds)

        def receive() -> Result:
            if (message := next(received, None)) is None:
                raise ValueError("no result")
            return message

        result = collect_result(receive, task, samples, self._scratch_folder)
        if next(received, None) is not None:
            raise ValueError("messages behind the result")
        return result

    def compare(self, pair: PairTask, answer: AnswerAssets, wall_seconds: float) -> PairResult | Failure:
        """Return the result of comparing a pair; `answer` returns what the node asks for. Raises as `request`."""
        until = time.monotonic() + wall_seconds + TRANSFER_SECONDS
        task = comparison_task(pair)
        encoded = messages.encode(task)[LENGTH.size :]
        reference = self.actor.compare.remote(self._node_task(encoded, wall_seconds))

        def receive() -> Result:
            frame = decode_frame(self._fetch(reference, max(1.0, until - time.monotonic())))
            self._check(frame, None)
            sizes = list(map(len, frame.messages))
            if len(sizes) != 1 or sizes[0] > task.max_message_bytes:
                raise ValueError(f"messages of {sizes} bytes in place of one of at most {task.max_message_bytes}")
            return decode_result(frame.messages[0])

        def send(part: AssetAnswer) -> None:
            nonlocal reference
            reference = self.actor.answer.remote(messages.encode(part)[LENGTH.size :])

        return collect_pair(receive, send, pair, answer)

    def transcribe(self, options: bytes, samples: memoryview) -> bytes:
        """Send samples and begin their transcription; return the first frame. Raises NodeLostError."""
        content = bytes(samples) if len(samples) <= INLINE_BYTES else b""
        if not content:
            for start in range(0, len(samples), UPLOAD_BYTES):
                self._upload(bytes(samples[start : start + UPLOAD_BYTES]))
        return self._fetch(self.actor.transcribe.remote(options, content), TRANSFER_SECONDS)

    def dismiss(self, kind: ErrorKind) -> None:
        """Do nothing: the node has ended a worker that reports an error of its own."""

    def _node_task(self, task: bytes, wall_seconds: float) -> bytes:
        needed = self._needed
        return encode(
            NodeTask(
                task=task, wall_seconds=wall_seconds, ocr=needed.ocr, all_types=needed.all_types, video=needed.video
            )
        )

    def _iter_messages(self, reference: Any, task: Task, file: OpenFile, wall_seconds: float) -> Iterator[Result]:
        """Yield the messages of the worker, each checked as one of a worker of this machine."""
        # A frame ends with the message that makes it long enough.
        max_bytes = task.max_message_bytes + MAX_ANSWER_BYTES
        while True:
            frame = decode_frame(self._fetch(reference, wall_seconds + TRANSFER_SECONDS, max_bytes))
            self._check(frame, file)
            if not frame.last:
                # The node prepares the next frame while this one is read.
                reference = self.actor.more.remote()
            for encoded in frame.messages:
                if len(encoded) > task.max_message_bytes:
                    raise ValueError(f"a message of {len(encoded)} bytes; the limit is {task.max_message_bytes}")
                yield decode_result(encoded)
            if frame.last:
                return

    def _check(self, frame: Frame, file: OpenFile | None) -> None:
        """Raise the error that a node reports."""
        if frame.end:
            if frame.end.invalid:
                raise ValueError(frame.end.message)
            raise WorkerLost(frame.end.kind, frame.end.message, final=frame.end.final)
        if frame.no_sandbox:
            raise NodeUnfitError(frame.no_sandbox)
        if frame.no_space:
            raise NodeFullError(frame.no_space)
        if frame.changed and file:
            raise changed_file_error(file)

    def _send_large(self, file: OpenFile, task: Task) -> bool:
        """Make a large file ready on the node, by its path if the node has the same file there; return False for a small one."""
        if file.bytes <= INLINE_BYTES:
            return False
        if path := _shared_path(file):
            sha256 = task.sha256 if len(task.sha256) == 64 else file_sha256(file)
            seconds = TRANSFER_SECONDS + file.bytes / HASH_BYTES_PER_SECOND
            if self._fetch(self.actor.open_shared.remote(path, file.bytes, sha256), seconds):
                return True
        _logger.info("%r is copied to node %s", file.name, self._node.name)
        with file.reader() as reader:
            while block := reader.read(UPLOAD_BYTES):
                self._upload(block)
        return True

    def _upload(self, part: bytes) -> None:
        if refusal := self._fetch(self.actor.receive.remote(part), TRANSFER_SECONDS):
            raise NodeFullError(refusal.decode("utf-8", "replace"))


def _read(file: OpenFile) -> bytes:
    with file.reader() as reader:
        return reader.read()


def _shared_path(file: OpenFile) -> bytes | None:
    """Return the path under which other processes may open a file; None if it has none, or if another file is there."""
    try:
        path = Path(f"/proc/self/fd/{file.descriptor}").readlink()
        status = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return os.fsencode(path) if (status.st_dev, status.st_ino) == file.stamp[:2] else None
