"""Frames of a video that are shown at the times of an even grid, with the spans of what they show."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mediafp.ingest.frame_pixels import frame_pixels
from mediafp.ingest.grey_frames import TRACK_INTERVAL_SECONDS, GreyFrameSampler, GreyPixels, UprightGrey
from mediafp.ingest.limits import DETAIL_SIDE
from mediafp.ingest.shown_frames import grid_numbers
from mediafp.types.media import Frame

MIN_STEP: Final = 20.0
"""Change between two grey frames from which it may be the step from one shot or page to the next: levels of 0..255 above
`NOISE_LEVELS`, summed over the pixels. A few words of a page have 100. Chosen, not measured."""
NOISE_LEVELS: Final = 2
"""Grey levels (0..255) by which a pixel of two grey frames differs through compression noise. Chosen, not measured."""
MIN_STEP_RATIO: Final = 4.0
"""The same as a multiple of the mean of the other changes between two samples: moving footage changes all the time. Chosen,
not measured."""


@dataclass(slots=True, kw_only=True)
class FrameSampler:
    """Sampler of the frames that are shown at n × `interval` seconds, one row for each frame however long it is shown.

    The first frame is sampled wherever it starts. A sample's span starts where its frame does, or at the step before it to
    another shot or page, and ends where the next one starts.
    """

    stream: VideoStream
    interval: float
    detail: bool = False
    """Sample each frame at DETAIL_SIDE too, in which its text can be read."""
    track: GreyFrameSampler[VideoFrame] = field(default_factory=lambda: GreyFrameSampler(UprightGrey()))
    samples: int = 0
    _last: Frame | None = field(default=None, init=False)
    _is_due: bool = field(default=True, init=False)
    _grey: GreyPixels | None = field(default=None, init=False)
    _grey_start: float = field(default=0.0, init=False)
    _frame_start: float = field(default=0.0, init=False)
    _changes: list[tuple[float, float]] = field(default_factory=list, init=False)

    def add(self, frame: VideoFrame, start: float, end: float) -> Iterator[Frame]:
        """Take the next frame, displayed from start to end, and yield the sample that it ends, if it is one itself."""
        if end <= 0:
            return
        start = max(0.0, start)
        if not frame.is_corrupt and (grey := self.track.add(frame, start, end)) is not None:
            self._note_change(grey, start)
        self._frame_start = start
        is_shown = bool(grid_numbers(start, end, self.interval))
        # A damaged frame is used only if none better comes within one interval.
        if frame.is_corrupt and not (is_shown and self._is_due):
            self._is_due |= is_shown
            return
        if not is_shown and not self._is_due:
            return
        self._is_due = False
        span_start = start
        if self._last is not None:
            span_start = max(self._last.start, self._step_time(start))
            yield replace(self._last, end=span_start)
        self._changes.clear()
        self.samples += 1
        self._last = Frame(
            pixels=frame_pixels(frame, self.stream),
            start=span_start,
            end=end,
            held_seconds=max(0.0, end - start),
            detail=frame_pixels(frame, self.stream, DETAIL_SIDE) if self.detail else None,
        )

    def finish(self, end: float) -> Iterator[Frame]:
        """Yield the last sample, which ends with the video."""
        if self._last is not None:
            yield replace(self._last, end=max(end, self._last.start))
            self._last = None

    def _note_change(self, grey: GreyPixels, start: float) -> None:
        """Note by how much a grey frame differs from the one before, and when it replaced it."""
        if self._grey is not None:
            change = float(np.maximum(0, np.abs(grey.astype(np.int16) - self._grey) - NOISE_LEVELS).sum())
            # The change came with this frame if it follows that one at once, else at an unknown time between them.
            is_next = self._frame_start == self._grey_start
            shown_until = max(self._grey_start, start - TRACK_INTERVAL_SECONDS)
            self._changes.append((start if is_next else (shown_until + start) / 2, change))
        self._grey, self._grey_start = grey, start

    def _step_time(self, start: float) -> float:
        """Return when the shot or page of a new sample replaced that of the last one; `start`, of its frame, if unknown."""
        changes = [change for _, change in self._changes]
        threshold = max(MIN_STEP, max(changes, default=0.0) / 2)
        last = max((n for n, change in enumerate(changes) if change >= threshold), default=None)
        if last is None or changes[last] * (len(changes) - 1) < MIN_STEP_RATIO * (sum(changes) - changes[last]):
            return start
        return min(start, self._changes[last][0])
