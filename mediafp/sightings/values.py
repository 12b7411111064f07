"""Values of sidecars in the form that a sighting stores."""

import re
from collections.abc import Mapping
from datetime import tzinfo
from typing import Final

from mediafp.sightings.counts import parse_count
from mediafp.sightings.identifiers import E_NOTATION, MAX_ID_CHARS, check_lost_digits, parse_id
from mediafp.sightings.post_urls import MAX_URL_CHARS, is_file_address, read_url
from mediafp.sightings.sidecar_warnings import SidecarWarnings, quote
from mediafp.sightings.stated_text import parse_text
from mediafp.sightings.times import parse_time
from mediafp.sightings.unusable_values import UnusableValueError
from mediafp.types.platforms import platform_name
from mediafp.types.sightings import Role

MAX_ACCOUNT_CHARS: Final = 500
"""Characters of an account; a longer one is not stored. The longest of a platform are those of Mastodon: 30 of a name and
253 of a host."""
MAX_PLATFORM_CHARS: Final = 100
"""Characters of the name of a platform; a longer one is not stored. Chosen, not measured."""
MAX_TITLE_CHARS: Final = 5_000
"""Characters of a title; the rest is cut. yt-dlp states captions of TikTok as titles, which have up to 4,000."""
MAX_TEXT_CHARS: Final = 65_536
"""Characters of the text of a post; the rest is cut. The longest posts are those of Facebook, with up to 63,206."""
FIELD_CHARS: Final[Mapping[str, int]] = {
    "account": MAX_ACCOUNT_CHARS,
    "account_id": MAX_ID_CHARS,
    "account_name": MAX_ACCOUNT_CHARS,
    "post_id": MAX_ID_CHARS,
    "language": MAX_PLATFORM_CHARS,
    "platform": MAX_PLATFORM_CHARS,
    "url": MAX_URL_CHARS,
    "title": MAX_TITLE_CHARS,
    "text": MAX_TEXT_CHARS,
}
"""Limit of each field that is a text."""
SCREEN_NAME_PLATFORMS: Final = ("weibo", "bilibili")
"""Platforms on which the name that an account displays is unique, and is its handle."""
NUMBER_PLATFORMS: Final = ("weibo", "bilibili", "douyin", "facebook")
"""Platforms on which a number that is stated as an account is the id of it."""
_NAMED_HANDLE: Final = re.compile(r"[^@]+(?:\(@([\w.-]+)\)|（@([\w.-]+)）|\s@([\w.-]+))")
"""Displayed name with the handle behind it, also in brackets."""
_ADDRESS: Final = re.compile(r"[a-z][\w+.-]*:.+|[^\s/]+\.[^\s/.]+(?:[/?#:].*)?", re.IGNORECASE | re.DOTALL)
"""Address with a scheme, or with the name of a host."""
CUT_FIELDS: Final = ("title", "text")
"""Fields of which a part is true; a part of another one would be wrong evidence."""
NO_VALUES: Final = frozenset((
    "nan", "none", "null", "(null)", "n/a", "<na>", "nat", "\\n", "undefined", "unknown", "-", "--", "—", "–", "无", "無", "暂无",
    "暫無", "未知",
))  # fmt: skip
"""Texts without case that programs and people write where there is no value."""
MISSING_IN_R: Final = "NA"
"""Text that R writes where there is no value; in other cases it is a word."""
SPREADSHEET_ERRORS: Final = ("#N/A", "#NAME?", "#REF!", "#VALUE!", "#NULL!", "#NUM!", "#DIV/0!")
"""Texts that spreadsheets show in place of a value: a cell with `@name` or `-text` is taken for a formula."""
_PERSON_KEYS: Final = ("name", "username", "screen_name", "nick", "id")
"""Keys of an account that is stored as an object, best first."""


type FieldValue = str | int
type FieldValues = dict[str, FieldValue]
"""Values by the name of their field in `SightingFields`."""


def collect_fields(
    record: Mapping[str, object],
    keys: Mapping[str, tuple[str, ...]],
    record_name: str,
    warnings: SidecarWarnings,
    *,
    zone: tzinfo | None = None,
    is_row: bool = False,
) -> FieldValues:
    """Return the fields that a record states, with what the address of its post states besides.

    Args:
        record: Keys and values of a sidecar.
        keys: Keys of each field, best first; the first key with a usable value is used.
        record_name: Name of the record in warnings.
        warnings: Receives a line for each value that is not usable or too long.
        zone: Zone of the times that state none; None if it is unknown.
        is_row: True for a row of a table, which a spreadsheet may have written.
    """
    values: FieldValues = {}
    for field, candidates in keys.items():
        for key in candidates:
            value = record.get(key)
            if value is None or (isinstance(value, str) and is_empty(value)) or value in ([], {}):
                continue
            try:
                parsed = parse_field(field, value, zone)
                if is_row and field in ("account_id", "post_id"):
                    check_lost_digits(str(parsed))
            except ValueError as error:
                # False replaces a number that has too many digits to be read.
                shown = f" {quote(value)}" if isinstance(value, str | int | float) and value is not False else ""
                warnings.add(f"skipped {key!r} of {record_name}: its value{shown} is not usable as {field}: {error}")
                continue
            if isinstance(parsed, str) and len(parsed) > FIELD_CHARS.get(field, len(parsed)):
                is_cut, limit = field in CUT_FIELDS, FIELD_CHARS[field]
                what = f"the rest of {key!r}" if is_cut else repr(key)
                size = f"its {len(parsed):,} characters are over the limit of {limit:,}"
                warnings.add(f"skipped {what} of {record_name}: {size}")
                if not is_cut:
                    continue
                parsed = parsed[:limit]
            if field.endswith("_at") and (name := _unclear_zone(value, parsed)):
                warnings.add(f"skipped the zone {name!r} in {key!r} of {record_name}: it is the name of several")
            values[field] = parsed
            break
    return complete_fields(values)


def complete_fields(values: FieldValues) -> FieldValues:
    """Return fields with what they imply: what the address of the post states, where the record does not."""
    url = values.get("url")
    found = read_url(url) if isinstance(url, str) else {}
    if found.get("platform") == values.get("platform", found.get("platform")):
        # What is stated is preferred: an address may have the handle of another day, or another form of the id.
        values = {**found, **values}
    account = str(values.get("account", ""))
    if "://" in account:
        # The address of an account by its number.
        others = {name: value for name, value in values.items() if name != "account"}
        return complete_fields({**read_url(account), **others})
    if account.isdigit() and "account_id" not in values and values.get("platform") in NUMBER_PLATFORMS:
        values = {**{name: value for name, value in values.items() if name != "account"}, "account_id": account}
    if values.get("platform") in SCREEN_NAME_PLATFORMS and "account" not in values and "account_name" in values:
        values = {**values, "account": values["account_name"]}
    return values


def is_empty(text: str) -> bool:
    """Return True if a text states nothing."""
    plain = text.strip()
    return not plain or plain.lower() in NO_VALUES or plain == MISSING_IN_R


def parse_field(field: str, value: object, zone: tzinfo | None = None) -> FieldValue:
    """Return a value in the form of a field; raise ValueError if it has none."""
    if isinstance(value, str) and value.strip() in SPREADSHEET_ERRORS:
        raise UnusableValueError("a spreadsheet has put an error in its place")
    if field.endswith("_at"):
        return parse_time(value, zone)
    match field:
        case "views":
            return parse_count(value)
        case "account":
            return parse_account(value)
        case "account_id" | "post_id":
            identifier = parse_id(value)
            return read_url(identifier).get(field, identifier) if "://" in identifier else identifier.removeprefix("@")
        case "platform":
            return platform_name(parse_text(value))
        case "url":
            return parse_url(value)
        case "role":
            return parse_role(value)
    return parse_text(value)


def parse_account(value: object) -> str:
    """Return an account without `@`, from its name, its number or an object with either.

    Marks of the direction of writing stay: they are part of some names.

    Raises:
        UnusableValueError: There is none.
    """
    if isinstance(value, Mapping):
        value = next((value[key] for key in _PERSON_KEYS if value.get(key)), None)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = parse_text(value)
    if text[0] in "{[" or "=" in text:
        raise UnusableValueError("it is a record or a formula, not an account")
    if E_NOTATION.fullmatch(text):
        return parse_id(text)
    if "/" in text and (account := read_url(text).get("account")):
        return account
    if "://" in text and "account_id" not in read_url(text):
        raise UnusableValueError("it is an address, not an account")
    if match := _NAMED_HANDLE.fullmatch(text):
        return str(match[1] or match[2] or match[3])
    return text.removeprefix("@").strip() or text


def parse_url(value: object) -> str:
    """Return the address of a post; raise UnusableValueError for that of a file of it, and for another text."""
    text = parse_text(value)
    if not _ADDRESS.fullmatch(text):
        raise UnusableValueError("it is no address")
    if is_file_address(text):
        raise UnusableValueError("it is the address of a file, not of a post")
    return text


def parse_role(value: object) -> Role:
    """Return a role from its name; raise UnusableValueError for another text."""
    text = parse_text(value).casefold()
    if re.search(r"re-?(?:post|tweet|share|blog)|forward|\brt\b|转|轉", text):
        return "repost"
    if re.search(r"original|原", text):
        return "original"
    raise UnusableValueError("neither an original nor a repost")


def _unclear_zone(value: object, parsed: FieldValue) -> str | None:
    """Return the name of a zone in a text whose time was read without a zone."""
    if not isinstance(value, str) or str(parsed).endswith("Z") or ":" not in str(parsed):
        return None
    match = re.search(r"\b([A-Z]{2,5})\b(?<!AM)(?<!PM)(?:\s+\d{4})?$", value.strip())
    return match[1] if match else None
