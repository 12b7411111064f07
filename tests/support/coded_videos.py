"""Videos whose frames state their own number, so that a test can read which frame is shown."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS = 12
BLOCK = 20
FRAME_RATE = 25
"""Frames per second of a video without given times."""


def write_coded_video(
    path: Path, seconds: float, *, times: Sequence[float] | None = None, key_frames: int = 250, audio: bool = True
) -> Path:
    """Write a video, each of whose frames shows its number in binary, and whose sound is a tone at the start of each second.

    Args:
        path: The file; its suffix decides the container.
        seconds: Seconds of sound, and of frames at `FRAME_RATE` if no times are given.
        times: Times of the frames.
        key_frames: Frames from one key frame to the next.
        audio: False for a video without sound.
    """
    starts = [n / FRAME_RATE for n in range(round(seconds * FRAME_RATE))] if times is None else times
    milliseconds = Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt = BITS * BLOCK, 120, "yuv420p"
        video.codec_context.time_base = video.time_base = milliseconds
        video.codec_context.thread_count = 1
        video.options = {"g": str(key_frames), "preset": "ultrafast", "sc_threshold": "0"}
        sound = container.add_stream("aac", rate=48_000) if audio else None
        for number, start in enumerate(starts):
            frame = av.VideoFrame.from_ndarray(_coded_frame(number), "rgb24")
            frame.pts, frame.time_base = round(start * 1000), milliseconds
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            samples = np.arange(round(seconds * 48_000))
            tone = (samples % 48_000 < 4_800) * np.sin(samples * 2 * np.pi * 600 / 48_000) * 0.5
            for start in range(0, len(tone), 1024):
                block = av.AudioFrame.from_ndarray(tone[None, start : start + 1024].astype(np.float32), "fltp", "mono")
                block.sample_rate, block.pts, block.time_base = 48_000, start, Fraction(1, 48_000)
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return path


def read_number(image: np.ndarray) -> int:
    """Return the number that a frame shows, at any size."""
    height, width = image.shape[:2]
    centres = [round((bit + 0.5) * width / BITS) for bit in range(BITS)]
    rows = image[height // 2 - 3 : height // 2 + 3]
    return sum(1 << bit for bit, x in enumerate(centres) if rows[:, x - 2 : x + 3].mean() > 126)


def _coded_frame(number: int) -> np.ndarray:
    frame = np.full((120, BITS * BLOCK, 3), 96, np.uint8)
    for bit in range(BITS):
        frame[20:100, bit * BLOCK : (bit + 1) * BLOCK] = 235 if number >> bit & 1 else 16
    return frame
