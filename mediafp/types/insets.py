"""Insets in the frames of a video: rectangles that stay where they are from frame to frame, with footage of their own."""

from collections.abc import Callable, Sequence

from mediafp.types.geometry import Box
from mediafp.types.media import Pixels
from mediafp.types.rectangles import DUPLICATE_IOU, box_iou, find_sharp_rectangles

REACH = 2
"""Kept frames before and after one, in one of which its inset must be too. Chosen, not measured."""
MAX_CENTRE_DISTANCE = 0.04
"""Distance from the middle, in sides of the frame, up to which a rectangle as high or as wide as the frame is what lies between
bars, and no inset. Chosen, not measured."""
BORDER_SHARE = 0.02
"""Share of the frame's side up to which a rectangle reaches the border. Chosen, not measured."""


def find_insets(frames: Sequence[Pixels]) -> list[list[Box]]:
    """Return the insets in each kept frame of a video, at most two, in its pixels."""
    finder = InsetFinder(len(frames), lambda number: frames[number])
    return [finder.insets(number) for number in range(len(frames))]


class InsetFinder:
    """Finds the insets in single frames of a video; what one frame has does not depend on which others were asked for.

    Every second frame is searched for rectangles, and the others only if one beside them has some.
    """

    def __init__(self, count: int, frame: Callable[[int], Pixels | None]) -> None:
        """Take the number of kept frames, and a function that returns one of them, or None if it is missing."""
        self._count, self._frame = count, frame
        self._rectangles: dict[int, list[Box]] = {}

    def insets(self, number: int) -> list[Box]:
        """Return the rectangles in a frame that a frame near it has too, the clearest first."""
        boxes = self._find(number)
        if not boxes:
            return []
        near = [
            self._find(n) for n in range(number - REACH, number + REACH + 1) if n != number and 0 <= n < self._count
        ]
        return [box for box in boxes if any(box_iou(box, other) >= DUPLICATE_IOU for found in near for other in found)]

    def _find(self, number: int) -> list[Box]:
        if number in self._rectangles:
            return self._rectangles[number]
        beside = (n for n in (number - 1, number + 1) if n < self._count)
        if number % 2 and not any(self._find(n) for n in beside):
            return self._rectangles.setdefault(number, [])
        frame = self._frame(number)
        return self._rectangles.setdefault(number, [] if frame is None else find_inner_rectangles(frame))


def find_inner_rectangles(frame: Pixels) -> list[Box]:
    """Return the rectangles in a frame with clear sides, without what lies between its bars, the clearest first."""
    height, width = frame.shape[:2]
    return [box for box in find_sharp_rectangles(frame) if not _is_between_bars(box, width, height)]


def _is_between_bars(box: Box, width: int, height: int) -> bool:
    """Return True if a box reaches two opposite borders of a frame, and is in the middle between the others."""
    left, top, right, bottom = box[0] / width, box[1] / height, box[2] / width, box[3] / height
    for low, high, other_low, other_high in ((left, right, top, bottom), (top, bottom, left, right)):
        reaches_both = low <= BORDER_SHARE and high >= 1 - BORDER_SHARE
        if reaches_both and abs((other_low + other_high) / 2 - 0.5) <= MAX_CENTRE_DISTANCE:
            return True
    return False
