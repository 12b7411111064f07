"""Names, addresses, types and ids of an asset as exchange formats state them."""

import json
import os
import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from mediafp.report.escaping import escape_unprintable
from mediafp.types.media import MEDIA_SUFFIXES, Asset
from mediafp.types.sightings import Sighting, time_precision

NAMESPACE: Final = uuid.UUID("6c3a5b0e-5a0f-4c7e-9a57-0d3f6b6b2a41")
"""Namespace of all ids, so that the same asset has the same id in every export. Chosen at random."""
_MIME_TYPES: Final[Mapping[str, str]] = {
    "jpeg": "image/jpeg", "png": "image/png", "apng": "image/apng", "webp": "image/webp", "gif": "image/gif",
    "avif": "image/avif", "heif": "image/heif", "bmp": "image/bmp", "tiff": "image/tiff", "mpo": "image/jpeg",
    "mp4": "video/mp4", "mov": "video/quicktime", "matroska": "video/x-matroska", "webm": "video/webm", "avi": "video/x-msvideo",
    "mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg",
}  # fmt: skip
"""Types by the property `format`, and by the suffix of the first name if a video has no format."""
_FORMAT_SUFFIXES: Final[Mapping[str, str]] = {
    "jpg": "jpeg",
    "mkv": "matroska",
    "m4v": "mp4",
    "tif": "tiff",
    "heic": "heif",
}
_ADDRESS: Final = re.compile(r"https?://[^/?#\s]+", re.IGNORECASE)
IN_ANOTHER_LANGUAGE: Final = " in another language"
"""Text behind the relation of two files that say the same in different languages."""
UNKNOWN_ZONE_EAST: Final = timedelta(hours=14)
UNKNOWN_ZONE_WEST: Final = timedelta(hours=12)
"""Greatest distances of a zone from UTC: a time without a zone is somewhere between."""


class Window(NamedTuple):
    """Times between which something was, in UTC."""

    first: datetime
    last: datetime


def exchange_id(*parts: object) -> str:
    """Return the UUID of what these parts name."""
    return str(uuid.uuid5(NAMESPACE, json.dumps(parts, ensure_ascii=True)))


def exchange_name(uri: str, *, paths: bool) -> str:
    """Return the name of a file, printable; its whole path with `paths`."""
    return escape_unprintable(uri if paths else os.path.basename(uri)) or "unnamed"


def exchange_address(url: str | None) -> str | None:
    """Return an address of the web, printable; None for a path on some machine or anything else."""
    return escape_unprintable(url) if url and _ADDRESS.match(url) else None


def exchange_text(text: str | None) -> str | None:
    """Return a text whose characters UTF-8 can encode: a lone surrogate becomes an escape."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()


def is_media_address(url: str) -> bool:
    """Return True if an address names a media file, not a page about it."""
    try:
        return os.path.splitext(urlsplit(url).path)[1].lower() in MEDIA_SUFFIXES
    except ValueError:
        return False


def mime_type(asset: Asset, uri: str) -> str | None:
    """Return the type of a file; None if it is not known."""
    suffix = os.path.splitext(uri)[1].lower().lstrip(".")
    stated = str(asset.properties.get("format") or _FORMAT_SUFFIXES.get(suffix, suffix))
    return _MIME_TYPES.get(stated.lower())


def sighting_key(sighting: Sighting) -> list[object]:
    """Return what distinguishes a sighting from others of the same asset, without the folder of the file."""
    names = ("platform", "account", "account_id", "url", "post_id", "posted_at", "captured_at", "role")
    return [sighting.sha256, os.path.basename(sighting.uri), *(getattr(sighting, name) for name in names)]


def to_instant(time: str) -> datetime | None:
    """Return a time that is known to the second or the minute, and in UTC; None if it is less exact."""
    if not time.endswith("Z") or time_precision(time) not in ("second", "minute"):
        return None
    return _parse(time.removesuffix("Z"))


def to_window(time: str) -> Window | None:
    """Return the times between which a stated time is: those of a day, a month or a year, wider if the zone is unknown."""
    start = _parse(time.removesuffix("Z"))
    if start is None:
        return None
    try:
        match time_precision(time):
            case "second":
                end = start
            case "minute":
                end = start + timedelta(seconds=59)
            case "day":
                end = start + timedelta(days=1, seconds=-1)
            case "month":
                end = (start + timedelta(days=31)).replace(day=1) - timedelta(seconds=1)
            case "year":
                end = start.replace(month=12, day=31, hour=23, minute=59, second=59)
        if time.endswith("Z"):
            return Window(start, end)
        return Window(start - UNKNOWN_ZONE_EAST, end + UNKNOWN_ZONE_WEST)
    except OverflowError:
        # At the ends of the calendar.
        return Window(start, start)


def sighting_window(sighting: Sighting) -> Window | None:
    """Return the times between which a sighting was: from its posting to its capture; None if neither is known."""
    windows = [window for time in (sighting.posted_at, sighting.captured_at) if time and (window := to_window(time))]
    return Window(min(w.first for w in windows), max(w.last for w in windows)) if windows else None


def _parse(time: str) -> datetime | None:
    """Return the first moment of a stated time; None if it is none."""
    whole = {4: f"{time}-01-01", 7: f"{time}-01"}.get(len(time), time)
    try:
        return datetime.fromisoformat(whole).replace(tzinfo=UTC)
    except ValueError:
        return None
