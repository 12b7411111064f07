"""Which language a piece of speech is in: Whisper's own guess, and a fitted head that tells Cantonese from Mandarin."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from mediafp.types import model_files

UNKNOWN = "und"
CHINESE = ("zh", "yue")
MIN_LANGUAGE_PROBABILITY = 0.6
"""Probability below which a language is not named."""
PROBABILITY_FLOOR = 0.01
"""What Whisper or the head holds for impossible may still be so."""
SWITCH_PROBABILITY = 0.2
"""Likelihood that the language changes from one piece to the next."""
FULL_SECONDS = 2.0
"""A shorter piece says less about its language, in proportion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageEvidence:
    """What one piece tells of its language: Whisper's probabilities, the likelihood of Cantonese if it is Chinese."""

    whisper: dict[str, float]
    cantonese: float
    seconds: float

    def probabilities(self) -> dict[str, float]:
        """Each language's probability, Chinese shared out between Mandarin and Cantonese."""
        chinese = sum(self.whisper.get(name, 0.0) for name in CHINESE)
        others = {name: p for name, p in self.whisper.items() if name not in CHINESE}
        return others | {"zh": chinese * (1 - self.cantonese), "yue": chinese * self.cantonese}


def cantonese_probability(mean: npt.NDArray[np.float32]) -> float:
    """The likelihood that Chinese speech is Cantonese, from the mean (512,) of Whisper base's encoder over it."""
    center, scale, slope, intercept = _head()
    logit = float(((mean - center) / scale) @ slope + intercept)
    return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


@cache
def _head() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64], float]:
    fitted = json.loads(model_files.model_path("language").read_text(encoding="utf-8"))
    center, scale, slope = (np.array(fitted[key]) for key in ("mean", "scale", "coefficients"))
    return center, scale, slope, float(fitted["intercept"])


def identify_languages(heard: Sequence[LanguageEvidence]) -> list[tuple[str, float]]:
    """Language and probability of each piece, in order: neighbours speak for one another (forward-backward).

    Below SURE the language is `und`, and the probability that of the likeliest.
    """
    if not heard:
        return []
    told = [piece.probabilities() for piece in heard]
    names = sorted({max(p, key=lambda name: p[name]) for p in told} | {"zh", "yue", "en"})
    shares = np.array([[max(p.get(name, 0.0), PROBABILITY_FLOOR) for name in names] for p in told])
    shares **= np.minimum(1.0, [[piece.seconds / FULL_SECONDS] for piece in heard])
    stay = np.full((len(names), len(names)), SWITCH_PROBABILITY / (len(names) - 1))
    np.fill_diagonal(stay, 1 - SWITCH_PROBABILITY)
    forward, backward = np.empty_like(shares), np.ones_like(shares)
    for n in range(len(shares)):
        forward[n] = shares[n] * (forward[n - 1] @ stay if n else 1 / len(names))
        forward[n] /= forward[n].sum()
    for n in range(len(shares) - 2, -1, -1):
        backward[n] = stay @ (shares[n + 1] * backward[n + 1])
        backward[n] /= backward[n].sum()
    sure = forward * backward
    sure /= sure.sum(axis=1, keepdims=True)
    return [
        (names[int(row.argmax())] if row.max() >= MIN_LANGUAGE_PROBABILITY else UNKNOWN, round(float(row.max()), 4))
        for row in sure
    ]
