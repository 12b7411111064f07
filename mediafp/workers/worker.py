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
from pathlib import Path

import av

# PyAV imports it at the first stream of subtitles, which behind the locks is too late.
import av.subtitles.codeccontext
import cv2
import numpy as np
from PIL import Image

from mediafp import pipeline
from mediafp.errors import MediaError, NoMedia, SandboxError
from mediafp.ingest.archives import entries
from mediafp.ingest.budget import CpuBudget
from mediafp.ingest.probe import OpenFile
from mediafp.ingest.sandbox import Limits, die_with_parent, limit, lock
from mediafp.ingest.sound import read_sound
from mediafp.media import SOUND_RATE, Sound
from mediafp.settings import CPU_SECONDS, CPU_SECONDS_A_MEGABYTE, CPU_SECONDS_OF_A_WORKER, MEMORY_BYTES
from mediafp.workers.messages import (
    LENGTH,
    OUT_OF_MEMORY,
    PART_BYTES,
    Answer,
    Closed,
    Failed,
    Heard,
    Opened,
    Part,
    Ready,
    Task,
    Unpacked,
    Written,
    encode,
    lines_of,
    read_of,
    shortened,
    take_of,
    task_of,
)

_HEIC = Path(__file__).with_name("warm_up.heic")
"""64 x 48 pixels, written by scripts/heic_samples.py: nothing that is installed writes HEIF."""


def main(arguments: list[str]) -> None:
    """Reads what the supervisor hands in until it hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the supervisor's business
    die_with_parent()
    line = Line(socket.socket(fileno=int(arguments[0])))
    warm_up(text="--text" in arguments)
    try:
        limit(Limits(memory=MEMORY_BYTES, cpu_seconds=CPU_SECONDS_OF_A_WORKER))
        if "--unlocked" not in arguments:
            lock()
    except SandboxError as error:
        line.send(Failed(kind="crash", message=str(error)))
        return
    line.send(Ready())
    while (handed := line.receive_task()) is not None:
        try:
            work(line, *handed)
            # A resampler lies in a circle of references, and holds threads and address space until that is found.
            gc.collect()
        except MemoryError:
            # What holds the memory is not known: a fresh worker is surer.
            os._exit(OUT_OF_MEMORY)


class Line:
    """The worker's end of the socket."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, message: Answer) -> None:
        """Sends an answer."""
        self._end.sendall(encode(message))

    def receive_task(self) -> tuple[Task, int] | None:
        """The next task and the descriptor of its file; None where the supervisor has hung up."""
        head, descriptors, _, _ = socket.recv_fds(self._end, LENGTH.size, 1)
        if not head:
            return None
        return task_of(self._rest(head)), descriptors[0]

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


def work(line: Line, task: Task, descriptor: int) -> None:
    """Reads one file and answers. Raises MemoryError alone."""
    cpu = time.process_time
    with OpenFile(task.shown, descriptor) as file:
        try:
            if task.what == "unpack":
                CpuBudget(CPU_SECONDS + file.bytes / 1e6 * CPU_SECONDS_A_MEGABYTE)
                _unpack(line, file)
                line.send(Unpacked(cpu=cpu()))
            elif task.what == "sound":
                sound, warnings = read_sound(file, go_on=CpuBudget())
                _send_sound(line, sound)
                line.send(Heard(warnings=shortened(warnings), sound_start=sound.start if sound else None, cpu=cpu()))
            elif task.what == "text":
                text, warnings = pipeline.read_text(file, go_on=CpuBudget())
                line.send(Written(warnings=shortened(warnings), text=lines_of(text), cpu=cpu()))
            else:
                reading = pipeline.read(
                    file,
                    task.sha256,
                    full_decode=task.full_decode,
                    sound=task.sound,
                    text=task.text,
                    crops=task.crops,
                    go_on=CpuBudget(),
                )
                if reading is None:
                    raise NoMedia(f"{file.name!r} is no media")
                _send_sound(line, reading.sound)
                line.send(read_of(reading, picture=task.picture, cpu=cpu()))
        except MediaError as error:
            (message,) = shortened([str(error)])
            line.send(Failed(kind=error.kind, message=message, unmedia=isinstance(error, NoMedia), cpu=cpu()))
        except MemoryError:
            raise
        except Exception as error:
            (message,) = shortened([f"reading it failed: {type(error).__name__}: {error}"])
            line.send(Failed(kind="crash", message=message, cpu=cpu()))


def _unpack(line: Line, file: OpenFile) -> None:
    """Nothing; sends the names of an archive's entries, and those that are wanted."""
    with file.reader() as reader:
        for entry, blocks in entries(reader, file.name):
            line.send(Opened(name=os.fsencode(entry.name)))
            if not take_of(line.receive()).wanted:
                continue
            try:
                for block in blocks:
                    line.send(Part(data=block))
                line.send(Closed())
            except MediaError as error:
                line.send(Closed(kind=error.kind, message=shortened([str(error)])[0]))


def _send_sound(line: Line, sound: Sound | None) -> None:
    if sound is None:
        return
    samples = memoryview(np.ascontiguousarray(sound.samples, "<i2")).cast("B")
    for start in range(0, len(samples), PART_BYTES):
        line.send(Part(data=bytes(samples[start : start + PART_BYTES])))


def warm_up(*, text: bool = False) -> None:
    """Nothing; reads a little of everything, so that no model, decoder or module is left to be loaded behind the locks.

    Without `text` no text in pictures can be read: its models take a second and 150 MB.
    """
    cv2.setNumThreads(1)
    codecs = ("utf_16", "utf_16_le", "utf_16_be", "utf_32", "latin_1", "ascii", "cp1252", "cp437", "mac_roman", "idna")
    for name in (*codecs, "unicode_escape", "raw_unicode_escape", "gb18030", "shift_jis", "big5"):
        "".encode(name)
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for form in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"):
        file = io.BytesIO()
        Image.fromarray(noise).save(file, form, **({"exif": Image.Exif()} if form == "JPEG" else {}))
        _read(file.getvalue(), "warm-up")
    _read(_HEIC.read_bytes(), "warm-up.heic")
    _read(_clip(), "warm-up.mp4")
    if text:
        _read(_sign(), "warm-up.png", text=True)
    # A resampler's threads go with it, and the locks close for a process of one thread alone.
    gc.collect()
    # What there is by now stays: later collections need not look at it.
    gc.freeze()


def _read(data: bytes, name: str, *, text: bool = False) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        with OpenFile(name, os.dup(file.fileno())) as opened:
            pipeline.read(opened, "", sound=True, text=text)


def _sign() -> bytes:
    """A picture with a line of text, as a PNG."""
    picture = np.full((96, 320, 3), 255, np.uint8)
    cv2.putText(picture, "@warm_up", (10, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (0, 0, 0), 3)
    return bytes(cv2.imencode(".png", picture)[1])


def _clip() -> bytes:
    """A second of moving noise with a tone, as an MP4."""
    file = io.BytesIO()
    moving = np.random.default_rng(1).integers(0, 256, (5, 64, 64, 3), np.uint8)
    tone = (8_000 * np.sin(np.arange(SOUND_RATE) / 9)).astype(np.int16)[None]
    with av.open(file, "w", format="mp4") as container:
        pictures = container.add_stream("mpeg4", rate=5)
        pictures.width = pictures.height = 64
        sound = container.add_stream("aac", rate=SOUND_RATE)
        for stream in (pictures, sound):
            stream.codec_context.thread_count = 1
        heard = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        heard.sample_rate = SOUND_RATE
        for picture in moving:
            container.mux(
                pictures.encode(av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p", threads=1))
            )
        container.mux(sound.encode(heard))
        for stream in (pictures, sound):
            container.mux(stream.encode(None))
    return file.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
