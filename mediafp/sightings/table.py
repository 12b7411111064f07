"""Tables of sightings: one row for each media file, with titles of columns in English or Chinese."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import Record, RecordEntry, RecordFormat
from mediafp.sightings.record_keys import id_key, path_keys
from mediafp.sightings.sidecar_content import UnusableSidecarError, open_sidecar, read_bytes
from mediafp.sightings.sidecar_warnings import SidecarWarnings, quote
from mediafp.sightings.table_columns import (
    COLUMNS_NAME,
    FILE_COLUMN,
    MEDIA_ADDRESS_COLUMNS,
    NUMBER_COLUMNS,
    TABLE_FIELDS,
    field_of_title,
    title_key,
)
from mediafp.sightings.table_content import TableContent
from mediafp.sightings.table_opening import is_table_name, open_table
from mediafp.sightings.times import parse_time
from mediafp.sightings.unusable_values import UnusableValueError
from mediafp.sightings.values import collect_fields
from mediafp.types.media import MEDIA_SUFFIXES, SidecarFolder

MAX_COLUMN_MAP_BYTES: Final = 64 << 10
"""Size, bytes, above which a column map is not read. Chosen, not measured."""
MAX_NAMED_COLUMNS: Final = 20
"""Columns without a field that a warning names. Chosen, not measured."""
SAMPLE_ROWS: Final = 20
"""Rows in which a column of file names is looked for, if no title says which it is. Chosen, not measured."""
MIN_ID_CHARS: Final = 8
"""Characters from which an id in the name of a media file is looked up. Chosen, not measured: those of posts on X, Weibo
and TikTok have 16 to 19 digits, those on YouTube 11 letters."""
NUMBER_TITLES: Final = ("id", "mid", "messageid")
"""Keys of titles that some tables give to the numbers of their rows."""
_IDS: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]+(?![0-9A-Za-z])|(?<=\[)[\w-]+(?=\])")
"""Numbers, and words in square brackets, in the name of a media file."""
_ADDRESS: Final = re.compile(r"https?://[^\s,;|'\"\]]+")
_FILE_SEPARATORS: Final = re.compile(r"\s*[;|,\n]\s*")


class TableRecords:
    """Rows of a table. Implements `RecordFile`."""

    def __init__(
        self, table: TableContent, columns: Sequence[str], warnings: SidecarWarnings, *, platform: str = ""
    ) -> None:
        """Take a table, and the field of each column.

        Args:
            table: The table.
            columns: Field of each column; "" for a column without one.
            warnings: Receives what is not read of the whole table.
            platform: Platform of the posts of which no column and no address tells it; "" if it is unknown.
        """
        self._table, self._columns, self._warnings, self._platform = table, columns, warnings, platform
        self._file = columns.index(FILE_COLUMN) if FILE_COLUMN in columns else None
        self._id = columns.index("post_id") if "post_id" in columns else None

    def entries(self) -> Iterator[RecordEntry]:
        """Yield all rows."""
        for offset, cells in self._table.rows():
            keys = self._keys(cells)
            yield RecordEntry(offset=offset, keys=keys, names_media=bool(keys) and self._file is not None)
        self._table.add_open_quotes(self._warnings)

    def read(self, offset: int, warnings: SidecarWarnings) -> Record:
        """Return the row at an offset."""
        cells = self._table.row(offset)
        titles = self._table.header
        values: dict[str, object] = {}
        keys: dict[str, tuple[str, ...]] = {}
        for field, title, cell in zip(self._columns, titles, cells, strict=False):
            if field and field != FILE_COLUMN:
                values[title] = _with_zone(plain_cell(cell), title) if field.endswith("_at") else plain_cell(cell)
                keys[field] = (*keys.get(field, ()), title)
        label = self.files(cells)[0] if self.files(cells) else plain_cell(self._cell(cells, self._id))
        name = f"the row of {quote(label)} in {self._table.content.name!r}"
        if extra := sum(bool(cell.strip()) for cell in cells[len(titles) :]):
            warnings.add(f"skipped {extra} cells of {name}: not read, as they have no title; its values may be shifted")
        fields = collect_fields(values, keys, name, warnings)
        if self._platform and fields:
            fields.setdefault("platform", self._platform)
        return Record(keys=self._keys(cells), label=label, sightings=[fields])

    def files(self, cells: Sequence[str]) -> list[str]:
        """Return the paths of media files that a row names."""
        return split_files(plain_cell(self._cell(cells, self._file)))

    def _cell(self, cells: Sequence[str], column: int | None) -> str:
        return cells[column] if column is not None and column < len(cells) else ""

    def _keys(self, cells: Sequence[str]) -> list[str]:
        """Return the keys of a row: those of its file, or of its post if it names none."""
        if self._file is None:
            identifier = plain_cell(self._cell(cells, self._id))
            return [id_key(identifier)] if len(identifier) >= MIN_ID_CHARS else []
        return [key for path in self.files(cells) for key in path_keys(path)]


def plain_cell(cell: str) -> str:
    r"""Return the text of a cell without what spreadsheets add so that digits stay: `="123"`, `'123`, `123\t`."""
    cell = cell.strip()
    if match := re.fullmatch(r'="(.*)"', cell, re.DOTALL):
        return match[1].replace('""', '"').strip()
    if re.fullmatch(r"'[\d=+@-].*", cell, re.DOTALL):
        return cell[1:]
    return cell


def _with_zone(cell: str, title: str) -> str:
    """Return a time with the zone that the title of its column states."""
    zone = field_of_title(title)[1]
    try:
        return parse_time(cell, zone) if zone and cell else cell
    except UnusableValueError:
        return cell


def split_files(cell: str) -> list[str]:
    """Return the paths in a cell: one, several with separators if each is named like a media file, or those of addresses."""
    if addresses := _ADDRESS.findall(cell):
        return list(map(_address_path, addresses))
    parts = [part for part in _FILE_SEPARATORS.split(cell) if part]
    if len(parts) > 1 and all(PurePath(part).suffix.lower() in MEDIA_SUFFIXES for part in parts):
        return parts
    return [cell] if cell else []


def _address_path(address: str) -> str:
    """Return the path of the file at an address; X states its suffix behind it."""
    path, _, query = address.partition("?")
    suffix = re.search(r"\bformat=(\w{2,5})", query)
    return path + (f".{suffix[1]}" if suffix and not PurePath(path).suffix else "")


def media_ids(path: str) -> Sequence[str]:
    """Return the ids in the name of a media file."""
    return [match for match in _IDS.findall(PurePath(path).name) if len(match) >= MIN_ID_CHARS]


def open_records(content: RecordContent, folder: SidecarFolder, warnings: SidecarWarnings) -> TableRecords:
    """Open a table; raise UnusableSidecarError if no column names media files or posts."""
    table = open_table(content, warnings)
    mapped = read_column_map(folder, warnings)
    columns = name_columns(table, mapped, warnings)
    return TableRecords(table, columns, warnings)


def name_columns(
    table: TableContent,
    mapped: Mapping[str, str],
    warnings: SidecarWarnings,
    *,
    alternatives: Collection[str] = (),
    unused: Collection[str] = (),
) -> list[str]:
    """Return the field of each column of a table; "" for one without.

    Args:
        table: The table.
        mapped: Field of each title that means another one than its words do.
        warnings: Receives the columns that are not used.
        alternatives: Titles of columns that may have one field with others: the first that is filled is used.
        unused: Titles of columns that are known to state nothing.

    Raises:
        UnusableSidecarError: No column names media files or posts.
    """
    name = table.content.name
    columns: list[str] = []
    unknown: list[int] = []
    for number, title in enumerate(table.header):
        field = mapped.get(title) or ("" if title in unused else field_of_title(title)[0])
        if field == "post_id" and title not in mapped and not _is_id_column(table, number):
            field = ""
        if field and field in columns and (title not in alternatives or title in table.header[:number]):
            warnings.add(
                f"skipped column {number + 1} of {name!r}, {quote(title)}: an earlier one has the same name or field"
            )
            field = ""
        elif not field and title and title not in unused and title_key(title) not in NUMBER_COLUMNS:
            unknown.append(number)
        columns.append(field)
    if FILE_COLUMN not in columns and (found := _find_file_column(table, columns)) is not None:
        columns[found] = FILE_COLUMN
        unknown = [number for number in unknown if number != found]
    if FILE_COLUMN not in columns and "post_id" not in columns:
        raise UnusableSidecarError(
            f"its columns are unknown: none has names of media files; name one {FILE_COLUMN!r}, or map it in {COLUMNS_NAME}"
        )
    if unknown:
        more = f" and {len(unknown) - MAX_NAMED_COLUMNS} more" * (len(unknown) > MAX_NAMED_COLUMNS)
        shown = ", ".join(quote(table.header[number]) for number in unknown[:MAX_NAMED_COLUMNS])
        warnings.add(f"skipped columns of {name!r}: {shown}{more} are unknown, and not used")
    return columns


def _sample_cells(table: TableContent, number: int) -> list[str]:
    """Return the cells of a column in the first rows, without empty ones."""
    rows = (cells for _, (_, cells) in zip(range(SAMPLE_ROWS), table.rows(), strict=False))
    return [plain_cell(row[number]) for row in rows if len(row) > number and row[number].strip()]


def _is_id_column(table: TableContent, number: int) -> bool:
    """Return False for a column `id` that numbers the rows."""
    if title_key(table.header[number]) not in NUMBER_TITLES:
        return True
    cells = _sample_cells(table, number)
    return bool(cells) and all(len(cell) >= MIN_ID_CHARS for cell in cells)


def _find_file_column(table: TableContent, columns: Sequence[str]) -> int | None:
    """Return the column of media files by its cells, or that of their addresses by its title; None if there is none."""
    for number, field in enumerate(columns):
        cells = [] if field not in ("", "account_name", "title") else _sample_cells(table, number)
        is_media = (PurePath(cell).suffix.lower() in MEDIA_SUFFIXES and "://" not in cell for cell in cells)
        if cells and all(is_media):
            return number
    addresses = (title_key(title) in MEDIA_ADDRESS_COLUMNS for title in table.header)
    return next((number for number, is_address in enumerate(addresses) if is_address), None)


def read_column_map(folder: SidecarFolder, warnings: SidecarWarnings) -> Mapping[str, str]:
    """Return the field of each column that the column map of a folder names."""
    with open_sidecar(folder, COLUMNS_NAME, warnings) as file:
        content = read_bytes(file, warnings, max_bytes=MAX_COLUMN_MAP_BYTES) if file else None
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
        if isinstance(field, str) and field in TABLE_FIELDS:
            columns[column.strip()] = field
        else:
            warnings.add(f"skipped {quote(column)} of {COLUMNS_NAME!r}: {quote(field)} is not a field of a sighting")
    return columns


TABLE: Final = RecordFormat(name="csv", matches=is_table_name, open=open_records, media_ids=media_ids)
