"""Rows of a table of sightings, found by the name of their file.

A table is kept as its bytes with 12 more for each row, and a row is parsed when it is looked up: as Python objects, a
table of 8 MiB would take 600 MB.
"""

import codecs
import csv
import re
import unicodedata
from array import array
from collections.abc import Iterator, Mapping
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from mediafp.sightings.sidecar_warnings import SidecarWarnings

FILE_COLUMN: Final = "file"
"""Column of the names of the media files."""
COLUMNS_NAME: Final = "mediafp.columns.json"
"""File name of the JSON object that maps column names to fields."""
MAX_TABLE_ROWS: Final = 200_000
"""Rows of a table, empty ones included; the rest is not read. Chosen, not measured: 8 MiB have as many rows of 42
bytes."""
MAX_TABLE_COLUMNS: Final = 500
"""Columns of a table. Chosen, not measured."""
MAX_ROW_BYTES: Final = 1 << 20
"""Bytes of a row: the text of a post may exceed the 128 Ki characters that Python's `csv` allows. Chosen, not measured."""
MAX_FILE_NAME_CHARS: Final = 400
"""Characters of a file name in a table; no file has a longer one. File systems allow 255 bytes or UTF-16 units, and
decomposed letters have more characters. Composing 65,536 combining marks takes 6 seconds, and the time grows with their
square."""
# The limit is global in `csv`, so it is set once and not by each reading thread.
csv.field_size_limit(MAX_ROW_BYTES)
_LINE: Final = re.compile(rb"[^\r\n]*+(?:\r\n?|\n)|[^\r\n]++")


class TableRows:
    """Rows of one table by the name of their file; of several rows for one file, the first."""

    def __init__(self, data: bytes, header: list[str], hashes: "array[int]", offsets: "array[int]") -> None:
        self._data, self._header = data, header
        all_hashes, all_offsets = np.asarray(hashes, np.int64), np.asarray(offsets, np.uint32)
        order = np.argsort(all_hashes, kind="stable")
        self._hashes: NDArray[np.int64] = all_hashes[order]
        self._offsets: NDArray[np.uint32] = all_offsets[order]

    @classmethod
    def empty(cls) -> Self:
        """Return a table without rows."""
        return cls(b"", [], array("q"), array("I"))

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return len(self._data) + self._hashes.nbytes + self._offsets.nbytes

    def find(self, media_name: str) -> Mapping[str, str] | None:
        """Return the cells of the row of a file, by field; None if it has none."""
        key = file_key(media_name)
        if not key:
            return None
        position = int(np.searchsorted(self._hashes, hash(key)))
        while position < len(self._hashes) and self._hashes[position] == hash(key):
            cells = next(csv.reader(_Lines(self._data, int(self._offsets[position]))))
            row = _row_by_field(self._header, cells)
            # Two names may have one hash.
            if file_key(row[FILE_COLUMN]) == key:
                return row
            position += 1
        return None


def parse_rows(data: bytes, name: str, columns: Mapping[str, str], warnings: SidecarWarnings) -> TableRows:
    """Return the rows of a table.

    Args:
        data: Content of the table. File names may contain any bytes, so the table that lists them may too.
        name: Its file name, for warnings.
        columns: Field of each column that is not named like it.
        warnings: Receives what is not read.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    lines = _Lines(data)
    reader = csv.reader(lines)
    header: list[str] = []
    hashes, offsets, numbers = array("q"), array("I"), 0
    try:
        header = _parse_header(next(reader, []), name, columns, warnings)
        file_column = header.index(FILE_COLUMN)
        lines.start_row()
        for numbers, cells in enumerate(reader, start=1):
            if numbers > MAX_TABLE_ROWS:
                raise csv.Error(f"it has more than {MAX_TABLE_ROWS:,} rows")
            if len(cells) > file_column and (key := file_key(cells[file_column].strip())):
                hashes.append(hash(key))
                offsets.append(lines.row_start)
            lines.start_row()
    except csv.Error as error:
        warnings.add(f"skipped {'the rest of ' if hashes else ''}{name!r}: {error.args[0]}")
    if duplicates := len(hashes) - np.unique(np.asarray(hashes)).size:
        warnings.add(f"skipped {duplicates} rows of {name!r}: their files have a row already")
    return TableRows(data, header, hashes, offsets)


def file_key(name: str) -> str:
    """Return a file's name as both the table and the folder may write it: without folders, in composed letters.

    It is "" for a name that no file has.
    """
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    return unicodedata.normalize("NFC", name) if len(name) <= MAX_FILE_NAME_CHARS else ""


def _parse_header(titles: list[str], name: str, columns: Mapping[str, str], warnings: SidecarWarnings) -> list[str]:
    """Return the field of each column, "" for a column that repeats one; raise csv.Error for an unusable header."""
    if len(titles) > MAX_TABLE_COLUMNS:
        raise csv.Error(f"its {len(titles):,} columns are over the limit of {MAX_TABLE_COLUMNS}")
    header: list[str] = []
    for number, title in enumerate(titles, start=1):
        field = columns.get(title.strip(), title.strip().lower())
        if field and field in header:
            warnings.add(f"skipped column {number} of {name!r}: an earlier one has the same name or field")
            field = ""
        header.append(field)
    if FILE_COLUMN not in header:
        raise csv.Error(
            f"it has no column {FILE_COLUMN!r}; rename the column of file names, or map it in {COLUMNS_NAME}"
        )
    return header


def _row_by_field(header: list[str], cells: list[str]) -> Mapping[str, str]:
    return {field: cell.strip() for field, cell in zip(header, cells, strict=False)}


class _Lines:
    """Lines of a table from an offset on; raises csv.Error if one row has too many bytes."""

    def __init__(self, data: bytes, offset: int = 0) -> None:
        self._matches = _LINE.finditer(data, offset)
        self._end = self.row_start = offset

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._matches)
        self._end = line.end()
        if self._end - self.row_start > MAX_ROW_BYTES:
            raise csv.Error(f"the row at byte {self.row_start:,} is over the limit of {MAX_ROW_BYTES >> 20} MiB")
        return line[0].decode("utf-8", "surrogateescape")

    def start_row(self) -> None:
        """Take the next line as the first one of a row."""
        self.row_start = self._end
