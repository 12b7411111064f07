"""Temporal alignment on given score matrices."""

import tracemalloc

import numpy as np
import pytest

from mediafp.matching.videos import alignment
from mediafp.matching.videos.alignment import MAX_SAMPLES, align_frames


def seconds(count: int) -> np.ndarray:
    """Time spans of rows of one second each."""
    return np.column_stack((np.arange(count), np.arange(1, count + 1))).astype(np.float64)


def test_align_frames_returns_the_interval_on_both_sides_of_a_copied_part() -> None:
    scores = np.full((30, 40), -0.1, np.float32)
    for n in range(8):
        scores[10 + n, 25 + n] = 0.6
    (segment,) = align_frames(scores, seconds(30), seconds(40), threshold=0.1)
    assert segment.query == (10.0, 18.0) and segment.reference == (25.0, 33.0)
    assert segment.speed == 1.0
    assert segment.score == pytest.approx(0.6)


def test_align_frames_keeps_two_segments_apart() -> None:
    scores = np.full((40, 40), -0.1, np.float32)
    for n in range(6):
        scores[2 + n, 20 + n] = 0.6
        scores[25 + n, 3 + n] = 0.5
    segments = sorted(s.query for s in align_frames(scores, seconds(40), seconds(40), threshold=0.1))
    assert segments == [(2.0, 8.0), (25.0, 31.0)]


def test_align_frames_returns_the_speed_of_a_faster_copy() -> None:
    scores = np.full((40, 60), -0.1, np.float32)
    for n in range(40):
        scores[n, round(n * 1.25)] = 0.6
    (segment,) = align_frames(scores, seconds(40), seconds(60), threshold=0.1)
    assert segment.speed == 1.25
    assert segment.query == (0.0, 40.0)


def test_align_frames_returns_no_segment_without_similar_frames() -> None:
    assert align_frames(np.full((5, 5), -0.1, np.float32), seconds(5), seconds(5), threshold=0.1) == []
    assert align_frames(np.empty((0, 5), np.float32), np.empty((0, 2)), seconds(5), threshold=0.1) == []


def test_align_frames_bridges_skipped_flat_frames_but_not_different_frames() -> None:
    """A flat frame has no row, so a gap in the spans is no contradiction; a row with a low score is one."""
    scores = np.full((20, 20), -0.1, np.float32)
    np.fill_diagonal(scores, 0.6)
    textured = np.r_[0:8, 14:20]
    (segment,) = align_frames(
        scores[np.ix_(textured, textured)], seconds(20)[textured], seconds(20)[textured], threshold=0.1
    )
    assert segment.query == segment.reference == (0.0, 20.0)
    scores[8:14, 8:14] = -0.1
    assert len(align_frames(scores, seconds(20), seconds(20), threshold=0.1)) == 2


def test_align_frames_returns_the_end_of_a_segment_in_a_video_above_two_hours() -> None:
    """A video of four hours is sampled every two seconds: the last sample of a segment lasts as long."""
    starts = np.append(np.arange(0, 40, 2), 2 * MAX_SAMPLES - 2).astype(np.float64)
    spans = np.column_stack((starts, starts + 2))
    scores = np.full((21, 21), -0.1, np.float32)
    for n in range(5, 15):
        scores[n, n] = 0.6
    (segment,) = align_frames(scores, spans, spans, threshold=0.1)
    assert segment.query == segment.reference == (10.0, 30.0)


def test_align_frames_splits_a_segment_after_two_samples_without_a_similar_frame() -> None:
    scores = np.full((20, 20), -0.1, np.float32)
    np.fill_diagonal(scores, 0.6)
    scores[8, 8] = -0.1
    assert len(align_frames(scores, seconds(20), seconds(20), threshold=0.1)) == 1
    scores[9, 9] = -0.1
    assert len(align_frames(scores, seconds(20), seconds(20), threshold=0.1)) == 2


def test_equal_images_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "MAX_VOTES", 5_000)
    count = 400
    scores = np.full((count, count), 0.5, np.float32)
    tracemalloc.start()
    try:
        (segment,) = align_frames(scores, seconds(count), seconds(count), threshold=0.1)
        # 160,000 pairs of samples took 17 MB.
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
    assert segment.query == segment.reference == (0, count)


@pytest.mark.parametrize("max_votes", [10, 40, 1_000])
def test_a_sampled_vote_finds_the_same_segment(monkeypatch: pytest.MonkeyPatch, max_votes: int) -> None:
    monkeypatch.setattr(alignment, "MAX_VOTES", max_votes)
    scores = np.full((90, 120), -0.1, np.float32)
    for n in range(60):
        scores[20 + n, 45 + n] = 0.6
    (segment,) = align_frames(scores, seconds(90), seconds(120), threshold=0.1)
    assert segment.query == (20.0, 80.0) and segment.reference == (45.0, 105.0)
