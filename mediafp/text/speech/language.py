"""Language identification of speech chunks: Whisper's probabilities, and a fitted classifier of Cantonese and Mandarin."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from mediafp.types import model_files
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.logistic import logistic

UNKNOWN = "und"
"""Language of a chunk whose best language is below MIN_LANGUAGE_PROBABILITY (ISO 639-2: undetermined)."""
CHINESE = ("zh", "yue")
"""Whisper codes of Mandarin and Cantonese; Whisper base uses `zh` for both."""
MIN_LANGUAGE_PROBABILITY = 0.6
"""Probability below which a language is not named. Chosen, not measured."""
PROBABILITY_FLOOR = 0.01
"""Lowest probability of a language of a chunk, so that its neighbours can outweigh it. Chosen, not measured."""
SWITCH_PROBABILITY = 0.2
"""Probability that the language changes from one chunk to the next. Chosen, not measured."""
FULL_WEIGHT_SECONDS = 2.0
"""Duration from which a chunk counts in full; a shorter one counts in proportion. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageEvidence:
    """Evidence for the language of one speech chunk.

    `whisper` maps Whisper's language codes to their probabilities; `cantonese` is the probability of Cantonese if the
    language is Chinese; `seconds` is the duration of the chunk.
    """

    whisper: dict[str, float]
    cantonese: float
    seconds: float

    def probabilities(self) -> dict[str, float]:
        """Return the probability of each language; Chinese is divided between Mandarin and Cantonese."""
        chinese = sum(self.whisper.get(language, 0.0) for language in CHINESE)
        others = {language: p for language, p in self.whisper.items() if language not in CHINESE}
        return others | {"zh": chinese * (1 - self.cantonese), "yue": chinese * self.cantonese}


def cantonese_probability(encoder_mean: Float32Array) -> float:
    """Return the probability that Chinese speech is Cantonese (`scripts/fit_language.py`).

    Args:
        encoder_mean: Mean (512,) over time of the encoder states of Whisper base.
    """
    centre, scale, slope, intercept = _load_classifier()
    logit = float(((encoder_mean - centre) / scale) @ slope + intercept)
    return logistic(logit)


def identify_languages(evidence: Sequence[LanguageEvidence]) -> list[tuple[str, float]]:
    """Return the language and its probability of each chunk of a track, in order.

    A hidden Markov model over the chunks (forward-backward) lets the neighbours of a chunk contribute. A language below
    MIN_LANGUAGE_PROBABILITY is returned as UNKNOWN, with the probability of the likeliest language.
    """
    if not evidence:
        return []
    probabilities = [chunk.probabilities() for chunk in evidence]
    languages = sorted({max(p, key=lambda language: p[language]) for p in probabilities} | {"zh", "yue", "en"})
    emission = np.array(
        [[max(p.get(language, 0.0), PROBABILITY_FLOOR) for language in languages] for p in probabilities]
    )
    emission **= np.minimum(1.0, [[chunk.seconds / FULL_WEIGHT_SECONDS] for chunk in evidence])
    transition = np.full((len(languages), len(languages)), SWITCH_PROBABILITY / (len(languages) - 1))
    np.fill_diagonal(transition, 1 - SWITCH_PROBABILITY)
    forward, backward = np.empty_like(emission), np.ones_like(emission)
    for n in range(len(emission)):
        forward[n] = emission[n] * (forward[n - 1] @ transition if n else 1 / len(languages))
        forward[n] /= forward[n].sum()
    for n in range(len(emission) - 2, -1, -1):
        backward[n] = transition @ (emission[n + 1] * backward[n + 1])
        backward[n] /= backward[n].sum()
    posterior = forward * backward
    posterior /= posterior.sum(axis=1, keepdims=True)
    return [
        (languages[int(row.argmax())] if row.max() >= MIN_LANGUAGE_PROBABILITY else UNKNOWN, round(float(row.max()), 4))
        for row in posterior
    ]


@cache
def _load_classifier() -> tuple[Float64Array, Float64Array, Float64Array, float]:
    """Return the centre, scale and coefficients (512,), and the intercept, of the classifier of Cantonese."""
    fitted = json.loads(model_files.model_path("language").read_text(encoding="utf-8"))
    centre, scale, coefficients = (np.array(fitted[key]) for key in ("mean", "scale", "coefficients"))
    return centre, scale, coefficients, float(fitted["intercept"])
