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
WRITTEN = ("zh", "yue", "en")
"""Languages of which Whisper base writes what is said. Of singing and of dialects it names languages that it was hardly trained
on, such as Tibetan, and writes nonsense in their scripts."""
MIN_LANGUAGE_PROBABILITY = 0.6
"""Probability below which a language is not named. Chosen, not measured."""
PROBABILITY_FLOOR = 0.01
"""Lowest probability of a language of a chunk, so that its neighbours can outweigh it. Chosen, not measured."""
SWITCH_PROBABILITY = 0.2
"""Probability that the language changes from one chunk to the next. Chosen, not measured."""
FULL_WEIGHT_SECONDS = 2.0
"""Duration from which a chunk counts in full; a shorter one counts in proportion. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkLanguage:
    """Language of a speech chunk.

    `likeliest` is the language with its probability; `alternative` is the likeliest of the WRITTEN languages besides it, if
    `likeliest` is doubtful, or none of these.
    """

    likeliest: str
    probability: float
    alternative: str | None = None


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


def language_name(language: str, probability: float) -> str:
    """Return the code of a language, or UNKNOWN below MIN_LANGUAGE_PROBABILITY."""
    return language if probability >= MIN_LANGUAGE_PROBABILITY else UNKNOWN


def identify_languages(evidence: Sequence[LanguageEvidence]) -> list[ChunkLanguage]:
    """Return the language of each chunk of a track, in order.

    A hidden Markov model over the chunks (forward-backward) lets the neighbours of a chunk contribute.
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
    return [_choose(languages, row) for row in posterior]


def _choose(languages: Sequence[str], posterior: Float64Array) -> ChunkLanguage:
    best = int(posterior.argmax())
    likeliest, probability = languages[best], round(float(posterior[best]), 4)
    alternative = None
    if likeliest in CHINESE and probability < MIN_LANGUAGE_PROBABILITY:
        # Between the two, Mandarin: the prompt for Cantonese makes Mandarin and English within it worse, and its text likelier.
        chinese = {code: float(posterior[languages.index(code)]) for code in CHINESE}
        if sum(chinese.values()) >= MIN_LANGUAGE_PROBABILITY:
            return ChunkLanguage(likeliest="zh", probability=round(chinese["zh"], 4))
    if likeliest not in WRITTEN or probability < MIN_LANGUAGE_PROBABILITY:
        others = [n for n, language in enumerate(languages) if language in WRITTEN and n != best]
        alternative = languages[max(others, key=lambda n: posterior[n])]
    return ChunkLanguage(likeliest=likeliest, probability=probability, alternative=alternative)


@cache
def _load_classifier() -> tuple[Float64Array, Float64Array, Float64Array, float]:
    """Return the centre, scale and coefficients (512,), and the intercept, of the classifier of Cantonese."""
    fitted = json.loads(model_files.model_path("language").read_text(encoding="utf-8"))
    centre, scale, coefficients = (np.array(fitted[key]) for key in ("mean", "scale", "coefficients"))
    return centre, scale, coefficients, float(fitted["intercept"])
