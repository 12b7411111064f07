"""Text of subtitles: cut into cues of at most two lines, each of a width that is read at a glance."""

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

LATIN_COLUMNS: Final = 42
"""Characters of a line in Latin script, the usual maximum."""
HAN_COLUMNS: Final = 18
"""Characters of a line in Chinese, Japanese or Korean, within the usual 16 to 20. Where a line has both kinds, they count in
proportion."""
MAX_LINES: Final = 2
"""Lines of a cue, the usual maximum."""
LINE_WIDTH: Final = math.lcm(LATIN_COLUMNS, HAN_COLUMNS)
"""Width of a line, in units of which a Latin character has NARROW and a Chinese one WIDE."""
NARROW: Final = LINE_WIDTH // LATIN_COLUMNS
"""Width of a Latin character."""
WIDE: Final = LINE_WIDTH // HAN_COLUMNS
"""Width of a Chinese character."""
SENTENCE_ENDS: Final = frozenset("。！？!?.…⋯")
"""Characters that end a sentence, after which a text is best cut."""
CLAUSE_ENDS: Final = frozenset("，、；：,;:—")
"""Characters that end a clause, after which it is next best cut."""
_CLOSING: Final = frozenset("）」』”’》〉】〕］｝〗〙〛｣)]}»›")
_NO_START: Final = (
    SENTENCE_ENDS
    | CLAUSE_ENDS
    | _CLOSING
    | frozenset("．·・‧～〜％%‰℃°々〻ーヽヾゝゞぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ")
)
"""Characters that no line begins with (JIS X 4051, GB/T 15834)."""
_NO_END: Final = frozenset("（「『“‘《〈【〔［｛〖〘〚｢([{«‹￥$€£¥#＃")
"""Characters that no line ends with."""
_ASCII_QUOTE: Final = '"'
_JOINER: Final = "\u200d"
_CUE_COST: Final = 6.0
"""Cost of a cue, against those of ending one behind a clause and within one. Chosen, not measured, as the other costs."""
_END_COSTS: Final = {"sentence": 0.0, "clause": 2.0, "": 8.0}
"""Costs of ending a cue behind a sentence, a clause and anything else."""
_SHORT_COST: Final = 6.0
"""Cost of a cue without width; one of half a line costs none."""
_LONG_COST: Final = 8.0
"""Cost of a full cue, which rises with the square of the width: equal cues cost less than a long and a short one."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text within which no line ends."""

    text: str
    width: int
    has_space: bool
    """True if a space separates it from the piece before."""

    @property
    def end(self) -> str:
        """Kind of what ends with it: `sentence`, `clause` or ""."""
        last = self.text.rstrip("".join(_CLOSING) + _ASCII_QUOTE + "'")[-1:]
        return "sentence" if last in SENTENCE_ENDS and last else "clause" if last in CLAUSE_ENDS and last else ""


def text_width(text: str) -> int:
    """Return the width of a text on one line, in the units of LINE_WIDTH."""
    is_wide = any(unicodedata.east_asian_width(character) in "WF" for character in text)
    return sum(_width(character, is_wide) for character in text)


def cut_text(text: str, *, mark: str = "", max_lines: int = MAX_LINES) -> list[list[str]]:
    """Return a text as the lines of one or more cues.

    A text that is too long for one is cut behind sentences or clauses if they end near, else between words, or between
    characters in scripts without spaces. Without the mark and without spaces, the lines are the text.

    Args:
        text: A text with single spaces between words.
        mark: Beginning of the first line of each cue.
        max_lines: Lines of a cue, 1 or 2.
    """
    room = LINE_WIDTH - text_width(mark)
    pieces = _split(text, room)
    # Widths of all pieces before each, with the spaces in front of them.
    before = [0, *accumulate(piece.width + NARROW * piece.has_space for piece in pieces)]

    def width(start: int, end: int) -> int:
        return before[end] - before[start] - NARROW * pieces[start].has_space

    def line_end(start: int, limit: int) -> int:
        """Return the end of the longest line that begins with a piece; at least one piece is on it."""
        return max(start + 1, bisect_right(before, before[start] + NARROW * pieces[start].has_space + limit) - 1)

    def cue_end(start: int) -> int:
        end = line_end(start, room)
        return line_end(end, LINE_WIDTH) if end < len(pieces) and max_lines > 1 else end

    def lines(start: int, end: int) -> list[str]:
        """Return a cue as one line, or as two that end behind a clause or are about as long."""
        if line_end(start, room) >= end:
            return [mark + _join(pieces[start:end])]
        middle = min(
            (k for k in range(start + 1, line_end(start, room) + 1) if width(k, end) <= LINE_WIDTH),
            key=lambda k: abs(width(start, k) - width(k, end)) / LINE_WIDTH * 4 + _END_COSTS[pieces[k - 1].end] / 4,
        )
        return [mark + _join(pieces[start:middle]), _join(pieces[middle:end])]

    # The least cost of the cues up to each piece, and where the last of them begins.
    best: list[tuple[float, int]] = [(0.0, 0), *[(math.inf, 0)] * len(pieces)]
    for start in range(len(pieces)):
        for end in range(start + 1, cue_end(start) + 1):
            cost = best[start][0] + _CUE_COST
            lines_full = width(start, end) / LINE_WIDTH
            cost += _SHORT_COST * max(0.0, 1 - 2 * lines_full) + _LONG_COST * (lines_full / max_lines) ** 2
            if end < len(pieces):
                cost += _END_COSTS[pieces[end - 1].end]
            best[end] = min(best[end], (cost, start))
    cues: list[list[str]] = []
    end = len(pieces)
    if end and cue_end(0) == end:
        return [lines(0, end)]
    while end:
        start = best[end][1]
        cues.append(lines(start, end))
        end = start
    return cues[::-1]


def _width(character: str, is_wide: bool) -> int:
    """Return the width of a character; what Unicode leaves open, such as quotes and dashes, is that of the text around it."""
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    form = unicodedata.east_asian_width(character)
    return WIDE if form in "WF" or (form == "A" and is_wide) else NARROW


def _join(pieces: Sequence[_Piece]) -> str:
    return "".join(" " * (piece.has_space and number > 0) + piece.text for number, piece in enumerate(pieces))


def _split(text: str, room: int) -> list[_Piece]:
    """Return the pieces of a text, none wider than `room`: words and single characters, with the punctuation around them."""
    is_wide = any(unicodedata.east_asian_width(character) in "WF" for character in text)
    quotes = 0
    pieces: list[str] = []
    spaces: list[bool] = []
    last, has_space, is_opening, is_joined = "", False, False, False
    for character in text:
        if character == " ":
            has_space = True
            continue
        width = _width(character, is_wide)
        closes, opens = character in _NO_START, character in _NO_END
        if character == _ASCII_QUOTE:
            quotes += 1
            opens, closes = quotes % 2 == 1, quotes % 2 == 0
        may_break = has_space or WIDE in (width, _width(last, is_wide) if last else 0)
        if last and (not width or closes or is_opening or is_joined or not may_break):
            pieces[-1] += " " * has_space + character
        else:
            pieces.append(character)
            spaces.append(has_space)
        if width:
            last, is_opening = character, opens
        has_space, is_joined = False, character == _JOINER
    split: list[_Piece] = []
    for piece, space in zip(pieces, spaces, strict=True):
        split += _chop(piece, space, room, is_wide)
    return split


def _chop(piece: str, has_space: bool, room: int, is_wide: bool) -> list[_Piece]:
    """Return a piece as it is, or, if it is wider than `room`, as pieces that are not."""
    chopped: list[_Piece] = []
    part, width = "", 0
    for character in piece:
        more = _width(character, is_wide)
        if part and more and width + more > room:
            chopped.append(_Piece(part.strip(), width, has_space and not chopped))
            part, width = "", 0
            if character == " ":
                continue
        part, width = part + character, width + more
    return [*chopped, _Piece(part, width, has_space and not chopped)] if part else chopped
