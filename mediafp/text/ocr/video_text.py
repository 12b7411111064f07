"""Reading of the text on screen: the lines of text in the frames of a video, each read once, with their times.

A line that stays keeps its strokes, while the footage behind it moves. Strokes are therefore compared from frame to frame,
and only what is new and stays is screened for text and read.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from mediafp.text.ocr.merged_lines import MAX_EDGE_SECONDS, is_counter, is_same_place, merge_lines
from mediafp.text.ocr.reader import ImagePart, get_ocr_reader, lines_version
from mediafp.text.ocr.rectify import Quad
from mediafp.text.ocr.screen import CELL, SCREEN_SIDE
from mediafp.text.ocr.strokes import (
    CellMask,
    StrokeMap,
    cell_similarities,
    cells_with_strokes,
    line_similarities,
    stroke_map,
)
from mediafp.types.arrays import Float32Array
from mediafp.types.contents import MAX_VIDEO_TEXT_LINES
from mediafp.types.matches import TextLine
from mediafp.types.media import Frame, Pixels
from mediafp.types.scaled_images import shrink
from mediafp.types.video_text import VideoText, VideoTextLine

VIDEO_TEXT_VERSION = "1"
"""Version of the steps in this module; raise it if a video gives other lines."""
MIN_LINE_SIMILARITY = 0.4
"""Similarity of a line to its first frame from which it is the same. Of 176 pairs of frames with one line .96 are above, of
117 with other text at its place .02."""
STILL_LINE_SIMILARITY = 0.95
"""Median similarity of the characters of a line from which its background is still. Chosen, not measured."""
MIN_STILL_LINE_SIMILARITY = 0.75
"""Similarity of each character of such a line from which it is the same: of a clock, one digit changes. Chosen, not
measured."""
CHARACTER_HEIGHTS = 0.5
"""Length of a character, in heights of its line. Chosen, not measured."""
MIN_STABLE_SIMILARITY = 0.6
"""Similarity of a cell to the frame before from which it stays. Chosen, not measured."""
MIN_READ_SIMILARITY = 0.5
"""Similarity of a cell to the frame in which it was read from which it is not read again. Chosen, not measured."""
LASTING_SECONDS = 1.5
"""Time span of a frame from which everything in it stays. Chosen, not measured."""
MIN_PART_CELLS = (3, 8)
"""Width and area, in cells, of the smallest part of a frame that is read. Chosen, not measured."""
KEPT_FRAMES = 4
"""Earlier frames in which the start of a line is searched for. Chosen, not measured."""
RECENT_LINES = 50
"""Last lines among which that before a line at its place is searched for. Chosen, not measured."""
READING_COST = 4.0
"""Cost of a reading without its lines; that of a line is 1, about .017 CPU seconds (`scripts/bench/video_text_cost.py`)."""
MAX_BUDGET = 150.0
"""Cost that may be spent at once, about 2.5 CPU seconds. Chosen, not measured."""
BUDGET_PER_SECOND = 2.5
"""Cost that each second of video adds, about 2.5 CPU seconds a minute: that of subtitles that change every two seconds."""
GLANCE_SECONDS = 6.0
"""Seconds of video for each of which a frame is read in which nothing stays: text in moving footage, and on slides that change
with every frame. Chosen, not measured."""
MAX_GLANCES = 8.0
"""Such frames that may be read at once. Chosen, not measured."""
MAX_PAUSE_SECONDS = 16.0
"""Longest pause, seconds, in the reading of a place where nothing was found several times, or where text is never shown for
longer than a frame, or only its digits change: a clock. It starts with 2 seconds, and doubles. Chosen, not measured."""
MIN_VIDEO_CONFIDENCE = 0.8
"""Recognition confidence below which a line is dropped: of 224 drawn lines none is, and of 7 lines that are none, 6 are."""


@cache
def video_text_version() -> str:
    """Return the version of everything that the text on screen depends on.

    Raises:
        ModelError: A model is not in the manifest.
    """
    return f"{VIDEO_TEXT_VERSION}-{lines_version()}"


@dataclass(slots=True, kw_only=True, eq=False)
class _View:
    """One frame as it is read."""

    start: float
    end: float
    onset: float
    """Time at which something may have begun that this frame is the first to show."""
    image: Pixels
    strokes: StrokeMap
    is_read: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class _ShownLine:
    """A line that the last frame shows."""

    line: TextLine
    quad: Quad
    bounds: tuple[slice, slice]
    """Rows and columns of its pixels."""
    strokes: StrokeMap
    start: float
    read_at: float
    """Start of the frame in which it was read."""
    frames: int = 1
    is_counter: bool = False
    """True if only the digits of the line before it were other ones."""

    @property
    def cells(self) -> tuple[slice, slice]:
        """Rows and columns of its cells, with one around them."""
        rows, columns = (slice(max(0, side.start // CELL - 1), -(-side.stop // CELL) + 1) for side in self.bounds)
        return rows, columns

    def is_in(self, strokes: StrokeMap) -> bool:
        """Return True if a frame shows the line."""
        characters = line_similarities(self.strokes, strokes[self.bounds], CHARACTER_HEIGHTS)
        if np.median(characters) >= STILL_LINE_SIMILARITY:
            return min(characters) >= MIN_STILL_LINE_SIMILARITY
        return min(line_similarities(self.strokes, strokes[self.bounds])) >= MIN_LINE_SIMILARITY


@dataclass(slots=True, eq=False)
class _Places:
    """State of the cells of a frame."""

    reference: StrokeMap
    """Strokes of each cell when it was read."""
    is_read: CellMask
    quiet_until: Float32Array = field(init=False)
    """Seconds until which the cell is not read."""
    pause: Float32Array = field(init=False)
    """Seconds of the last pause; 0 for none."""

    def __post_init__(self) -> None:
        self.quiet_until = np.full(self.is_read.shape, -np.inf, np.float32)
        self.pause = np.zeros(self.is_read.shape, np.float32)

    def note_read(self, cells: CellMask, strokes: StrokeMap) -> None:
        """Note that cells were read."""
        grown = _grow(cells)
        pixels = np.repeat(np.repeat(grown, CELL, axis=0), CELL, axis=1)
        self.reference[pixels] = strokes[pixels]
        self.is_read |= cells

    def note_failure(self, cells: CellMask | tuple[slice, slice], now: float) -> None:
        """Lengthen the pause of cells where nothing was found; the first failure has none."""
        self.quiet_until[cells] = np.where(self.pause[cells] > 1, now + self.pause[cells], self.quiet_until[cells])
        self.pause[cells] = np.clip(self.pause[cells] * 2, 1, MAX_PAUSE_SECONDS)


class VideoTextReader:
    """Reads the text on screen, frame by frame in order. Only a few frames are in memory.

    Raises:
        ModelError: An OCR model is missing or changed.
    """

    def __init__(self, within_budget: Callable[[float], bool] = lambda seconds: True) -> None:
        """Load the models.

        Args:
            within_budget: Called before each reading and each line with the seconds of video so far; False ends the reading.
        """
        self._reader, self._within_budget = get_ocr_reader(), within_budget
        self._views: deque[_View] = deque(maxlen=KEPT_FRAMES)
        self._shown: list[_ShownLine] = []
        self._lines: list[VideoTextLine] = []
        self._places: _Places | None = None
        self._size = (0, 0)
        self._budget, self._glances, self._budget_time = MAX_BUDGET, MAX_GLANCES, 0.0
        self._unread_since: float | None = None

    def add(self, frame: Frame, size: tuple[int, int]) -> None:
        """Read what is new in the next frame.

        Args:
            frame: The frame.
            size: Width and height at which it is displayed, in whose pixels the boxes of the lines are.
        """
        self._size = size
        view = self._view(frame)
        before = self._views[-1] if self._views else None
        if before and before.strokes.shape != view.strokes.shape:
            self._forget_places(view.onset)
            before = None
        if self._places is None:
            shape = view.strokes.shape[0] // CELL, view.strokes.shape[1] // CELL
            self._places = _Places(np.zeros_like(view.strokes), np.zeros(shape, np.bool_))
        self._add_budget(view.start)
        self._read_changes(self._places, before, view)
        self._views.append(view)

    def finish(self) -> tuple[VideoText, list[str]]:
        """Return the lines, and a warning if some text was not read."""
        if self._views and self._places:
            view = self._views[-1]
            # Whether something in it stays is not known any more.
            self._glance(self._places, view)
            for shown in self._shown:
                self._end(shown, view.end)
        lines = merge_lines(self._lines)
        warnings = []
        if self._unread_since is not None:
            warnings.append(
                f"skipped a part of the text on screen from {self._unread_since:.0f} s on: there is more of it than is read"
            )
        if len(lines) > MAX_VIDEO_TEXT_LINES:
            end = lines[MAX_VIDEO_TEXT_LINES].start
            warnings.append(
                f"skipped the text on screen from {end:.0f} s on: the limit is {MAX_VIDEO_TEXT_LINES} lines"
            )
        return VideoText(version=video_text_version(), lines=tuple(lines[:MAX_VIDEO_TEXT_LINES])), warnings

    def _view(self, frame: Frame) -> _View:
        image = shrink(frame.pixels if frame.detail is None else frame.detail, SCREEN_SIDE)
        step = frame.start - self._views[-1].start if self._views else 0.0
        # A frame at another step than that of the samples is there from its first moment on.
        is_sample = abs(step - 2 * MAX_EDGE_SECONDS) <= MAX_EDGE_SECONDS / 2
        edge = step / 2 if is_sample else 0.0
        return _View(
            start=frame.start, end=frame.end, onset=max(0.0, frame.start - edge), image=image, strokes=stroke_map(image)
        )

    def _add_budget(self, now: float) -> None:
        seconds = max(0.0, now - self._budget_time)
        self._budget = min(MAX_BUDGET, self._budget + seconds * BUDGET_PER_SECOND)
        self._glances = min(MAX_GLANCES, self._glances + seconds / GLANCE_SECONDS)
        self._budget_time = now

    def _read_changes(self, places: _Places, before: _View | None, view: _View) -> None:
        """End the lines that a frame does not show any more, and read what is new in it and stays."""
        stays = self._end_lines(places, view)
        if view.end - view.start >= LASTING_SECONDS:
            stays[:] = True
        elif before:
            stays |= cell_similarities(before.strokes, view.strokes) >= MIN_STABLE_SIMILARITY
        places.is_read &= cell_similarities(places.reference, view.strokes) >= MIN_READ_SIMILARITY
        if before and not (before.is_read or stays.any()):
            self._glance(places, before)
        self._read(places, view, stays)

    def _end_lines(self, places: _Places, view: _View) -> CellMask:
        """End the lines that a frame does not show any more, and return their cells: the next line may be there at once."""
        cells = np.zeros_like(places.is_read)
        shown, self._shown = self._shown, []
        for line in shown:
            if line.is_in(view.strokes):
                line.frames += 1
                self._shown.append(line)
                continue
            self._end(line, view.onset)
            places.is_read[line.cells] = False
            lasts = line.frames > 1 or view.start - line.read_at >= LASTING_SECONDS
            if lasts and not line.is_counter:
                places.pause[line.cells] = 0
            else:
                places.note_failure(line.cells, view.start)
            if not line.is_counter:
                cells[line.cells] = True
        return cells

    def _glance(self, places: _Places, view: _View) -> None:
        """Read a frame in which nothing stays, if none was read for long."""
        if self._glances >= 1:
            self._glances -= 1
            self._read(places, view, np.ones_like(places.is_read))

    def _read(self, places: _Places, view: _View, cells: CellMask) -> None:
        """Read the cells of a frame that have strokes, and were not read before."""
        wanted = cells & cells_with_strokes(view.strokes) & ~places.is_read & (places.quiet_until <= view.start)
        for shown in self._shown:
            wanted[shown.cells] = False
        wanted = _large_parts(wanted)
        if not wanted.any():
            return
        if self._budget < READING_COST + 1 or not self._within_budget(view.start):
            if self._unread_since is None:
                self._unread_since = view.start
            return
        lines_left = int(self._budget - READING_COST)
        lines_read = 0

        def may_read() -> bool:
            nonlocal lines_read
            lines_read += 1
            return lines_read <= lines_left and self._within_budget(view.start)

        part = ImagePart(wanted, [shown.quad for shown in self._shown])
        found, is_complete = self._reader.read(view.image, self._size, may_read, part)
        self._budget -= READING_COST + lines_read
        if not is_complete and self._unread_since is None:
            self._unread_since = view.start
        view.is_read = True
        places.note_read(wanted, view.strokes)
        zoom = max(self._size) / max(view.image.shape[:2])
        shown_lines = [
            self._show(line, zoom, view) for line in found if line.confidence >= MIN_VIDEO_CONFIDENCE and line.text
        ]
        empty = wanted.copy()
        for shown in shown_lines:
            empty[shown.cells] = False
        places.note_failure(empty, view.start)
        self._shown += shown_lines

    def _show(self, line: TextLine, zoom: float, view: _View) -> _ShownLine:
        """Return a line that was read in a frame, with its start: that of the earliest frame that shows it."""
        quad = np.array(line.box, np.float32) / np.float32(zoom)
        height, width = view.strokes.shape
        (left, top), (right, bottom) = quad.min(axis=0), quad.max(axis=0)
        rows = slice(max(0, min(int(top), height - 1)), min(height, int(bottom) + 1))
        columns = slice(max(0, min(int(left), width - 1)), min(width, int(right) + 1))
        bounds = rows, columns
        shown = _ShownLine(
            line=line,
            quad=quad,
            bounds=bounds,
            strokes=view.strokes[bounds].copy(),
            start=view.onset,
            read_at=view.start,
        )
        before = [ended for ended in self._lines[-RECENT_LINES:] if is_same_place(ended, line)]
        shown.is_counter = bool(before) and is_counter(before[-1].text, line.text)
        since = max((ended.end for ended in before), default=-np.inf)
        for earlier in reversed([one for one in self._views if one.start < view.start]):
            if (
                earlier.strokes.shape != view.strokes.shape
                or earlier.start < since - MAX_EDGE_SECONDS / 2
                or not shown.is_in(earlier.strokes)
            ):
                break
            shown.start = earlier.onset
            shown.frames += 1
        return shown

    def _end(self, shown: _ShownLine, end: float) -> None:
        line = shown.line
        self._lines.append(
            VideoTextLine(
                text=line.text,
                start=round(shown.start, 3),
                end=round(max(shown.start, end), 3),
                box=line.box,
                confidence=line.confidence,
            )
        )

    def _forget_places(self, end: float) -> None:
        """End all lines: the frames have another shape from here on."""
        for shown in self._shown:
            self._end(shown, end)
        self._shown, self._places = [], None


def _grow(cells: CellMask) -> CellMask:
    import cv2

    return cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_)


def _large_parts(cells: CellMask) -> CellMask:
    """Return the connected cells that are large enough for a line."""
    import cv2

    _, labels, boxes, _ = cv2.connectedComponentsWithStats(cells.astype(np.uint8))
    width, area = MIN_PART_CELLS
    is_large = (boxes[:, cv2.CC_STAT_WIDTH] >= width) | (boxes[:, cv2.CC_STAT_HEIGHT] >= width)
    is_large &= boxes[:, cv2.CC_STAT_AREA] >= area
    is_large[0] = False
    return np.asarray(is_large[labels], np.bool_)
