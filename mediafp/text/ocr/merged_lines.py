"""Merging of the readings of a video: one line that was read several times in succession becomes one."""

from collections.abc import Iterable
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Final

import numpy as np

from mediafp.types.geometry import intersection_area, polygon_area
from mediafp.types.matches import TextLine
from mediafp.types.video_text import VideoTextLine

MAX_GAP_SECONDS: Final = 1.5
"""Seconds between two readings at one place up to which they may be of one line: a flash hides it in one frame. Chosen, not
measured."""
MIN_TEXT_RATIO: Final = 0.8
"""Share of equal characters from which two readings are of one line, if their digits are equal. Chosen, not measured."""
MIN_BOX_OVERLAP: Final = 0.5
"""Share of the smaller box that lies in the other one from which two lines are at one place. Chosen, not measured."""
MAX_EDGE_SECONDS: Final = 0.5
"""Seconds by which a line may begin before the first frame that shows it, and end after the last one: half the interval of
sampled frames, so that a time is wrong by no more than that."""
MAX_MOVED_HEIGHTS: Final = 3.0
"""Heights of a line that it may move between two readings, as in a photograph that is zoomed. Chosen, not measured."""


def merge_lines(lines: Iterable[VideoTextLine]) -> list[VideoTextLine]:
    """Return the lines by their start and from top to bottom, those that belong together as one with the best reading."""
    merged: list[VideoTextLine] = []
    open_lines: list[int] = []
    for line in sorted(lines, key=lambda line: (line.start, line.end, line.box[0][1], line.box[0][0], line.text)):
        open_lines = [n for n in open_lines if merged[n].end >= line.start - MAX_GAP_SECONDS]
        same = next((n for n in reversed(open_lines) if _is_same(merged[n], line)), None)
        if same is None:
            open_lines.append(len(merged))
            merged.append(line)
            continue
        best = max(merged[same], line, key=lambda one: (one.confidence, len(one.text)))
        merged[same] = replace(best, start=merged[same].start, end=max(merged[same].end, line.end))
    return sorted(merged, key=lambda line: (line.start, line.box[0][1], line.box[0][0], line.end, line.text))


def is_same_place(line: VideoTextLine, other: VideoTextLine | TextLine) -> bool:
    """Return True if the boxes of two lines overlap by most of the smaller one."""
    box, other_box = (np.array(one.box, np.float32) for one in (line, other))
    smaller = max(1.0, min(polygon_area(box), polygon_area(other_box)))
    return intersection_area(box, other_box) >= MIN_BOX_OVERLAP * smaller


def is_counter(text: str, other_text: str) -> bool:
    """Return True if two texts differ in their digits alone, as those of a clock do."""
    forms = ("".join("0" if c.isdigit() else c for c in each if not c.isspace()) for each in (text, other_text))
    return text != other_text and len(set(forms)) == 1


def _is_same(line: VideoTextLine, other: VideoTextLine) -> bool:
    """Return True if two readings are of one line."""
    text, other_text = ("".join(one.text.split()).casefold() for one in (line, other))
    if text == other_text:
        return is_same_place(line, other) or _has_moved(line, other)
    digits, other_digits = ("".join(filter(str.isdigit, each)) for each in (text, other_text))
    if digits != other_digits or not is_same_place(line, other):
        return False
    return SequenceMatcher(None, text, other_text, autojunk=False).ratio() >= MIN_TEXT_RATIO


def _has_moved(line: VideoTextLine, other: VideoTextLine) -> bool:
    """Return True if a line with the same text follows another one, not far from its place."""
    box, other_box = (np.array(one.box, np.float32) for one in (line, other))
    distance = np.abs(box.mean(axis=0) - other_box.mean(axis=0)).max()
    height = min(float(np.linalg.norm(box[3] - box[0])), float(np.linalg.norm(box[1] - box[0])))
    return other.start >= line.end - MAX_EDGE_SECONDS and distance <= MAX_MOVED_HEIGHTS * height
