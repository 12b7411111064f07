"""What the sidecar files beside a media file say of where and when it was seen."""

import csv
import io
import json
import math
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Final

from mediafp.types.errors import UnreadableMedia
from mediafp.types.media import MEDIA_SUFFIXES, SiblingOpener, SidecarFile

SIDECAR_BYTES: Final = 8 << 20
"""Largest sidecar that is read; yt-dlp's with every comment inside stay below it in most cases."""
TABLE_NAMES: Final = ("mediafp.csv", "sightings.csv")
COLUMNS_NAME: Final = "mediafp.columns.json"
TABLES_KEPT: Final = 64
"""Folders whose table is remembered, so that a folder of n files reads its table once."""
MILLISECONDS_FROM: Final = 100_000_000_000
"""Numbers of seconds this large (year 5138) are milliseconds."""
CELL_CHARS: Final = 1 << 20
"""Longest cell of a table: a post's text may be longer than the 128 Ki that Python allows."""
_INFO: Final = ".info.json"
_TIMES: Final = frozenset(("posted_at", "captured_at", "removed_at"))
_YT_DLP: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("uploader_id", "uploader", "channel", "creator"),
    "platform": ("extractor_key", "extractor"),
    "url": ("webpage_url", "original_url"),
    "title": ("title", "fulltitle"),
    "text": ("description",),
    "posted_at": ("timestamp", "release_timestamp", "upload_date"),
    "captured_at": ("epoch",),
    "views": ("view_count",),
}
_GALLERY_DL: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("author", "user", "username", "uploader", "account", "owner"),
    "platform": ("category",),
    "url": ("post_url", "webpage_url", "permalink", "url"),
    "title": ("title",),
    "text": ("content", "text", "description", "caption"),
    "posted_at": ("date", "created_at", "timestamp"),
    "captured_at": ("captured_at",),
    "views": ("view_count", "views"),
}
_PERSON: Final = ("name", "username", "screen_name", "nick", "id")


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingFields:
    """A sighting without its file: the fields of `Sighting` but for `sha256` and `uri`."""

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


_FIELDS: Final = tuple(one.name for one in fields(SightingFields) if one.name != "source")
_TABLES: Final[dict[tuple[object, object], "_Table"]] = {}


class _UnusableError(ValueError):
    """A value of the wrong type or range; it becomes a warning."""


type FieldValues = dict[str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """One folder's table: its rows by file name, and what was wrong with it."""

    rows: Mapping[str, Mapping[str, str]]
    warnings: tuple[str, ...]


def is_sidecar(path: PurePath) -> bool:
    """Whether the name is that of a sidecar or of a table of sightings."""
    name = path.name.lower()
    if name.endswith(_INFO) or name == COLUMNS_NAME or name in TABLE_NAMES:
        return True
    return name.endswith(".json") and os.path.splitext(name[: -len(".json")])[1] in MEDIA_SUFFIXES


def read_sidecars(name: str, beside: SiblingOpener) -> tuple[SightingFields, list[str]]:
    """What the sidecars of one media file say, and warnings of what in them could not be used.

    Where several speak of one field, the table goes before yt-dlp's file, and that before
    gallery-dl's; `source` names those that said something, joined by `+`. Times are ISO 8601 in
    UTC; a time without a zone is taken as UTC. Never raises for what a sidecar holds.
    """
    warnings: list[str] = []
    said: list[tuple[str, FieldValues]] = []
    row = _row_of(name, beside, warnings)
    if row is not None:
        said.append(("csv", _collect(row, {name: (name,) for name in _FIELDS}, "its table row", warnings)))
    for source, other, keys in (
        ("yt-dlp", PurePath(name).stem + _INFO, _YT_DLP),
        ("gallery-dl", name + ".json", _GALLERY_DL),
    ):
        record = _record(other, beside, warnings)
        if record is not None:
            said.append((source, _collect(record, keys, repr(other), warnings)))
    merged: FieldValues = {}
    for _, told in reversed(said):
        merged.update(told)
    source = "+".join(name for name, told in said if told)

    def words(name: str) -> str | None:
        value = merged.get(name)
        return value if isinstance(value, str) else None

    views = merged.get("views")
    return SightingFields(
        account=words("account"),
        platform=words("platform"),
        url=words("url"),
        title=words("title"),
        text=words("text"),
        posted_at=words("posted_at"),
        captured_at=words("captured_at"),
        removed_at=words("removed_at"),
        views=views if isinstance(views, int) else None,
        source=source,
    ), warnings


def _collect(
    record: Mapping[str, object], keys: Mapping[str, tuple[str, ...]], where: str, warnings: list[str]
) -> FieldValues:
    """Our fields out of a record: for each, the first of its keys that holds a usable value."""
    told: FieldValues = {}
    for name, candidates in keys.items():
        for key in candidates:
            value = record.get(key)
            if value is None or value == "" or value == [] or value == {}:
                continue
            try:
                told[name] = _value(name, value)
                break
            except ValueError:
                warnings.append(f"{where}: {key!r} holds no usable {name} and was left out")
    return told


def _value(name: str, value: object) -> str | int:
    """The value in our own form; raises `ValueError` where it has none."""
    if name == "views":
        return parse_count(value)
    if name in _TIMES:
        return parse_time(value)
    if name == "account" and isinstance(value, Mapping):
        value = next((value[key] for key in _PERSON if value.get(key)), None)
    if name == "account" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _UnusableError(name)
    # A lone surrogate cannot be stored or sent as UTF-8.
    text = value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "").strip()
    if not text:
        raise _UnusableError(name)
    return text


def parse_count(value: object) -> int:
    """A whole number of views, also from "1,234"."""
    if isinstance(value, str):
        value = float(value.replace(",", "").replace(" ", "").replace("\u00a0", ""))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _UnusableError("views")
    # Databases hold whole numbers of 63 bits.
    if not (isinstance(value, int) or math.isfinite(value)) or not 0 <= value < 1 << 63:
        raise _UnusableError("views")
    return int(value)


def parse_time(value: object) -> str:
    """`YYYY-MM-DDTHH:MM:SSZ` from seconds or milliseconds since 1970, a date, or an ISO 8601 text."""
    if isinstance(value, str):
        text = value.strip()
        # Eight digits are a date (20240131), not seconds of the year 1970.
        if len(text) != 8 and text.replace(".", "", 1).isascii() and text.replace(".", "", 1).isdigit():
            value = float(text)
        else:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                moment = datetime.strptime(text, "%a %b %d %H:%M:%S %z %Y")  # the form of X and Weibo
            value = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) < 1e15:
            raise _UnusableError("time")
        if abs(value) >= MILLISECONDS_FROM:
            value = value / 1000
        try:
            value = datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError) as exc:
            raise _UnusableError("time") from exc
    if not isinstance(value, datetime):
        raise _UnusableError("time")
    try:
        moment = value.astimezone(UTC)
    except OverflowError as exc:
        raise _UnusableError("time") from exc
    # strftime does not pad years below 1000.
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _record(name: str, beside: SiblingOpener, warnings: list[str]) -> Mapping[str, object] | None:
    """The JSON object in a sidecar, None where there is no sidecar or nothing usable in it."""
    with _opened(name, beside, warnings) as file:
        raw = _bytes(file, warnings) if file else None
    if raw is None:
        return None
    try:
        record = json.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        warnings.append(f"{name!r} is no valid JSON and was left unread")
        return None
    if not isinstance(record, dict):
        warnings.append(f"{name!r} holds no JSON object and was left unread")
        return None
    return record


@contextmanager
def _opened(name: str, beside: SiblingOpener, warnings: list[str]) -> Iterator[SidecarFile | None]:
    """A file beside, None where there is none or, with a warning, where it cannot be opened."""
    try:
        file = beside(name)
    except (UnreadableMedia, ValueError) as exc:
        warnings.append(f"a sidecar was left unread: {exc}")
        file = None
    try:
        yield file
    finally:
        if file is not None:
            file.close()


def _bytes(file: SidecarFile, warnings: list[str]) -> bytes | None:
    """The bytes of a sidecar; None with a warning where it is too large or unreadable."""
    if file.bytes > SIDECAR_BYTES:
        warnings.append(f"{file.name!r} is over {SIDECAR_BYTES >> 20} MiB and was left unread")
        return None
    try:
        with file.reader() as reader:
            return reader.read(SIDECAR_BYTES)
    except OSError as exc:
        warnings.append(f"{file.name!r} could not be read: {exc.strerror}")
        return None


def _row_of(name: str, beside: SiblingOpener, warnings: list[str]) -> Mapping[str, str] | None:
    """The row of the file in the first table of its folder, None where there is none."""
    for title in TABLE_NAMES:
        with _opened(title, beside, warnings) as file:
            if file is not None:
                table = _table(file, beside)
                warnings.extend(table.warnings)
                return table.rows.get(_key(name))
    return None


def _table(file: SidecarFile, beside: SiblingOpener) -> _Table:
    """A folder's table, read once for all its files as long as it stays as it is."""
    warnings: list[str] = []
    with _opened(COLUMNS_NAME, beside, warnings) as columns:
        stamps = (file.stamp, columns.stamp if columns else None)
        if stamps not in _TABLES:
            while len(_TABLES) >= TABLES_KEPT:
                _TABLES.pop(next(iter(_TABLES)))
            names = _column_names(beside, warnings) if columns else {}
            _TABLES[stamps] = _read_table(file, names, warnings)
        return _TABLES[stamps]


def _read_table(file: SidecarFile, names: Mapping[str, str], warnings: list[str]) -> _Table:
    """The table in a file; `names` are our fields' names for its columns."""
    raw = _bytes(file, warnings)
    if raw is None:
        return _Table(rows={}, warnings=tuple(warnings))
    # File names may hold any bytes, so the table that lists them may too.
    lines = io.StringIO(raw.decode("utf-8-sig", "surrogateescape"), newline="")
    rows: dict[str, Mapping[str, str]] = {}
    twice = 0
    try:
        for row in _rows(lines, names):
            key = _key(row.get("file", ""))
            if key in rows:
                twice += 1
            elif key:
                rows[key] = row
    except (csv.Error, KeyError) as exc:
        warnings.append(f"{file.name!r}: {exc.args[0]}")
    if twice:
        warnings.append(f"{file.name!r} names {twice} files more than once: their first rows were used")
    return _Table(rows=rows, warnings=tuple(warnings))


def _rows(lines: Iterable[str], names: Mapping[str, str]) -> Iterable[Mapping[str, str]]:
    """The table's rows under our field names; raises KeyError where no column names the files."""
    csv.field_size_limit(CELL_CHARS)
    reader = csv.reader(lines)
    header = [names.get(title.strip(), title.strip().lower()) for title in next(reader, [])]
    if "file" not in header:
        raise KeyError(f"no column named 'file'; name it so, or say in {COLUMNS_NAME} which one it is")
    for cells in reader:
        yield {title: cell.strip() for title, cell in zip(header, cells, strict=False)}


def _column_names(beside: SiblingOpener, warnings: list[str]) -> Mapping[str, str]:
    """Our field's name for each of their columns, from the map beside the table."""
    record = _record(COLUMNS_NAME, beside, warnings) or {}
    names: dict[str, str] = {}
    for theirs, ours in record.items():
        if isinstance(ours, str) and (ours == "file" or ours in _FIELDS):
            names[theirs.strip()] = ours
        else:
            warnings.append(f"{COLUMNS_NAME!r}: {theirs!r} is mapped to no field of ours and was left out")
    return names


def _key(name: str) -> str:
    """A file's name as the table and the folder may both spell it: no folders, composed letters."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
