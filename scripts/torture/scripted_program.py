"""The program with workers and transcriptions that follow scripts, in this process.

lies.py imports it; it is not a program. A scripted file contains the signature of its kind, and behind it what a worker
answers to each kind of task: the file is detected, hashed and opened as any other, and its bytes go through the pool, the
engine, the ingest and the store.
"""

import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final
from unittest import mock

import numpy as np

from mediafp.engine.local import validation
from mediafp.engine.local.engine import LocalEngine
from mediafp.engine.local.messages import LENGTH, NONCE_BYTES, Ready, Task, decode_task, encode
from mediafp.engine.local.thread_limit import GREETING
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.types.arrays import Float64Array
from mediafp.types.media import Asset, Audio, Kind
from mediafp.types.transcripts import TranscribedAudio, Transcript, TranscriptSegment

SIGNATURES: Final[dict[Kind, bytes]] = {"image": b"\x89PNG\r\n\x1a\n", "video": b"\x1aE\xdf\xa3____"}
"""First eight bytes of a scripted file, by its kind."""
_HEADER = struct.Struct("<QQ?")
"""Lengths of the two answers, and if the worker ends behind them."""
SPOKEN: Final = ("the president said nothing about it", "今天下雨了,我们不去", "three witnesses saw the lights")
"""Texts of the segments of a scripted transcript."""


def script(kind: Kind, analyse: bytes, query: bytes, *, hangs_up: bool, name: bytes) -> bytes:
    """Return the content of a scripted file.

    Args:
        kind: Kind as which it is detected.
        analyse: What the worker sends when an ingest analyses the file.
        query: What it sends when a query analyses the file.
        hangs_up: True if the worker ends behind it, as what it sends may be incomplete.
        name: Bytes that make the content unique.
    """
    return SIGNATURES[kind] + _HEADER.pack(len(analyse), len(query), hangs_up) + analyse + query + name


class ScriptedProcess:
    """A worker process that is a thread; it has what `process.WorkerProcess` uses of `subprocess.Popen`."""

    def __init__(self, command: list[str], *, pass_fds: tuple[int, ...], **_: Any) -> None:
        """Start the thread with the worker's end of the socket."""
        del command
        self.pid = 0
        self._socket = socket.socket(fileno=os.dup(pass_fds[0]))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """End the thread."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status once the thread has ended."""
        self._thread.join(timeout)
        return 0

    def _serve(self) -> None:
        with self._socket:
            try:
                self._socket.sendall(GREETING + bytes(NONCE_BYTES) + encode(Ready()))
                while self._answer():
                    pass
            except OSError:
                # The program has ended this worker.
                pass

    def _answer(self) -> bool:
        nonce, descriptors, _, _ = socket.recv_fds(self._socket, NONCE_BYTES, 1)
        if not nonce:
            return False
        (length,) = LENGTH.unpack(self._socket.recv(LENGTH.size, socket.MSG_WAITALL))
        task = decode_task(self._socket.recv(length, socket.MSG_WAITALL))
        try:
            start = len(SIGNATURES["image"])
            stored, query, hangs_up = _HEADER.unpack(os.pread(descriptors[0], _HEADER.size, start))
            start += _HEADER.size
            self._send_about_task(
                nonce, descriptors[0], *((start + stored, query) if _is_query(task) else (start, stored))
            )
        finally:
            os.close(descriptors[0])
        return not hangs_up

    def _send_about_task(self, nonce: bytes, descriptor: int, start: int, count: int) -> None:
        """Send a part of a file as messages about a task; what is not a whole message is sent as it is."""
        while count:
            head = os.pread(descriptor, LENGTH.size, start)
            message = min(count, LENGTH.size + LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else count
            self._socket.sendall(nonce)
            self._send(descriptor, start, message)
            start, count = start + message, count - message

    def _send(self, descriptor: int, start: int, count: int) -> None:
        """Send a part of a file without reading it into the memory of this process, which is measured."""
        while count:
            sent = os.sendfile(self._socket.fileno(), descriptor, start, count)
            start, count = start + sent, count - sent


def _is_query(task: Task) -> bool:
    return task.what == "analyse" and task.matched_only


class ScriptedQueue:
    """A queue that transcribes an audio track by its start and duration alone. Implements `TranscriptionQueue`."""

    version = "scripted"
    concurrency = 1

    def submit(
        self, audio: Audio, *, during: Any = None, on_progress: Callable[[float], object] = lambda share: None
    ) -> Future[TranscribedAudio]:
        """Return the transcript of an audio track."""
        step = audio.duration / len(SPOKEN)
        segments = tuple(
            TranscriptSegment(
                start=n * step,
                end=(n + 1) * step,
                language="zh" if n % 2 else "en",
                language_probability=0.9,
                text=text,
            )
            for n, text in enumerate(SPOKEN)
        )
        transcript = Transcript(
            model="scripted",
            version=self.version,
            duration=audio.duration,
            speech_seconds=audio.duration,
            untranscribed_seconds=0.0,
            segments=segments,
        )
        done: Future[TranscribedAudio] = Future()
        fingerprint = fingerprint_transcript(audio.sha256, transcript)
        done.set_result(
            TranscribedAudio(audio_sha256=audio.sha256, transcript=transcript, fingerprint=fingerprint, model_rank=1)
        )
        on_progress(1.0)
        return done

    def forget(self, audio_sha256: str) -> None:
        """Do nothing: no future is kept."""

    def shutdown(self) -> None:
        """Do nothing: no thread runs."""


@contextmanager
def scripted_program() -> Iterator[None]:
    """Replace the workers and the transcription of this process by scripted ones."""
    with (
        mock.patch("mediafp.engine.local.process.subprocess.Popen", ScriptedProcess),
        mock.patch.object(LocalEngine, "open_transcription", lambda self, speech: ScriptedQueue()),
    ):
        yield


@contextmanager
def unchecked() -> Iterator[None]:
    """Accept the values of every answer, whatever they are; only its types are checked."""
    names = ("check_asset", "check_fingerprint", "check_thumbnail", "check_text_lines", "check_time")
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(mock.patch.object(validation, name))
        stack.enter_context(mock.patch.object(validation, "check_spans", _check_finite))
        yield


def _check_finite(asset: Asset, spans: Float64Array) -> None:
    """Refuse spans that the tables of a store cannot contain."""
    if not np.isfinite(spans).all():
        raise ValueError("spans that are not finite")
