"""Lanes of accounts: their lives and events on one axis of time, and which took up the media of a removed one.

Places on the axis are per cent of the drawing's width and places of lanes are pixels, so that each lane stays beside its row
of the table at any width.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, Literal

from mediafp.report.account_lanes import cut_name, time_ticks
from mediafp.types.accounts import Account
from mediafp.types.instants import DAY_SECONDS, parse_instant, spanned_seconds
from mediafp.types.takeovers import Takeover
from mediafp.types.timelines import EventKind

LANE_HEIGHT, HEAD_HEIGHT = 62, 34
"""Pixels of a lane and of the axis above them: the heights of the rows of the table beside, in the style sheet."""
LEFT, RIGHT = 20.0, 97.5
"""Per cent of the width at which the axis begins and ends; names stand before it."""
NAME_COLUMNS: Final = 17
"""Columns of a name, of which a Chinese character takes two."""
MAX_MARKS: Final = 160
"""Marks of one kind of one lane; those at one place are one. Chosen, not measured."""
PLACES: Final = 500
"""Places of marks on the axis: those closer than a few pixels are drawn once."""
LABEL_WIDTH: Final = 12.0
"""Per cent of the width that the label of a tick takes: a day has 74 pixels, and the narrowest drawing 660."""

type MarkKind = EventKind | Literal["renamed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One event, or several of one kind at one place."""

    kind: MarkKind
    x: float
    at: str
    """Time of the first of them."""
    count: int
    sha256: str
    """Asset of the first of them; "" of a change of the name."""
    name: str = ""
    """New name of a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One account."""

    account: Account
    label: str
    top: int
    middle: int
    life: tuple[float, float] | None
    """Begin and end of its life, as far as it is shown; None if no date is known or all of it lies outside."""
    begins_before: bool
    ends_after: bool
    is_dated: bool
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """From the removal of an account to the first post of its media by another one."""

    takeover: Takeover
    x: float
    width: float
    y: int
    height: int
    is_upward: bool
    is_leftward: bool
    text_x: float
    text_y: int
    ends_there: bool
    """True if the text ends at its place, since it has no room behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneChart:
    """A drawing."""

    lanes: tuple[Lane, ...]
    joins: tuple[Join, ...]
    ticks: tuple[tuple[float, str], ...]
    height: int
    first: str
    """Day at which the axis begins, as 2026-01-31."""
    last: str
    """Day at which it ends."""


type Event = tuple[str, EventKind, str]
"""Time, kind, and SHA-256 of the asset."""


def draw_lanes(
    accounts: Sequence[Account],
    events: Mapping[str, Sequence[Event]],
    takeovers: Sequence[Takeover],
    span: tuple[str, str] | None = None,
) -> LaneChart:
    """Return the drawing of some accounts.

    Args:
        accounts: The accounts, from top to bottom.
        events: Events of each account, by key.
        takeovers: Those between the accounts are drawn.
        span: First and last day that are shown; None for all.
    """
    first, last = span_of(accounts, events) if span is None else _days(span)
    axis = _Axis(first, last)
    lanes = tuple(_lane(account, events.get(account.key, ()), number, axis) for number, account in enumerate(accounts))
    places = {account.key: number for number, account in enumerate(accounts)}
    joins = []
    for one in takeovers:
        if one.earlier in places and one.later in places and one.earlier != one.later:
            joined = _join(one, places[one.earlier], places[one.later], axis)
            if joined:
                joins.append(joined)
    ticks = _spaced([(round(axis.place(at), 2), label) for at, label in time_ticks(first, last)])
    return LaneChart(
        lanes=lanes,
        joins=tuple(joins),
        ticks=ticks,
        height=HEAD_HEIGHT + LANE_HEIGHT * len(lanes),
        first=_day(first),
        last=_day(last - 1),
    )


def _spaced(ticks: Sequence[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Return ticks of which as many have a label as fit beside each other; the label of the others is ""."""
    nearest = min((after[0] - before[0] for before, after in pairwise(ticks)), default=LABEL_WIDTH)
    step = math.ceil(LABEL_WIDTH / max(nearest, 0.1))
    return tuple((x, "" if number % step else label) for number, (x, label) in enumerate(ticks))


def span_of(accounts: Sequence[Account], events: Mapping[str, Sequence[Event]]) -> tuple[float, float]:
    """Return the seconds since 1970 from which to which accounts are drawn, with a little room."""
    first, last = spanned_seconds(event[0] for account in accounts for event in events.get(account.key, ()))
    room = max(2 * DAY_SECONDS, 0.02 * (last - first))
    return first - room, last + room


class _Axis:
    def __init__(self, first: float, last: float) -> None:
        self.first, self.last = first, max(last, first + DAY_SECONDS)

    def place(self, at: float) -> float:
        return LEFT + (RIGHT - LEFT) * (at - self.first) / (self.last - self.first)

    def shows(self, at: float) -> bool:
        return self.first <= at <= self.last


def _lane(account: Account, events: Sequence[Event], number: int, axis: _Axis) -> Lane:
    top = HEAD_HEIGHT + LANE_HEIGHT * number
    began, ended = (parse_instant(time or "") for time in (account.began_at, account.ended_at))
    life = None
    if began and ended:
        start, end = began.start, max(began.start, ended.start)
        if account.removed_at is None:
            end = max(end, ended.end)
        if start <= axis.last and end >= axis.first:
            life = round(axis.place(max(start, axis.first)), 2), round(axis.place(min(end, axis.last)), 2)
    return Lane(
        account=account,
        label=cut_name(account.account or account.account_name or account.key, NAME_COLUMNS),
        top=top,
        middle=top + LANE_HEIGHT // 2,
        life=life,
        begins_before=bool(began and began.start < axis.first),
        ends_after=bool(ended and ended.end > axis.last and began and began.start <= axis.last),
        is_dated=bool(began or ended or events),
        marks=tuple(_marks(account, events, axis)),
    )


def _marks(account: Account, events: Sequence[Event], axis: _Axis) -> list[Mark]:
    """Return the marks of a lane, those that lie on top of others last."""
    found: dict[tuple[MarkKind, float], Mark] = {}
    named = [(name.first_at, "renamed", "", name.name) for name in account.names[1:] if name.first_at]
    for at, kind, sha256, name in [*((at, kind, sha256, "") for at, kind, sha256 in events), *named]:
        instant = parse_instant(at)
        if instant is None or not axis.shows(instant.start):
            continue
        share = (instant.start - axis.first) / (axis.last - axis.first)
        x = round(LEFT + (RIGHT - LEFT) * round(share * PLACES) / PLACES, 2)
        standing = found.get((kind, x))  # type: ignore[arg-type]
        mark = Mark(kind=kind, x=x, at=at, count=1, sha256=sha256, name=name)  # type: ignore[arg-type]
        if standing:
            mark = Mark(kind=standing.kind, x=x, at=standing.at, count=standing.count + 1, sha256=standing.sha256)
        found[kind, x] = mark  # type: ignore[index]
    order = ("captured", "renamed", "posted", "removed")
    return sorted(found.values(), key=lambda mark: (order.index(mark.kind), mark.x))[: MAX_MARKS * len(order)]


def _join(one: Takeover, earlier: int, later: int, axis: _Axis) -> Join | None:
    """Return the line of a takeover; None if one of its ends is not shown."""
    removed, first = parse_instant(one.removed_at), parse_instant(one.first_at)
    if not (removed and first and axis.shows(removed.start) and axis.shows(first.start)):
        return None
    x1, x2 = axis.place(removed.start), axis.place(first.start)
    middles = [HEAD_HEIGHT + LANE_HEIGHT * number + LANE_HEIGHT // 2 for number in (earlier, later)]
    inset = 9
    is_upward = later < earlier
    top, bottom = min(middles) + inset, max(middles) - inset
    ends_there = x2 > 0.68 * RIGHT
    return Join(
        takeover=one,
        x=round(min(x1, x2), 2),
        width=round(max(abs(x2 - x1), 0.05), 2),
        y=top,
        height=max(bottom - top, 1),
        is_upward=is_upward,
        is_leftward=x2 < x1,
        text_x=round((min(x1, x2) - 1.2) if ends_there else (max(x1, x2) + 1.2), 2),
        text_y=middles[1] + (22 if is_upward else -17),
        ends_there=ends_there,
    )


def _days(span: tuple[str, str]) -> tuple[float, float]:
    first, last = (parse_instant(day) for day in span)
    assert first and last, "they were checked"
    return first.start, max(last.end, first.end)


def _day(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
    except (OverflowError, OSError, ValueError):
        return "1970-01-01"
