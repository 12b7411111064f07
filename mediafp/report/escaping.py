"""Escaping of characters that are invisible, and that a terminal or a page would obey."""

import re
from typing import Final

CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters except tab and line feed, further line separators, and changes of text direction (Unicode bidi)."""


def escape_unprintable(text: str) -> str:
    """Return a path as text that every encoder accepts, with lone surrogates and control characters escaped."""
    safe = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in safe)
