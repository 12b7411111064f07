"""Texts that try to control a terminal, a page or a spreadsheet, and objects in which every text is such a one."""

import dataclasses
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

FRAGMENTS = (
    "\\", "\\\\\\", "\\\\\\hello", "[", "]", "[/]", "[red]", "[bold", "[link=x]", "{", "}", "{{7*7}}", "%s", ":smile:", "<b>",
    "&amp;", "'", '"', "\x1b[31m", "\x1b]0;title\x07", "\x9b31m", "\x08", "\r", "\n", "\t", "\x00", "\x85", "\xa0", "\xad",
    "\u061c", "\u200b", "\u200d", "\u200f", "\u2028", "\u202e", "\u202c", "\u2066", "\u2069", "\u2800", "\u3000", "\u3164",
    "\ufe0f", "\ufeff", "\U000e0041", "\U000e0101", "\ud800", "\udcff", "=1+1", "@SUM(1)", "א", "ع", "文", "hello", " ",
)  # fmt: skip
"""Pieces of texts: console markup, HTML, escape sequences, changes of direction, invisible characters, surrogates."""
HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories of controls, format characters, surrogates and line separators."""
HIDDEN_LETTERS = set("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Letters and marks of other categories that are displayed as nothing."""


def hostile_texts(*, min_size: int = 0, max_size: int = 12) -> st.SearchStrategy[str]:
    """Return texts of fragments and of any characters, lone surrogates included."""
    piece = st.sampled_from(FRAGMENTS) | st.characters()
    return st.lists(piece, min_size=min_size, max_size=max_size).map("".join)


def hidden_characters(text: str, *, allowed: str = "") -> set[str]:
    """Return the characters of a text that are invisible or control its display, without joiners of emoji and letters."""
    found = set()
    for at, character in enumerate(text):
        joins = character == "\u200d" and {unicodedata.category(c) for c in text[at + 1 : at + 2]} == {"So"}
        if character in "\u200c\u200d" and 0 < at < len(text) - 1:
            joins |= {unicodedata.bidirectional(text[at - 1]), unicodedata.bidirectional(text[at + 1])} == {"AL"}
        if character in "\u200c\u200d" and at:
            joins |= unicodedata.combining(text[at - 1]) == 9
        hidden = unicodedata.category(character) in HIDDEN_CATEGORIES or character in HIDDEN_LETTERS
        if hidden and not joins and character not in allowed:
            found.add(character)
    return found


def with_text(value: Any, text: str) -> Any:
    """Return a value with every text in it replaced, in records, sequences, mappings and paths."""
    if isinstance(value, str):
        return text
    if isinstance(value, Path):
        return Path(text)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: with_text(getattr(value, field.name), text) for field in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    if isinstance(value, Mapping):
        return {key: with_text(item, text) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(with_text(item, text) for item in value)
    return value
