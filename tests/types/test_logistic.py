"""The logistic function."""

import pytest

from mediafp.types.logistic import MAX_LOGIT, logistic


def test_logistic_of_zero_is_a_half() -> None:
    assert logistic(0) == 0.5


@pytest.mark.parametrize("logit", [MAX_LOGIT, 1000.0])
def test_logistic_bounds_the_logit(logit: float) -> None:
    assert logistic(logit) == logistic(MAX_LOGIT) == pytest.approx(1, abs=1e-12)
    assert logistic(-logit) == logistic(-MAX_LOGIT) == pytest.approx(0, abs=1e-12)
