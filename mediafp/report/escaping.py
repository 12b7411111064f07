"""Escaping of characters that are invisible, and that a terminal or a page would obey."""

import re
import unicodedata
from collections.abc import Callable
from typing import Final

INVISIBLE_LETTERS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U00016fe4\U0001d159\U000e0100-\U000e01ef]"
)
"""Letters and marks that Unicode displays as nothing (Default_Ignorable_Code_Point), although Python calls them printable, and
three that have no ink: the blank of Braille, a filler of Khitan, and the empty note head."""
MAX_MARKS: Final = 8
"""Combining marks on one letter; further ones, which would be drawn over the lines above and below, are escaped. Tibetan and
Hebrew with cantillation put up to 6 on a letter. Chosen, not measured."""
_EMOJI: Final = "\u2194\u2195\u2600-\u27bf\u2b1b\U0001f000-\U0001faff"
"""Blocks of the characters that a zero-width joiner joins in the sequences of Unicode's emoji-zwj-sequences.txt."""
_WITH_EMOJI_STYLE: Final = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa\u25ab"
    "\u25b6\u25c0\u25fb-\u25fe\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
)
"""Other characters that a variation selector may follow (Unicode's emoji-variation-sequences.txt)."""
_VIRAMAS: Final = (
    "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca\u0e3a\u0eba\u0f84\u1039\u103a\u1714\u1715\u1734\u17d2"
    "\u1a60\u1b44\u1baa\u1bab\u1bf2\u1bf3\u2d7f\ua806\ua82c\ua8c4\ua953\ua9c0\uaaf6\uabed"
)
"""Signs that take a consonant its vowel (canonical combining class 9), in the Basic Multilingual Plane. A joiner behind one
chooses how the cluster is written (RFC 5892, appendix A.1 and A.2)."""
_MONGOLIAN: Final = "\u1820-\u1878\u1880-\u18aa"
"""Letters of Mongolian, Todo, Sibe and Manchu."""
_CURSIVE: Final = (
    "\u0620-\u065f\u066e-\u06d3\u06d5-\u06dc\u06df-\u06e8\u06ea-\u06ef\u06fa-\u06fc\u06ff\u0710-\u074a\u074d-\u077f\u07ca-\u07f3"
    f"\u0840-\u085b\u0860-\u086a\u0870-\u0887\u0889-\u088e\u0898-\u08e1\u08e3-\u08ff{_MONGOLIAN}"
)
"""Letters and marks of Arabic, Syriac, N'Ko, Mandaic and Mongolian. A joiner between two letters chooses whether they join;
Persian spells prefixes and plurals with one."""
_SEQUENCE: Final = re.compile(
    "("
    f"(?:(?<=[{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f))\u200d(?=[{_EMOJI}])"
    "|(?<=[#*0-9])\ufe0f(?=\u20e3)"
    f"|(?<=[{_WITH_EMOJI_STYLE}{_EMOJI}])[\ufe0e\ufe0f]"
    "|(?<=[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])[\U000e0100-\U000e01ef]"
    f"|(?<=[{_VIRAMAS}])[\u200c\u200d]"
    # Before the sign too, behind the r of Bengali, Telugu and Kannada.
    f"|(?<=[\u09b0\u0c30\u0cb0])\u200d(?=[{_VIRAMAS}])"
    f"|(?<=[{_CURSIVE}])[\u200c\u200d](?=[{_CURSIVE}])"
    f"|(?<=[{_MONGOLIAN}])[\u180b-\u180f]"
    ")"
)
"""Invisible characters that only choose the glyph of their neighbours: joiners of emoji and of letters, one variation selector
behind an emoji, an ideograph or a Mongolian letter."""


def escape_unprintable(text: str) -> str:
    r"""Return a text as it can be shown anywhere: characters that are invisible or control the display are escaped.

    These are control characters with line breaks and tabs, changes of text direction, zero-width characters, tags,
    unassigned characters, lone surrogates, and marks stacked on one letter without end. They become `\x1b` or `\u202e`;
    the byte of a file name that is not UTF-8 becomes `\xff`. Letters of all scripts, with the joiners that their spelling
    needs, spaces and sequences of emoji stay.
    """
    return replace_hidden(text, escape_character)


def replace_hidden(text: str, escape: Callable[[str], str], *, keep: str = "") -> str:
    """Return a text with each character replaced that `escape_unprintable` escapes.

    Args:
        text: The text.
        escape: Function that returns the replacement of one character.
        keep: Characters that stay although they are invisible.
    """
    if text.isascii() and text.isprintable():
        return text
    characters = set(text)
    table = {ord(c): escape(c) for c in characters if is_hidden(c) and c not in keep}
    marks = "".join(c for c in characters if unicodedata.category(c) in ("Mn", "Me") and ord(c) not in table)
    if marks:
        # Joiners count: those that stay do not begin a new letter.
        run = f"[{marks}\u200c\u200d]{{{MAX_MARKS}}}"
        text = re.sub(f"(?<={run})[{marks}]", lambda match: escape(match[0]), text)
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
