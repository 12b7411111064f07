"""The logistic function, which turns the result of a logistic regression into a probability."""

import numpy as np

MAX_LOGIT = 30
"""Bound on the logit, so that its exponential does not overflow; the probability differs from 0 or 1 by 1e-13 there."""


def logistic(logit: float) -> float:
    """Return the probability, 0..1, of a logit (the logarithm of the odds)."""
    return float(1 / (1 + np.exp(-np.clip(logit, -MAX_LOGIT, MAX_LOGIT))))
