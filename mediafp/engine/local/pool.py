"""Files read by locked workers, from the side of the program: it opens files and hands them in, and never parses media.

Our own few lines rather than a pool's: pebble's workers take pickled tasks and give pickled answers, which a worker
that an attacker has taken over could make run anything, and no pool hands over descriptors or looks at the CPU.
"""

import io
import math
import os
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np

from mediafp.engine.local.messages import (
    RESTART_CPU_SECONDS,
    AnalysisResult,
    AudioResult,
    Failure,
    OcrTaskResult,
    Result,
    Task,
    truncate_texts,
)
from mediafp.engine.local.process import WorkerProcess, anonymous_file
from mediafp.engine.local.validation import validate_analysis, validate_lines
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import IMAGE_WALL_SECONDS, VIDEO_WALL_SECONDS
from mediafp.types.errors import (
    CorruptMedia,
    ErrorKind,
    MediaError,
    NotMedia,
    TooLargeMedia,
    UnreadableMedia,
    UnsupportedMedia,
    WorkerLost,
)
from mediafp.types.matches import OcrResult
from mediafp.types.media import Audio, Kind
from mediafp.types.runs import FileAnalysis

MAX_FILES_PER_WORKER = 512
"""Files that one worker reads before a fresh one takes its place: what leaks or was bent in it goes with it."""
MAX_ATTEMPTS = 2
"""Workers that are lost to a file before it is given up."""
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
            if not isinstance(answer, AnalysisResult):
                raise ValueError("another answer than was asked for")
            reading = validate_analysis(answer, task, kind, file.bytes)
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
