"""All audio tracks of a file are matched, as query and as reference."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from audio_track_files import write_tracks
from sound_samples import voice

import mediafp
from mediafp import AnalysisOptions, Case, IngestOptions
from mediafp.types.matches import Match
from mediafp.types.media import AUDIO_SAMPLE_RATE

FAST = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))
FIRST, SECOND, THIRD = (voice(seed, 8) for seed in (1, 2, 3))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """A case with a film in two languages, and a voice-over."""
    folder = tmp_path_factory.mktemp("tracks")
    paths = [
        write_tracks(folder / "film.mka", FIRST, SECOND, starts={1: 1.0}),
        write_tracks(folder / "speech.mka", THIRD),
    ]
    write_tracks(folder / "part.mka", SECOND[2 * AUDIO_SAMPLE_RATE :])
    write_tracks(folder / "dubbed.mka", np.zeros(60_000, np.int16), THIRD, starts={1: 0.5})
    write_tracks(folder / "both.mka", FIRST // 2, SECOND // 2, starts={1: 1.0})
    write_tracks(folder / "cut.mka", np.concatenate([FIRST[: len(FIRST) // 2], SECOND[len(SECOND) // 2 :]]))
    with mediafp.open(folder / "store", create=True) as opened:
        assert [outcome.status for outcome in opened.ingest(paths, FAST)] == ["added"] * 2
        yield opened


def found(case: Case, name: str) -> Match:
    (result,) = case.match([case.folder.parent / name], ocr=False, speech=None)
    (match,) = result.matches
    assert (match.relation, match.verdict) == ("same_voice", "copy")
    return match


def test_a_voice_of_the_second_track_of_a_reference_is_found(case: Case) -> None:
    match = found(case, "part.mka")
    (segment,) = match.segments
    assert Path(match.uris[0]).stem == "film" and segment.tracks == (0, 1)
    assert segment.query == pytest.approx((0, 6), abs=0.3) and segment.reference == pytest.approx((3, 9), abs=0.3)
    assert match.why[-1] == "the sound of the query agrees with audio track 2 of the reference"


def test_a_voice_in_the_second_track_of_a_query_is_found(case: Case) -> None:
    match = found(case, "dubbed.mka")
    (segment,) = match.segments
    assert Path(match.uris[0]).stem == "speech" and segment.tracks == (1, 0)
    assert segment.query == pytest.approx((0.5, 8.5), abs=0.3)
    assert match.why[-1] == "audio track 2 of the query agrees with the sound of the reference"


def test_each_track_agrees_with_its_own(case: Case) -> None:
    match = found(case, "both.mka")
    assert sorted(segment.tracks or () for segment in match.segments) == [(0, 0), (1, 1)]
    assert min(match.coverage) > 0.9
    assert {reason for reason in match.why if "track" in reason} == {
        f"audio track {number} of the query agrees with audio track {number} of the reference" for number in (1, 2)
    }


def test_a_cut_from_one_language_to_the_other_agrees_with_both_tracks(case: Case) -> None:
    assert [segment.tracks for segment in found(case, "cut.mka").segments] == [(0, 0), (0, 1)]


def test_kept_matches_state_the_tracks_seen_from_either_asset(case: Case) -> None:
    searched = found(case, "part.mka")
    assert [outcome.status for outcome in case.ingest([case.folder.parent / "part.mka"], FAST)] == ["added"]
    (known,) = case.match([case.folder.parent / "part.mka"], ocr=False, speech=None)
    assert [match.segments for match in known.matches if match.relation == "same_voice"] == [searched.segments]
    (seen,) = case.match([case.folder.parent / "film.mka"], ocr=False, speech=None)
    (match,) = [match for match in seen.matches if match.relation == "same_voice"]
    assert match.segments[0].tracks == (1, 0)
    assert "audio track 2 of the query" in match.why[-1] and "agrees with" in match.why[-1]
