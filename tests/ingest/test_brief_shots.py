"""Shots that are shown between two samples are found by the grey frames, and their number is bounded."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from mediafp.ingest.brief_shots import BOUND_SECONDS, MAX_BRIEF_SHOTS, BriefShot, BriefShotFinder
from mediafp.types.media import TRACK_SIDE

STEP = 0.2
RNG = np.random.default_rng(0)
A, B, C = RNG.integers(0, 256, (3, TRACK_SIDE, TRACK_SIDE), np.uint8)
FLAT = np.full_like(A, 30)


def find(greys: Sequence[np.ndarray], sampled: Sequence[int] = (0,)) -> list[BriefShot]:
    """Return the brief shots of grey frames that follow each other; those with these numbers are sampled."""
    finder, found = BriefShotFinder(), []
    for number, grey in enumerate(greys):
        frame: Any = number
        found.append(finder.add(frame, grey, 0.04, times=1, step_time=(number - 0.5) * STEP))
        if number in sampled:
            finder.note_sample()
    return [one for one in found if one]


def test_a_shot_of_two_grey_frames_is_found_with_its_times() -> None:
    (shot,) = find([A, A, B, B, C, C], sampled=[0, 5])
    assert (shot.start, shot.end) == (pytest.approx(0.3), pytest.approx(0.7)) and shot.frame == 3


@pytest.mark.parametrize(
    ("greys", "sampled"),
    [
        ([A, A, B, B, B, A], [0, 3]),  # it has a sample
        ([A, A, A, B, B, B], [0]),  # it has not ended
        ([A, A, B, C, C, C], [0, 5]),  # one grey frame between two other shots may be a fade
        ([A, A, FLAT, FLAT, A, A], [0, 5]),
        ([A, A // 2 + 60, A, A // 3, A, A], [0, 5]),  # exposure alone
    ],
    ids=["sampled", "last", "fade", "flat", "exposure"],
)
def test_other_changes_are_no_brief_shots(greys: list[np.ndarray], sampled: list[int]) -> None:
    assert find(greys, sampled) == []


def test_one_grey_frame_between_two_parts_of_a_shot_is_found() -> None:
    (shot,) = find([A, A, B, A, A, A], sampled=[0, 5])
    assert shot.frame == 2


def test_a_flickering_video_has_a_bounded_number() -> None:
    count = round(3 * BOUND_SECONDS / STEP)
    found = find([(A, A, B, B)[number % 4] for number in range(count)])
    assert len(found) == 3 * MAX_BRIEF_SHOTS
