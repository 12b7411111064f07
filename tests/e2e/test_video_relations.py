"""Relations of real clips through ingest and match: FFmpeg builds each query from the stored clips."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import run_ffmpeg

from mediafp.case.case import Case, open_case
from mediafp.types.matches import Match
from mediafp.types.runs import AnalysisOptions, IngestOptions

ENCODE = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "28", "-an")
NORMALISE = "scale=320:240,setsar=1,fps=25"
"""Clips of one size and frame rate can be joined."""


@pytest.fixture(scope="module")
def clip_case(tmp_path_factory: pytest.TempPathFactory, clips: dict[str, Path]) -> Iterator[Case]:
    """A case with the clips `bikes` (10 s) and `bunny` (5 s)."""
    folder = tmp_path_factory.mktemp("relations")
    with open_case(folder / "store", create=True) as case:
        options = IngestOptions(jobs=1, analysis=AnalysisOptions(sidecars=False, ocr=False))
        outcomes = list(case.ingest([clips["bikes"], clips["bunny"]], options))
        assert [outcome.status for outcome in outcomes] == ["added", "added"]
        yield case


def join(out: Path, *parts: tuple[Path, float, float]) -> Path:
    """A video of parts (clip, start, seconds) one after another, scaled down and recompressed."""
    inputs = [argument for clip, start, seconds in parts for argument in ("-ss", start, "-t", seconds, "-i", clip)]
    scaled = ";".join(f"[{n}:v]{NORMALISE}[v{n}]" for n in range(len(parts)))
    joined = "".join(f"[v{n}]" for n in range(len(parts))) + f"concat=n={len(parts)}:v=1[out]"
    run_ffmpeg(*inputs, "-filter_complex", f"{scaled};{joined}", "-map", "[out]", *ENCODE, out)
    return out


def matches_of(case: Case, query: Path) -> dict[str, Match]:
    """The matches of a query, by the name of the clip."""
    (result,) = case.match([query], ocr=False)
    assert result.error is None
    return {Path(match.uris[0]).stem: match for match in result.matches}


def test_recompressed_clip_is_the_same_video(clip_case: Case, clips: dict[str, Path], tmp_path: Path) -> None:
    query = join(tmp_path / "query.mp4", (clips["bikes"], 0, 10))
    (match,) = matches_of(clip_case, query).values()
    assert (match.relation, match.verdict) == ("same_video", "copy")
    assert min(match.coverage) > 0.9 and match.probability > 0.9
    (segment,) = match.segments
    assert segment.query == pytest.approx((0, 10), abs=1) and segment.reference == pytest.approx((0, 10), abs=1)


def test_part_of_a_clip_is_contained_in_it(clip_case: Case, clips: dict[str, Path], tmp_path: Path) -> None:
    query = join(tmp_path / "query.mp4", (clips["bikes"], 3, 4))
    (match,) = matches_of(clip_case, query).values()
    assert (match.relation, match.verdict) == ("contained_in", "copy")
    (segment,) = match.segments
    assert segment.query == pytest.approx((0, 4), abs=1) and segment.reference == pytest.approx((3, 7), abs=1)


def test_joined_clips_contain_each_of_them(clip_case: Case, clips: dict[str, Path], tmp_path: Path) -> None:
    query = join(tmp_path / "query.mp4", (clips["bikes"], 0, 10), (clips["bunny"], 0, 6))
    matches = matches_of(clip_case, query)
    assert len(matches) == 2
    assert {(match.relation, match.verdict) for match in matches.values()} == {("contains", "copy")}
    (segment,) = matches["bigbuckbunny"].segments
    assert segment.query[0] == pytest.approx(10, abs=1) and segment.reference[0] == pytest.approx(0, abs=1)


def test_part_between_other_footage_shares_footage(clip_case: Case, clips: dict[str, Path], tmp_path: Path) -> None:
    query = join(tmp_path / "query.mp4", (clips["carphone"], 0, 4), (clips["bikes"], 2, 4))
    (match,) = matches_of(clip_case, query).values()
    assert (match.relation, match.verdict) == ("shares_footage", "copy")
    assert max(match.coverage) < 0.7
    (segment,) = match.segments
    assert segment.query == pytest.approx((4, 8), abs=1) and segment.reference == pytest.approx((2, 6), abs=1)


def test_unrelated_clip_has_no_match(clip_case: Case, clips: dict[str, Path]) -> None:
    assert matches_of(clip_case, clips["carphone"]) == {}
