"""Numbers of views as sidecars write them."""

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from mediafp.sightings.unusable_values import AmbiguousValueError, UnusableValueError

MAX_COUNT: Final = 1 << 63
"""Counts from this number on are rejected: the store holds integers of 63 bits and a sign."""
MAX_COUNT_CHARS: Final = 100
"""Characters of a count that is written as a text. Chosen, not measured."""
_SCALES: Final[Mapping[str, int]] = {
    "": 1, "k": 1_000, "thousand": 1_000, "千": 1_000, "w": 10_000, "万": 10_000, "萬": 10_000, "m": 1_000_000,
    "mio": 1_000_000, "million": 1_000_000, "百万": 1_000_000, "亿": 100_000_000, "億": 100_000_000, "b": 1_000_000_000,
    "bn": 1_000_000_000, "billion": 1_000_000_000,
}  # fmt: skip
"""Numbers that the letters behind a count stand for."""
_COUNT: Final = re.compile(
    r"(?P<number>\d[\d,.' ]*)\s*(?P<scale>[a-z\u4e00-\u9fff]*?)\.?\s*\+?\s*(?:views?|plays?|次|次播放|次观看|播放|观看|阅读)?",
    re.IGNORECASE,
)


def parse_count(value: object) -> int:
    """Return an integer from 0 on, also from a text such as "1,234", "1.2万" or "3.4K".

    Raises:
        AmbiguousValueError: It can be read in two ways, such as "1.234".
        UnusableValueError: It is no count.
    """
    if isinstance(value, str):
        value = _parse_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableValueError("not a number")
    if not (isinstance(value, int) or math.isfinite(value)) or not 0 <= value < MAX_COUNT:
        raise UnusableValueError("out of range")
    return int(value)


def _parse_text(text: str) -> float:
    if len(text) > MAX_COUNT_CHARS:
        raise UnusableValueError("too long")
    match = _COUNT.fullmatch(" ".join(unicodedata.normalize("NFKC", text).split()))
    scale = _SCALES.get(match["scale"].lower()) if match else None
    if match is None or scale is None:
        raise UnusableValueError("not a number")
    number = re.sub(r"[ ']", "", match["number"])
    if re.fullmatch(r"\d+", number):
        return int(number) * scale
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", number) and (scale == 1 or number.count(",") > 1 or "." in number):
        return round(float(number.replace(",", "")) * scale)
    if re.fullmatch(r"\d{1,3}(?:\.\d{3}){2,}", number):
        return int(number.replace(".", "")) * scale
    if re.fullmatch(r"\d+[.,]\d+", number):
        if scale == 1 and re.fullmatch(r"\d{1,3}\.\d{3}", number):
            raise AmbiguousValueError("it can be a number of thousands, or one with a fraction")
        if scale == 1 and "," in number:
            raise UnusableValueError("not a number")
        return round(float(number.replace(",", ".")) * scale)
    raise UnusableValueError("not a number")
