"""A worker: a process that locks itself in and then reads one file after another, each handed in as a descriptor.

Started by the supervisor as `python -m mediafp.engine.local.worker SOCKET [--no-sandbox] [--ocr]`.
"""

import gc
import os
import signal
import socket
import sys
import time

# PyAV imports it at the first stream of subtitles, which behind the locks is too late.
import numpy as np

from mediafp.engine import analysis
from mediafp.engine.local.messages import (
    EXIT_OUT_OF_MEMORY,
    LENGTH,
    PART_BYTES,
    ArchiveEnd,
    AudioResult,
    DataChunk,
    Failure,
    MemberEnd,
    MemberStart,
    OcrTaskResult,
    Ready,
    Result,
    Task,
    decode_decision,
    decode_task,
    encode,
    pack_analysis,
    pack_lines,
    truncate_texts,
)
from mediafp.engine.local.sandbox import ResourceLimits, die_with_parent, enter_sandbox, set_resource_limits
from mediafp.engine.local.warm_up import warm_up
from mediafp.ingest.archives.members import iter_members
from mediafp.ingest.audio import read_audio
from mediafp.ingest.cpu_budget import CpuBudget
from mediafp.ingest.files import OpenFile
from mediafp.ingest.limits import (
    CPU_SECONDS_PER_FILE,
    CPU_SECONDS_PER_MEGABYTE,
    MAX_WORKER_CPU_SECONDS,
    MAX_WORKER_MEMORY_BYTES,
)
from mediafp.types.errors import MediaError, NotMedia, SandboxError
from mediafp.types.media import Audio


def main(arguments: list[str]) -> None:
    """Reads what the supervisor hands in until it hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor's business
    die_with_parent()
    line = WorkerConnection(socket.socket(fileno=int(arguments[0])))
    warm_up(ocr="--ocr" in arguments)
    try:
        set_resource_limits(ResourceLimits(memory=MAX_WORKER_MEMORY_BYTES, cpu_seconds=MAX_WORKER_CPU_SECONDS))
        if "--no-sandbox" not in arguments:
            enter_sandbox()
    except SandboxError as error:
        line.send(Failure(kind="crash", message=str(error)))
        return
    line.send(Ready())
    while (handed := line.receive_task()) is not None:
        try:
            handle_task(line, *handed)
            # A resampler lies in a circle of references, and holds threads and address space until that is found.
            gc.collect()
        except MemoryError:
            # What holds the memory is not known: a fresh worker is surer.
            os._exit(EXIT_OUT_OF_MEMORY)


class WorkerConnection:
    """The worker's end of the socket."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: Result) -> None:
        """Sends an answer."""
        self._end.sendall(encode(message))

    def receive_task(self) -> tuple[Task, int] | None:
        """The next task and the descriptor of its file; None where the supervisor has hung up."""
        head, descriptors, _, _ = socket.recv_fds(self._end, LENGTH.size, 1)
        if not head:
            return None
        return decode_task(self._rest(head)), descriptors[0]

    def receive(self) -> bytes:
        """The next message."""
        return self._rest(b"")

    def _rest(self, head: bytes) -> bytes:
        head += self._exactly(LENGTH.size - len(head))
        return self._exactly(LENGTH.unpack(head)[0])

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self._end.recv(count - len(data))
            if not more:
                sys.exit(0)
            data += more
        return data


def handle_task(line: WorkerConnection, task: Task, descriptor: int) -> None:
    """Reads one file and answers. Raises MemoryError alone."""
    cpu = time.process_time
    with OpenFile(task.shown, descriptor) as file:
        try:
            if task.what == "unpack":
                CpuBudget(CPU_SECONDS_PER_FILE + file.bytes / 1e6 * CPU_SECONDS_PER_MEGABYTE)
                _unpack(line, file)
                line.send(ArchiveEnd(cpu=cpu()))
            elif task.what == "sound":
                audio, warnings = read_audio(file, within_budget=CpuBudget())
                _send_audio(line, audio)
                line.send(
                    AudioResult(
                        warnings=truncate_texts(warnings), audio_start=audio.start if audio else None, cpu=cpu()
                    )
                )
            elif task.what == "text":
                text, warnings = analysis.run_ocr(file, within_budget=CpuBudget())
                line.send(OcrTaskResult(warnings=truncate_texts(warnings), text=pack_lines(text), cpu=cpu()))
            else:
                reading = analysis.analyse_file(
                    file,
                    task.sha256,
                    full_decode=task.full_decode,
                    audio=task.audio,
                    text=task.text,
                    crops=task.crops,
                    within_budget=CpuBudget(),
                )
                if reading is None:
                    raise NotMedia(f"{file.name!r} is no media")
                _send_audio(line, reading.audio)
                line.send(pack_analysis(reading, image=task.image, cpu=cpu()))
        except MediaError as error:
            (message,) = truncate_texts([str(error)])
            line.send(Failure(kind=error.kind, message=message, not_media=isinstance(error, NotMedia), cpu=cpu()))
        except MemoryError:
            raise
        except Exception as error:
            (message,) = truncate_texts([f"reading it failed: {type(error).__name__}: {error}"])
            line.send(Failure(kind="crash", message=message, cpu=cpu()))


def _unpack(line: WorkerConnection, file: OpenFile) -> None:
    """Nothing; sends the names of an archive's entries, and those that are wanted."""
    with file.reader() as reader:
        for entry, blocks in iter_members(reader, file.name):
            line.send(MemberStart(name=os.fsencode(entry.name)))
            if not decode_decision(line.receive()).wanted:
                continue
            try:
                for block in blocks:
                    line.send(DataChunk(data=block))
                line.send(MemberEnd())
            except MediaError as error:
                line.send(MemberEnd(kind=error.kind, message=truncate_texts([str(error)])[0]))


def _send_audio(line: WorkerConnection, audio: Audio | None) -> None:
    if audio is None:
        return
    samples = memoryview(np.ascontiguousarray(audio.samples, "<i2")).cast("B")
    for start in range(0, len(samples), PART_BYTES):
        line.send(DataChunk(data=bytes(samples[start : start + PART_BYTES])))


if __name__ == "__main__":
    main(sys.argv[1:])
