"""Ids of accounts and posts, with all of their digits."""

import re
import unicodedata
from typing import Final

from mediafp.sightings.stated_text import parse_text
from mediafp.sightings.unusable_values import RoundedIdError, UnusableValueError

MAX_ID_CHARS: Final = 500
"""Characters of an id. The longest of a platform are those of Bluesky, with under 100."""
EXACT_FLOAT: Final = 1 << 53
"""Number from which on a floating-point number does not hold all integers."""
SPREADSHEET_DIGITS: Final = 15
"""Digits of a number that spreadsheets keep; they replace all later ones by zeros."""
MIN_LOST_ZEROS: Final = 3
"""Zeros after the 15th digit of an id that are taken for lost digits: one id in a thousand ends in three by chance."""
E_NOTATION: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?\s*[eE]\s*\+?\d+")
"""Number as spreadsheets show it if it has too many digits."""
_MARKS: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Marks without width, which copied numbers have."""
_GROUPED: Final = re.compile(r"\d{1,3}(?:[,\u00a0\u202f' ]\d{3})+")


def parse_id(value: object) -> str:
    """Return an id as a text.

    Raises:
        RoundedIdError: A program has rounded it, so that its last digits are lost.
        UnusableValueError: It is no id.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnusableValueError("not an id")
    if isinstance(value, float):
        if not value.is_integer() or not 0 < value < EXACT_FLOAT:
            raise RoundedIdError("a program has rounded this number, and its last digits are lost")
        return str(int(value))
    if isinstance(value, int) and abs(value) >= 10**MAX_ID_CHARS:
        raise UnusableValueError("too long")
    text = parse_text(str(value))
    plain = unicodedata.normalize("NFKC", _MARKS.sub("", text[: MAX_ID_CHARS + 1])).strip()
    if not text.isascii() and plain.isascii():
        text = plain
    if E_NOTATION.fullmatch(text):
        raise RoundedIdError("a spreadsheet has rounded this number, and its last digits are lost")
    if match := re.fullmatch(r"(\d+)\.0+", text):
        if len(match[1]) > SPREADSHEET_DIGITS and int(match[1]) >= EXACT_FLOAT:
            raise RoundedIdError("a program has rounded this number, and its last digits are lost")
        text = match[1]
    if _GROUPED.fullmatch(text):
        text = re.sub(r"\D", "", text)
    if text in ("0", "-1", "nan", "NaN", "None", "null", "-"):
        raise UnusableValueError("not an id")
    return text


def check_lost_digits(identifier: str) -> None:
    """Raise RoundedIdError for an id of a table whose last digits a spreadsheet has replaced by zeros.

    One true id in a thousand looks like that: ids from elsewhere than tables must not be checked.
    """
    lost = identifier[SPREADSHEET_DIGITS:]
    if identifier.isdigit() and len(lost) >= MIN_LOST_ZEROS and not lost.strip("0"):
        raise RoundedIdError("a spreadsheet has replaced all digits after the 15th by zeros")
