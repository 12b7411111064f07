"""Times as sidecars write them, to ISO 8601 as exact as they are."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mediafp.sightings.unusable_values import AmbiguousValueError, UnusableValueError
from mediafp.types.clue_times import FIRST_YEAR

MAX_TIME_CHARS: Final = 100
"""Characters of a time that is written as a text. Chosen, not measured."""
FIRST_TIMESTAMP: Final = 631_152_000
"""Seconds from 1970 to 1990."""
APPLE_ZERO: Final = 978_307_200
"""Seconds from 1970 to 2001, from which programs of Apple count: theirs of today would be of the years from 1990 on."""
_DAY_ZERO: Final = datetime(1899, 12, 30)
"""Day 0 of the serial numbers of spreadsheets."""
_FIRST_SERIAL: Final = 32_874
"""Serial number of the first day of 1990."""
_UNITS: Final = (1, 1_000, 1_000_000, 1_000_000_000)
"""Parts of a second of which time stamps are numbers."""
_ZONES: Final[Mapping[str, float]] = {
    "z": 0, "utc": 0, "gmt": 0, "ut": 0, "est": -5, "edt": -4, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    "akst": -9, "akdt": -8, "hst": -10, "wet": 0, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3, "jst": 9,
    "kst": 9, "hkt": 8, "sgt": 8, "aest": 10, "aedt": 11, "acst": 9.5, "awst": 8, "nzst": 12, "nzdt": 13, "pht": 8, "ict": 7,
    "wib": 7, "北京时间": 8, "北京時間": 8,
}  # fmt: skip
"""Hours from UTC of names of zones that mean one zone alone."""
_UNCLEAR_ZONES: Final = ("cst", "ist", "bst", "ast", "sst", "gst", "cdt/cst", "et", "ct", "pt", "mt")
"""Names of zones that mean several, or change in summer: a time in them is one without a zone."""
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MARKS: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_DASHES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212"), "-")
"""Dashes that are written for a hyphen."""
_CLOCK: Final = (
    r"(?P<noon1>上午|下午|晚上|凌晨|早上|中午|[ap]\.?m\.?\s)?\s*(?P<hour>\d{1,2})\s*(?::|时|時|点|點)\s*(?:(?P<minute>\d{1,2})"
    r"(?:\s*(?::|分)\s*(?:(?P<second>\d{1,2})(?:[.,]\d+)?\s*秒?)?)?)?\s*分?\s*(?P<noon2>[ap]\.?m\b\.?)?"
)
_ZONE: Final = (
    r"\s*(?P<zone>[zZ]|\w+/[\w/+-]+|[(\[](?:[a-zA-Z]{2,5})[)\]]|[a-zA-Z]{2,5}|北京时间|北京時間"
    r"|\(?(?:utc|gmt)?\s*[+-]\d{1,2}(?::?\d{2})?\)?(?:\s*\([^)]*\))?)?"
)
_DATES: Final = (
    # 2020-01-31, 2020/1/31, 2020.1.31, 2020年1月31日
    r"(?P<year>\d{4})\s*[-/._年]\s*(?P<month>\d{1,2})"
    r"(?:\s*[-/._月]\s*(?P<day>\d{1,2})\s*日?(?:\s*\(?(?:星期|周|週).\)?)?|\s*月)?",
    # 31 January 2020, Fri, 31 Jan 2020
    r"(?:[a-z]{3,9}\.?,?\s+)?(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s-]+(?P<name>[a-z]{3,9})\.?,?[\s-]+(?P<year>\d{4})",
    # January 31, 2020; January 2020
    r"(?:[a-z]{3,9}\.?,?\s+)?(?P<name>[a-z]{3,9})\.?\s+(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+)?(?P<year>\d{4})",
    # 1/31/2020, 31.1.2020, 31-1-2020
    r"(?P<first>\d{1,2})[-/.](?P<other>\d{1,2})[-/.](?P<year>\d{4})",
    # 1/2020
    r"(?P<month>\d{1,2})[-/.](?P<year>\d{4})",
    # 20200131
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})",
)
_SEPARATOR: Final = r"(?:\s*[T,_]\s*|\s+(?:at\s+|um\s+)?|\s*(?=[上下晚凌早中]))"
_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for date in _DATES
    for pattern in (rf"{date}(?:(?:{_SEPARATOR}|(?<=日)){_CLOCK}{_ZONE})?", rf"{_CLOCK}(?:\s*[·•,]\s*|\s+){date}")
)
_FILE_STAMP: Final = re.compile(
    r"(?P<year>\d{4})[-_.]?(?P<month>\d{2})[-_.]?(?P<day>\d{2})"
    r"[T_ -]+(?P<hour>\d{2})[-_.]?(?P<minute>\d{2})[-_.]?(?P<second>\d{2})(?P<zone>Z)?",
    re.IGNORECASE,
)
"""Date and clock as in names of files."""
_POSTED: Final = re.compile(
    r"[a-z]{3}\s+(?P<name>[a-z]{3})\s+(?P<day>\d{1,2})\s+(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})"
    r"(?:\s+(?P<zone>[+-]\d{4}|[a-z]{2,5}))?\s+(?P<year>\d{4})",
    re.IGNORECASE,
)
"""Date of X and Weibo, such as "Mon Jan 01 08:00:00 +0800 2024", and of C programs, without a zone."""
_STAMP: Final = re.compile(
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})[T_ -]?(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})(?P<zone>Z)?",
    re.IGNORECASE,
)


def parse_time(value: object, zone: tzinfo | None = None) -> str:
    """Return a time in ISO 8601, as exact as the value is: in UTC with `Z`, or without it if its zone is unknown.

    Args:
        value: A number of seconds, or of thousandths, millionths or billionths, since 1970; a year; or a text with
            a date, or with the serial number of a day in a spreadsheet.
        zone: Zone of a text that states none; None if it is unknown.

    Raises:
        AmbiguousValueError: It can be read in two ways, such as 3/4/2020.
        UnusableValueError: It is no time, or not between 1990 and tomorrow.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnusableValueError("not a time")
    if not isinstance(value, str):
        if not abs(value) < 1 << 70:
            raise UnusableValueError("out of range")
        return _parse_number(float(value), zone, is_serial=False)
    if len(value) > MAX_TIME_CHARS:
        raise UnusableValueError("too long")
    text = " ".join(_MARKS.sub("", unicodedata.normalize("NFKC", value)).translate(_DASHES).split())
    if re.fullmatch(r"\d{5},\d+", text):
        # The serial number of a day, as spreadsheets write it where the decimal sign is a comma.
        text = text.replace(",", ".")
    if re.fullmatch(r"\d+(?:\.\d+)?", text) and not (len(text) in (8, 14) and text.isdigit()):
        return _parse_number(float(text), zone)
    if match := _STAMP.fullmatch(text):
        # Web archives write such stamps, in UTC.
        return _to_time(match.groupdict(), zone or (UTC if text.isdigit() else None))
    for pattern in (_FILE_STAMP, _POSTED, *_PATTERNS):
        if match := pattern.fullmatch(text):
            return _to_time(match.groupdict(), zone)
    raise UnusableValueError("not a time")


def _parse_number(number: float, zone: tzinfo | None, *, is_serial: bool = True) -> str:
    """Return the time of a time stamp, a year, or, if it can be one, the serial number of a day."""
    if not number > 0:
        raise UnusableValueError("out of range")
    latest = _latest()
    if FIRST_YEAR <= number <= latest.year and number == int(number):
        return str(int(number))
    if FIRST_TIMESTAMP <= number <= latest.timestamp() - APPLE_ZERO:
        raise AmbiguousValueError("it can be seconds since 1970 or, as Apple counts them, since 2001")
    if number >= FIRST_TIMESTAMP:
        for unit in _UNITS:
            if FIRST_TIMESTAMP <= number / unit <= latest.timestamp():
                return _format(datetime.fromtimestamp(int(number // unit), UTC), "second")
    if is_serial and _FIRST_SERIAL <= number <= (latest.replace(tzinfo=None) - _DAY_ZERO).days + 1:
        time = _DAY_ZERO + timedelta(seconds=round(number * 86_400))
        if number == int(number):
            return time.date().isoformat()
        return _format(time.replace(tzinfo=zone), "second")
    raise UnusableValueError("out of range")


def _to_time(parts: Mapping[str, str | None], zone: tzinfo | None) -> str:
    """Return the time of the parts of a text."""
    year, month, day = int(parts["year"] or 0), _month(parts), int(parts.get("day") or 0)
    if first := parts.get("first"):
        low, high = sorted((int(first), int(parts["other"] or 0)))
        if high <= 12 and low != high:
            raise AmbiguousValueError("the day and the month can be either number")
        month, day = low, high
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    try:
        time = datetime(year, month, day or 1, _full_hour(hour, parts), minute, second)
    except ValueError as error:
        raise UnusableValueError("no such time") from error
    latest = _latest()
    if not time.year >= FIRST_YEAR or time > latest.replace(tzinfo=None) + timedelta(hours=14):
        raise UnusableValueError("out of range")
    if not day:
        return f"{year:04}-{month:02}"
    if not parts.get("hour"):
        return time.date().isoformat()
    exactness = "second" if parts.get("second") else "minute"
    return _format(time.replace(tzinfo=parse_zone(parts.get("zone"), zone)), exactness)


def _month(parts: Mapping[str, str | None]) -> int:
    if name := parts.get("name"):
        key = name.lower()[:3]
        full = datetime(2000, _MONTHS.index(key) + 1, 1).strftime("%B").lower() if key in _MONTHS else ""
        if not full or not (full.startswith(name.lower()) or name.lower() in ("sept", key)):
            raise UnusableValueError("no such month")
        return _MONTHS.index(key) + 1
    return int(parts.get("month") or 1)


def _full_hour(hour: int, parts: Mapping[str, str | None]) -> int:
    """Return the hour of a day of 24 hours."""
    half = (parts.get("noon1") or parts.get("noon2") or "").strip().lower().replace(".", "")
    if not half:
        return hour
    is_late = half in ("下午", "晚上", "pm") or (half == "中午" and hour < 11)
    if half in ("am", "pm") and not 1 <= hour <= 12:
        if hour > 12:
            # Some programs write both: 14:00 PM.
            return hour
        raise UnusableValueError("no such time")
    return hour % 12 + 12 * is_late if hour <= 12 and half != "中午" else hour + 12 * (is_late and hour < 12)


def parse_zone(text: str | None, default: tzinfo | None) -> tzinfo | None:
    """Return a zone from its name or its difference from UTC; None if it is unknown or can be several.

    Args:
        text: The name or the difference.
        default: Zone of an empty text.

    Raises:
        UnusableValueError: There is no such zone.
    """
    if not text:
        return default
    name = re.sub(r"\([a-z ]{5,}\)$", "", text.strip(), flags=re.IGNORECASE).strip("()[] ").lower()
    if name in _ZONES:
        return timezone(timedelta(hours=_ZONES[name]))
    if match := re.fullmatch(r"(?:utc|gmt)?\s*([+-])(\d{1,2}):?(\d{2})?", name):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if offset > timedelta(hours=14):
            raise UnusableValueError("no such zone")
        return timezone(offset if match[1] == "+" else -offset)
    if name in _UNCLEAR_ZONES:
        return None
    if "/" in name:
        try:
            return ZoneInfo(text.strip())
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UnusableValueError("no such zone") from error
    raise UnusableValueError("no such zone")


def _format(time: datetime, exactness: str) -> str:
    """Return a time in UTC, or without a zone if it has none."""
    mark = "Z" if time.tzinfo else ""
    local = time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    if not local.year >= FIRST_YEAR:
        raise UnusableValueError("out of range")
    return local.isoformat(timespec="minutes" if exactness == "minute" else "seconds") + mark


def _latest() -> datetime:
    """Return the end of tomorrow."""
    return datetime.now(UTC) + timedelta(days=1)
