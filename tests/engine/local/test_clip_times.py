"""Clips show the frame and the sound of both files that belong to the same moment, and run together."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from coded_videos import read_number, write_coded_video
from processes import run_ffmpeg
from sample_matches import sample_match

from mediafp.engine.local.clips import MAX_CLIPS_PER_PAIR, cut_clips
from mediafp.engine.local.programs import find_ffmpeg
from mediafp.ingest.files import OpenFile, open_file
from mediafp.types.matches import Clip, QueryResult, Segment, SegmentChannel
from mediafp.types.media import Asset

QUERY, REFERENCE = "1" * 64, "2" * 64


def segment(
    query: tuple[float, float], reference: tuple[float, float], speed: float = 1.0, channel: SegmentChannel = "picture"
) -> Segment:
    return Segment(channel=channel, query=query, reference=reference, speed=speed, mirrored=False, score=1.0)


def cut(folder: Path, query: Path, reference: Path, *segments: Segment) -> list[Clip]:
    """Return the clips of segments of two files; a file's name says if it has no pictures or no sound."""
    paths = {QUERY: query, REFERENCE: reference}

    @contextmanager
    def open_original(sha256: str) -> Iterator[OpenFile]:
        with open_file(paths[sha256]) as file:
            yield file

    def find_asset(sha256: str) -> Asset:
        has_images, has_sound = paths[sha256].suffix != ".m4a", "silent" not in paths[sha256].name
        properties = {"width": 240 if has_images else None, "has_sound": has_sound}
        return Asset(sha256=sha256, kind="video", bytes=1, properties=properties)

    match = sample_match(sha256=REFERENCE, kind="video", relation="shares_footage", segments=segments)
    result = QueryResult(query=str(query), sha256=QUERY, kind="video", error=None, matches=(match,))
    ffmpeg = find_ffmpeg(sandboxed=True)
    return list(
        cut_clips(folder, results=[result], open_original=open_original, find_asset=find_asset, run_ffmpeg=ffmpeg.run)
    )


def watch(clip: Clip) -> tuple[list[tuple[int, int]], np.ndarray | None]:
    """Return the numbers that the left and the right frame show, and the sound of both channels."""
    assert clip.path is not None, clip.message
    with av.open(str(clip.path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    middle = frames[0].shape[1] // 2
    numbers = [(read_number(frame[:, :middle]), read_number(frame[:, middle:])) for frame in frames]
    with av.open(str(clip.path)) as container:
        if not container.streams.audio:
            return numbers, None
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return numbers, np.concatenate(blocks, axis=1)


def tone_starts(samples: np.ndarray) -> list[float]:
    """Return the seconds at which a tone begins."""
    loud = np.abs(samples[: len(samples) // 480 * 480].reshape(-1, 480)).max(axis=1) > 0.1
    return [float(n) / 100 for n in np.flatnonzero(loud & ~np.concatenate([[False], loud[:-1]]))]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_coded_video(tmp_path_factory.mktemp("coded") / "plain.mp4", 20)


def test_both_sides_show_their_moment_in_a_transport_stream_that_starts_late(plain: Path, tmp_path: Path) -> None:
    run_ffmpeg("-i", plain, "-c", "copy", "-output_ts_offset", 1000, "-muxdelay", 0, tmp_path / "late.ts")
    (clip,) = cut(tmp_path, plain, tmp_path / "late.ts", segment((2.3, 4.3), (13.0, 15.0)))
    numbers, sound = watch(clip)
    assert len(numbers) == 50 and sound is not None and sound.shape[1] == pytest.approx(2 * 48_000, abs=1024)
    for n, (left, right) in enumerate(numbers):
        assert left == pytest.approx(57.5 + n, abs=1) and right == pytest.approx(325 + n, abs=1.5)
    assert tone_starts(sound[0]) == pytest.approx([0.7, 1.7], abs=0.04), "the query is on the left"
    assert tone_starts(sound[1]) == pytest.approx([0.0, 1.0], abs=0.04), "the reference is on the right"


def test_a_cut_by_an_edit_list_and_a_slide_that_began_before_show_their_moment(plain: Path, tmp_path: Path) -> None:
    run_ffmpeg("-ss", 3.4, "-i", plain, "-c", "copy", tmp_path / "cut.mp4")
    slides = write_coded_video(tmp_path / "silent slides.mp4", 40, times=(0, 9, 10, 22, 30), audio=False)
    (clip,) = cut(tmp_path, tmp_path / "cut.mp4", slides, segment((9.0, 11.0), (8.0, 10.0)))
    numbers, sound = watch(clip)
    assert numbers[0] == (310, 0) and numbers[24][1] == 0 and numbers[-1][1] == 1 and numbers[-1][0] == 359
    assert sound is not None and tone_starts(sound[0]) == pytest.approx([0.6, 1.6], abs=0.04)
    assert not tone_starts(sound[1]), "a side without sound is silent"


def test_a_reversed_and_faster_reference_runs_with_the_query(plain: Path, tmp_path: Path) -> None:
    (clip,) = cut(tmp_path, plain, plain, segment((2.0, 4.0), (6.0, 9.0), -1.5))
    numbers, sound = watch(clip)
    assert len(numbers) == 50
    for n, (left, right) in enumerate(numbers):
        assert left == pytest.approx(50 + n, abs=1) and right == pytest.approx(225 - 1.5 * n, abs=2)
    assert sound is not None
    # A tone of 0.1 s that begins at 8.0 s of the reference ends 0.9 s before the segment does.
    assert tone_starts(sound[1]) == pytest.approx([0.6, 1.267, 1.933], abs=0.08)


def test_a_sound_file_shows_a_panel_and_its_sound(plain: Path, tmp_path: Path) -> None:
    run_ffmpeg("-i", plain, "-vn", "-c", "copy", tmp_path / "文 voice.m4a")
    voice = segment((2.0, 4.0), (5.5, 7.5), channel="voice")
    (clip,) = cut(tmp_path, plain, tmp_path / "文 voice.m4a", voice)
    numbers, sound = watch(clip)
    assert [left for left, _ in numbers[::10]] == pytest.approx([50, 60, 70, 80, 90], abs=1)
    assert sound is not None and tone_starts(sound[1]) == pytest.approx([0.5, 1.5], abs=0.04)
    assert clip.segment == voice


def test_voices_have_a_clip_of_their_own_only_where_no_pictures_run_with_them(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediafp.engine.local.clips._cut", lambda *arguments: None)
    picture = segment((2.0, 8.0), (5.0, 11.0))
    same, elsewhere = (
        segment((2.5, 8.2), (5.6, 11.3), channel="voice"),
        segment((2.0, 8.0), (9.0, 15.0), channel="voice"),
    )
    clips = cut(tmp_path, plain, plain, picture, same, elsewhere)
    assert [clip.segment for clip in clips] == [picture, elsewhere]
    slower = segment((2.0, 8.0), (5.0, 9.8), 0.8, channel="voice")
    assert [clip.segment for clip in cut(tmp_path, plain, plain, picture, slower)] == [picture, slower]
    many = cut(tmp_path, plain, plain, *(segment((n, n + 0.5), (n, n + 0.5)) for n in range(12)))
    assert [clip.path is not None for clip in many] == [True] * MAX_CLIPS_PER_PAIR + [False]
    assert "skipped 4 segments" in many[-1].message
