"""The map of a model's probability to the one fitted on decisions."""

import math
from typing import Final

from mediafp.types.logistic import PROBABILITY_DIGITS, logistic, stated_probability
from mediafp.types.recalibration import Recalibration

MIN_ODDS_PROBABILITY: Final = 10.0**-PROBABILITY_DIGITS
"""Bound on the distance of a probability from 0 and 1: a rounded one may be either, which has no logit."""


def logit(probability: float) -> float:
    """Return the logarithm of the odds of a probability; of 0 and 1, that of the nearest one that is stated."""
    bounded = min(max(probability, MIN_ODDS_PROBABILITY), 1 - MIN_ODDS_PROBABILITY)
    return math.log(bounded / (1 - bounded))


def recalibrate(probability: float, fitted: Recalibration) -> float:
    """Return the fitted probability of one that the model states."""
    return stated_probability(fitted.slope * logit(probability) + fitted.intercept)


def model_threshold(probability: float, fitted: Recalibration) -> float:
    """Return the probability of the model from which the fitted one is at least some value."""
    return logistic((logit(probability) - fitted.intercept) / fitted.slope)
