"""Score normalisation, ranking of candidates, and the shortlist."""

import numpy as np
import pytest

from mediafp.matching.candidates import Candidate, background_level, min_hamming_distance, shortlist


def candidate(name: str, score: float, distinct_score: float) -> Candidate:
    return Candidate(sha256=name, score=score, similarity=score, distinct_score=distinct_score, query_row=0, row=0)


def test_shortlist_takes_from_each_ranking_in_turn() -> None:
    candidates = [
        candidate("a", 0.9, -1.0),
        candidate("b", 0.5, 0.1),
        candidate("c", 0.4, 0.4),
        candidate("d", 0.1, 0.0),
    ]
    crop_scores = {"d": 0.6, "b": 0.5}
    assert [c.sha256 for c in shortlist(candidates, crop_scores, 9)] == ["a", "c", "d", "b"]
    assert [c.sha256 for c in shortlist(candidates, crop_scores, 2)] == ["a", "c"]
    assert [c.sha256 for c in shortlist(candidates, {}, 9)] == ["a", "c", "b", "d"]
    assert shortlist([], {}, 9) == []


def test_background_level_is_the_mean_of_the_three_best_similarities() -> None:
    background = np.diag([1.0, 0.5, 0.25, 0.125, 0.0]).astype(np.float16)
    level = background_level(np.ones((1, 5), np.float16), background)
    assert level.shape == (1,) and level.dtype == np.float32
    assert level[0] == pytest.approx((1 + 0.5 + 0.25) / 3)


def test_min_hamming_distance_is_that_of_the_nearest_pair_of_rows() -> None:
    query = np.array([[0b1111_0000, 0], [0b0000_0001, 0]], np.uint8)
    reference = np.array([[0b0000_0111, 0], [0b1111_1111, 255]], np.uint8)
    assert min_hamming_distance(query, reference) == 2
    assert min_hamming_distance(query, np.empty((0, 2), np.uint8)) == 16, "all bits without rows"
