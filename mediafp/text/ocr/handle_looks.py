"""Further looks at a line with a handle: strips of differing height and place, and the handle on which their readings agree.

A small translucent mark is read otherwise if its strip is cut a little otherwise. Strips of other channels, of bright strokes
alone, sharpened or blurred differ less from the first than these, and are wrong together with it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from mediafp.text.ocr.line_finder import is_same_line
from mediafp.text.ocr.recogniser import Reading
from mediafp.text.ocr.rectify import Quad, rectify_line
from mediafp.types.matches import TextLine
from mediafp.types.media import Pixels

AT_SIGNS: Final = frozenset("@＠")
"""Characters that begin a handle."""
LOOKS: Final = (
    # Left, right, above, below.
    (0.0, 0.0, 0.0, 0.0),
    (0.15, 0.4, 0.05, 0.05),
    (0.0, 0.3, -0.1, -0.1),
    (1.2, 1.2, 0.08, 0.08),
    (0.15, 0.4, 0.0, 0.18),
)
"""Padding of the looks, in line heights. Of 393 marks of 10 to 26 pixels .914 are read exactly by their vote, .883 by the first
and the fourth alone, .849 to .908 with further ones: another scale, up, down, blurred."""
MAX_LOOKED_CHARACTERS: Final = 48
"""Characters of a line above which it is a sentence, and gets no further looks. Chosen, not measured."""
MIN_LONGER: Final = 1.2
"""Length of a quad of bright strokes, in lengths of the line that it covers, from which that line may lack a part. Chosen, not
measured."""
MIN_WHOLE_SHARE: Final = 0.85
"""Length of a quad, as a share of the longest with the same handle, below which it cuts off a part. Chosen, not measured."""
_HANDLE = re.compile(r"[@＠][\w\-·.]*")


class ReadLine(NamedTuple):
    """One line as it was read."""

    quad: Quad
    text: str
    confidence: float

    @property
    def handle_length(self) -> int:
        """Characters from the @ to the end of the line; 0 without one."""
        start = find_at_sign(self.text)
        return 0 if start is None else len(self.text) - start

    def scaled(self, zoom: float) -> TextLine:
        """Return the line in the pixels of an image that is larger by a factor."""
        corners = tuple((round(float(x) * zoom, 1), round(float(y) * zoom, 1)) for x, y in self.quad)
        return TextLine(text=self.text, box=corners, confidence=round(self.confidence, 3))


def quad_length(quad: Quad) -> float:
    """Return the length of a line in pixels."""
    return float(max(np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[2] - quad[1])))


def find_at_sign(text: str) -> int | None:
    """Return the place of the first @ in a text."""
    return next((n for n, character in enumerate(text) if character in AT_SIGNS), None)


def handle_looks(bgr: Pixels, quad: Quad) -> Iterator[Pixels]:
    """Yield the strips of the LOOKS at a line."""
    top_left, top_right, bottom_right, bottom_left = quad
    for left, right, above, below in LOOKS:
        # The difference of the paddings above and below moves the quad and changes its height.
        common, further = min(above, below), abs(below - above)
        down_left, down_right = (bottom_left - top_left) * further, (bottom_right - top_right) * further
        grown = np.array([top_left, top_right, bottom_right + down_right, bottom_left + down_left], np.float32)
        yield rectify_line(bgr, grown, left, right, common)


def unread_marks(lines: Sequence[ReadLine], marks: Sequence[Quad]) -> list[Quad]:
    """Return the quads of bright strokes that may show a handle which the lines lack: new ones, longer ones, those of handles."""

    def is_unread(quad: Quad) -> bool:
        covered = [line for line in lines if is_same_line(line.quad, quad)]
        return any(line.handle_length for line in covered) or quad_length(quad) > MIN_LONGER * max(
            (quad_length(line.quad) for line in covered), default=0.0
        )

    return [quad for quad in marks if is_unread(quad)]


def read_handles(
    lines: Sequence[ReadLine], marks: Sequence[ReadLine], look: Callable[[Quad], Sequence[Reading]]
) -> list[ReadLine]:
    """Return the lines with the handles on which several looks agree.

    Args:
        lines: The lines of an image.
        marks: Lines that its bright strokes show. They are returned only with a handle, in place of the lines that they cover.
        look: Function that returns the readings of the looks at a line.
    """
    kept = list(lines)
    agreed: list[ReadLine] = []
    for mark in marks:
        covered = [line for line in kept if is_same_line(line.quad, mark.quad)]
        group = [line for line in (mark, *covered) if line.handle_length]
        if not group:
            continue
        best = _agree(group, look)
        if best.handle_length >= max((line.handle_length for line in covered), default=0):
            kept = [line for line in kept if not is_same_line(line.quad, mark.quad)]
            agreed = [line for line in agreed if not is_same_line(line.quad, mark.quad)]
            agreed.append(best)
    return [*agreed, *(_agree([line], look) if line.handle_length else line for line in kept)]


def _agree(group: Sequence[ReadLine], look: Callable[[Quad], Sequence[Reading]]) -> ReadLine:
    """Return the longest of some quads of one line, with the handle on which most looks at the long ones agree.

    The text in front of the handle is as it was read first; the handle, and the text behind it, as the surest of the agreeing
    looks has it. The confidence is the mean confidence of all looks in this handle, 0 for one that has another one.
    """
    longest = max(group, key=lambda line: quad_length(line.quad))
    if len(longest.text) > MAX_LOOKED_CHARACTERS:
        return longest
    votes: dict[str, list[Reading]] = {}
    min_length = MIN_WHOLE_SHARE * quad_length(longest.quad)
    for line in group:
        for text, confidence in look(line.quad) if quad_length(line.quad) >= min_length else ():
            if found := _HANDLE.search(text):
                votes.setdefault(found[0].rstrip("-·."), []).append((text[found.start() :], confidence))
    start = find_at_sign(longest.text)
    if not votes or start is None:
        return longest
    agreeing = max(votes.values(), key=lambda found: sum(confidence for _, confidence in found))
    tail, _ = max(agreeing, key=lambda reading: reading[1])
    share = sum(confidence for _, confidence in agreeing) / sum(map(len, votes.values()))
    return ReadLine(longest.quad, longest.text[:start] + tail, share)
