"""Tables of sightings: one CSV file in a folder, with one row for each media file in it.

The column `file` names the media file; the other columns are named like the fields of a sighting, or mapped to them by
`mediafp.columns.json` beside the table.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from threading import Lock
from typing import Final

from mediafp.sightings.sidecar_format import SidecarFormat, open_sidecar, read_bytes, read_json_object
from mediafp.sightings.values import FieldValues, SightingFields, collect_fields
from mediafp.types.media import SiblingOpener, SidecarFile

TABLE_NAMES: Final = ("mediafp.csv", "sightings.csv")
"""File names of a table; the first that exists is read."""
COLUMNS_NAME: Final = "mediafp.columns.json"
"""File name of the JSON object that maps column names to fields."""
FILE_COLUMN: Final = "file"
FIELDS: Final = tuple(field.name for field in fields(SightingFields) if field.name != "source")
"""Fields of a sighting that a column may state."""
MAX_CACHED_TABLES: Final = 64
"""Tables that are kept, so that a folder of n files parses its table once. Chosen, not measured."""
MAX_CELL_CHARS: Final = 1 << 20
"""Characters of a cell: the text of a post may exceed the 128 Ki that Python's `csv` allows. Chosen, not measured."""
csv.field_size_limit(MAX_CELL_CHARS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingTable:
    """Rows of one table by the key of their file name, and the warnings of parsing it."""

    rows: Mapping[str, Mapping[str, str]]
    warnings: tuple[str, ...]


_tables: Final[dict[tuple[object, object], SightingTable]] = {}
"""Parsed tables by the stamps of the table and of its column map."""
_tables_lock: Final = Lock()
"""Held while `_tables` is used: several threads read sidecars."""


def is_table_file(name: str) -> bool:
    """Return True if a lower-case file name is that of a table or of its column map."""
    return name == COLUMNS_NAME or name in TABLE_NAMES


def read_row(media_name: str, open_sibling: SiblingOpener, warnings: list[str]) -> FieldValues | None:
    """Return the fields that the row of a media file states; None if there is no table or no row."""
    for table_name in TABLE_NAMES:
        with open_sidecar(table_name, open_sibling, warnings) as file:
            if file is not None:
                table = _load_table(file, open_sibling)
                warnings.extend(table.warnings)
                row = table.rows.get(_file_key(media_name))
                columns = {field: (field,) for field in FIELDS}
                return None if row is None else collect_fields(row, columns, "its table row", warnings)
    return None


def _load_table(file: SidecarFile, open_sibling: SiblingOpener) -> SightingTable:
    """Return the table in a file, parsed once as long as it and its column map do not change."""
    warnings: list[str] = []
    with open_sidecar(COLUMNS_NAME, open_sibling, warnings) as column_map:
        stamps = (file.stamp, column_map.stamp if column_map else None)
        with _tables_lock:
            if stamps not in _tables:
                while len(_tables) >= MAX_CACHED_TABLES:
                    _tables.pop(next(iter(_tables)))
                columns = _read_column_map(open_sibling, warnings) if column_map else {}
                _tables[stamps] = _parse_table(file, columns, warnings)
            return _tables[stamps]


def _parse_table(file: SidecarFile, columns: Mapping[str, str], warnings: list[str]) -> SightingTable:
    """Return the table in a file; `columns` maps its column names to fields."""
    raw = read_bytes(file, warnings)
    if raw is None:
        return SightingTable(rows={}, warnings=tuple(warnings))
    # File names may contain any bytes, so the table that lists them may too.
    lines = io.StringIO(raw.decode("utf-8-sig", "surrogateescape"), newline="")
    rows: dict[str, Mapping[str, str]] = {}
    duplicates = 0
    try:
        for row in _iter_rows(lines, columns):
            key = _file_key(row.get(FILE_COLUMN, ""))
            if key in rows:
                duplicates += 1
            elif key:
                rows[key] = row
    except (csv.Error, KeyError) as error:
        warnings.append(f"skipped {'the rest of ' if rows else ''}{file.name!r}: {error.args[0]}")
    if duplicates:
        warnings.append(f"skipped {duplicates} rows of {file.name!r}: their files have a row already")
    return SightingTable(rows=rows, warnings=tuple(warnings))


def _iter_rows(lines: Iterable[str], columns: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield the rows by field; raise KeyError if no column names the files."""
    reader = csv.reader(lines)
    header = [columns.get(title.strip(), title.strip().lower()) for title in next(reader, [])]
    if FILE_COLUMN not in header:
        raise KeyError(
            f"it has no column {FILE_COLUMN!r}; rename the column of file names, or map it in {COLUMNS_NAME}"
        )
    for cells in reader:
        yield {field: cell.strip() for field, cell in zip(header, cells, strict=False)}


def _read_column_map(open_sibling: SiblingOpener, warnings: list[str]) -> Mapping[str, str]:
    """Return the field of each column that the column map names."""
    record = read_json_object(COLUMNS_NAME, open_sibling, warnings) or {}
    columns: dict[str, str] = {}
    for column, field in record.items():
        if isinstance(field, str) and (field == FILE_COLUMN or field in FIELDS):
            columns[column.strip()] = field
        else:
            warnings.append(f"skipped {column!r} of {COLUMNS_NAME!r}: {field!r} is not a field of a sighting")
    return columns


def _file_key(name: str) -> str:
    """Return a file's name as both the table and the folder may write it: without folders, in composed letters."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])


TABLE: Final = SidecarFormat(name="csv", matches=is_table_file, read=read_row)
