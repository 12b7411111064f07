"""Runs of frames that show a still image, on given scores."""

from itertools import pairwise

import numpy as np
import pytest
from fake_references import even_spans

from mediafp.matching.time_spans import RUN_DROP, RUN_SHARE, covered_share, find_runs


def runs(scores: list[float], spans: np.ndarray | None = None) -> list[tuple[tuple[float, float], slice]]:
    return find_runs(np.array(scores, np.float32), even_spans(len(scores)) if spans is None else spans)


def test_find_runs_returns_interval_and_rows() -> None:
    assert runs([-0.1, 0.0, 0.6, 0.62, 0.58, 0.1]) == [((2.0, 5.0), slice(2, 5))]


def test_find_runs_includes_the_first_and_the_last_frame() -> None:
    assert runs([0.6, 0.0, 0.6]) == [((0.0, 1.0), slice(0, 1)), ((2.0, 3.0), slice(2, 3))]
    assert runs([0.5, 0.5]) == [((0.0, 2.0), slice(0, 2))]


def test_find_runs_orders_by_time_and_not_by_score() -> None:
    intervals = runs([0.5, 0.5, 0.0, 0.55, 0.0, 0.52])
    assert [rows for _, rows in intervals] == [slice(0, 2), slice(3, 4), slice(5, 6)]
    assert [interval[0] for interval, _ in intervals] == [0.0, 3.0, 5.0]


def test_find_runs_takes_times_from_the_spans() -> None:
    spans = np.array([[0.0, 2.5], [2.5, 2.9], [7.0, 9.12345]])
    assert runs([0.0, 0.6, 0.6], spans) == [((2.5, 9.123), slice(1, 3))]


@pytest.mark.parametrize("best", [0.9, 0.5])
def test_run_with_a_high_score_ends_at_the_allowed_drop(best: float) -> None:
    assert best * (1 - RUN_SHARE) > RUN_DROP
    above, below = best - RUN_DROP + 0.01, best - RUN_DROP - 0.01
    assert [rows for _, rows in runs([below, above, best, above, below])] == [slice(1, 4)]


def test_run_with_a_low_score_ends_at_a_share_of_its_best() -> None:
    best = 0.1
    assert best - RUN_DROP < 0 < best * RUN_SHARE
    assert [rows for _, rows in runs([0.04, 0.06, best, 0.01])] == [slice(1, 3)]


@pytest.mark.parametrize("scores", [[-0.3], [0.0], [-0.3, -0.2, -0.25], [0.0, -0.1, 0.0]])
def test_find_runs_always_contains_the_best_frame(scores: list[float]) -> None:
    rows = [row for _, run in runs(scores) for row in range(run.start, run.stop)]
    assert int(np.argmax(scores)) in rows
    assert all(scores[row] == max(scores) for row in rows)


def test_rows_of_a_run_score_higher_than_all_others() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        scores = rng.uniform(-0.3, 0.9, rng.integers(1, 30)).astype(np.float32)
        intervals = find_runs(scores, even_spans(len(scores), 0.5))
        assert intervals
        in_run = np.zeros(len(scores), bool)
        for (start, end), rows in intervals:
            assert (start, end) == (rows.start / 2, rows.stop / 2)
            in_run[rows] = True
        assert in_run[scores.argmax()]
        assert scores[in_run].min() > scores[~in_run].max(initial=-1)
        gaps = [b.start - a.stop for (_, a), (_, b) in pairwise(intervals)]
        assert all(gap >= 1 for gap in gaps)


def test_covered_share_counts_overlapping_intervals_once_and_skips_missing_time() -> None:
    spans = np.array([[0.0, 4.0], [6.0, 10.0]])  # 2 s of flat frames have no row
    assert covered_share([(0.0, 4.0)], spans) == 0.5
    assert covered_share([(1.0, 3.0), (0.0, 2.0), (1.5, 2.5)], spans) == 0.375
    assert covered_share([], spans) == 0.0


def test_covered_share_of_a_video_without_duration_is_full() -> None:
    assert covered_share([(0.0, 0.0)], np.zeros((1, 2))) == 1.0
