"""The frames that are shown at the times of an even grid, however long and in whichever packets they come."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from processes import run_ffmpeg

from mediafp.ingest.files import open_file
from mediafp.ingest.shown_frames import grid_numbers
from mediafp.ingest.video import read_video
from mediafp.types.media import DecodedMedia, Frame


@pytest.mark.parametrize(
    ("start", "end", "numbers"),
    [
        (0, 0.04, [0]),
        (0.04, 1, []),
        (0.96, 1.04, [1]),
        (0.3, 5.3, [1, 2, 3, 4, 5]),
        (1.00005, 1.5, [1]),  # within the tolerance
        (-3, -1, []),
        (-3, 0.5, [0]),
        (2, 2, []),
    ],
)
def test_grid_numbers_are_those_of_the_times_at_which_a_frame_is_shown(
    start: float, end: float, numbers: list[int]
) -> None:
    assert list(grid_numbers(start, end, 1.0)) == numbers


def page(number: int) -> np.ndarray:
    """Return a white page with a headline and its own line of words."""
    page = np.full((180, 320, 3), 255, np.uint8)
    page[10:30, 20:300] = 40
    letters = np.random.default_rng(number).random((6, 40)) < 0.5
    page[80:104, 60:220] = np.where(letters.repeat(4, 0).repeat(4, 1), 30, 255)[..., None]
    return page


def write_pages(path: Path, pages: Sequence[tuple[int, int, float]], rate: int, *options: object) -> Path:
    """Write pages (number, frames, second of the first one) of a recording of so many frames a second."""
    shots = path.with_suffix(".nut")
    with av.open(str(shots), "w") as out:
        stream = out.add_stream("rawvideo", rate=rate)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number, count, second in pages:
            for n in range(count):
                frame = av.VideoFrame.from_ndarray(page(number), format="rgb24").reformat(format="yuv420p")
                frame.pts = round(second * rate) + n
                out.mux(stream.encode(frame))
    run_ffmpeg("-i", shots, "-fps_mode", "passthrough", "-c:v", "libx264", "-preset", "veryfast", *options, path)
    return path


def decode(path: Path, **options: bool) -> tuple[DecodedMedia, list[Frame]]:
    with open_file(path) as file:
        media = read_video(file, **options)
        return media, list(media.frames)


def shown_pages(frames: list[Frame], count: int) -> list[int]:
    """Return which page each frame shows."""
    return [
        int(np.argmin([np.abs(frame.pixels.astype(int) - page(number)).mean() for number in range(count)]))
        for frame in frames
    ]


def test_pages_of_a_recording_without_frames_between_them_have_their_own_spans(tmp_path: Path) -> None:
    # Some pages are frames that no other depends on; each stays although only one packet shows it.
    starts = [0, 1.32, 4.64, 5.2, 9.8, 11.08]
    path = write_pages(tmp_path / "a.mp4", [(n, 1, start) for n, start in enumerate([*starts, 12.0])], 25, "-bf", 3)
    media, frames = decode(path)
    assert shown_pages(frames, 7) == [0, 1, 2, 3, 4, 6]  # page 5 is shown at no full second
    assert [frame.start for frame in frames] == pytest.approx([0, 1.32, 4.64, 5.2, 9.8, 12], abs=0.01)
    assert [frame.end for frame in frames[:-1]] == [frame.start for frame in frames[1:]]
    assert media.warnings == []


@pytest.mark.parametrize("bframes", [0, 3])
def test_pages_of_a_recording_of_even_rate_start_where_they_change(tmp_path: Path, bframes: int) -> None:
    path = write_pages(tmp_path / "a.mp4", [(0, 23, 0), (1, 50, 2.3), (2, 30, 7.3)], 10, "-bf", bframes)
    _, frames = decode(path)
    pages = shown_pages(frames, 3)
    starts = [frames[pages.index(number)].start for number in range(3)]
    assert starts == pytest.approx([0, 2.3, 7.3], abs=0.15)
    assert len(frames) == 11 and [frame.end for frame in frames[:-1]] == [frame.start for frame in frames[1:]]


def test_a_page_between_two_seconds_has_a_sample_that_ends_with_it(tmp_path: Path) -> None:
    ground = np.random.default_rng(9).integers(0, 256, (12, 16, 3), np.uint8).repeat(15, 0).repeat(20, 1)
    with av.open(str(tmp_path / "a.mkv"), "w") as out:
        stream = out.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuvj420p"
        for n in range(28):
            # The last page but one ends before the next full second, and so does the video.
            shown = page(1) if 13 <= n < 17 or 22 <= n < 26 else ground
            out.mux(stream.encode(av.VideoFrame.from_ndarray(shown, "rgb24")))
        out.mux(stream.encode(None))
    _, frames = decode(tmp_path / "a.mkv")
    assert [frame.start for frame in frames] == pytest.approx([0, 1, 1.3, 1.7, 2.2], abs=0.11)
    assert [frame.end for frame in frames] == pytest.approx([1, 1.3, 1.7, 2.2, 2.6], abs=0.11)
    assert [bool(frame.pixels[40:70].mean() > 200) for frame in frames] == [False, False, True, False, True]


def test_a_still_picture_of_an_hour_is_one_frame(tmp_path: Path) -> None:
    media, frames = decode(write_pages(tmp_path / "a.mkv", [(0, 1, 0), (0, 1, 3600)], 25))
    assert [(frame.start, frame.held_seconds) for frame in frames] == [(0, 3600), (3600, pytest.approx(0.04, abs=0.01))]
    assert media.frame_track is not None and len(media.frame_track.spans) == 1 and media.warnings == []


@pytest.mark.parametrize(
    "options", [[], ["-bf", 16, "-b_strategy", 0, "-x264-params", "b-pyramid=none:scenecut=0"]], ids=str
)
def test_frames_that_are_not_decoded_delay_no_shot(
    clips: dict[str, Path], tmp_path: Path, options: list[object]
) -> None:
    run_ffmpeg("-i", clips["bunny"], "-an", "-vf", "scale=160:-2", "-c:v", "libx264", *options, tmp_path / "a.mp4")
    (_, exact), (_, near) = (decode(tmp_path / "a.mp4", full_decode=full) for full in (True, False))
    assert len(near) == len(exact)
    # The first run of frames without reference is noticed once it is over.
    pairs = list(zip(exact, near, strict=True))[2:]
    assert max(abs(a.start - b.start) for a, b in pairs) < 0.14
    assert max(np.abs(a.pixels.astype(int) - b.pixels).mean() for a, b in pairs) < 12


def test_a_jump_of_a_broadcasts_clock_is_told(tmp_path: Path) -> None:
    for name, offset in ("a.ts", 0), ("b.ts", 500):
        run_ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x64:d=2", "-c:v", "mpeg2video", "-output_ts_offset", offset,
                   tmp_path / name)  # fmt: skip
    (tmp_path / "c.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    media, frames = decode(tmp_path / "c.ts")
    assert media.warnings == ["time stamps jump from 2.0 to 500.0 s: one frame is timed as shown between them"]
    assert len(frames) == 5 and frames[2].end > 499


def test_many_and_interlaced_frames_are_sampled_by_time(tmp_path: Path) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=s=160x120:r=120:d=3"]
    run_ffmpeg(*source, "-c:v", "libx264", "-preset", "ultrafast", tmp_path / "fast.mp4")
    run_ffmpeg(*source, "-vf", "interlace", "-c:v", "libx264", "-flags", "+ilme+ildct", tmp_path / "fields.mp4")
    for name in "fast.mp4", "fields.mp4":
        media, frames = decode(tmp_path / name)
        assert [frame.start for frame in frames] == pytest.approx([0, 1, 2], abs=0.1) and media.warnings == []
