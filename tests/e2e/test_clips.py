"""`report --clips`: the matched stretches of two videos, side by side, as files that play."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest
from typer.testing import CliRunner

from mediafp.case import open_case
from mediafp.cli import app
from mediafp.report.clips import HEIGHT, write_clips

COPY_NAME = "-copy 副本 100%d ':.mp4"
"""A name that ffmpeg could take for an option, a pattern or a protocol."""


def ffmpeg(*arguments: object) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=60)


def mediafp(*arguments: object, store: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mediafp", "--store", str(store), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, errors="surrogateescape", check=False)


def seconds_of(path: Path) -> tuple[float, tuple[int, int], list[np.ndarray]]:
    """The duration, the size, and the first and last frame of a file that decodes to its end."""
    with av.open(str(path)) as file:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]
    times = [time for time, _ in frames]
    height, width = frames[0][1].shape[:2]
    return times[-1] - times[0] + 1 / 25, (width, height), [frames[0][1], frames[-1][1]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, clips: dict[str, Path]) -> tuple[Path, Path]:
    """A folder with a clip and its mirrored, smaller copy of a part of it, and the store that holds both."""
    folder = tmp_path_factory.mktemp("clips")
    dump, store = folder / "dump", folder / "store"
    dump.mkdir()
    shutil.copyfile(clips["bikes"], dump / "original.mp4")
    ffmpeg("-ss", 2, "-t", 5, "-i", dump / "original.mp4", "-vf", "hflip,scale=480:-2,setsar=1", "-an",
           "-c:v", "libx264", "-crf", 30, "-preset", "veryfast", f"file:{dump / COPY_NAME}")  # fmt: skip
    with open_case(store, create=True) as case:
        assert [outcome.status for outcome in case.ingest([dump])] == ["added", "added"]
    return folder, store


def test_a_matched_stretch_is_cut_side_by_side(world: tuple[Path, Path]) -> None:
    folder, store = world
    done = mediafp("report", folder / "evidence.html", "--clips", store=store)
    assert done.returncode == 0, done.stderr
    assert (folder / "evidence.html").is_file()
    (path,) = (folder / "evidence-clips").iterdir()
    assert path.suffix == ".mp4" and path.name in done.stdout.replace("\n", "")
    with open_case(store) as case:
        (answer,) = (answer for answer in case.answers(list(case.relations())) if answer.matches)
        (match,) = answer.matches
        (segment,) = match.segments
        sizes = {asset.sha256: (asset.properties["width"], asset.properties["height"]) for asset in case.store.assets()}
    assert match.verdict == "copy" and segment.mirrored and segment.query is not None
    long, (width, height), frames = seconds_of(path)
    assert long == pytest.approx(segment.query[1] - segment.query[0], abs=0.5)
    assert 4 < long < 6
    assert answer.sha256 is not None
    sides = [HEIGHT * int(sizes[sha256][0]) / int(sizes[sha256][1]) for sha256 in (answer.sha256, match.sha256)]
    assert height == HEIGHT and width == pytest.approx(sum(sides), abs=4)
    middle = round(sides[0])
    for frame in frames:
        # Query left, reference right: the same moment, mirrored.
        left, right = frame[:, : middle - 4], frame[:, middle + 4 :]
        assert min(left.std(), right.std()) > 20
        columns = np.linspace(0.02, 0.98, 60)
        mine, theirs = (side[:, (columns * side.shape[1]).astype(int)].astype(float) for side in (left, right))
        assert np.abs(mine[:, ::-1] - theirs).mean() < 0.6 * np.abs(mine - theirs).mean()


def test_a_deleted_original_is_told_and_not_a_failure(world: tuple[Path, Path]) -> None:
    folder, store = world
    (folder / "dump" / "original.mp4").rename(folder / "elsewhere.mp4")
    try:
        done = CliRunner().invoke(app, ["report", str(folder / "gone.html"), "--clips", "--store", str(store)])
    finally:
        (folder / "elsewhere.mp4").rename(folder / "dump" / "original.mp4")
    assert done.exit_code == 0, done.exception
    assert "gone from where it was seen" in " ".join(done.stdout.split())
    assert (folder / "gone.html").is_file()
    assert not list((folder / "gone-clips").glob("*.mp4"))


def test_an_original_that_is_no_video_any_more_is_told_and_not_a_failure(world: tuple[Path, Path]) -> None:
    folder, store = world
    original = folder / "dump" / "original.mp4"
    kept = original.read_bytes()
    original.write_bytes(b"overwritten")
    try:
        with open_case(store) as case:
            (clip,) = case.report(folder / "other.html", clips=True)
    finally:
        original.write_bytes(kept)
    assert clip.path is None and clip.message
    assert not list((folder / "other-clips").glob("*.mp4")), "no half-made clip is left"


def test_a_name_that_is_no_text_is_cut_too(world: tuple[Path, Path], tmp_path: Path) -> None:
    folder, store = world
    bad = tmp_path / os.fsdecode(b"bad\xff.mp4")
    shutil.copyfile(folder / "dump" / "original.mp4", bad)
    with open_case(store) as case:
        answers = case.answers(list(case.relations()))
    (clip,) = write_clips(tmp_path / "made", answers=answers, originals=lambda sha256: bad)
    assert clip.path is not None, clip.message
    assert seconds_of(clip.path)[0] > 1
