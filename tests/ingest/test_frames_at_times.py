"""The frames that a video shows at given times, whatever its time stamps begin with."""

from pathlib import Path

import pytest
from coded_videos import read_number, write_coded_video
from processes import run_ffmpeg

from mediafp.ingest.files import open_file
from mediafp.ingest.frames_at_times import read_frames_at

TIMES = (0.0, 2.5, 11.34, 11.38, 19.9)


def shown(path: Path, *times: float) -> list[int | None]:
    """Return the number of the frame that is shown at each time."""
    with open_file(path) as file:
        return [None if frame is None else read_number(frame) for frame in read_frames_at(file, times)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_coded_video(tmp_path_factory.mktemp("coded") / "plain.mp4", 20)


def test_the_frame_shown_at_a_time_is_the_last_that_began(plain: Path) -> None:
    assert shown(plain, *TIMES) == [0, 62, 283, 284, 497]
    assert shown(plain, 19.9, 0.0, 2.5, 2.5) == [497, 0, 62, 62], "in the order that was asked"
    assert shown(plain, 500.0) == [499], "after the end the last one"


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("late.mkv", ("-output_ts_offset", 93_600)),
        ("late.ts", ("-output_ts_offset", 1000, "-muxdelay", 0, "-muxpreload", 0)),
        ("late.avi", ("-c:v", "mpeg4", "-g", 250, "-c:a", "mp3")),
    ],
)
def test_time_zero_is_the_start_that_players_show(plain: Path, tmp_path: Path, name: str, options: tuple) -> None:
    run_ffmpeg("-i", plain, "-c", "copy", *options, tmp_path / name)
    for time, number in zip(TIMES, shown(tmp_path / name, *TIMES), strict=True):
        assert number is not None and number == pytest.approx(time * 25, abs=1.5)


def test_what_an_edit_list_hides_is_not_shown(plain: Path, tmp_path: Path) -> None:
    run_ffmpeg("-ss", 3.4, "-i", plain, "-c", "copy", tmp_path / "cut.mp4")
    assert shown(tmp_path / "cut.mp4", 0.0, 9.0) == [85, 310]


def test_pictures_that_begin_after_the_sound_keep_their_place(plain: Path, tmp_path: Path) -> None:
    run_ffmpeg("-i", plain, "-itsoffset", 1.5, "-i", plain, "-map", "0:a", "-map", "1:v", "-c", "copy",
               tmp_path / "late.mp4")  # fmt: skip
    assert shown(tmp_path / "late.mp4", 0.0, 13.0) == [0, 287]


def test_a_frame_is_shown_until_the_next_one(tmp_path: Path) -> None:
    slides = write_coded_video(tmp_path / "slides.mp4", 40, times=(0, 9, 10, 22, 30, 39), audio=False)
    assert shown(slides, 8.9, 9.5, 24.0, 35.0, 39.5) == [0, 1, 3, 4, 5]


def test_a_file_without_pictures_shows_none(plain: Path, tmp_path: Path) -> None:
    run_ffmpeg("-i", plain, "-vn", "-c", "copy", tmp_path / "sound.m4a")
    assert shown(tmp_path / "sound.m4a", 1.0) == [None]
