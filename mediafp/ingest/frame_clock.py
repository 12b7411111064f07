"""The presentation times of decoded frames."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from av.video.frame import VideoFrame

from mediafp.ingest.container import MAX_CLOCK_STEP_BACK_SECONDS
from mediafp.types.media import Audio

TIME_SLACK: Final = 1e-4
"""Seconds by which a frame may precede its sample point, for clocks that cannot state it exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeReport:
    """What decoding tells besides frames; apart from `Media`, so that no reference cycle keeps a file open."""

    properties: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    heard: list[Audio] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class FrameClock:
    """Seconds since the start of the stream for each decoded frame, never running backwards."""

    base: Fraction | None
    origin: int | None
    frame_seconds: float
    warnings: list[str]
    by_order: bool
    now: float = -1.0
    shift: float = 0.0
    said: set[str] = field(default_factory=set)

    def read(self, frame: VideoFrame) -> float:
        """The frame's presentation time in seconds."""
        stamp = frame.dts if self.by_order else frame.pts
        if stamp is None:
            self._say("frames without presentation times: their order and the frame rate were used instead")
            stamp = frame.dts
        if stamp is None or self.base is None:
            time = 0.0 if self.now < 0 else self.now + self.frame_seconds
        else:
            if self.origin is None:
                self.origin = stamp
            time = float((stamp - self.origin) * self.base) + self.shift
        if time < self.now:
            if self.now - time > MAX_CLOCK_STEP_BACK_SECONDS:
                self._say(f"the clock jumps back at {self.now:.1f} s: times after it are counted on from there")
                self.shift += self.now + self.frame_seconds - time
                time = self.now + self.frame_seconds
            else:
                time = self.now
        self.now = max(0.0, time)
        return self.now

    def _say(self, warning: str) -> None:
        if warning[:30] not in self.said:
            self.said.add(warning[:30])
            self.warnings.append(warning)
