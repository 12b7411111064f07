"""Probability that a transcribed word is right, from the probabilities that Whisper gave to its tokens."""

import json
from functools import cache

from mediafp.types import model_files
from mediafp.types.logistic import logistic

OTHER = "other"
"""Key of the coefficients for languages without their own."""


def word_probability(logprob: float, window_logprob: float, language: str) -> float:
    """Return the probability that a word is right (`scripts/fit_words.py`).

    Args:
        logprob: Logarithm of the probability of the word's tokens.
        window_logprob: Mean log-probability of the tokens of its window.
        language: Language of the word.
    """
    coefficients = _load_coefficients()
    constant, of_word, of_window = coefficients.get(language, coefficients[OTHER])
    return logistic(constant + of_word * max(logprob, -5.0) + of_window * max(window_logprob, -2.0))


@cache
def _load_coefficients() -> dict[str, tuple[float, float, float]]:
    """Return the constant, and the coefficients of the word and of its window, by language."""
    fitted = json.loads(model_files.model_path("words").read_text(encoding="utf-8"))
    return {language: tuple(values) for language, values in fitted["coefficients"].items()}
