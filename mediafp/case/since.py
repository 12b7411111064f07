"""The time from which on additions to a store are new."""

from datetime import UTC, date, datetime, time, timedelta

from mediafp.types.errors import UsageError

Since = str | date
"""A date or time, ISO 8601 if it is a string: a day begins in UTC, and a time without a zone is one in UTC."""


def parse_since(since: Since) -> str:
    """Return the first whole second that is not before a date or time, ISO 8601 in UTC as the store states times.

    Raises:
        UsageError: It is neither a date nor a time.
    """
    try:
        moment = datetime.fromisoformat(since) if isinstance(since, str) else since
        if not isinstance(moment, datetime):
            moment = datetime.combine(moment, time())
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        if moment.microsecond:
            moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    except (ValueError, OverflowError):
        raise UsageError(
            f"cannot list what is new since {str(since)!r}: it is neither a date nor a time;"
            " write 2024-05-31, or 2024-05-31T18:30:00+02:00"
        ) from None
    # Not by strftime, which does not fill up years below 1000.
    return moment.isoformat().removesuffix("+00:00") + "Z"
