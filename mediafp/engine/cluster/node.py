"""One share of a node: a process of Ray that holds one sandboxed worker and passes its messages on.

It parses no media, and decides nothing about results: the driver validates them.
"""

import hashlib
import os
import tempfile
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mediafp.engine.cluster.messages import (
    FRAME_BYTES,
    Frame,
    NodeReport,
    NodeSpeech,
    NodeTask,
    SpeechFrame,
    WorkerEnd,
    decode_speech,
    decode_task,
    encode,
    encode_transcript,
)
from mediafp.engine.comparison.messages import AssetRequest
from mediafp.engine.local import messages
from mediafp.engine.local.capabilities import WorkerCapabilities
from mediafp.engine.local.messages import DataChunk, Failure, ThumbnailPart, truncate_texts
from mediafp.engine.local.pool import ERROR_CLASSES, WorkerPool
from mediafp.engine.local.sandbox import check_restrictions
from mediafp.ingest.anonymous_files import anonymous_file, write_data
from mediafp.ingest.files import OpenFile, file_sha256, open_file
from mediafp.types import model_files
from mediafp.types.errors import MediaError, MediafpError, SandboxError, StoreError, WorkerLost
from mediafp.types.media import Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import Transcript
from mediafp.types.version import __version__

SHARED_ROOT = Path("/")
"""Folder below which a shared file is opened without following a link."""


LISTEN_SECONDS = 1.0
"""Wall seconds after which a node states the progress of a transcription. Chosen, not measured."""


def cluster_version() -> str:
    """Return the SHA-256 of the version of all that an analysis or a comparison computes; all nodes must have the same."""
    from mediafp.engine.versions import analysis_version
    from mediafp.text.ocr.reader import ocr_version
    from mediafp.text.ocr.video_text import video_text_version

    models = (f"{file.name}={file.sha256}" for file in model_files.manifest())
    versions = analysis_version(reference_crops=True), ocr_version(), video_text_version(), *models
    return hashlib.sha256(";".join(versions).encode()).hexdigest()


class NodeWorker:
    """One worker of a node, and the file that it processes. The driver calls one method at a time.

    Every method returns bytes, which Ray carries as they are: a message, or nothing.
    """

    def __init__(self, *, sandboxed: bool) -> None:
        """Create a share without a worker."""
        self._scratch_folder = Path(tempfile.gettempdir())
        self._pool = WorkerPool(self._scratch_folder, sandboxed=sandboxed)
        self._files = ExitStack()
        self._upload: BinaryIO | None = None
        self._shared: OpenFile | None = None
        self._frames: Iterator[bytes] = iter(())
        self._pair: Generator[bytes, bytes] | None = None
        self._speech_thread = ThreadPoolExecutor(1, "mediafp-transcription")
        self._transcript: Future[Transcript] | None = None
        self._share = 0.0

    def report(self, with_version: bool) -> bytes:
        """Return the versions on this node, and whether it has the sandbox."""
        missing = [part for part in check_restrictions() if part.required and not part.available]
        refusal = "; ".join(f"{part.name}: {part.detail}" for part in missing) if self._pool.sandboxed else ""
        return encode(
            NodeReport(
                mediafp=__version__,
                analysis=cluster_version() if with_version else "",
                refusal=truncate_texts([refusal])[0],
            )
        )

    def open_shared(self, path: bytes, size: int, sha256: str) -> bytes:
        """Open the file of the next task by its path; return a byte if it is the same file here, or else nothing."""
        self._release()
        try:
            file = self._files.enter_context(open_file(Path(os.fsdecode(path)), SHARED_ROOT))
            if file.bytes == size and file_sha256(file) == sha256:
                self._shared = file
                return b"\1"
        except MediaError:
            pass
        self._release()
        return b""

    def receive(self, part: bytes) -> bytes:
        """Add bytes to the file of the next task; return the reason if that fails, or else nothing."""
        try:
            if self._upload is None:
                self._release()
                self._upload = self._files.enter_context(anonymous_file(self._scratch_folder))
            write_data(self._upload, part)
        except StoreError as error:
            self._release()
            return str(error).encode("utf-8", "replace")
        return b""

    def start(self, task: bytes) -> bytes:
        """Start a worker with what a task needs; return an empty frame, or one with the reason why that fails."""
        try:
            self._pool.start(_capabilities(decode_task(task)))
        except SandboxError as error:
            return encode(Frame(last=True, no_sandbox=truncate_texts([str(error)])[0]))
        return encode(Frame(last=True))

    def run(self, task: bytes, content: bytes) -> bytes:
        """Return the first frame of the result; `content` is the file, unless it was opened or received before."""
        self._frames = self._relay(decode_task(task), content)
        return self.more()

    def more(self) -> bytes:
        """Return the next frame of the result."""
        return next(self._frames)

    def compare(self, task: bytes) -> bytes:
        """Begin to compare a pair; return the first frame, with a question of the worker or the result."""
        self._pair = self._relay_comparison(decode_task(task))
        return next(self._pair)

    def answer(self, part: bytes) -> bytes:
        """Pass the answer to a question on to the worker; return the next frame."""
        assert self._pair, "a comparison was begun"
        return self._pair.send(part)

    def transcribe(self, options: bytes, content: bytes) -> bytes:
        """Begin to transcribe samples, which are the content or were received before; return as `listen`.

        They are samples, not a file format: they are transcribed in a thread of this process, as on one machine.
        """
        file = self._open("audio", content)
        self._share = 0.0
        self._transcript = self._speech_thread.submit(self._transcribe, decode_speech(options), file)
        return self.listen()

    def listen(self) -> bytes:
        """Return the progress of the transcription after `LISTEN_SECONDS`, or its end."""
        assert self._transcript, "a transcription was begun"
        wait([self._transcript], LISTEN_SECONDS)
        if not self._transcript.done():
            return encode(SpeechFrame(share=self._share))
        self._release()
        try:
            return encode(SpeechFrame(share=1.0, transcript=encode_transcript(self._transcript.result())))
        except MediafpError as error:
            return encode(SpeechFrame(error=truncate_texts([str(error)])[0]))

    def _transcribe(self, options: NodeSpeech, file: OpenFile) -> Transcript:
        from mediafp.engine.blas import single_threaded_blas
        from mediafp.text.speech.transcribers import get_transcriber

        def report(share: float) -> None:
            self._share = share

        # One thread for each share: a node has one share for each core.
        speech = SpeechOptions(model=options.model, hotwords=tuple(options.hotwords), threads=1)
        with file.reader() as reader:
            samples = np.memmap(reader, "<i2", mode="r")
        with single_threaded_blas().limit():
            return get_transcriber(speech).transcribe(Audio(samples=samples, start=0.0), on_progress=report)

    def _relay(self, node_task: NodeTask, content: bytes) -> Iterator[bytes]:
        """Yield the messages of the worker about the file, in frames."""
        task = messages.decode_task(node_task.task)
        try:
            file = self._open(task.file_name, content)
            with self._pool.worker(_capabilities(node_task)) as worker:
                worker.send_file(task, file, node_task.wall_seconds)
                parts: list[bytes] = []
                while True:
                    message, encoded = worker.receive_encoded()
                    parts.append(bytes(encoded))
                    if not isinstance(message, DataChunk | ThumbnailPart):
                        break
                    if sum(map(len, parts)) >= FRAME_BYTES:
                        yield encode(Frame(messages=parts))
                        parts = []
                if isinstance(message, Failure) and message.kind not in ERROR_CLASSES:
                    worker.dismiss(message.kind)
            last = Frame(messages=parts, last=True, changed=bool(self._shared and self._shared.has_changed()))
        except (WorkerLost, ValueError, SandboxError, OSError, StoreError) as error:
            last = _error_frame(error)
        # Before the last frame, after which the next task may send its file.
        self._release()
        yield encode(last)

    def _relay_comparison(self, node_task: NodeTask) -> Generator[bytes, bytes]:
        """Yield the questions of the worker and its result, each in a frame; answers are sent."""
        task = messages.decode_task(node_task.task)
        assert task.pair, "a pair is to be compared"
        try:
            with self._pool.worker(WorkerCapabilities(compares=True)) as worker:
                worker.send_pair(task.pair, node_task.wall_seconds)
                while True:
                    message, encoded = worker.receive_encoded()
                    if not isinstance(message, AssetRequest):
                        break
                    part = yield encode(Frame(messages=[bytes(encoded)]))
                    worker.send(messages.decode_answer(part))
                if isinstance(message, Failure) and message.kind not in ERROR_CLASSES:
                    worker.dismiss(message.kind)
            last = Frame(messages=[bytes(encoded)], last=True)
        except (WorkerLost, ValueError, SandboxError, OSError) as error:
            last = _error_frame(error)
        yield encode(last)

    def _open(self, name: str, content: bytes) -> OpenFile:
        """Return the file of the task, which `_release` closes."""
        if self._shared:
            return self._shared
        if self._upload is None:
            self._upload = self._files.enter_context(_memory_file(self._scratch_folder))
            write_data(self._upload, content)
        self._upload.flush()
        return self._files.enter_context(OpenFile(name, _open_for_reading(self._upload.fileno())))

    def _release(self) -> None:
        """Close the file of a task."""
        self._files.close()
        self._upload = self._shared = None


def _error_frame(error: Exception) -> Frame:
    """Return the last frame of a task that failed."""
    (text,) = truncate_texts([str(error)])
    if isinstance(error, WorkerLost):
        return Frame(last=True, end=WorkerEnd(kind=error.kind, message=text, final=error.final))
    if isinstance(error, ValueError):
        return Frame(last=True, end=WorkerEnd(kind="crash", message=text, invalid=True))
    if isinstance(error, SandboxError):
        return Frame(last=True, no_sandbox=text)
    return Frame(last=True, no_space=text)


def _capabilities(task: NodeTask) -> WorkerCapabilities:
    return WorkerCapabilities(ocr=task.ocr, all_types=task.all_types, video=task.video)


def _open_for_reading(descriptor: int) -> int:
    """Return a descriptor of a file with which its worker cannot write to it, where the system can make one."""
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return os.dup(descriptor)


def _memory_file(folder: Path) -> BinaryIO:
    """Return an empty file in memory, or on a system without such files, one without a name in a folder."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("mediafp", os.MFD_CLOEXEC), "w+b")
    return tempfile.TemporaryFile(dir=folder)
