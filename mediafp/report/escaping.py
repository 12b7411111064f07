"""Escaping of characters that are invisible, and that a terminal or a page would obey."""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

INVISIBLE_LETTERS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that Unicode displays as nothing (Default_Ignorable_Code_Point), although Python calls them printable."""
MAX_MARKS: Final = 8
"""Combining marks on one letter; further ones, which would be drawn over the lines above and below, are escaped. Tibetan and
Hebrew with cantillation put up to 6 on a letter. Chosen, not measured."""
_EMOJI: Final = "\u2194\u2195\u2600-\u27bf\u2b1b\U0001f000-\U0001faff"
"""Blocks of the characters that a zero-width joiner joins in the sequences of Unicode's emoji-zwj-sequences.txt."""
_SEQUENCE: Final = re.compile(
    "("
    f"(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))\u200d(?=[{_EMOJI}])"
    f"|(?<=[#*0-9\u00a9\u00ae\u203c-\u3299{_EMOJI}])[\ufe0e\ufe0f]"
    "|(?<=[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]"
    ")"
)
"""Invisible characters that only choose the glyph of their neighbours: joiners of emoji, one variation selector behind an
emoji or an ideograph."""


def escape_unprintable(text: str) -> str:
    r"""Return a text as it can be shown anywhere: characters that are invisible or control the display are escaped.

    These are control characters with line breaks and tabs, changes of text direction, zero-width characters, tags,
    unassigned characters, lone surrogates, and marks stacked on one letter without end. They become `\x1b` or `\u202e`;
    the byte of a file name that is not UTF-8 becomes `\xff`. Letters of all scripts, spaces and sequences of emoji stay.
    """
    return replace_hidden(text, escape_character)


def replace_hidden(text: str, escape: Callable[[str], str], *, keep: str = "") -> str:
    """Return a text with each character replaced that `escape_unprintable` escapes.

    Args:
        text: The text.
        escape: Function that returns the replacement of one character.
        keep: Characters that stay although they are invisible.
    """
    characters = set(text)
    table = {ord(c): escape(c) for c in characters if is_hidden(c) and c not in keep}
    marks = "".join(c for c in characters if unicodedata.category(c) in ("Mn", "Me") and ord(c) not in table)
    if marks:
        text = re.sub(f"(?<=[{marks}]{{{MAX_MARKS}}})[{marks}]", lambda match: escape(match[0]), text)
    if not table:
        return text
    # The parts with odd numbers are those that the pattern matches.
    parts = _SEQUENCE.split(text)
    return "".join(part if n % 2 else part.translate(table) for n, part in enumerate(parts))


def is_hidden(character: str) -> bool:
    """Return True if a character on its own is displayed as nothing, or changes how others are displayed."""
    if character.isprintable():
        return INVISIBLE_LETTERS.match(character) is not None
    return unicodedata.category(character) != "Zs"


def escape_character(character: str) -> str:
    """Return the escape of one character, whatever it is."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        # Python's stand-in for the byte of a file name that is not UTF-8.
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
