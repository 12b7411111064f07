"""Ids of accounts and posts, with all of their digits."""

import re
from typing import Final

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
    text = str(value).encode("utf-8", "replace").decode().replace("\x00", "").strip()
    if E_NOTATION.fullmatch(text):
        raise RoundedIdError("a spreadsheet has rounded this number, and its last digits are lost")
    if match := re.fullmatch(r"(\d+)\.0+", text):
        if len(match[1]) > SPREADSHEET_DIGITS and int(match[1]) >= EXACT_FLOAT:
            raise RoundedIdError("a program has rounded this number, and its last digits are lost")
        text = match[1]
    if _GROUPED.fullmatch(text):
        text = re.sub(r"\D", "", text)
    lost = text[SPREADSHEET_DIGITS:]
    # A number of JSON never was in a spreadsheet.
    if isinstance(value, str) and text.isdigit() and len(lost) >= MIN_LOST_ZEROS and not lost.strip("0"):
        raise RoundedIdError("a spreadsheet has replaced all digits after the 15th by zeros")
    if not text or text in ("0", "-1", "nan", "NaN", "None", "null", "-"):
        raise UnusableValueError("not an id")
    return text
