"""Times that names and metadata of files state, in the form of a clue; those of sidecars have many more forms."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

FIRST_YEAR: Final = 1990
"""Year from which on a stated time can be that of a post or of a picture: that of the first web site. Clocks that were never set
state 1970 or 1980, and earlier times are zeros and defaults of programs."""


def unix_time(seconds: float) -> str | None:
    """Return seconds since 1970 as a time in UTC; None if they lie outside `FIRST_YEAR` to tomorrow."""
    try:
        return _checked(datetime.fromtimestamp(int(seconds), UTC))
    except (OverflowError, OSError, ValueError):
        return None


def clock_time(parts: tuple[int, int, int, int, int, int], offset_minutes: int | None = None) -> str | None:
    """Return year, month, day, hour, minute and second as a time; None if there is no such time, or it cannot be true.

    Args:
        parts: The six numbers.
        offset_minutes: Minutes by which the clock is ahead of UTC; None if its zone is unknown.
    """
    try:
        zone = None if offset_minutes is None else timezone(timedelta(minutes=offset_minutes))
        return _checked(datetime(*parts, tzinfo=zone))
    except (OverflowError, ValueError):
        return None


def calendar_day(year: int, month: int, day: int) -> str | None:
    """Return a day such as `2020-01-31`; None if there is no such day, or it cannot be true."""
    time = clock_time((year, month, day, 0, 0, 0))
    return time[:10] if time else None


def _checked(time: datetime) -> str | None:
    """Return a time as ISO 8601, in UTC if its zone is known; None outside `FIRST_YEAR` to tomorrow."""
    limit = datetime.now(UTC) + timedelta(days=1)
    in_utc = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    if not (in_utc.year >= FIRST_YEAR and in_utc <= limit):
        return None
    text = (in_utc if time.tzinfo else time).replace(tzinfo=None, microsecond=0).isoformat()
    return text + "Z" if time.tzinfo else text
