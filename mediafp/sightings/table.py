"""Tables of sightings: one CSV file in a folder, with one row for each media file in it.

The column `file` names the media file; the other columns are named like the fields of a sighting, or mapped to them by
`mediafp.columns.json` beside the table.
"""

import json
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from threading import Lock
from typing import Final

from mediafp.sightings.sidecar_format import SiblingOpener, SidecarFormat, open_sidecar, read_bytes
from mediafp.sightings.sidecar_warnings import SidecarWarnings, quote
from mediafp.sightings.table_rows import COLUMNS_NAME, FILE_COLUMN, TableRows, parse_rows
from mediafp.sightings.values import FieldValues, SightingFields, collect_fields
from mediafp.types.media import SidecarFile

TABLE_NAMES: Final = ("mediafp.csv", "sightings.csv")
"""File names of a table; the first that exists is read."""
MAX_COLUMN_MAP_BYTES: Final = 64 << 10
"""Size, bytes, above which a column map is not read. Chosen, not measured."""
FIELDS: Final = tuple(field.name for field in fields(SightingFields) if field.name != "source")
"""Fields of a sighting that a column may state."""
MAX_CACHED_TABLE_BYTES: Final = 64 << 20
"""Memory, bytes, of all tables that are kept, so that a folder of n files parses its table once: six tables of the
largest size. Chosen, not measured."""
TABLE_OVERHEAD_BYTES: Final = 2_000
"""Memory, bytes, of an empty table that is kept. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SightingTable:
    """Rows of one table, and the warnings of parsing it."""

    rows: TableRows
    warnings: SidecarWarnings

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return TABLE_OVERHEAD_BYTES + self.rows.bytes + sum(map(sys.getsizeof, self.warnings.texts()))


class TableCache:
    """Parsed tables by the stamps of the table and of its column map; those that were used last are kept.

    Several threads may use it.
    """

    def __init__(self) -> None:
        self._tables: OrderedDict[tuple[object, object], SightingTable] = OrderedDict()
        self._lock = Lock()
        self.bytes = 0
        """Memory of the tables that are kept."""

    def load(self, stamps: tuple[object, object], parse: Callable[[], SightingTable]) -> SightingTable:
        """Return a table, parsed unless it is kept."""
        with self._lock:
            if stamps not in self._tables:
                self._tables[stamps] = parse()
                self.bytes += self._tables[stamps].bytes
            self._tables.move_to_end(stamps)
            while self.bytes > MAX_CACHED_TABLE_BYTES and len(self._tables) > 1:
                self.bytes -= self._tables.popitem(last=False)[1].bytes
            return self._tables[stamps]


_cache: Final = TableCache()


def is_table_file(name: str) -> bool:
    """Return True if a lower-case file name is that of a table or of its column map."""
    return name == COLUMNS_NAME or name in TABLE_NAMES


def read_row(media_name: str, open_sibling: SiblingOpener, warnings: SidecarWarnings) -> FieldValues | None:
    """Return the fields that the row of a media file states; None if there is no table or no row."""
    for table_name in TABLE_NAMES:
        with open_sidecar(table_name, open_sibling, warnings) as file:
            if file is not None:
                table = _load_table(file, open_sibling)
                warnings.extend(table.warnings)
                row = table.rows.find(media_name)
                columns = {field: (field,) for field in FIELDS}
                return None if row is None else collect_fields(row, columns, "its table row", warnings)
    return None


def _load_table(file: SidecarFile, open_sibling: SiblingOpener) -> SightingTable:
    """Return the table in a file, parsed once as long as it and its column map do not change."""
    warnings = SidecarWarnings()
    with open_sidecar(COLUMNS_NAME, open_sibling, warnings) as column_map:

        def parse() -> SightingTable:
            columns = _read_column_map(column_map, warnings) if column_map else {}
            content = read_bytes(file, warnings)
            rows = TableRows.empty() if content is None else parse_rows(content, file.name, columns, warnings)
            return SightingTable(rows=rows, warnings=warnings)

        return _cache.load((file.stamp, column_map.stamp if column_map else None), parse)


def _read_column_map(file: SidecarFile, warnings: SidecarWarnings) -> Mapping[str, str]:
    """Return the field of each column that a column map names."""
    content = read_bytes(file, warnings, max_bytes=MAX_COLUMN_MAP_BYTES)
    if content is None:
        return {}
    try:
        record = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        warnings.add(f"skipped {COLUMNS_NAME!r}: it is not valid JSON")
        return {}
    if not isinstance(record, dict):
        warnings.add(f"skipped {COLUMNS_NAME!r}: it is not a JSON object")
        return {}
    columns: dict[str, str] = {}
    for column, field in record.items():
        if isinstance(field, str) and (field == FILE_COLUMN or field in FIELDS):
            columns[column.strip()] = field
        else:
            warnings.add(f"skipped {quote(column)} of {COLUMNS_NAME!r}: {quote(field)} is not a field of a sighting")
    return columns


TABLE: Final = SidecarFormat(name="csv", matches=is_table_file, read=read_row)
