"""Presentation times of decoded frames."""

from dataclasses import dataclass, field
from typing import Final

from av.video.frame import VideoFrame

from mediafp.ingest.container import MAX_CLOCK_STEP_BACK_SECONDS
from mediafp.types.contents import MAX_SECONDS

MAX_BROADCAST_GAP_SECONDS: Final = 10.0
"""Seconds between two frames of a broadcast above which its clock has probably started anew, as FFmpeg assumes."""


@dataclass(slots=True, kw_only=True)
class FrameClock:
    """Clock that gives each decoded frame its presentation seconds, below 0 before what players show, and never runs back.

    `time_base` is the unit of time stamps in seconds, `origin` their second of time 0 (None: that of the first one). With
    `use_decoding_times` the decoding times are read instead of the presentation times. `frame_seconds` is the mean
    duration of a frame, for frames without time stamps. `is_broadcast` is True for formats whose clock may start anew.
    """

    time_base: float | None
    origin: float | None
    use_decoding_times: bool
    frame_seconds: float
    is_broadcast: bool
    warnings: list[str]
    _now: float | None = field(default=None, init=False)
    _shift: float = field(default=0.0, init=False)
    _issued_warnings: set[str] = field(default_factory=set, init=False)

    def frame_time(self, frame: VideoFrame) -> float:
        """Return the presentation time of the next frame in seconds."""
        stamp = frame.dts if self.use_decoding_times else frame.pts
        if stamp is None:
            self._warn("frames without presentation times: timed by their order and the frame rate")
            stamp = frame.dts
        if stamp is None or self.time_base is None:
            time = 0.0 if self._now is None else self._now + self.frame_seconds
        else:
            if self.origin is None:
                self.origin = stamp * self.time_base
            time = stamp * self.time_base - self.origin + self._shift
        if self._now is not None and time < self._now:
            if self._now - time > MAX_CLOCK_STEP_BACK_SECONDS:
                self._warn(f"time stamps run back at {self._now:.1f} s: later times are counted on from there")
                self._shift += self._now + self.frame_seconds - time
                time = self._now + self.frame_seconds
            else:
                time = self._now
        if self.is_broadcast and self._now is not None and time - self._now > MAX_BROADCAST_GAP_SECONDS:
            self._warn(
                f"time stamps jump from {self._now:.1f} to {time:.1f} s: one frame is timed as shown between them"
            )
        if time > MAX_SECONDS:
            self._warn(f"time stamps beyond {MAX_SECONDS:.0f} s: their frames are timed at that second")
            time = MAX_SECONDS
        self._now = time
        return time

    def _warn(self, warning: str) -> None:
        if warning not in self._issued_warnings:
            self._issued_warnings.add(warning)
            self.warnings.append(warning)
