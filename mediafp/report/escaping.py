"""Characters that nobody sees and that a terminal, or a page, would obey."""

import re
from typing import Final

CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, other ends of lines, and turns of direction."""


def escape_unprintable(text: str) -> str:
    """A path as text that every encoder takes: lone surrogates and control characters escaped."""
    safe = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in safe)
