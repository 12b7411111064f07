"""The logistic function, which turns the result of a logistic regression into a probability."""

import numpy as np

MAX_LOGIT = 30
"""Bound on the logit, so that its exponential does not overflow; the probability differs from 0 or 1 by 1e-13 there."""
PROBABILITY_DIGITS = 6
"""Decimal places to which a probability is rounded. Chosen, not measured."""


def logistic(logit: float) -> float:
    """Return the probability, 0..1, of a logit (the logarithm of the odds)."""
    return float(1 / (1 + np.exp(-np.clip(logit, -MAX_LOGIT, MAX_LOGIT))))


def stated_probability(logit: float) -> float:
    """Return the probability of a logit as it is stated: rounded, and below 1, since only equal bytes are certain."""
    return round(min(logistic(logit), 1 - 10.0**-PROBABILITY_DIGITS), PROBABILITY_DIGITS)
