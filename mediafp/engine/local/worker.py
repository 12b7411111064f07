"""A worker process: it enters the sandbox and then processes one file after another, each received as a descriptor.

Started by `mediafp.engine.local.process` as `python -m mediafp.engine.local.worker SOCKET [--no-sandbox] [--ocr]
[--all-types] [--video] [--compare]`.
"""

import gc
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from mediafp.engine import analysis
from mediafp.engine.comparison.messages import AssetAnswer, AssetRequest, PairTask
from mediafp.engine.local.connection import WorkerConnection, to_failure
from mediafp.engine.local.messages import (
    PART_BYTES,
    ArchiveEnd,
    AudioResult,
    DataChunk,
    FramesResult,
    MemberEnd,
    MemberStart,
    OcrTaskResult,
    Task,
    VideoTextResult,
    decode_answer,
    decode_decision,
    truncate_texts,
)
from mediafp.engine.local.packing import (
    pack_analysis,
    pack_audio,
    pack_capture,
    pack_lines,
    pack_thumbnails,
    pack_video_text,
)
from mediafp.engine.local.sandbox import ResourceLimits
from mediafp.engine.local.warm_up import warm_up
from mediafp.ingest.archives.members import iter_members
from mediafp.ingest.cpu_budget import CpuBudget
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import (
    CPU_SECONDS_PER_FILE,
    CPU_SECONDS_PER_MEGABYTE,
    MAX_WORKER_CPU_SECONDS,
    MAX_WORKER_MEMORY_BYTES,
)
from mediafp.ingest.thumbnails import encode_thumbnail
from mediafp.types.errors import MediaError, NotMedia
from mediafp.types.jpeg import MAX_THUMBNAIL_SIDE
from mediafp.types.media import Audio

if TYPE_CHECKING:
    from mediafp.engine.comparison.comparer import PairComparer


def main(arguments: list[str]) -> None:
    """Process tasks until the parent process closes the connection."""
    connection = FileConnection.open(arguments[0])
    if "--compare" in arguments:
        connection.load_comparer()
    else:
        warm_up(ocr="--ocr" in arguments, all_types="--all-types" in arguments, video="--video" in arguments)
    connection.run_tasks(
        ResourceLimits(memory=MAX_WORKER_MEMORY_BYTES, cpu_seconds=MAX_WORKER_CPU_SECONDS),
        # Looked up for each task: tests replace it.
        lambda task, descriptor: handle_task(connection, task, descriptor),
        sandboxed="--no-sandbox" not in arguments,
    )


class FileConnection(WorkerConnection):
    """The end of a worker that analyses files, unpacks archives, or compares pairs."""

    _comparer: "PairComparer | None" = None

    def load_comparer(self) -> None:
        """Load what the comparison of pairs needs, which `compare` then does."""
        # Loads the models of matching, which other workers do without.
        from mediafp.engine.comparison.comparer import PairComparer
        from mediafp.engine.local.warm_up_comparison import warm_up_comparison

        warm_up_comparison()
        self._comparer = PairComparer(self._ask)

    def compare(self, pair: PairTask) -> None:
        """Send the match of a pair."""
        assert self._comparer, "the worker was started for comparisons"
        self.send(self._comparer.compare(pair))

    def _ask(self, request: AssetRequest) -> AssetAnswer:
        self.send(request)
        return decode_answer(self.receive())


class _ReceivedFile(OpenFile):
    """The file of a task; its size is found without fstat(), which some C libraries cannot call in the sandbox."""

    def __init__(self, name: str, descriptor: int) -> None:
        self.name, self.descriptor = name, descriptor
        self.bytes = os.lseek(descriptor, 0, os.SEEK_END)


def handle_task(connection: FileConnection, task: Task, descriptor: int | None) -> None:
    """Process one file, pair or thumbnail, and send the result or the failure. Raises only MemoryError."""
    opened = nullcontext() if descriptor is None else _ReceivedFile(task.file_name, descriptor)
    with opened as file, connection.sending_failures():
        if task.what == "decode_thumbnail":
            connection.send_pixels(task.jpeg)
            return
        if file is None:
            assert task.pair, "all other tasks have a file"
            connection.compare(task.pair)
        elif task.what == "unpack_archive":
            _unpack(connection, file)
        elif task.what == "read_audio":
            _read_audio(connection, file)
        elif task.what == "read_frames":
            _read_frames(connection, file, task)
        elif task.what == "run_ocr":
            _run_ocr(connection, file)
        elif task.what == "read_video_text":
            _read_video_text(connection, file)
        else:
            _analyse(connection, file, task)
    # A resampler is part of a reference cycle: it holds threads and address space until it is collected.
    gc.collect()


def _unpack(connection: WorkerConnection, file: OpenFile) -> None:
    """Send the names of the members of an archive, and the content of those that the parent wants."""
    CpuBudget(CPU_SECONDS_PER_FILE + file.bytes / 1e6 * CPU_SECONDS_PER_MEGABYTE)
    warnings: list[str] = []
    hidden: list[int] = []
    try:
        with file.reader() as reader:
            for member, blocks in iter_members(reader, file.name, warnings.append, hidden.append):
                capture = pack_capture(member.capture) if member.capture else None
                connection.send(MemberStart(name=os.fsencode(member.name), capture=capture))
                if not decode_decision(connection.receive()).wanted:
                    continue
                try:
                    for block in blocks:
                        connection.send(DataChunk(data=block))
                    connection.send(MemberEnd())
                except MediaError as error:
                    connection.send(MemberEnd(kind=error.kind, message=truncate_texts([str(error)])[0]))
    except MediaError as error:
        connection.send(to_failure(error.kind, str(error), warnings=warnings))
    else:
        connection.send(ArchiveEnd(warnings=truncate_texts(warnings), hidden=sum(hidden), cpu=time.process_time()))


def _read_audio(connection: WorkerConnection, file: OpenFile) -> None:
    """Send the audio of a file."""
    # Loads PyAV, which a worker for images does without.
    from mediafp.ingest.speech_audio import read_audio

    audio, warnings = read_audio(file, within_budget=CpuBudget())
    _send_samples(connection, audio)
    packed = pack_audio(audio)
    connection.send(AudioResult(warnings=truncate_texts(warnings), audio=packed, cpu=time.process_time()))


def _read_frames(connection: WorkerConnection, file: OpenFile, task: Task) -> None:
    """Send the frames of a video at the times of the task."""
    # Loads PyAV, which a worker for images does without.
    from mediafp.ingest.frames_at_times import read_frames_at

    frames = read_frames_at(file, task.times, CpuBudget())
    jpegs = [None if frame is None else encode_thumbnail(frame, MAX_THUMBNAIL_SIDE) for frame in frames]
    connection.send(FramesResult(jpegs=jpegs, cpu=time.process_time()))


def _run_ocr(connection: WorkerConnection, file: OpenFile) -> None:
    """Send the text in an image."""
    text, warnings = analysis.run_ocr(file, within_budget=CpuBudget())
    connection.send(OcrTaskResult(warnings=truncate_texts(warnings), text=pack_lines(text), cpu=time.process_time()))


def _read_video_text(connection: WorkerConnection, file: OpenFile) -> None:
    """Send the text on screen of a video."""
    text, warnings = analysis.read_video_text(file, within_budget=CpuBudget())
    lines = pack_video_text(text)
    connection.send(VideoTextResult(warnings=truncate_texts(warnings), lines=lines, cpu=time.process_time()))


def _analyse(connection: WorkerConnection, file: OpenFile, task: Task) -> None:
    """Send the analysis of a file."""
    file_analysis = analysis.analyse_file(
        file,
        task.sha256,
        full_decode=task.full_decode,
        ocr=task.ocr,
        reference_crops=task.reference_crops,
        matched_only=task.matched_only,
        audio=task.audio,
        within_budget=CpuBudget(),
    )
    if file_analysis is None:
        raise NotMedia(f"{file.name!r} is no media")
    _send_samples(connection, file_analysis.audio)
    for part in pack_thumbnails(file_analysis.thumbnails):
        connection.send(part)
    connection.send(pack_analysis(file_analysis, image=task.image, cpu=time.process_time()))


def _send_samples(connection: WorkerConnection, audio: Sequence[Audio]) -> None:
    """Send the samples of audio, one after the other, as int16 little-endian."""
    for one in audio:
        samples = memoryview(np.ascontiguousarray(one.samples, "<i2")).cast("B")
        for start in range(0, len(samples), PART_BYTES):
            connection.send(DataChunk(data=bytes(samples[start : start + PART_BYTES])))


if __name__ == "__main__":
    main(sys.argv[1:])
