"""Tracks of the members of a group, laid on the clock of its representative."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mediafp.types.kept_matches import CHANNELS, Channel
from mediafp.types.matches import Match, Segment
from mediafp.types.media import TimeSpan

WIDTH, LEFT, HEIGHT, LANE_STEP, LANE_HEIGHT, TOP = 400.0, 4.0, 34, 10, 8, 3
"""SVG units: width of a drawing and its margin, its height, distance and height of the lanes of channels, top of the first."""
MIN_WIDTH: Final = 1.5
"""Width of a bar at least, so that a short stretch is seen."""
MAX_BARS: Final = 60
"""Bars of one channel that are drawn of one member. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A stretch that a member shares with the representative."""

    channel: Channel
    x: float
    y: int
    width: float
    span: TimeSpan
    """Seconds of the representative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberTrack:
    """Life of a member on the clock of the representative, and what both share."""

    x: float
    width: float
    bars: tuple[Bar, ...]
    seconds: Mapping[Channel, float]
    """Seconds of the representative that are shared by each channel."""


def lay_tracks(
    own_seconds: float, members: Sequence[tuple[float, Mapping[Channel, Match] | None]]
) -> list[MemberTrack | None]:
    """Return the tracks of members, all on one scale; None for one without a stretch in common with the representative.

    Args:
        own_seconds: Duration of the representative.
        members: Duration of each member, and its matches seen from the representative; None for itself.
    """
    lives: list[TimeSpan | None] = []
    for seconds, matches in members:
        if matches is None:
            lives.append((0.0, own_seconds))
            continue
        segments = [one for channel in CHANNELS for one in _segments(matches.get(channel))]
        lives.append(_life(segments[0], seconds) if segments else None)
    # The representative shares what any of the others shows.
    everything = _joined([matches for _, matches in members if matches])
    spans = [life for life in lives if life]
    first, last = min([0.0, *(life[0] for life in spans)]), max([own_seconds, 0.1, *(life[1] for life in spans)])
    scale = (WIDTH - 2 * LEFT) / (last - first)

    def place(seconds: float) -> float:
        return LEFT + (min(max(seconds, first), last) - first) * scale

    tracks: list[MemberTrack | None] = []
    for life, (_, matches) in zip(lives, members, strict=True):
        if life is None:
            tracks.append(None)
            continue
        shared = everything if matches is None else _joined([matches])
        bars = [
            Bar(
                channel=channel,
                x=round(place(start), 1),
                y=TOP + LANE_STEP * CHANNELS.index(channel),
                width=round(max(MIN_WIDTH, place(end) - place(start)), 1),
                span=(start, end),
            )
            for channel, found in shared.items()
            for start, end in found[:MAX_BARS]
        ]
        seconds_of = {channel: sum(end - start for start, end in found) for channel, found in shared.items()}
        start, end = place(life[0]), place(life[1])
        tracks.append(
            MemberTrack(
                x=round(start, 1), width=round(max(MIN_WIDTH, end - start), 1), bars=tuple(bars), seconds=seconds_of
            )
        )
    return tracks


def _segments(match: Match | None) -> list[Segment]:
    return [one for one in match.segments if one.query] if match else []


def _life(segment: Segment, seconds: float) -> TimeSpan:
    """Return when a member begins and ends on the clock of the representative, by one stretch of both."""
    assert segment.query, "a video has times"
    speed = abs(segment.speed) or 1.0
    if segment.speed < 0:
        end = segment.query[1] + segment.reference[0] / speed
        return end - seconds / speed, end
    start = segment.query[0] - segment.reference[0] / speed
    return start, start + seconds / speed


def _joined(matches: Sequence[Mapping[Channel, Match]]) -> dict[Channel, list[TimeSpan]]:
    """Return the spans of the representative in matches by channel; spans that touch are one."""
    joined: dict[Channel, list[TimeSpan]] = {}
    for channel in CHANNELS:
        spans = sorted(
            span for own in matches for one in _segments(own.get(channel)) if (span := one.query) is not None
        )
        merged: list[TimeSpan] = []
        for start, end in spans:
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(end, merged[-1][1])
            else:
                merged.append((start, end))
        joined[channel] = merged
    return joined
