"""Text made comparable: words and characters in one form, each with its place in what was written."""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from opencc import OpenCC

CJK = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"
"""Ideographs, kana and hangul: written without spaces, so that each character is a token."""
_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")
_APOSTROPHES = str.maketrans("", "", "'’‘ʼ")
_DIGITS = {**dict(zip("零一二三四五六七八九", range(10), strict=True)), "〇": 0, "幺": 1, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_GROUPS = {"万": 10**4, "亿": 10**8}
_NUMERAL = {**_DIGITS, **_UNITS, **_GROUPS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One CJK character, word or number in comparable form; it was written at `start` to `end` (characters)."""

    text: str
    start: int
    end: int


def tokenise(text: str) -> list[Token]:
    """What a text says, free of how it is written.

    Forms are NFKC, case-folded and simplified (OpenCC's t2s); apostrophes and punctuation fall away. Numbers of two
    digits or more are Arabic, one digit is Chinese: 35 and 三十五 give 35, 3 and 三 give 三.
    """
    folded, places = _fold(text)
    found = [
        Token(text=match.group(), start=places[match.start()], end=places[match.end() - 1] + 1)
        for match in _TOKEN.finditer(folded)
    ]
    return _numbers(found)


def index_form(text: str) -> str:
    """The tokens with spaces between them: what a text index keeps."""
    return " ".join(token.text for token in tokenise(text))


def is_cjk(text: str) -> bool:
    """Whether a token is a character of a script without spaces."""
    return len(text) == 1 and bool(re.match(rf"[{CJK}]", text))


def _fold(text: str) -> tuple[str, list[int]]:
    """The folded text, and where each of its characters stood."""
    starts = [n for n, c in enumerate(text) if not n or not unicodedata.combining(c)]
    folded, places = [], []
    for start, end in pairwise([*starts, len(text)]):
        piece = unicodedata.normalize("NFKC", text[start:end]).casefold().translate(_APOSTROPHES)
        folded.append(piece)
        places += [start] * len(piece)
    # A lone surrogate is no text; "?" takes its place.
    whole = "".join(folded).encode("utf-8", "replace").decode()
    simple = _simplifier().convert(whole)
    # Words are converted as a whole; where that changes their length, each character alone is.
    return (simple if len(simple) == len(whole) else "".join(map(_simple, whole))), places


@cache
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


@lru_cache(maxsize=1 << 14)
def _simple(character: str) -> str:
    made: str = _simplifier().convert(character)
    return made if len(made) == 1 else character


def _numbers(found: list[Token]) -> list[Token]:
    made: list[Token] = []
    at = 0
    while at < len(found):
        end = at
        while (
            end < len(found) and found[end].text in _NUMERAL and (end == at or found[end].start == found[end - 1].end)
        ):
            end += 1
        value = _value([token.text for token in found[at:end]])
        if value is None:
            end = at + 1
            value = found[at].text
            if len(value) == 1 and value.isascii() and value.isdigit():
                value = "零一二三四五六七八九"[int(value)]
        made.append(Token(text=value, start=found[at].start, end=found[end - 1].end))
        at = end
    return made


def _value(numerals: list[str]) -> str | None:
    """The Arabic form of a Chinese number; None for a single digit and for what is no number (千万, 百)."""
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
    return str(total + part + digit)
