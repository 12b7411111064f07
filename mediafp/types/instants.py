"""Times of sightings as numbers, so that times of different precision can be compared."""

import calendar
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

DAY_SECONDS: Final = 86_400.0
"""Seconds of a day."""
LATEST_ZONE_SECONDS: Final = 12 * 3600.0
"""Seconds by which clocks are behind UTC at most, on Baker Island: a time whose zone is unknown may be so much later in UTC."""
EARLIEST_ZONE_SECONDS: Final = 14 * 3600.0
"""Seconds by which clocks are ahead of UTC at most, on the Line Islands."""
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)


class Instant(NamedTuple):
    """Span of time that a time states: a day is 24 hours, a second one second. A time without a zone counts as UTC."""

    start: float
    """Seconds since 1970."""
    end: float

    @property
    def middle(self) -> float:
        """Middle of the span, seconds since 1970."""
        return (self.start + self.end) / 2

    @property
    def seconds(self) -> float:
        """Length of the span."""
        return self.end - self.start


@lru_cache(maxsize=1 << 16)
def parse_instant(time: str) -> Instant | None:
    """Return the span that an ISO 8601 time of a sighting states; None if it is not one, such as that of an older store."""
    text = time.removesuffix("Z")
    try:
        if len(text) in (4, 7):
            year, month = int(text[:4]), int(text[5:]) if text[4:] else None
            first = datetime(year, month or 1, 1, tzinfo=UTC)
            days = calendar.monthrange(year, month)[1] if month else 365 + calendar.isleap(year)
            length = timedelta(days=days)
        else:
            first = datetime.fromisoformat(text)
            first = first.replace(tzinfo=UTC) if first.tzinfo is None else first
            length = timedelta(days=1) if len(text) == 10 else _MINUTE if len(text) == 16 else _SECOND
        start = first.timestamp()
    except (ValueError, OverflowError):
        return None
    return Instant(start, start + length.total_seconds())


def spanned_seconds(times: Iterable[str]) -> tuple[float, float]:
    """Return the seconds since 1970 from the start of the earliest to the end of the latest time; 0 and 0 if none is one."""
    spans = [span for time in times if (span := parse_instant(time))]
    first = min((span.start for span in spans), default=0.0)
    return first, max((span.end for span in spans), default=first)


def may_be_earlier(time: str, other: str) -> bool:
    """Return True if what has one time may have happened before what has the other one, as far as the two are exact.

    Of two times within one second either may be earlier. A time without a zone may be of any zone; one that is unreadable is
    never earlier.
    """
    first, second = parse_instant(time), parse_instant(other)
    if first is None or second is None:
        return False
    start = first.start - (0.0 if time.endswith("Z") else EARLIEST_ZONE_SECONDS)
    end = second.end + (0.0 if other.endswith("Z") else LATEST_ZONE_SECONDS)
    return start < end


def time_key(time: str) -> tuple[float, float, str]:
    """Return the sort key of a time: by its start, an exact one before the day that begins with it; unreadable ones last."""
    instant = parse_instant(time)
    return (instant.start, instant.end, time) if instant else (float("inf"), 0.0, time)
