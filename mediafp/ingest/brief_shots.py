"""Shots of a video that are shown between two samples, found by its small grey frames."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from av.video.frame import VideoFrame

from mediafp.types.arrays import Float32Array
from mediafp.types.media import GreyPixels

MAX_STEP_CORRELATION: Final = 0.5
"""Correlation of two successive grey frames below which they are of two shots. Chosen, not measured."""
MIN_STEADY_CORRELATION: Final = 0.7
"""Correlation of the successive grey frames of a brief shot, or of those before and after one: below it, footage changes so fast
that its steps are none between shots. Chosen, not measured."""
MIN_CONTRAST: Final = 2.0
"""Standard deviation, grey levels, below which a frame is flat, and correlated with no other one. Chosen, not measured."""
MAX_BRIEF_SHOTS: Final = 20
"""Brief shots that are sampled in BOUND_SECONDS: an embedding takes 20 ms, and a flickering video would have hundreds. Chosen,
not measured."""
BOUND_SECONDS: Final = 60.0
"""Seconds in which so many are sampled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BriefShot:
    """Shot that is shown between two samples: one of its frames, displayed for some seconds, and when the shot is shown."""

    frame: VideoFrame
    held_seconds: float
    start: float
    end: float


@dataclass(slots=True)
class BriefShotFinder:
    """Finder of the shots that no sample shows, given the grey frames of a video in their order.

    A shot starts and ends with a step from one grey frame to the next, and is brief if no sample shows it. It is shown at two
    times of the grid of grey frames at least, or at one between two parts of another shot. It is found when it ends.
    """

    _pattern: Float32Array | None = None
    _pattern_before: Float32Array | None = None
    _is_candidate: bool = False
    _is_steady: bool = False
    _start: float = 0.0
    _frame: VideoFrame | None = None
    _held_seconds: float = 0.0
    _found: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_BRIEF_SHOTS))

    def add(
        self, frame: VideoFrame, grey: GreyPixels, held_seconds: float, *, times: int, step_time: float
    ) -> BriefShot | None:
        """Take the next frame that has a grey frame, and return the brief shot that it ends.

        Args:
            frame: The frame.
            grey: Its grey levels.
            held_seconds: Seconds for which it is displayed.
            times: Number of times of the grid at which it is displayed.
            step_time: Second at which it replaced the grey frame before, if that is of another shot.
        """
        pattern, before = _pattern_of(grey), self._pattern
        self._pattern = pattern
        correlation = 1.0 if before is None else float(pattern @ before)
        if correlation < MAX_STEP_CORRELATION:
            ended = self._end(step_time, pattern)
            # Flat frames get no row.
            self._is_candidate, self._start, self._is_steady = bool(pattern.any()), step_time, times > 1
            self._pattern_before = before
        else:
            ended = None
            self._is_candidate &= correlation >= MIN_STEADY_CORRELATION
            self._is_steady = True
        # A later frame of a shot is coded better than its first one.
        self._frame, self._held_seconds = (frame, held_seconds) if self._is_candidate else (None, 0.0)
        return ended

    def note_sample(self) -> None:
        """Note that a sample shows the shot of the last frame."""
        self._is_candidate, self._frame = False, None

    def _end(self, end: float, after: Float32Array) -> BriefShot | None:
        frame, before = self._frame, self._pattern_before
        if not self._is_candidate or frame is None or before is None:
            return None
        if not self._is_steady and float(before @ after) < MIN_STEADY_CORRELATION:
            return None
        if len(self._found) == MAX_BRIEF_SHOTS and self._start - self._found[0] < BOUND_SECONDS:
            return None
        self._found.append(self._start)
        return BriefShot(frame=frame, held_seconds=self._held_seconds, start=self._start, end=end)


def _pattern_of(grey: GreyPixels) -> Float32Array:
    """Return grey levels without their mean and contrast, (P,) of unit length; 0 of a frame without contrast."""
    levels = grey.ravel().astype(np.float32)
    levels -= levels.mean()
    length = float(np.sqrt(levels @ levels))
    if length < MIN_CONTRAST * len(levels) ** 0.5:
        return np.zeros_like(levels)
    return levels / np.float32(length)
