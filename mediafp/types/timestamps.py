"""Times as people read them, and the present one."""

from datetime import UTC, datetime


def utc_now() -> str:
    """Return the time, ISO 8601 in UTC to the second, as 2024-05-31T18:30:00Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_time(seconds: float) -> str:
    """Return a time as minutes and seconds, `01:02.5`, and from one hour on with the hours, `1:01:02.5`."""
    tenths = round(abs(seconds) * 10)
    sign = "-" if seconds < 0 and tenths else ""
    hours, minutes, rest = tenths // 36_000, tenths // 600 % 60, tenths % 600 / 10
    return f"{sign}{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{sign}{minutes:02d}:{rest:04.1f}"


def format_span(span: tuple[float, float]) -> str:
    """Return the start and the end of a time span, `01:02.5–01:04.0`."""
    return f"{format_time(span[0])}–{format_time(span[1])}"
