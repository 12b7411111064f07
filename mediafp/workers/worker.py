"""A worker: a process that locks itself in and then reads one file after another, each handed in as a descriptor.

Started by the supervisor as `python -m mediafp.workers.worker SOCKET [--unlocked] [--text]`.
"""

import gc
import io
import os
import signal
import socket
import sys
import tempfile
import time

import av

# PyAV imports it at the first stream of subtitles, which behind the locks is too late.
import av.subtitles.codeccontext
import cv2
import numpy as np
from PIL import Image

from mediafp import pipeline
from mediafp.errors import MediaError, NotMedia, SandboxError
from mediafp.ingest.archives import iter_members
from mediafp.ingest.budget import CpuBudget
from mediafp.ingest.probe import OpenFile
from mediafp.ingest.sandbox import ResourceLimits, die_with_parent, enter_sandbox, set_resource_limits
from mediafp.ingest.sound import read_audio
from mediafp.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.settings import (
    CPU_SECONDS_PER_FILE,
    CPU_SECONDS_PER_MEGABYTE,
    MAX_WORKER_CPU_SECONDS,
    MAX_WORKER_MEMORY_BYTES,
)
from mediafp.workers.messages import (
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


def main(arguments: list[str]) -> None:
    """Reads what the supervisor hands in until it hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor's business
    die_with_parent()
    line = WorkerConnection(socket.socket(fileno=int(arguments[0])))
    warm_up(text="--text" in arguments)
    try:
        set_resource_limits(ResourceLimits(memory=MAX_WORKER_MEMORY_BYTES, cpu_seconds=MAX_WORKER_CPU_SECONDS))
        if "--unlocked" not in arguments:
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
                text, warnings = pipeline.run_ocr(file, within_budget=CpuBudget())
                line.send(OcrTaskResult(warnings=truncate_texts(warnings), text=pack_lines(text), cpu=cpu()))
            else:
                reading = pipeline.analyse_file(
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


def warm_up(*, text: bool = False) -> None:
    """Nothing; reads a little of everything, so that no model, decoder or module is left to be loaded behind the locks.

    Without `text` no text in pictures can be read: its models take a second and 150 MB.
    """
    cv2.setNumThreads(1)
    codecs = ("utf_16", "utf_16_le", "utf_16_be", "utf_32", "latin_1", "ascii", "cp1252", "cp437", "mac_roman", "idna")
    for name in (*codecs, "unicode_escape", "raw_unicode_escape", "gb18030", "shift_jis", "big5"):
        "".encode(name)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for form in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "HEIF"):
        file = io.BytesIO()
        Image.fromarray(noise).save(file, form, **({"exif": Image.Exif()} if form == "JPEG" else {}))
        _read(file.getvalue(), "warm-up")
    _read(_video_sample(), "warm-up.mp4")
    if text:
        _read(_text_sample(), "warm-up.png", text=True)
    # A resampler's threads go with it, and the locks close for a process of one thread alone.
    gc.collect()
    # What there is by now stays: later collections need not look at it.
    gc.freeze()


def _read(data: bytes, name: str, *, text: bool = False) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        with OpenFile(name, os.dup(file.fileno())) as opened:
            pipeline.analyse_file(opened, "", audio=True, text=text)


def _text_sample() -> bytes:
    """A picture with a line of text, as a PNG."""
    image = np.full((96, 320, 3), 255, np.uint8)
    cv2.putText(image, "@warm_up", (10, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3)
    return bytes(cv2.imencode(".png", image)[1])


def _video_sample() -> bytes:
    """A second of moving noise with a tone, as an MP4."""
    file = io.BytesIO()
    moving = np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), np.uint8)
    tone = (8_000 * np.sin(np.arange(AUDIO_SAMPLE_RATE) / 9)).astype(np.int16)[None]
    with av.open(file, "w", format="mp4") as container:
        images = container.add_stream("mpeg4", rate=5)
        images.width = images.height = 64
        audio = container.add_stream("aac", rate=AUDIO_SAMPLE_RATE)
        for stream in (images, audio):
            stream.codec_context.thread_count = 1
        heard = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        heard.sample_rate = AUDIO_SAMPLE_RATE
        for image in moving:
            container.mux(
                images.encode(av.VideoFrame.from_ndarray(image, "rgb24").reformat(format="yuv420p", threads=1))
            )
        container.mux(audio.encode(heard))
        for stream in (images, audio):
            container.mux(stream.encode(None))
    return file.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
