"""`report --clips`: the matched stretches of two videos, side by side, as files that play."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from processes import PATIENCE_SECONDS, ffmpeg
from typer.testing import CliRunner

from mediafp.case.case import open_case
from mediafp.cli import app
from mediafp.engine.local.clips import CLIP_HEIGHT, cut_clips
from mediafp.engine.local.programs import find_ffmpeg
from mediafp.types.errors import MediaError
from mediafp.types.runs import AnalysisOptions, IngestOptions

COPY_NAME = "-copy 副本 100%d ':.mp4"
"""A name that ffmpeg could take for an option, a pattern or a protocol."""


def mediafp(*arguments: object, store: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mediafp", "--store", str(store), *map(str, arguments)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        errors="surrogateescape",
        check=False,
        env={**os.environ, **variables},
    )


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
        options = IngestOptions(analysis=AnalysisOptions(sidecars=False))
        assert [outcome.status for outcome in case.ingest([dump], options)] == ["added", "added"]
    return folder, store


def test_a_matched_stretch_is_cut_side_by_side(world: tuple[Path, Path]) -> None:
    folder, store = world
    done = mediafp("report", folder / "evidence.html", "--clips", store=store)
    assert done.returncode == 0, done.stderr
    assert (folder / "evidence.html").is_file()
    (path,) = (folder / "evidence-clips").iterdir()
    assert path.suffix == ".mp4" and path.name in done.stdout.replace("\n", "")
    assert f'href="evidence-clips/{path.name}"' in (folder / "evidence.html").read_text()
    with open_case(store) as case:
        (answer,) = (answer for answer in case.pairwise_results(list(case.match_all())) if answer.matches)
        (match,) = answer.matches
        (segment,) = match.segments
        sizes = {
            asset.sha256: (asset.properties["width"], asset.properties["height"]) for asset in case._store.assets()
        }
    assert match.verdict == "copy" and segment.mirrored and segment.query is not None
    long, (width, height), frames = seconds_of(path)
    assert long == pytest.approx(segment.query[1] - segment.query[0], abs=0.5)
    assert 4 < long < 6
    assert answer.sha256 is not None
    sides = [CLIP_HEIGHT * int(sizes[sha256][0]) / int(sizes[sha256][1]) for sha256 in (answer.sha256, match.sha256)]
    assert height == CLIP_HEIGHT and width == pytest.approx(sum(sides), abs=4)
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


def test_an_original_that_was_overwritten_is_told_and_not_a_failure(world: tuple[Path, Path]) -> None:
    folder, store = world
    original = folder / "dump" / "original.mp4"
    kept = original.read_bytes()
    original.write_bytes(b"overwritten")
    try:
        with open_case(store) as case:
            (clip,) = case.report(folder / "other.html", clips=True)
    finally:
        original.write_bytes(kept)
    assert clip.path is None and "was changed" in clip.message
    assert not (folder / "other-clips").exists()


def test_without_locks_clips_are_cut_only_where_that_was_asked_for(world: tuple[Path, Path], tmp_path: Path) -> None:
    _, store = world
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "pyseccomp.py").write_text("raise ImportError")
    page = tmp_path / "evidence.html"
    refused = mediafp("report", page, "--clips", store=store, PYTHONPATH=str(modules))
    assert refused.returncode == 2 and "--unsafe-no-sandbox" in refused.stderr
    assert not page.exists() and not (tmp_path / "evidence-clips").exists()
    done = mediafp("report", page, "--clips", "--unsafe-no-sandbox", store=store, PYTHONPATH=str(modules))
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "evidence-clips").iterdir()
    assert 4 < seconds_of(path)[0] < 6


def made_in(folder: Path) -> Path:
    """The folder, which is there."""
    folder.mkdir(exist_ok=True)
    return folder


def always(path: Path) -> Callable[[str], AbstractContextManager[int | None]]:
    """Originals that are all the same file."""

    @contextmanager
    def original(sha256: str) -> Iterator[int | None]:
        with path.open("rb") as file:
            # Whoever looked at it before may have left it anywhere.
            file.seek(7)
            yield file.fileno()

    return original


PLAYLISTS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n",
    "a.ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "a.sdp": "v=0\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
}


@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_in_an_originals_place_is_not_followed(
    world: tuple[Path, Path], tmp_path: Path, name: str, locked: bool
) -> None:
    # Without the locks the lists of what ffmpeg may open hold alone.
    folder, store = world
    with open_case(store) as case:
        answers = case.pairwise_results(list(case.match_all()))
    ffmpeg = find_ffmpeg(sandboxed=locked)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for target in (f"file:{folder / 'dump' / 'original.mp4'}", f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"):
            (tmp_path / name).write_text(PLAYLISTS[name].format(target))
            (clip,) = cut_clips(
                made_in(tmp_path / "made"), answers=answers, originals=always(tmp_path / name), run=ffmpeg.run
            )
            assert clip.path is None and "ffmpeg failed" in clip.message
            with pytest.raises(BlockingIOError):
                server.accept()
    assert not list((tmp_path / "made").iterdir())
    # The control.
    (clip,) = cut_clips(
        made_in(tmp_path / "made"), answers=answers, originals=always(folder / "dump" / "original.mp4"), run=ffmpeg.run
    )
    assert clip.path is not None, clip.message


def test_a_name_that_is_no_text_is_cut_too(world: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _ = world
    (tmp_path / "dump").mkdir()
    for path in (folder / "dump").iterdir():
        shutil.copyfile(path, tmp_path / "dump" / os.fsdecode(b"bad\xff" + os.fsencode(path.name)))
    with open_case(tmp_path / "store", create=True) as case:
        assert [outcome.status for outcome in case.ingest([tmp_path / "dump"])] == ["added", "added"]
        (clip,) = case.report(tmp_path / "page.html", clips=True)
    assert clip.path is not None, clip.message
    assert seconds_of(clip.path)[0] > 1


@pytest.mark.parametrize("end", [MediaError("no"), KeyboardInterrupt()])
def test_what_was_cut_in_part_does_not_stay_and_an_older_clip_does(
    world: tuple[Path, Path], tmp_path: Path, end: BaseException
) -> None:
    folder, store = world
    with open_case(store) as case:
        answers = case.pairwise_results(list(case.match_all()))

    def run(arguments: Sequence[str], *, descriptors: Sequence[int], cpu_seconds: float, file_bytes: int) -> None:
        assert [os.lseek(descriptor, 0, os.SEEK_CUR) for descriptor in descriptors] == [0, 0, 0]
        os.write(descriptors[-1], b"half")
        if list(tmp_path.glob("*.mp4")):
            raise end

    originals = always(folder / "dump" / "original.mp4")
    (clip,) = cut_clips(tmp_path, answers=answers, originals=originals, run=run)
    assert clip.path is not None and list(tmp_path.iterdir()) == [clip.path]
    inode = clip.path.stat().st_ino
    try:
        (again,) = cut_clips(tmp_path, answers=answers, originals=originals, run=run)
        assert again.path is None and again.message.endswith("ffmpeg failed: no")
    except KeyboardInterrupt:
        assert isinstance(end, KeyboardInterrupt)
    assert list(tmp_path.iterdir()) == [clip.path] and clip.path.stat().st_ino == inode


def test_a_long_stretch_may_take_more_but_not_without_end(world: tuple[Path, Path], tmp_path: Path) -> None:
    folder, store = world
    allowed = []

    def run(arguments: Sequence[str], *, descriptors: Sequence[int], cpu_seconds: float, file_bytes: int) -> None:
        allowed.append((cpu_seconds, file_bytes))

    with open_case(store) as case:
        (answer,) = (answer for answer in case.pairwise_results(list(case.match_all())) if answer.matches)
    (match,) = answer.matches
    (segment,) = match.segments
    for seconds in (5.0, 50.0, 1e9):
        long = replace(segment, query=(0.0, seconds), reference=(0.0, seconds))
        longer = replace(answer, matches=(replace(match, segments=(long,)),))
        list(cut_clips(tmp_path, answers=[longer], originals=always(folder / "dump" / "original.mp4"), run=run))
    assert allowed[0] < allowed[1] < allowed[2]
    assert allowed[2][0] <= 1800 and allowed[2][1] <= 4 << 30
