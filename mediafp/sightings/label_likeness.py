"""Distinction of random ids from labels that people write with the same characters, such as `Part-2-of-8`."""

import math
from collections.abc import Mapping
from typing import Final

_LETTERS: Final[Mapping[str, float]] = dict(zip(
    "etaoinshrdlcumwfgypbvkjxqz",
    (12.7, 9.1, 8.2, 7.5, 7.0, 6.7, 6.3, 6.1, 6.0, 4.3, 4.0, 2.8, 2.8, 2.4, 2.4, 2.2, 2.0, 2.0, 1.9, 1.5, 1.0, 0.8, 0.15, 0.15,
     0.1, 0.07),
    strict=True,
))  # fmt: skip
"""Percentage of each letter in English texts."""
_FOLLOWERS: Final[Mapping[str, Mapping[str, float]]] = {
    "": {"upper": 0.5, "lower": 0.35, "digit": 0.12, "mark": 0.03},
    "upper": {"upper": 0.3, "lower": 0.6, "digit": 0.05, "mark": 0.05},
    "lower": {"upper": 0.07, "lower": 0.8, "digit": 0.06, "mark": 0.07},
    "digit": {"upper": 0.1, "lower": 0.1, "digit": 0.6, "mark": 0.2},
    "mark": {"upper": 0.4, "lower": 0.3, "digit": 0.25, "mark": 0.05},
}
"""Share of the characters of a label that follow one of each class. Chosen, not measured."""
_ALPHABET: Final = 64
_MARKS: Final = 2


def label_likeness(text: str) -> float:
    """Return the logarithm of how many times likelier a text is as a label than as a random id of base64.

    Args:
        text: ASCII letters, digits, `-` and `_`.
    """
    total, before = 0.0, ""
    for character in text:
        kind = _kind(character)
        among = {"digit": 1 / 10, "mark": 1 / _MARKS}.get(kind) or _LETTERS[character.lower()] / 100
        total += math.log(_FOLLOWERS[before][kind] * among * _ALPHABET)
        before = kind
    return total


def _kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "upper" if character.isupper() else "lower"
    return "mark"
