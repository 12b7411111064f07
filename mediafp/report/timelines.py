"""Time lines of two videos as SVG: the query above, the reference below, matching segments joined by bands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from mediafp.types.letter_names import letter_name
from mediafp.types.matches import Segment, SegmentChannel
from mediafp.types.media import TimeSpan
from mediafp.types.timestamps import format_time

CHANNELS: Final[tuple[SegmentChannel, ...]] = ("picture", "voice", "script")
"""Lanes of a side, from top to bottom."""
PATTERNS: Final = {"picture": "", "voice": "voice-strokes", "script": "script-lines"}
"""Ids of the patterns, defined at the top of each page, that tell the channels apart without colour."""
SEGMENT_COLOURS: Final = ("#2563a8", "#a8560a", "#6d3fa0", "#0a7d4f", "#a62c5b", "#4d6b1f", "#1d7a86", "#7a4a2b")
"""Fills of segments, one after the other; white letters have a contrast of 4.5 or more on each."""
MAX_BANDS: Final = 120
"""Segments that are drawn, the first ones. Chosen, not measured."""
SPEED_TOLERANCE: Final = 0.005
"""Difference of a speed from 1 below which it is not stated. Chosen, not measured: of 100 seconds it is half a second."""
TICK_SECONDS: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400),
)
"""Distances of ticks, seconds: round numbers on a clock."""
MAX_TICKS: Final = 10
"""Ticks of the longer time line. Chosen, not measured."""
WIDTH, LEFT, RIGHT = 960.0, 104.0, 26.0
"""Width of the drawing, and of its margins, SVG units."""
LANE_HEIGHT, LANE_STEP, AXIS_HEIGHT, GAP = 17.0, 20.0, 18.0, 66.0
"""Height of a lane, distance of two lanes, height of an axis, and distance of the two sides, SVG units."""
LABEL_ROWS: Final = 3
"""Rows of labels between the two sides; a label that fits into none is not drawn; the list below states it."""
CHAR_WIDTH: Final = 6.4
"""Mean width of a character of a label, SVG units, of 11.5 units of system-ui."""
MIN_LETTER_WIDTH: Final = 9.0
"""Width of a bar per letter of its name, SVG units, below which the name is not written on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One of the two videos to draw."""

    role: str
    seconds: float
    """Duration; 0 if it is unknown."""
    has_images: bool
    has_audio: bool


def order_segments(segments: Sequence[Segment]) -> list[Segment]:
    """Return segments in the order of their names: by channel, then by their time in the query."""
    return sorted(segments, key=lambda s: (CHANNELS.index(s.channel), (s.query or s.reference)[0], s.reference[0]))


def describe_change(segment: Segment) -> str:
    """Return how the query changes a segment: its speed unless it is 1, and if it is reversed or mirrored; "" if nothing."""
    speed = abs(segment.speed)
    parts = [f"× {speed:.2f}"] if abs(speed - 1) >= SPEED_TOLERANCE else []
    parts += ["reversed"] if segment.speed < 0 else []
    parts += ["mirrored"] if segment.mirrored else []
    return ", ".join(parts)


def draw_timelines(segments: Sequence[Segment], query: Track | None, reference: Track | None) -> Markup:
    """Draw both time lines to one scale, with a lane for each channel; segments that match are joined by bands.

    The bands of a reversed segment cross over. Each segment has a letter, as in `order_segments`.

    Args:
        segments: The matching segments, in the order of their names; those from `MAX_BANDS` on are not drawn.
        query: The query; None, and no time line, for an image.
        reference: The reference; None for an image.
    """
    drawing = _Drawing(segments, query, reference)
    parts = drawing.draw(segments[:MAX_BANDS])
    return Markup(
        f'<svg class="times" viewBox="0 0 {WIDTH:.0f} {drawing.height:.0f}" role="img"'
        f' aria-label="matching times, as listed below">{"".join(parts)}</svg>'
    )


def tick_seconds(longest: float) -> float:
    """Return the distance of the ticks of a time line, seconds."""
    for step in TICK_SECONDS:
        if longest / step <= MAX_TICKS:
            return step
    days = TICK_SECONDS[-1]
    return days * math.ceil(longest / days / MAX_TICKS)


class _Drawing:
    """Coordinates and parts of one drawing."""

    def __init__(self, segments: Sequence[Segment], query: Track | None, reference: Track | None) -> None:
        used = {segment.channel for segment in segments}
        is_pair = query is not None and reference is not None
        self._lanes = [c for c in CHANNELS if c in used or (is_pair and c != "script")]
        self._used = used
        self._query, self._reference = query, reference
        ends = [0.1]
        ends += [query.seconds, *(s.query[1] for s in segments if s.query)] if query else []
        ends += [reference.seconds, *(s.reference[1] for s in segments)] if reference else []
        self._longest = max(ends)
        self._step = tick_seconds(self._longest)
        block = LANE_STEP * len(self._lanes)
        self._query_y = AXIS_HEIGHT
        # Without a query there is no gap, and the lanes of the reference begin at the top.
        self._reference_y = self._query_y + block + GAP if query else 4.0
        if reference:
            self.height = self._reference_y + block + AXIS_HEIGHT
        else:
            self.height = self._query_y + block + 4

    def draw(self, segments: Sequence[Segment]) -> list[str]:
        """Return the elements of the drawing: time lines, bands, bars and labels, from back to front."""
        sides: list[str] = []
        if self._query:
            sides += self._side(self._query, self._query_y, self._query_y - 6)
        if self._reference:
            lanes_end = self._reference_y + LANE_STEP * len(self._lanes)
            sides += self._side(self._reference, self._reference_y, lanes_end + 10)
        bands: list[str] = []
        bars: list[str] = []
        labels: list[str] = []
        rows: list[list[tuple[float, float]]] = [[] for _ in range(LABEL_ROWS)]
        for number, segment in enumerate(segments):
            colour = SEGMENT_COLOURS[number % len(SEGMENT_COLOURS)]
            name = letter_name(number)
            upper = lower = None
            if self._query and segment.query is not None:
                upper = self._interval(segment.query)
                bars += _bar(upper, self._lane_y(self._query_y, segment.channel), colour, segment.channel, name)
            if self._reference:
                lower = self._interval(segment.reference)
                bars += _bar(lower, self._lane_y(self._reference_y, segment.channel), colour, segment.channel, name)
            if upper and lower:
                # Audio often matches as a whole: its band goes behind those of frames.
                bands[:0] = self._band(upper, lower, segment, colour)
                change = describe_change(segment)
                labels += self._label(upper, lower, f"{name} {change}" if change else name, rows)
        # The lanes of other channels cover the band, which would look like a match there.
        return [*bands, *sides, *bars, *labels]

    def _x(self, seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(max(seconds, 0.0), self._longest) / self._longest

    def _interval(self, span: TimeSpan) -> tuple[float, float]:
        start = self._x(span[0])
        return start, max(start + 2, self._x(span[1]))

    def _lane_y(self, top: float, channel: SegmentChannel) -> float:
        return top + LANE_STEP * self._lanes.index(channel)

    def _side(self, track: Track, top: float, text_y: float) -> list[str]:
        """Return the lanes, the axis and the names of one side."""
        seconds = track.seconds or self._longest
        x, end = self._x(0), max(self._x(0) + 2, self._x(seconds))
        parts = [f'<text x="0" y="{text_y:.0f}" class="cap side">{track.role}</text>']
        missing = {"picture": not track.has_images, "voice": not track.has_audio, "script": False}
        for channel in self._lanes:
            y = self._lane_y(top, channel)
            parts.append(f'<text x="0" y="{y + 13:.0f}" class="tick">{channel}</text>')
            is_absent = missing[channel] and channel not in self._used
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.0f}" width="{end - x:.1f}" height="{LANE_HEIGHT:.0f}"'
                f' class="{"absent" if is_absent else "line"}"/>'
            )
            if is_absent:
                word = "no frames" if channel == "picture" else "no audio"
                parts.append(f'<text x="{x + 6:.0f}" y="{y + 13:.0f}" class="tick">{word}</text>')
        bottom = top + LANE_STEP * len(self._lanes) - (LANE_STEP - LANE_HEIGHT)
        count = math.floor(seconds / self._step + 1e-6)
        marks = "".join(f"M{self._x(n * self._step):.1f} {top - 3:.0f}V{bottom + 3:.0f}" for n in range(count + 1))
        parts.append(f'<path d="{marks}" class="ticks"/>')
        for number in range(count + 1):
            at = number * self._step
            parts.append(
                f'<text x="{self._x(at):.1f}" y="{text_y:.0f}" text-anchor="middle" class="tick">{self._clock(at)}</text>'
            )
        return parts

    def _clock(self, seconds: float) -> str:
        """Return the label of a tick: without tenths if no tick has any."""
        text = format_time(seconds)
        return text if self._step < 1 else text.rpartition(".")[0]

    def _band(self, upper: TimeSpan, lower: TimeSpan, segment: Segment, colour: str) -> list[str]:
        """Return the band between the bars of a segment; it leads straight down past the other lanes of a side."""
        lanes = LANE_STEP * len(self._lanes)
        top = self._lane_y(self._query_y, segment.channel) + LANE_HEIGHT
        bottom = self._lane_y(self._reference_y, segment.channel)
        leave, arrive = self._query_y + lanes - (LANE_STEP - LANE_HEIGHT), self._reference_y
        first, last = lower if segment.speed >= 0 else (lower[1], lower[0])
        corners = [(upper[0], top), (upper[1], top), (upper[1], leave), (last, arrive), (last, bottom)]
        corners += [(first, bottom), (first, arrive), (upper[0], leave)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        parts = [f'<polygon points="{points}" class="band" fill="{colour}" stroke="{colour}"/>']
        if PATTERNS[segment.channel]:
            parts.append(f'<polygon points="{points}" class="weave" fill="url(#{PATTERNS[segment.channel]})"/>')
        return parts

    def _label(self, upper: TimeSpan, lower: TimeSpan, text: str, rows: list[list[tuple[float, float]]]) -> list[str]:
        """Return the label of a band in the first row where it covers no other one; nothing if there is none."""
        half = CHAR_WIDTH * len(text) / 2 + 2
        gap_top = self._query_y + LANE_STEP * len(self._lanes)
        for number, taken in enumerate(rows, 1):
            # On the line between the middles of both bars, at the height of the row.
            share = number / (LABEL_ROWS + 1)
            middle = (upper[0] + upper[1]) / 2 * (1 - share) + (lower[0] + lower[1]) / 2 * share
            middle = min(max(middle, LEFT + half), WIDTH - half)
            if all(middle + half <= start or middle - half >= end for start, end in taken):
                taken.append((middle - half, middle + half))
                y = gap_top + share * GAP + 3
                return [f'<text x="{middle:.1f}" y="{y:.1f}" text-anchor="middle" class="label">{text}</text>']
        return []


def _bar(interval: TimeSpan, y: float, colour: str, channel: SegmentChannel, name: str) -> list[str]:
    """Return the bar of a segment on one lane, with its name if it is wide enough."""
    start, end = interval
    box = f'x="{start:.1f}" y="{y:.0f}" width="{end - start:.1f}" height="{LANE_HEIGHT:.0f}"'
    parts = [f'<rect {box} class="bar-{channel}" fill="{colour}"/>']
    if PATTERNS[channel]:
        parts.append(f'<rect {box} class="weave" fill="url(#{PATTERNS[channel]})"/>')
    if end - start >= MIN_LETTER_WIDTH * len(name) + 3:
        parts.append(
            f'<text x="{(start + end) / 2:.1f}" y="{y + 13:.0f}" text-anchor="middle" class="letter">{name}</text>'
        )
    return parts
