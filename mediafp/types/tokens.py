"""Normalised tokens of a text: words, numbers and CJK characters, each with its position in the text."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opencc import OpenCC

CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
"""Ideographs, kana and hangul, as ranges of a regular expression: written without spaces, so each character is a token."""
_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")
_APOSTROPHES = str.maketrans("", "", "'’‘ʼ")
CHINESE_DIGITS = "零一二三四五六七八九"
"""Characters of the digits 0 to 9, each at the position of its value."""
_DIGITS = {**dict(zip(CHINESE_DIGITS, range(10), strict=True)), "〇": 0, "幺": 1, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_GROUPS = {"万": 10**4, "亿": 10**8}
_NUMERALS = {**_DIGITS, **_UNITS, **_GROUPS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One normalised CJK character, word or number."""

    text: str
    start: int
    """Position of its first character in the original text."""
    end: int
    """Position after its last character in the original text."""


def tokenise(text: str) -> list[Token]:
    """Return the tokens of a text, in order, equal for different spellings of the same words.

    Forms are NFKC, case-folded and simplified (OpenCC's t2s); apostrophes and punctuation are dropped. Numbers of two
    digits or more become Arabic and those of one digit Chinese: 35 and 三十五 give 35, 3 and 三 give 三.
    """
    folded, positions = _fold(text)
    tokens = [
        Token(text=match.group(), start=positions[match.start()], end=positions[match.end() - 1] + 1)
        for match in _TOKEN.finditer(folded)
    ]
    return _normalise_numbers(tokens)


def is_cjk(text: str) -> bool:
    """Return True if a token is a character of a script that is written without spaces."""
    return len(text) == 1 and bool(re.match(rf"[{CJK}]", text))


def _fold(text: str) -> tuple[str, list[int]]:
    """Return the text in normalised characters, and for each of them its position in the original text."""
    if text.isascii() and "'" not in text:
        # What follows would change nothing else.
        return text.lower(), list(range(len(text)))
    starts = [n for n, c in enumerate(text) if not n or not unicodedata.combining(c)]
    parts, positions = [], []
    for start, end in pairwise([*starts, len(text)]):
        part = unicodedata.normalize("NFKC", text[start:end]).casefold().translate(_APOSTROPHES)
        parts.append(part)
        positions += [start] * len(part)
    # A lone surrogate is not text; "?" replaces it.
    folded = "".join(parts).encode("utf-8", "replace").decode()
    simplified = _simplifier().convert(folded)
    # Words are converted as a whole. If that changes the length, each character is converted alone.
    if len(simplified) != len(folded):
        simplified = "".join(map(_simplify_character, folded))
    return simplified, positions


@cache
def _simplifier() -> "OpenCC":
    # Imported on first use: it takes 20 ms, and its dictionaries take longer.
    import opencc

    # By its absolute path: a plain name is looked up in the current folder first.
    configuration = Path(opencc.__file__).parent.absolute() / "clib" / "share" / "opencc" / "t2s.json"
    return opencc.OpenCC(str(configuration))


@lru_cache(maxsize=1 << 14)
def _simplify_character(character: str) -> str:
    simplified: str = _simplifier().convert(character)
    return simplified if len(simplified) == 1 else character


def _normalise_numbers(tokens: list[Token]) -> list[Token]:
    """Return the tokens with adjacent numerals joined to one Arabic number, and single Arabic digits in Chinese."""
    normalised: list[Token] = []
    first = 0
    while first < len(tokens):
        end = first
        while (
            end < len(tokens)
            and tokens[end].text in _NUMERALS
            and (end == first or tokens[end].start == tokens[end - 1].end)
        ):
            end += 1
        text = _parse_number([token.text for token in tokens[first:end]])
        if text is None:
            end = first + 1
            text = tokens[first].text
            if len(text) == 1 and text.isascii() and text.isdigit():
                text = CHINESE_DIGITS[int(text)]
        normalised.append(Token(text=text, start=tokens[first].start, end=tokens[end - 1].end))
        first = end
    return normalised


def _parse_number(numerals: list[str]) -> str | None:
    """Return the Arabic form of a Chinese number; None for a single digit and for what is not a number (千万, 百)."""
    if not numerals or (len(numerals) == 1 and numerals[0] != "十") or numerals[0] not in {*_DIGITS, "十"}:
        return None
    if all(n in _DIGITS for n in numerals):
        return "".join(str(_DIGITS[n]) for n in numerals)
    total = part = digit = 0
    for n in numerals:
        if n in _DIGITS:
            digit = _DIGITS[n]
        elif n in _UNITS:
            part += (digit or 1) * _UNITS[n]
            digit = 0
        else:
            # 一亿三千万 adds its ten thousands; 一万亿 multiplies them.
            group = _GROUPS[n]
            total = total + (part + digit) * group if total >= group else (total + part + digit) * group
            part = digit = 0
    if len(numerals) > 1 and numerals[-1] in _DIGITS and numerals[-2] not in {"十", *_DIGITS}:
        # 一千五 is 1500, and 一千零五 is 1005.
        digit *= {**_UNITS, **_GROUPS}[numerals[-2]] // 10
    return str(total + part + digit)
