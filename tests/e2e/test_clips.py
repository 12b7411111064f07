"""`report --clips`: the matching segments of two videos, side by side, as files that play."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from changed_files import overwrite_in_place
from PIL import Image
from processes import run_ffmpeg, run_mediafp
from typer.testing import CliRunner

from mediafp.case.case import open_case
from mediafp.cli.app import app
from mediafp.engine.local.clip_filters import CLIP_HEIGHT
from mediafp.engine.local.clips import cut_clips
from mediafp.engine.local.programs import find_ffmpeg
from mediafp.ingest.files import OpenFile, open_file
from mediafp.types.errors import MediaError
from mediafp.types.media import Asset
from mediafp.types.runs import AnalysisOptions, IngestOptions

COPY_NAME = "-copy 副本 100%d ':.mp4"
"""A name that FFmpeg could take for an option, a pattern or a protocol."""


def mediafp(*arguments: object, store: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return run_mediafp("--store", store, *arguments, **variables)


def decode_clip(path: Path) -> tuple[float, tuple[int, int], list[np.ndarray]]:
    """Return the duration, the size (width, height), and the first and last frame of a clip."""
    with av.open(str(path)) as file:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in file.decode(video=0)]
    times = [time for time, _ in frames]
    height, width = frames[0][1].shape[:2]
    return times[-1] - times[0] + 1 / 25, (width, height), [frames[0][1], frames[-1][1]]


@pytest.fixture(scope="module")
def matching_videos(tmp_path_factory: pytest.TempPathFactory, clips: dict[str, Path]) -> tuple[Path, Path]:
    """A folder with a video and a mirrored, smaller copy of a part of it, and the store that contains both."""
    folder = tmp_path_factory.mktemp("clips")
    originals, store = folder / "originals", folder / "store"
    originals.mkdir()
    shutil.copyfile(clips["bikes"], originals / "original.mp4")
    run_ffmpeg("-ss", 2, "-t", 5, "-i", originals / "original.mp4", "-vf", "hflip,scale=480:-2,setsar=1", "-an",
           "-c:v", "libx264", "-crf", 30, "-preset", "veryfast", f"file:{originals / COPY_NAME}")  # fmt: skip
    with open_case(store, create=True) as case:
        options = IngestOptions(analysis=AnalysisOptions(sidecars=False))
        assert [outcome.status for outcome in case.ingest([originals], options)] == ["added", "added"]
    return folder, store


def test_report_clips_shows_both_sides_of_a_segment(matching_videos: tuple[Path, Path]) -> None:
    folder, store = matching_videos
    done = mediafp("report", folder / "evidence.html", "--clips", store=store)
    assert done.returncode == 0, done.stderr
    assert (folder / "evidence.html").is_file()
    (path,) = (folder / "evidence-clips").iterdir()
    assert path.suffix == ".mp4" and path.name in done.stdout.replace("\n", "")
    page = (folder / "evidence.html").read_text()
    assert f'href="evidence-clips/{path.name}"' in page
    assert "A, least alike" in page and "kept frame" not in page, "the frames are those of the originals"
    with open_case(store) as case:
        (result,) = (result for result in case.pairwise_results() if result.matches)
        (match,) = result.matches
        (segment,) = match.segments
        sizes = {
            asset.sha256: (asset.properties["width"], asset.properties["height"]) for asset in case._store.assets()
        }
    assert match.verdict == "copy" and segment.mirrored and segment.query is not None
    duration, (width, height), frames = decode_clip(path)
    assert duration == pytest.approx(segment.query[1] - segment.query[0], abs=0.5)
    assert 4 < duration < 6
    assert result.sha256 is not None
    side_widths = [
        CLIP_HEIGHT * int(sizes[sha256][0]) / int(sizes[sha256][1]) for sha256 in (result.sha256, match.sha256)
    ]
    assert height == CLIP_HEIGHT and width == pytest.approx(sum(side_widths), abs=4)
    middle = round(side_widths[0])
    assert len(frames) > 0
    for frame in frames:
        # The query is on the left, the reference on the right: the same moment, mirrored.
        left, right = frame[:, : middle - 4], frame[:, middle + 4 :]
        assert min(left.std(), right.std()) > 20
        columns = np.linspace(0.02, 0.98, 60)
        query, reference = (side[:, (columns * side.shape[1]).astype(int)].astype(float) for side in (left, right))
        assert np.abs(query[:, ::-1] - reference).mean() < 0.6 * np.abs(query - reference).mean()


def test_report_clips_states_that_an_original_is_gone(matching_videos: tuple[Path, Path]) -> None:
    folder, store = matching_videos
    (folder / "originals" / "original.mp4").rename(folder / "elsewhere.mp4")
    try:
        done = CliRunner().invoke(app, ["report", str(folder / "gone.html"), "--clips", "--store", str(store)])
    finally:
        (folder / "elsewhere.mp4").rename(folder / "originals" / "original.mp4")
    assert done.exit_code == 0, done.exception
    assert "gone from where it was seen" in " ".join(done.stdout.split())
    assert "kept frame of" in (folder / "gone.html").read_text()
    assert not list((folder / "gone-clips").glob("*.mp4"))


def test_report_clips_states_that_an_original_was_changed(matching_videos: tuple[Path, Path]) -> None:
    folder, store = matching_videos
    original = folder / "originals" / "original.mp4"
    content = original.read_bytes()
    original.write_bytes(b"overwritten")
    try:
        with open_case(store) as case:
            (clip,) = case.report(folder / "other.html", clips=True)
    finally:
        original.write_bytes(content)
    assert clip.path is None and "was changed" in clip.message
    assert not (folder / "other-clips").exists()


def test_report_clips_without_the_sandbox_needs_the_option(matching_videos: tuple[Path, Path], tmp_path: Path) -> None:
    _, store = matching_videos
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "pyseccomp.py").write_text("raise ImportError")
    page = tmp_path / "evidence.html"
    rejected = mediafp("report", page, "--clips", store=store, PYTHONPATH=str(modules))
    assert rejected.returncode == 2 and "--unsafe-no-sandbox" in rejected.stderr
    assert not page.exists() and not (tmp_path / "evidence-clips").exists()
    done = mediafp("report", page, "--clips", "--unsafe-no-sandbox", store=store, PYTHONPATH=str(modules))
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "evidence-clips").iterdir()
    assert 4 < decode_clip(path)[0] < 6


def open_always(path: Path) -> Callable[[str], AbstractContextManager[OpenFile | None]]:
    """Return an opener of originals that are all the same file."""

    @contextmanager
    def open_original(sha256: str) -> Iterator[OpenFile | None]:
        with open_file(path) as file:
            # The file position after an earlier read is arbitrary.
            os.lseek(file.descriptor, 7, os.SEEK_SET)
            yield file

    return open_original


def find_asset(sha256: str) -> Asset:
    """Return an asset with pictures and without sound."""
    return Asset(sha256=sha256, kind="video", bytes=1, properties={"width": 480, "height": 204, "has_sound": False})


PLAYLISTS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{}\n#EXT-X-ENDLIST\n",
    "a.ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "a.sdp": "v=0\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
}


@pytest.mark.parametrize("sandboxed", [True, False])
@pytest.mark.parametrize("name", PLAYLISTS)
def test_cut_clips_follows_no_playlist_in_place_of_an_original(
    matching_videos: tuple[Path, Path], tmp_path: Path, name: str, sandboxed: bool
) -> None:
    # Without the sandbox only the allowlists of demuxers and protocols prevent it.
    folder, store = matching_videos
    with open_case(store) as case:
        results = list(case.pairwise_results())
    output = tmp_path / "clips"
    output.mkdir()
    ffmpeg = find_ffmpeg(sandboxed=sandboxed)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for target in (
            f"file:{folder / 'originals' / 'original.mp4'}",
            f"http://127.0.0.1:{server.getsockname()[1]}/a.ts",
        ):
            (tmp_path / name).write_text(PLAYLISTS[name].format(target))
            (clip,) = cut_clips(
                output,
                results=results,
                open_original=open_always(tmp_path / name),
                find_asset=find_asset,
                run_ffmpeg=ffmpeg.run,
            )
            assert clip.path is None and "ffmpeg failed" in clip.message
            with pytest.raises(BlockingIOError):
                server.accept()
    assert not list(output.iterdir())
    # The control.
    (clip,) = cut_clips(
        output,
        results=results,
        open_original=open_always(folder / "originals" / "original.mp4"),
        find_asset=find_asset,
        run_ffmpeg=ffmpeg.run,
    )
    assert clip.path is not None, clip.message


def test_cut_clips_does_not_give_an_animated_image_to_ffmpeg(
    matching_videos: tuple[Path, Path], tmp_path: Path
) -> None:
    with open_case(matching_videos[1]) as case:
        results = list(case.pairwise_results())
    shots = [Image.new("L", (64, 48), level) for level in (0, 250)]
    shots[0].save(tmp_path / "a.gif", save_all=True, append_images=shots[1:])

    def run(arguments: Sequence[str], *, descriptors: Sequence[int], cpu_seconds: float, file_bytes: int) -> None:
        pytest.fail("FFmpeg was run")

    (clip,) = cut_clips(
        tmp_path, results=results, open_original=open_always(tmp_path / "a.gif"), find_asset=find_asset, run_ffmpeg=run
    )
    assert clip.path is None and "animated image" in clip.message


def test_report_clips_cuts_originals_with_any_name(matching_videos: tuple[Path, Path], tmp_path: Path) -> None:
    folder, _ = matching_videos
    (tmp_path / "originals").mkdir()
    for path in (folder / "originals").iterdir():
        shutil.copyfile(path, tmp_path / "originals" / os.fsdecode(b"bad\xff" + os.fsencode(path.name)))
    with open_case(tmp_path / "store", create=True) as case:
        assert [outcome.status for outcome in case.ingest([tmp_path / "originals"])] == ["added", "added"]
        (clip,) = case.report(tmp_path / "page.html", clips=True)
    assert clip.path is not None, clip.message
    assert decode_clip(clip.path)[0] > 1


@pytest.mark.parametrize("error", [MediaError("no"), KeyboardInterrupt()])
def test_cut_clips_keeps_an_older_clip_and_no_partial_one(
    matching_videos: tuple[Path, Path], tmp_path: Path, error: BaseException
) -> None:
    folder, store = matching_videos
    with open_case(store) as case:
        results = list(case.pairwise_results())

    def run(arguments: Sequence[str], *, descriptors: Sequence[int], cpu_seconds: float, file_bytes: int) -> None:
        assert [os.lseek(descriptor, 0, os.SEEK_CUR) for descriptor in descriptors] == [0, 0, 0]
        os.write(descriptors[-1], b"half")
        if list(tmp_path.glob("*.mp4")):
            raise error

    open_original = open_always(folder / "originals" / "original.mp4")
    (clip,) = cut_clips(tmp_path, results=results, open_original=open_original, find_asset=find_asset, run_ffmpeg=run)
    assert clip.path is not None and list(tmp_path.iterdir()) == [clip.path]
    inode = clip.path.stat().st_ino
    try:
        (again,) = cut_clips(
            tmp_path, results=results, open_original=open_original, find_asset=find_asset, run_ffmpeg=run
        )
        assert again.path is None and again.message.endswith("ffmpeg failed: no")
    except KeyboardInterrupt:
        assert isinstance(error, KeyboardInterrupt)
    assert list(tmp_path.iterdir()) == [clip.path] and clip.path.stat().st_ino == inode


def test_cut_clips_keeps_no_clip_of_an_original_that_was_overwritten_meanwhile(
    matching_videos: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, store = matching_videos
    with open_case(store) as case:
        results = list(case.pairwise_results())
    original, output = tmp_path / "original.mp4", tmp_path / "clips"
    shutil.copyfile(folder / "originals" / "original.mp4", original)
    output.mkdir()

    def run(arguments: Sequence[str], *, descriptors: Sequence[int], cpu_seconds: float, file_bytes: int) -> None:
        overwrite_in_place(original, b"other content")

    (clip,) = cut_clips(
        output, results=results, open_original=open_always(original), find_asset=find_asset, run_ffmpeg=run
    )
    assert clip.path is None and "it changed while it was read" in clip.message
    assert not list(output.iterdir())


def test_cut_clips_allows_more_for_a_longer_segment_up_to_a_limit(
    matching_videos: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, store = matching_videos
    limits = []

    def run(arguments: Sequence[str], *, descriptors: Sequence[int], cpu_seconds: float, file_bytes: int) -> None:
        limits.append((cpu_seconds, file_bytes))

    with open_case(store) as case:
        (result,) = (result for result in case.pairwise_results() if result.matches)
    (match,) = result.matches
    (segment,) = match.segments
    for seconds in (5.0, 50.0, 1e9):
        long_segment = replace(segment, query=(0.0, seconds), reference=(0.0, seconds))
        long_result = replace(result, matches=(replace(match, segments=(long_segment,)),))
        list(
            cut_clips(
                tmp_path,
                results=[long_result],
                open_original=open_always(folder / "originals" / "original.mp4"),
                find_asset=find_asset,
                run_ffmpeg=run,
            )
        )
    assert limits[0] < limits[1] < limits[2]
    assert limits[2][0] <= 1800 and limits[2][1] <= 4 << 30
