"""What sidecars beside a file say of where and when it was seen: yt-dlp, gallery-dl, and a plain CSV."""

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

MAX_BYTES = 8 * 2**20
"""A larger sidecar is left unread, with a warning."""
CSV_NAMES = ("mediafp.csv", "sightings.csv")
COLUMN_MAP = "mediafp.columns.json"
"""Beside the CSV: {"their column": "our field"}; the column `file` names the media file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingFields:
    """The fields of a sighting that a sidecar can fill."""

    account: str | None = None
    platform: str | None = None
    url: str | None = None
    title: str | None = None
    text: str | None = None
    posted_at: str | None = None
    captured_at: str | None = None
    removed_at: str | None = None
    views: int | None = None
    source: str = ""


NAMES = tuple(field.name for field in fields(SightingFields))
Reader = Callable[[Mapping[str, Any], list[str]], dict[str, Any]]


def is_sidecar(path: Path) -> bool:
    """Whether the file's name is that of a sidecar that `read_sidecars` looks for."""
    name = path.name
    return name.endswith(".info.json") or name in (*CSV_NAMES, COLUMN_MAP) or (
        name.endswith(".json") and path.with_name(name[: -len(".json")]).is_file()
    )


def read_sidecars(path: Path) -> tuple[SightingFields, list[str]]:
    """The fields that the sidecars of a media file fill, the first format that has one winning, and warnings."""
    warnings: list[str] = []
    found: dict[str, Any] = {}
    readers: list[tuple[Path, str, Reader]] = [
        (path.with_name(path.stem + ".info.json"), "yt-dlp", _yt_dlp),
        (path.with_name(path.name + ".info.json"), "yt-dlp", _yt_dlp),
        (path.with_name(path.name + ".json"), "gallery-dl", _gallery_dl),
    ]
    for sidecar, source, reader in readers:
        if sidecar == path or not sidecar.is_file():
            continue
        told = _json(sidecar, warnings)
        if told is not None:
            values = {k: v for k, v in reader(told, warnings).items() if v is not None}
            found = {**values, **found, "source": found.get("source", source)}
    for name in CSV_NAMES:
        table = path.with_name(name)
        if table.is_file():
            values, said = _row(table, path.name)
            warnings += said
            if values:
                found = {**values, **found, "source": found.get("source", "csv")}
    return SightingFields(**found), warnings


def _json(file: Path, warnings: list[str]) -> Mapping[str, Any] | None:
    try:
        if file.stat().st_size > MAX_BYTES:
            warnings.append(f"the sidecar {file.name!r} is larger than {MAX_BYTES} bytes and was left unread")
            return None
        told = json.loads(file.read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, RecursionError) as error:
        warnings.append(f"the sidecar {file.name!r} cannot be read: {error}")
        return None
    if not isinstance(told, dict):
        warnings.append(f"the sidecar {file.name!r} holds no object and was left unread")
        return None
    return told


def _yt_dlp(told: Mapping[str, Any], warnings: list[str]) -> dict[str, Any]:
    return {
        "account": _first(told, warnings, "uploader_id", "uploader", "channel", "channel_id"),
        "platform": _first(told, warnings, "extractor_key", "extractor"),
        "url": _first(told, warnings, "webpage_url", "original_url"),
        "title": _first(told, warnings, "title", "fulltitle"),
        "text": _first(told, warnings, "description"),
        "posted_at": _when(told, warnings, "timestamp", "upload_date"),
        "captured_at": _when(told, warnings, "epoch"),
        "views": _number(told.get("view_count"), "view_count", warnings),
    }


def _gallery_dl(told: Mapping[str, Any], warnings: list[str]) -> dict[str, Any]:
    people = {key: _person(told.get(key)) for key in ("author", "user", "username", "uploader", "account")}
    return {
        "account": _first(people, warnings, *people),
        "platform": _first(told, warnings, "category"),
        "url": _first(told, warnings, "post_url", "webpage_url", "url"),
        "title": _first(told, warnings, "title"),
        "text": _first(told, warnings, "content", "text", "description", "caption"),
        "posted_at": _when(told, warnings, "date", "timestamp", "created_at"),
        "views": _number(told.get("view_count"), "view_count", warnings),
    }


def _person(value: Any) -> Any:
    if isinstance(value, dict):
        return next((value[key] for key in ("name", "screen_name", "username", "nick", "id") if value.get(key)), None)
    return value


def _first(told: Mapping[str, Any], warnings: list[str], *keys: str) -> str | None:
    for key in keys:
        value = told.get(key)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
            return str(value)
        if value is not None and not isinstance(value, str):
            warnings.append(f"the sidecar's {key} is no text and was left out")
    return None


def _number(value: Any, key: str, warnings: list[str]) -> int | None:
    if value is None or value == "":
        return None
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if isinstance(value, bool) or not 0 <= number < 2**63:
        warnings.append(f"the sidecar's {key} is no count and was left out")
        return None
    return number


def _when(told: Mapping[str, Any], warnings: list[str], *keys: str) -> str | None:
    for key in keys:
        value = told.get(key)
        if value is None or value == "":
            continue
        time = _time(value)
        if time:
            return time
        warnings.append(f"the sidecar's {key} is no time and was left out")
    return None


def _time(value: Any) -> str | None:
    """ISO 8601 in UTC of a Unix time, of YYYYMMDD, or of ISO text; a time without a zone counts as UTC."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str) and value.isdigit() and len(value) != 8:
            moment = datetime.fromtimestamp(int(value), UTC)
        elif isinstance(value, str):
            moment = datetime.fromisoformat(value.strip())
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _row(table: Path, name: str) -> tuple[dict[str, Any], list[str]]:
    stat, columns = table.stat(), table.with_name(COLUMN_MAP)
    stamp = columns.stat().st_mtime_ns if columns.is_file() else 0
    rows, warnings = _table(table, stat.st_mtime_ns, stat.st_size, stamp)
    row, said = rows.get(name), list(warnings)
    if row is None:
        return {}, said
    values: dict[str, Any] = {}
    for field, value in row.items():
        if field == "views":
            values[field] = _number(value, field, said)
        elif field.endswith("_at"):
            values[field] = _when(row, said, field)
        elif field in NAMES and field != "source":
            values[field] = value
    return {k: v for k, v in values.items() if v not in (None, "")}, said


@lru_cache(maxsize=16)
def _table(table: Path, modified: int, size: int, mapped: int) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """The CSV's rows by file name, columns renamed; the last three arguments only tell one state from another."""
    warnings: list[str] = []
    names = _json(table.with_name(COLUMN_MAP), warnings) if mapped else {}
    if size > MAX_BYTES * 8:
        return {}, (f"the table {table.name!r} is too large and was left unread",)
    rows: dict[str, dict[str, str]] = {}
    try:
        with table.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            for row in csv.DictReader(file):
                renamed = {str((names or {}).get(key, key)): value for key, value in row.items() if key and value}
                if renamed.get("file"):
                    rows[renamed["file"]] = renamed
    except (OSError, csv.Error) as error:
        warnings.append(f"the table {table.name!r} cannot be read: {error}")
    if not rows and not warnings:
        warnings.append(f"the table {table.name!r} has no column 'file' that names media; see mediafp.columns.json")
    return rows, tuple(warnings)
