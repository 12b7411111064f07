"""The time lines of two videos: the two sides of each channel below each other, joined by ribbons."""

from collections.abc import Sequence
from dataclasses import dataclass

from mediafp.report.timelines import CHANNELS, MAX_BANDS, order_segments, tick_seconds
from mediafp.types.matches import Segment, SegmentChannel

WIDTH, LEFT, RIGHT = 1200.0, 118.0, 14.0
"""Width of the drawing, and of its margins, units."""
TOP, LANE_HEIGHT, LANE_GAP, CHANNEL_HEIGHT = 30.0, 14.0, 30.0, 87.0
"""First lane, height of a lane, distance of the two sides, and height of a channel, units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStretch:
    """One matching stretch on the drawing, in units."""

    segment: Segment
    query: tuple[float, float]
    """Left end and width."""
    reference: tuple[float, float]
    ribbon: str
    """Corners of the polygon that joins both."""
    middle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One channel: two tracks and their stretches."""

    channel: SegmentChannel
    y: float
    stretches: tuple[LaneStretch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchLanes:
    """The drawing."""

    height: float
    scale: float
    """Units per second."""
    tracks: tuple[float, float]
    """Widths of the query and of the reference."""
    ticks: tuple[tuple[float, float], ...]
    """Second and x of each."""
    lanes: tuple[Lane, ...]


def lay_stretches(segments: Sequence[Segment], durations: tuple[float, float]) -> StretchLanes:
    """Return the drawing of the matching stretches of two videos, of which the first `MAX_BANDS` are drawn."""
    listed = [segment for segment in order_segments(segments) if segment.query is not None]
    ends = [0.1, *durations]
    for segment in listed:
        assert segment.query is not None, "those without were dropped"
        ends += [segment.query[1], segment.reference[1]]
    longest = max(ends)
    scale = (WIDTH - LEFT - RIGHT) / longest
    used = [channel for channel in CHANNELS if any(segment.channel == channel for segment in listed)]
    lanes = []
    for row, channel in enumerate(used):
        y = TOP + row * CHANNEL_HEIGHT
        stretches = [_stretch(segment, scale, y) for segment in listed[:MAX_BANDS] if segment.channel == channel]
        lanes.append(Lane(channel=channel, y=y, stretches=tuple(stretches)))
    step = tick_seconds(longest)
    ticks = [
        (number * step, round(LEFT + number * step * scale, 1)) for number in range(int(longest / step + 1e-6) + 1)
    ]
    return StretchLanes(
        height=TOP + len(used) * CHANNEL_HEIGHT,
        scale=scale,
        tracks=(round(durations[0] * scale, 1), round(durations[1] * scale, 1)),
        ticks=tuple(ticks),
        lanes=tuple(lanes),
    )


def _stretch(segment: Segment, scale: float, y: float) -> LaneStretch:
    assert segment.query is not None, "the caller dropped those without"
    (start, end), (from_, to) = segment.query, segment.reference
    upper, lower = (LEFT + start * scale, LEFT + end * scale), (LEFT + from_ * scale, LEFT + to * scale)
    first, last = lower if segment.speed >= 0 else lower[::-1]
    top, bottom = y + LANE_HEIGHT, y + LANE_HEIGHT + LANE_GAP
    corners = ((upper[0], top), (upper[1], top), (last, bottom), (first, bottom))
    return LaneStretch(
        segment=segment,
        query=(round(upper[0], 1), round(max(2.0, upper[1] - upper[0]), 1)),
        reference=(round(lower[0], 1), round(max(2.0, lower[1] - lower[0]), 1)),
        ribbon=" ".join(f"{x:.1f},{at:.1f}" for x, at in corners),
        middle=round(sum((*upper, *lower)) / 4, 1),
    )
