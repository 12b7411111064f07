"""The logistic function."""

import pytest

from mediafp.types.logistic import MAX_LOGIT, logistic, stated_probability
from mediafp.types.matches import format_probability


def test_logistic_of_zero_is_a_half() -> None:
    assert logistic(0) == 0.5


@pytest.mark.parametrize("logit", [MAX_LOGIT, 1000.0])
def test_logistic_bounds_the_logit(logit: float) -> None:
    assert logistic(logit) == logistic(MAX_LOGIT) == pytest.approx(1, abs=1e-12)
    assert logistic(-logit) == logistic(-MAX_LOGIT) == pytest.approx(0, abs=1e-12)


def test_no_evidence_makes_a_stated_probability_certain() -> None:
    """Only equal bytes are certain: pages say of 1 that the bytes are the same."""
    assert stated_probability(30.0) == stated_probability(1e6) == 0.999999
    assert stated_probability(0.0) == 0.5 and stated_probability(-1e6) == 0.0
    assert [stated_probability(logit) for logit in range(-8, 9)] == sorted(stated_probability(x) for x in range(-8, 9))


@pytest.mark.parametrize(
    ("probability", "digits", "text"),
    [
        (1.0, 3, "1.000"),
        (0.999999, 3, "0.999"),
        (0.9994, 3, "0.999"),
        (0.9, 3, "0.900"),
        (0.0, 3, "0.000"),
        (0.999, 2, "0.99"),
    ],
)
def test_printed_probability_is_rounded_to_1_for_equal_bytes_alone(probability: float, digits: int, text: str) -> None:
    assert format_probability(probability, digits) == text
