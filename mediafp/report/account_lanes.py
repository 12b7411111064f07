"""A time line as an SVG drawing of its own: a lane for each account, with its life, posts, captures and removals."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from mediafp.report.isolation import escape_text, isolate_tspan
from mediafp.types.accounts import Account
from mediafp.types.counted_nouns import count_of
from mediafp.types.instants import DAY_SECONDS, Instant, parse_instant, spanned_seconds
from mediafp.types.timelines import EventKind, Timeline, TimelineEvent

MAX_LANES: Final = 80
"""Accounts that are drawn: those in lines, then those with the most files. Chosen, not measured."""
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 1200.0, 262.0, 28.0, 58.0, 56.0
"""Width of the drawing, and of its margins, SVG units."""
LANE_HEIGHT, HEADING_HEIGHT = 36.0, 30.0
"""Height of a lane, and of the heading of a line of iterations, SVG units."""
NAME_COLUMNS: Final = 26
"""Columns of a name, of which a Chinese character takes two; longer names are cut."""
MAX_TICKS: Final = 11
"""Ticks of the axis at most."""
MIN_SPAN_WIDTH: Final = 3.0
"""SVG units from which the span of an inexact time is drawn as a bar, not as a stroke."""
MIN_GAP_LABEL_WIDTH: Final = 64.0
"""SVG units of a gap within a lane from which its days are written there."""
INK, GREY, BAR, POSTED, CAPTURED, REMOVED = "#1c2733", "#5b6672", "#d5e2f0", "#2563a8", "#6b4a00", "#c8202f"
"""Colours of texts, of the axis, of lives, and of the kinds of events, on white."""
FONTS: Final = (
    "system-ui,'Segoe UI','Noto Sans','Noto Sans CJK SC','Noto Sans CJK TC','PingFang SC','Microsoft YaHei',sans-serif"
)
"""Fonts with Chinese characters on the usual systems."""
_STEPS: Final = (
    ("day", 1),
    ("day", 7),
    ("month", 1),
    ("month", 3),
    ("month", 6),
    *(("year", n) for n in (1, 2, 5, 10, 20, 50)),
)
"""Distances of ticks: unit and number."""
_NO_ACCOUNT: Final = "no account"


def draw_account_lanes(timeline: Timeline) -> str:
    """Return a time line as an SVG document; no name in it can add markup or load anything."""
    return "".join(_Drawing(timeline).parts())


class _Drawing:
    """Coordinates and parts of one drawing."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        drawn = _chosen(timeline.accounts)
        self._skipped = len(timeline.accounts) - len(drawn)
        self._events: defaultdict[str | None, list[TimelineEvent]] = defaultdict(list)
        for event in timeline.events:
            self._events[event.account_key].append(event)
        self._lanes: list[Account | None] = [*drawn, *([None] if self._events.get(None) else [])]
        times = [event.at for event in timeline.events]
        # The life of an account may be longer than what is shown of it.
        times += [time for account in drawn for time in (account.began_at, account.ended_at) if time]
        first, last = spanned_seconds(times)
        margin = max(DAY_SECONDS, 0.02 * (last - first))
        self._first, self._last = first - margin, last + margin
        headings = sum(_begins_line(account) for account in self._lanes)
        self._height = TOP + LANE_HEIGHT * len(self._lanes) + HEADING_HEIGHT * headings + BOTTOM

    def parts(self) -> Iterator[str]:
        """Yield the parts of the document, from back to front."""
        accounts, events = len(self._timeline.accounts), len(self._timeline.events)
        title = f"Time line of {count_of(accounts, 'account')}"
        title += f", {count_of(events, 'event')}"
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="times" viewBox="0 0 {WIDTH:.0f} {self._height:.0f}"'
            f' width="{WIDTH:.0f}" height="{self._height:.0f}" font-family="{FONTS}" font-size="13" fill="{INK}" role="img"'
            f' aria-label="{title}">\n<title>{title}</title>\n'
            f'<rect width="{WIDTH:.0f}" height="{self._height:.0f}" fill="#fff"/>\n'
        )
        yield from self._axis()
        y = TOP
        for number, account in enumerate(self._lanes):
            if number and not (account and account.iteration) and self._is_in_line(number - 1):
                yield f'<path d="M10 {y + 1:.1f}H{WIDTH - RIGHT:.0f}" stroke="#c3cbd3"/>\n'
            if _begins_line(account):
                assert account, "the lane without an account begins no line"
                yield _heading(account, y)
                y += HEADING_HEIGHT
            yield from self._lane(account, y)
            y += LANE_HEIGHT
        yield self._legend()
        yield "</svg>\n"

    def _is_in_line(self, number: int) -> bool:
        account = self._lanes[number]
        return account is not None and account.iteration is not None

    def _x(self, seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (seconds - self._first) / (self._last - self._first)

    def _axis(self) -> Iterator[str]:
        bottom = self._height - BOTTOM + 6
        for at, label in time_ticks(self._first, self._last):
            x = self._x(at)
            yield (
                f'<path d="M{x:.1f} {TOP - 12:.0f}V{bottom:.0f}" stroke="#e3e7eb"/>'
                f'<text x="{x:.1f}" y="{TOP - 18:.0f}" text-anchor="middle" font-size="12" fill="{GREY}">{label}</text>\n'
            )

    def _lane(self, account: Account | None, y: float) -> Iterator[str]:
        middle = y + LANE_HEIGHT / 2
        events = self._events[account.key if account else None]
        yield "<g>"
        yield from self._label(account, middle)
        if account and account.began_at and account.ended_at:
            yield self._life(account, middle)
            yield self._later(account, middle)
        for kind in ("posted", "captured", "removed"):
            spans = [span for event in events if event.event == kind and (span := parse_instant(event.at))]
            yield from self._marks(kind, spans, middle)
        yield from self._gaps(events, middle)
        yield "</g>\n"

    def _label(self, account: Account | None, middle: float) -> Iterator[str]:
        if account is None:
            yield f'<text x="44" y="{middle + 5:.1f}" fill="{GREY}">{_NO_ACCOUNT}</text>'
            return
        if account.iteration:
            yield (
                f'<circle cx="22" cy="{middle:.1f}" r="11" fill="{INK}"/>'
                f'<text x="22" y="{middle + 4.5:.1f}" text-anchor="middle" font-size="12" font-weight="600" fill="#fff">'
                f"{account.iteration}</text>"
            )
        earlier = [name.name for name in account.names[:-1]]
        details = ", ".join([account.platform or "", *(f"earlier {name}" for name in reversed(earlier))]).strip(", ")
        whole = " · ".join(filter(None, (account.key, account.account_id, account.account_name, details)))
        yield (
            f"<title>{escape_text(whole)}</title>"
            f'<text x="44" y="{middle - 1:.1f}" font-weight="600">'
            f"{isolate_tspan(cut_name(account.account or account.account_name or account.key))}</text>"
            f'<text x="44" y="{middle + 13:.1f}" font-size="11" fill="{GREY}">'
            f"{isolate_tspan(cut_name(details, NAME_COLUMNS + 6))}</text>"
        )

    def _life(self, account: Account, middle: float) -> str:
        began, ended = parse_instant(account.began_at or ""), parse_instant(account.ended_at or "")
        if not (began and ended):
            return ""
        x, end = self._x(began.start), self._x(max(began.end, ended.end))
        return f'<rect x="{x:.1f}" y="{middle - 7:.1f}" width="{max(end - x, 2):.1f}" height="14" rx="3" fill="{BAR}"/>'

    def _later(self, account: Account, middle: float) -> str:
        """Return the days since the last account of the line, before the bar if there is room."""
        began = parse_instant(account.began_at or "")
        if account.gap_days is None or began is None or (x := self._x(began.start)) - LEFT < MIN_GAP_LABEL_WIDTH:
            return ""
        days = f"{count_of(account.gap_days, 'day')} later"
        return (
            f'<text x="{x - 8:.1f}" y="{middle + 4:.1f}" text-anchor="end" font-size="11" font-style="italic"'
            f' fill="{GREY}">{days if account.gap_days >= 0 else "overlaps"}</text>'
        )

    def _marks(self, kind: EventKind, spans: Sequence[Instant], middle: float) -> Iterator[str]:
        """Yield the marks of one kind; those of one place are drawn once, so that the drawing stays small."""
        wide = {(round(self._x(s.start), 1), round(self._x(s.end), 1)) for s in spans if self._is_wide(s)}
        for start, end in sorted(wide):
            yield (
                f'<rect x="{start:.1f}" y="{middle - 3:.1f}" width="{end - start:.1f}" height="6"'
                f' fill="{_COLOURS[kind]}" fill-opacity=".45"/>'
            )
        places = sorted({round(self._x(s.middle if s.seconds > 1 else s.start)) for s in spans if not self._is_wide(s)})
        yield _draw_marks(kind, places, middle) if places else ""

    def _is_wide(self, span: Instant) -> bool:
        return self._x(span.end) - self._x(span.start) >= MIN_SPAN_WIDTH and span.seconds > DAY_SECONDS

    def _gaps(self, events: Sequence[TimelineEvent], middle: float) -> Iterator[str]:
        """Yield the days of each wide gap between two posts of one account."""
        starts = [span.start for event in events if event.event == "posted" and (span := parse_instant(event.at))]
        for earlier, later in pairwise(starts):
            x, end = self._x(earlier), self._x(later)
            days = int((later - earlier) // DAY_SECONDS)
            if end - x >= MIN_GAP_LABEL_WIDTH and days:
                yield (
                    f'<text x="{(x + end) / 2:.1f}" y="{middle + 4:.1f}" text-anchor="middle" font-size="11" fill="{GREY}">'
                    f"{days} days</text>"
                )

    def _legend(self) -> str:
        y = self._height - 18
        parts = []
        places: tuple[tuple[float, EventKind], ...] = (
            (LEFT, "posted"),
            (LEFT + 92, "captured"),
            (LEFT + 200, "removed"),
        )
        for x, kind in places:
            parts.append(
                _draw_marks(kind, [round(x)], y - (15 if kind == "captured" else 4))
                + f'<text x="{x + 12:.0f}" y="{y:.0f}">{kind}</text>'
            )
        parts.append(
            f'<rect x="{LEFT + 304:.0f}" y="{y - 11:.0f}" width="26" height="14" rx="3" fill="{BAR}"/>'
            f'<text x="{LEFT + 338:.0f}" y="{y:.0f}">from the first post to the last, or to the removal</text>'
        )
        undated = self._timeline.undated
        notes = [f"{count_of(undated, 'sighting')} without a date"] if undated else []
        skipped = "1 more account is" if self._skipped == 1 else f"{self._skipped} more accounts are"
        notes += [f"{skipped} not drawn"] if self._skipped else []
        parts.append(
            f'<text x="{WIDTH - RIGHT:.0f}" y="{y:.0f}" text-anchor="end" fill="{GREY}">{"; ".join(notes)}</text>\n'
        )
        return "".join(parts)


_COLOURS: Final[Mapping[EventKind, str]] = {"posted": POSTED, "captured": CAPTURED, "removed": REMOVED}


def _draw_marks(kind: EventKind, places: Sequence[int], middle: float) -> str:
    """Return strokes for posts, rings for captures, and crosses for removals."""
    if kind == "posted":
        path = "".join(f"M{x} {middle - 11:.1f}v22" for x in places)
    elif kind == "removed":
        path = "".join(f"M{x - 5} {middle - 5:.1f}l10 10m0 -10l-10 10" for x in places)
    else:
        path = "".join(f"M{x - 3.5} {middle + 11:.1f}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0" for x in places)
    width = {"posted": 1.8, "captured": 1.4, "removed": 2.6}[kind]
    return f'<path d="{path}" fill="none" stroke="{_COLOURS[kind]}" stroke-width="{width}"/>'


def _chosen(accounts: Sequence[Account]) -> list[Account]:
    """Return the accounts that are drawn, in their order."""
    ranked = sorted(accounts, key=lambda account: (account.iteration is None, -account.assets, account.key))
    chosen = {account.key for account in ranked[:MAX_LANES]}
    return [account for account in accounts if account.key in chosen]


def _begins_line(account: Account | None) -> bool:
    return account is not None and account.iteration == 1


def _heading(account: Account, y: float) -> str:
    """Return the heading of a line of iterations."""
    reasons = f" ({', '.join(account.iteration_because)})" if account.iteration_because else ""
    text = isolate_tspan(f"same media, later account{reasons}")
    return (
        f'<path d="M10 {y + 4:.1f}H{WIDTH - RIGHT:.0f}" stroke="#c3cbd3"/>'
        f'<text x="11" y="{y + 22:.1f}" font-size="12" font-style="italic" fill="{GREY}">{text}</text>\n'
    )


def cut_name(name: str, columns: int = NAME_COLUMNS) -> str:
    """Return a name cut to a number of columns, of which wide characters take two."""
    used = 0
    for position, character in enumerate(name):
        used += 2 if unicodedata.east_asian_width(character) in "WF" else unicodedata.combining(character) == 0
        if used > columns:
            return name[: max(position - 1, 1)] + "…"
    return name


def time_ticks(first: float, last: float) -> Iterator[tuple[float, str]]:
    """Yield the ticks of a time axis with their labels."""
    try:
        start, end = (datetime.fromtimestamp(seconds, UTC) for seconds in (first, last))
    except (OverflowError, OSError, ValueError):
        return
    for unit, number in _STEPS:
        ticks = list(_tick_times(start, end, unit, number))
        if len(ticks) <= MAX_TICKS:
            label = {"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}[unit]
            yield from ((tick.timestamp(), tick.strftime(label)) for tick in ticks)
            return


def _tick_times(start: datetime, end: datetime, unit: str, number: int) -> Iterator[datetime]:
    """Yield the times between two at a distance; no more than one beyond `MAX_TICKS`."""
    if unit == "day":
        tick = datetime(start.year, start.month, start.day, tzinfo=UTC) + timedelta(days=1)
        for _ in range(MAX_TICKS + 1):
            if tick <= end:
                yield tick
            tick += timedelta(days=number)
        return
    months = start.year * 12 + (start.month - 1 if unit == "month" else 0)
    step = number * (1 if unit == "month" else 12)
    months = -(-months // step) * step
    for count in range(MAX_TICKS + 2):
        year, month = divmod(months + count * step, 12)
        if not 1 <= year <= 9999 or (tick := datetime(year, month + 1, 1, tzinfo=UTC)) > end:
            return
        if tick >= start:
            yield tick
