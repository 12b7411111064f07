"""The clip of a segment has the audio tracks that agree."""

import os
import subprocess
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from processes import run_ffmpeg

from mediafp.engine.local.clip_filters import ffmpeg_arguments, plan_sides
from mediafp.types.matches import Segment
from mediafp.types.media import Asset


def tone(channel: np.ndarray, rate: int) -> float:
    """Return the frequency of a tone, hertz."""
    return float(np.argmax(np.abs(np.fft.rfft(channel)))) * rate / len(channel)


def test_each_side_of_a_clip_has_the_track_of_its_segment(tmp_path: Path) -> None:
    path, clip = tmp_path / "two.mkv", tmp_path / "clip.mp4"
    sources = ("testsrc=s=64x48:r=5:d=2", "sine=f=300:d=2", "sine=f=900:d=2")
    inputs = [part for source in sources for part in ("-f", "lavfi", "-i", source)]
    run_ffmpeg(*inputs, "-map", 0, "-map", 1, "-map", 2, path)
    asset = Asset(sha256="", kind="video", bytes=1, properties={"width": 64, "height": 48, "has_sound": True})
    segment = Segment(channel="voice", query=(0, 2), reference=(0, 2), speed=1, mirrored=False, score=1, tracks=(1, 0))
    with path.open("rb") as query, path.open("rb") as reference:
        output = os.open(clip, os.O_RDWR | os.O_CREAT)
        descriptors = {(0, False): query.fileno(), (1, False): reference.fileno()}
        arguments = ffmpeg_arguments(plan_sides(segment, (asset, asset)), descriptors, output)
        subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), *arguments], check=True, pass_fds=(*descriptors.values(), output)
        )
        os.close(output)
    with av.open(str(clip)) as container:
        rate = container.streams.audio[0].rate
        left, right = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    assert (tone(left, rate), tone(right, rate)) == pytest.approx((900, 300), abs=5)
