"""Times of frames and audio are those that players show, whatever the streams of a file start with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from processes import run_ffmpeg

from mediafp.ingest.files import open_file
from mediafp.ingest.video import read_video
from mediafp.types.media import AUDIO_SAMPLE_RATE, DecodedMedia, Frame

FADE_SECONDS = 5
H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", 0, "-g", 20, "-sc_threshold", 0]
STARTS_LATE = ["-itsoffset", 1.5, "-i"]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture whose grey level states the second, with a tone from 2 s on; a key frame every .8 s."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    fade = "nullsrc=s=64x64:r=25,geq=lum='16+40*T':cb=128:cr=128"
    tone = "aevalsrc='if(gt(t,2),0.5*sin(2*PI*1000*t),0)':s=44100"
    run_ffmpeg("-f", "lavfi", "-i", fade, "-f", "lavfi", "-i", tone, "-t", FADE_SECONDS, *H264, "-qp", 10,
               "-pix_fmt", "yuv420p", "-c:a", "aac", path)  # fmt: skip
    return path


def shift(frame: Frame) -> float:
    """Return the presentation second of a frame less the second of the film that it states."""
    return frame.start - (float(frame.pixels.mean()) * 219 / 255) / 40


def decode(path: Path) -> tuple[DecodedMedia, list[Frame]]:
    with open_file(path) as file:
        media = read_video(file, audio=True)
        return media, list(media.frames)


def tone_start(media: DecodedMedia) -> float:
    assert media.audio is not None
    loud = np.abs(media.audio.samples.astype(int)) > 4000
    return media.audio.start + int(loud.argmax()) / AUDIO_SAMPLE_RATE


BOTH = ["-map", 0, "-map", 1, "-c", "copy"]
CASES: dict[str, tuple[Callable[[Path], list[object]], float, float, float]] = {
    # arguments of FFmpeg; seconds by which the picture, and the sound, are shown late; start of the first frame
    "plain.mkv": (lambda film: ["-i", film, "-c", "copy"], 0, 0, 0),
    "late.mp4": (
        lambda film: ["-i", film, *STARTS_LATE, film, "-map", "0:a", "-map", "1:v", "-c", "copy"],
        1.5,
        0,
        1.5,
    ),
    "late.mkv": (
        lambda film: ["-i", film, *STARTS_LATE, film, "-map", "0:a", "-map", "1:v", "-c", "copy"],
        1.5,
        0,
        1.5,
    ),
    "late.ts": (lambda film: ["-i", film, *STARTS_LATE, film, "-map", "0:a", "-map", "1:v", "-c", "copy"], 1.5, 0, 1.5),
    "sound.mp4": (lambda film: ["-i", film, *STARTS_LATE, film, "-map", "0:v", "-map", "1:a", "-c", "copy"], 0, 1.5, 0),
    "cut.mp4": (lambda film: ["-i", film, "-ss", 1.2, "-c", "copy"], -1.2, -1.2, 0.4),
    "key.mkv": (lambda film: ["-ss", 1.2, "-i", film, "-c", "copy"], -0.8, -0.8, 0),
    "hidden.mp4": (lambda film: ["-ss", 1.2, "-i", film, "-c", "copy"], -1.2, -1.2, 0),
    "far.ts": (lambda film: ["-i", film, "-c", "copy", "-output_ts_offset", 1000], 0, 0, 0),
    "wrapped.ts": (lambda film: ["-i", film, "-c", "copy", "-output_ts_offset", 2**33 / 90_000 - 2.5], 0, 0, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_frames_and_audio_are_timed_as_players_show_them(film: Path, tmp_path: Path, name: str) -> None:
    arguments, picture, sound, first = CASES[name]
    run_ffmpeg(*arguments(film), tmp_path / name)
    media, frames = decode(tmp_path / name)
    assert [shift(frame) for frame in frames] == pytest.approx([picture] * len(frames), abs=0.07)
    assert tone_start(media) == pytest.approx(2 + sound, abs=0.07)
    assert frames[0].start == pytest.approx(first, abs=0.07)
    assert frames[-1].end == pytest.approx(FADE_SECONDS + picture, abs=0.12)
    assert media.frame_track is not None
    assert media.frame_track.spans[0, 0] == frames[0].start and media.frame_track.spans[-1, 1] == frames[-1].end
