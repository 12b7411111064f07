"""The runs of frames in which a still stands, on likenesses made by hand."""

from itertools import pairwise

import numpy as np
import pytest

from mediafp.matching.time_spans import RUN_DROP, RUN_SHARE, find_runs


def seconds(count: int, step: float = 1.0) -> np.ndarray:
    return np.column_stack((np.arange(count), np.arange(1, count + 1))) * step


def runs(values: list[float], spans: np.ndarray | None = None) -> list[tuple[tuple[float, float], slice]]:
    likeness = np.array(values, np.float32)
    return find_runs(likeness, seconds(len(values)) if spans is None else spans)


def test_one_run_has_its_seconds_and_its_rows() -> None:
    assert runs([-0.1, 0.0, 0.6, 0.62, 0.58, 0.1]) == [((2.0, 5.0), slice(2, 5))]


def test_the_first_and_the_last_frame_may_be_in_a_run() -> None:
    assert runs([0.6, 0.0, 0.6]) == [((0.0, 1.0), slice(0, 1)), ((2.0, 3.0), slice(2, 3))]
    assert runs([0.5, 0.5]) == [((0.0, 2.0), slice(0, 2))]


def test_runs_come_in_order_of_time_not_of_likeness() -> None:
    found = runs([0.5, 0.5, 0.0, 0.55, 0.0, 0.52])
    assert [rows for _, rows in found] == [slice(0, 2), slice(3, 4), slice(5, 6)]
    assert [times[0] for times, _ in found] == [0.0, 3.0, 5.0]


def test_seconds_are_those_of_the_spans_not_of_the_rows() -> None:
    spans = np.array([[0.0, 2.5], [2.5, 2.9], [7.0, 9.12345]])
    assert runs([0.0, 0.6, 0.6], spans) == [((2.5, 9.123), slice(1, 3))]


@pytest.mark.parametrize("best", [0.9, 0.5])
def test_a_high_run_ends_where_the_likeness_drops_too_far(best: float) -> None:
    assert best * (1 - RUN_SHARE) > RUN_DROP
    just, too_far = best - RUN_DROP + 0.01, best - RUN_DROP - 0.01
    assert [rows for _, rows in runs([too_far, just, best, just, too_far])] == [slice(1, 4)]


def test_a_low_run_ends_at_a_share_of_its_best() -> None:
    best = 0.1
    assert best - RUN_DROP < 0 < best * RUN_SHARE
    assert [rows for _, rows in runs([0.04, 0.06, best, 0.01])] == [slice(1, 3)]


@pytest.mark.parametrize("values", [[-0.3], [0.0], [-0.3, -0.2, -0.25], [0.0, -0.1, 0.0]])
def test_there_is_always_the_best_frame(values: list[float]) -> None:
    rows = [row for _, run in runs(values) for row in range(run.start, run.stop)]
    assert int(np.argmax(values)) in rows
    assert all(values[row] == max(values) for row in rows)


def test_every_row_of_a_run_is_alike_enough_and_its_neighbours_are_not() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        values = rng.uniform(-0.3, 0.9, rng.integers(1, 30)).astype(np.float32)
        found = find_runs(values, seconds(len(values), 0.5))
        inside = np.zeros(len(values), bool)
        for (start, end), rows in found:
            assert (start, end) == (rows.start / 2, rows.stop / 2)
            inside[rows] = True
        assert inside[values.argmax()]
        assert values[inside].min() > values[~inside].max(initial=-1)
        gaps = [b.start - a.stop for (_, a), (_, b) in pairwise(found)]
        assert all(gap >= 1 for gap in gaps)
