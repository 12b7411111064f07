"""The changes of a copy as rows: sign and number of each, and the words before and after with those that differ marked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from mediafp.types.matches import Change, ChangeKind, ChangeType

SIGNS: Final[dict[ChangeType, str]] = {"added": "+", "removed": "−", "changed": "≠"}
"""Sign of each change on drawings, which needs no colour."""
KINDS: Final[dict[ChangeKind, str]] = {
    "text": "text",
    "object": "",
    "face": "a face",
    "overlay": "drawn over the picture",
}
_WORD: Final = re.compile(r"\s+|[㐀-鿿぀-ヿ가-힯]|[^\s㐀-鿿぀-ヿ가-힯]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRun:
    """Part of a text; `differs` if the other text lacks it."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One change as a row of a table."""

    number: int
    change: Change
    before: tuple[TextRun, ...]
    after: tuple[TextRun, ...]

    @property
    def sign(self) -> str:
        """The sign of the change on drawings."""
        return SIGNS[self.change.what]

    @property
    def words(self) -> str:
        """Type and kind of the change, in words."""
        return " · ".join(filter(None, (self.change.what, KINDS[self.change.kind])))


def list_changes(changes: Sequence[Change]) -> list[ChangeRow]:
    """Return a row for each change, numbered as on drawings."""
    return [
        ChangeRow(number=number, change=change, before=runs[0], after=runs[1])
        for number, change in enumerate(changes, 1)
        for runs in [compare_words(change.before or "", change.after or "")]
    ]


def compare_words(before: str, after: str) -> tuple[tuple[TextRun, ...], tuple[TextRun, ...]]:
    """Return the runs of two texts, word by word; of Chinese, Japanese and Korean character by character."""
    words = _WORD.findall(before), _WORD.findall(after)
    runs: tuple[list[TextRun], list[TextRun]] = ([], [])
    for tag, a, b, c, d in SequenceMatcher(a=words[0], b=words[1], autojunk=False).get_opcodes():
        for side, (start, end) in enumerate(((a, b), (c, d))):
            if start < end:
                runs[side].append(TextRun(text="".join(words[side][start:end]), differs=tag != "equal"))
    return tuple(runs[0]), tuple(runs[1])
