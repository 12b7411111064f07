"""Alignment on likeness matrices made by hand."""

import numpy as np
import pytest

from mediafp.matching.videos.alignment import align_frames


def seconds(count: int) -> np.ndarray:
    return np.column_stack((np.arange(count), np.arange(1, count + 1))).astype(np.float64)


def test_a_copied_stretch_is_found_with_both_times() -> None:
    likeness = np.full((30, 40), -0.1, np.float32)
    for n in range(8):
        likeness[10 + n, 25 + n] = 0.6
    (stretch,) = align_frames(likeness, seconds(30), seconds(40), threshold=0.1)
    assert stretch.query == (10.0, 18.0) and stretch.reference == (25.0, 33.0)
    assert stretch.speed == 1.0
    assert stretch.score == pytest.approx(0.6)


def test_two_stretches_stay_two() -> None:
    likeness = np.full((40, 40), -0.1, np.float32)
    for n in range(6):
        likeness[2 + n, 20 + n] = 0.6
        likeness[25 + n, 3 + n] = 0.5
    found = sorted(s.query for s in align_frames(likeness, seconds(40), seconds(40), threshold=0.1))
    assert found == [(2.0, 8.0), (25.0, 31.0)]


def test_a_faster_copy_tells_its_speed() -> None:
    likeness = np.full((40, 60), -0.1, np.float32)
    for n in range(40):
        likeness[n, round(n * 1.25)] = 0.6
    (stretch,) = align_frames(likeness, seconds(40), seconds(60), threshold=0.1)
    assert stretch.speed == 1.25
    assert stretch.query == (0.0, 40.0)


def test_nothing_alike_gives_nothing() -> None:
    assert align_frames(np.full((5, 5), -0.1, np.float32), seconds(5), seconds(5), threshold=0.1) == []
    assert align_frames(np.empty((0, 5), np.float32), np.empty((0, 2)), seconds(5), threshold=0.1) == []


def test_dropped_flat_frames_do_not_break_a_stretch_and_frames_that_disagree_do() -> None:
    likeness = np.full((20, 20), -0.1, np.float32)
    np.fill_diagonal(likeness, 0.6)
    flat = np.r_[0:8, 14:20]
    (whole,) = align_frames(likeness[np.ix_(flat, flat)], seconds(20)[flat], seconds(20)[flat], threshold=0.1)
    assert whole.query == whole.reference == (0.0, 20.0)
    likeness[8:14, 8:14] = -0.1
    assert len(align_frames(likeness, seconds(20), seconds(20), threshold=0.1)) == 2
