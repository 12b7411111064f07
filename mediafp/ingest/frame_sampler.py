"""Frames of a video that are shown at the times of an even grid, and of shots between them, with the spans of what they show."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from mediafp.ingest.brief_shots import BriefShot, BriefShotFinder
from mediafp.ingest.frame_pixels import frame_pixels
from mediafp.ingest.grey_frames import TRACK_INTERVAL_SECONDS, GreyFrameSampler, UprightGrey
from mediafp.ingest.limits import DETAIL_SIDE, MAX_FRAMES
from mediafp.ingest.shown_frames import grid_numbers
from mediafp.types.media import Frame, GreyPixels

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
    another shot or page, and ends where the next one starts. A shot that is shown between two of these times has a sample too.
    """

    stream: VideoStream
    interval: float
    detail: bool = False
    """Sample each frame at DETAIL_SIDE too, in which its text can be read."""
    track: GreyFrameSampler[VideoFrame] = field(default_factory=lambda: GreyFrameSampler(UprightGrey()))
    samples: int = 0
    _brief_shots: BriefShotFinder = field(default_factory=BriefShotFinder, init=False)
    _brief_end: float | None = field(default=None, init=False)
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
            times = len(grid_numbers(start, end, TRACK_INTERVAL_SECONDS))
            step_time = self._changes[-1][0] if self._changes else start
            brief = self._brief_shots.add(frame, grey, end - start, times=times, step_time=step_time)
            # One sample is kept for the frame itself.
            if brief and self.samples < MAX_FRAMES - 1:
                yield from self._sample_brief(brief)
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
            step_time = self._step_time(start) if self._brief_end is None else self._brief_end
            span_start = max(self._last.start, step_time)
            yield replace(self._last, end=span_start)
        self._changes.clear()
        self._brief_shots.note_sample()
        self._brief_end = None
        self._last = self._sample(frame, span_start, end, max(0.0, end - start))

    def _sample_brief(self, brief: BriefShot) -> Iterator[Frame]:
        """Yield the last sample, which a shot before the current frame ends, and sample that shot."""
        if self._last is None:
            return
        start = max(self._last.start, brief.start)
        yield replace(self._last, end=start if self._brief_end is None else min(start, self._brief_end))
        self._brief_end = max(start, brief.end)
        self._last = self._sample(brief.frame, start, self._brief_end, brief.held_seconds)

    def _sample(self, frame: VideoFrame, start: float, end: float, held_seconds: float) -> Frame:
        self.samples += 1
        return Frame(
            pixels=frame_pixels(frame, self.stream),
            start=start,
            end=end,
            held_seconds=held_seconds,
            detail=frame_pixels(frame, self.stream, DETAIL_SIDE) if self.detail else None,
        )

    def finish(self, end: float) -> Iterator[Frame]:
        """Yield the last sample, which ends with the video unless it is a brief shot."""
        if self._last is not None:
            shown_until = end if self._brief_end is None else self._brief_end
            yield replace(self._last, end=max(shown_until, self._last.start))
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
