"""Values of sidecars in the form that a sighting stores."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from mediafp.sightings.sidecar_warnings import SidecarWarnings
from mediafp.types.sightings import Role

MAX_ACCOUNT_CHARS: Final = 500
"""Characters of an account; a longer one is not stored. The longest of a platform are those of Mastodon: 30 of a name and
253 of a host."""
MAX_PLATFORM_CHARS: Final = 100
"""Characters of the name of a platform; a longer one is not stored. Chosen, not measured."""
MAX_URL_CHARS: Final = 8_192
"""Characters of a URL; a longer one is not stored, as a part of it leads elsewhere. Web servers refuse lines of a request
above 8,190 bytes (Apache, LimitRequestLine)."""
MAX_TITLE_CHARS: Final = 5_000
"""Characters of a title; the rest is cut. yt-dlp states captions of TikTok as titles, which have up to 4,000."""
MAX_TEXT_CHARS: Final = 65_536
"""Characters of the text of a post; the rest is cut. The longest posts are those of Facebook, with up to 63,206."""
FIELD_CHARS: Final[Mapping[str, int]] = {
    "account": MAX_ACCOUNT_CHARS,
    "platform": MAX_PLATFORM_CHARS,
    "url": MAX_URL_CHARS,
    "title": MAX_TITLE_CHARS,
    "text": MAX_TEXT_CHARS,
}
"""Limit of each field that is a text."""
CUT_FIELDS: Final = ("title", "text")
"""Fields of which a part is true; a part of another one would be wrong evidence."""
MAX_NUMBER_CHARS: Final = 100
"""Characters of a time or a count that is written as a text. Chosen, not measured."""
MILLISECONDS_THRESHOLD: Final = 100_000_000_000
"""Time stamps from this number on (as seconds: year 5138) are read as milliseconds."""
MAX_TIMESTAMP: Final = 1e15
"""Time stamps from this number on are rejected: as milliseconds, they lie beyond the year 9999."""
MAX_COUNT: Final = 1 << 63
"""Counts from this number on are rejected: the store holds integers of 63 bits and a sign."""
_POST_DATE_FORMAT: Final = "%a %b %d %H:%M:%S %z %Y"
"""Date format of X and Weibo, such as "Mon Jan 01 08:00:00 +0800 2024"."""
_PERSON_KEYS: Final = ("name", "username", "screen_name", "nick", "id")
"""Keys of an account that is stored as an object, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingFields:
    """Fields of a `Sighting` that sidecars state, all except `sha256` and `uri`; None if none of them does.

    `source` names the formats that stated a field, joined by `+`; it is empty if none did.
    """

    platform: str | None = None
    account: str | None = None
    account_id: str | None = None
    account_name: str | None = None
    url: str | None = None
    post_id: str | None = None
    posted_at: str | None = None
    captured_at: str | None = None
    removed_at: str | None = None
    title: str | None = None
    text: str | None = None
    language: str | None = None
    views: int | None = None
    role: Role | None = None
    source: str = ""


type FieldValue = str | int
type FieldValues = dict[str, FieldValue]
"""Values by the name of their field in `SightingFields`."""


class UnusableValueError(ValueError):
    """A value of the wrong type or range."""


def collect_fields(
    record: Mapping[str, object], keys: Mapping[str, tuple[str, ...]], record_name: str, warnings: SidecarWarnings
) -> FieldValues:
    """Return the fields that a record states.

    Args:
        record: Keys and values of a sidecar.
        keys: Keys of each field, best first; the first key with a usable value is used.
        record_name: Name of the record in warnings.
        warnings: Receives a line for each value that is not usable or too long.
    """
    values: FieldValues = {}
    for field, candidates in keys.items():
        for key in candidates:
            value = record.get(key)
            if value is None or value == "" or value == [] or value == {}:
                continue
            try:
                parsed = _parse_field(field, value)
            except ValueError:
                warnings.add(f"skipped {key!r} of {record_name}: its value is not usable as {field}")
                continue
            if isinstance(parsed, str) and len(parsed) > FIELD_CHARS.get(field, len(parsed)):
                is_cut, limit = field in CUT_FIELDS, FIELD_CHARS[field]
                what = f"the rest of {key!r}" if is_cut else repr(key)
                size = f"its {len(parsed):,} characters are over the limit of {limit:,}"
                warnings.add(f"skipped {what} of {record_name}: {size}")
                if not is_cut:
                    continue
                parsed = parsed[:limit]
            values[field] = parsed
            break
    return values


def _parse_field(field: str, value: object) -> FieldValue:
    """Return a value in the form of a field; raise ValueError if it has none."""
    if field == "views" or field.endswith("_at"):
        if isinstance(value, str) and len(value) > MAX_NUMBER_CHARS:
            raise UnusableValueError("too long")
        return parse_count(value) if field == "views" else parse_time(value)
    return parse_account(value) if field == "account" else parse_text(value)


def parse_text(value: object) -> str:
    """Return a text without surrounding space and NUL characters; raise UnusableValueError if nothing is left."""
    if not isinstance(value, str):
        raise UnusableValueError("not a text")
    # A lone surrogate cannot be stored or sent as UTF-8.
    text = value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "").strip()
    if not text:
        raise UnusableValueError("an empty text")
    return text


def parse_account(value: object) -> str:
    """Return an account from its name, its number or an object with either; raise UnusableValueError without one."""
    if isinstance(value, Mapping):
        value = next((value[key] for key in _PERSON_KEYS if value.get(key)), None)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return parse_text(value)


def parse_count(value: object) -> int:
    """Return an integer from 0 on, also from a text such as "1,234"; raise ValueError for anything else."""
    if isinstance(value, str):
        value = float(value.replace(",", "").replace(" ", "").replace("\u00a0", ""))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableValueError("not a number")
    if not (isinstance(value, int) or math.isfinite(value)) or not 0 <= value < MAX_COUNT:
        raise UnusableValueError("out of range")
    return int(value)


def parse_time(value: object) -> str:
    """Return a time as `YYYY-MM-DDTHH:MM:SSZ`, in UTC; raise ValueError if the value is no time.

    Args:
        value: Seconds or milliseconds since 1970, a date, or an ISO 8601 text; without a zone it is taken as UTC.
    """
    if isinstance(value, str):
        text = value.strip()
        # Eight digits are a date (20240131), not seconds of the year 1970.
        if len(text) != 8 and text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit():
            value = float(text)
        else:
            try:
                time = datetime.fromisoformat(text)
            except ValueError:
                time = datetime.strptime(text, _POST_DATE_FORMAT)
            value = time if time.tzinfo else time.replace(tzinfo=UTC)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) < MAX_TIMESTAMP:
            raise UnusableValueError("out of range")
        if abs(value) >= MILLISECONDS_THRESHOLD:
            value = value / 1000
        try:
            value = datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError) as error:
            raise UnusableValueError("out of range") from error
    if not isinstance(value, datetime):
        raise UnusableValueError("not a time")
    try:
        time = value.astimezone(UTC)
    except OverflowError as error:
        raise UnusableValueError("out of range") from error
    # strftime does not pad years below 1000.
    return time.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
