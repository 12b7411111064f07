"""Verdicts: a copy needs proof."""

import pytest

from mediafp.matching import verdicts
from mediafp.matching.verdicts import MIN_COPY_PROBABILITY, MIN_SCENE_SCORE
from mediafp.types.matches import Verdict


@pytest.mark.parametrize(
    ("probability", "score", "proven", "expected"),
    [
        (1.0, 0.9, True, "copy"),
        (MIN_COPY_PROBABILITY, 0.0, True, "copy"),
        (MIN_COPY_PROBABILITY - 0.001, 0.9, True, "possible"),
        (0.01, 0.9, True, "same_scene"),  # keypoints of the background place it, and yet it is improbable
        (0.01, MIN_SCENE_SCORE - 0.001, True, "possible"),
        (1.0, 0.9, False, "possible"),  # a copy needs proof
        (0.5, 0.9, False, "possible"),
        (0.499, MIN_SCENE_SCORE, False, "same_scene"),
        (0.499, MIN_SCENE_SCORE - 0.001, False, "possible"),
        (0.0, 0.9, False, "same_scene"),
        (0.0, -0.2, False, "possible"),
    ],
)
def test_verdict_by_probability_score_and_proof(
    probability: float, score: float, proven: bool, expected: Verdict
) -> None:
    assert verdicts.verdict(probability, score, proven=proven) == expected
