"""Tables of sightings: one row for each media file, with titles of columns in English or Chinese."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Final

from mediafp.sightings.post_urls import read_url
from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import Record, RecordEntry, RecordFormat
from mediafp.sightings.record_keys import id_key, path_keys
from mediafp.sightings.sidecar_content import UnusableSidecarError, open_sidecar, read_bytes
from mediafp.sightings.sidecar_warnings import SidecarWarnings, quote
from mediafp.sightings.table_columns import (
    COLUMNS_NAME,
    FILE_COLUMN,
    ID_PLATFORMS,
    MEDIA_ADDRESS_COLUMNS,
    NUMBER_COLUMNS,
    ORIGINAL_FLAGS,
    REPOST_FLAGS,
    TABLE_FIELDS,
    field_of_title,
    title_key,
)
from mediafp.sightings.table_content import TableContent
from mediafp.sightings.table_opening import is_table_name, open_table
from mediafp.sightings.table_times import find_times
from mediafp.sightings.values import CUT_FIELDS, collect_fields, complete_fields
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
NAME_FIELDS: Final = ("account", "account_id", "account_name", "post_id")
"""Fields of names and ids, which `export csv` writes with an apostrophe where a spreadsheet would turn them into a number."""


YES: Final = frozenset(("true", "yes", "y", "1", "是"))
"""Cells without case that say yes."""
NO: Final = frozenset(("false", "no", "n", "0", "否"))
"""Cells without case that say no."""
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
            platform: Platform of the posts of which no column and no address states it; "" if it is unknown.
        """
        self._table, self._columns, self._warnings, self._platform = table, columns, warnings, platform
        self._file = columns.index(FILE_COLUMN) if FILE_COLUMN in columns else None
        self._id = columns.index("post_id") if "post_id" in columns else None
        self._url = columns.index("url") if "url" in columns else None
        titles = list(map(title_key, table.header))
        self._has_addresses = self._file is not None and titles[self._file] in MEDIA_ADDRESS_COLUMNS
        self._id_platform = ID_PLATFORMS.get(titles[self._id], "") if self._id is not None else ""
        stated = [field or field_of_title(title)[0] for field, title in zip(columns, table.header, strict=True)]
        self._times = find_times(table.header, stated, lambda number: sample_cells(table, number))

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
                values[title] = self._value(plain_cell(cell, field), field, title, cells, warnings)
                keys[field] = (*keys.get(field, ()), title)
        label = self.files(cells)[0] if self.files(cells) else plain_cell(self._cell(cells, self._id), "post_id")
        name = f"the row of {quote(label)} in {self._table.content.name!r}"
        if extra := sum(bool(cell.strip()) for cell in cells[len(titles) :]):
            warnings.add(f"skipped {extra} cells of {name}: not read, as they have no title; its values may be shifted")
        fields = collect_fields(values, keys, name, warnings, is_row=True)
        platform = self._platform or (self._id_platform if "post_id" in fields else "")
        if platform and fields and "platform" not in fields:
            fields = complete_fields({**fields, "platform": platform})
        return Record(keys=self._keys(cells), label=label, sightings=[fields])

    def files(self, cells: Sequence[str]) -> list[str]:
        """Return the paths of media files that a row names."""
        return split_files(plain_cell(self._cell(cells, self._file)))

    def _value(self, cell: str, field: str, title: str, cells: Sequence[str], warnings: SidecarWarnings) -> str:
        """Return a cell in a form that does not depend on its title and on other columns."""
        if field.endswith("_at"):
            return self._times.complete(
                cell, field, title, lambda number: plain_cell(self._cell(cells, number)), warnings
            )
        return flag_role(cell, title) if field == "role" else cell

    def _cell(self, cells: Sequence[str], column: int | None) -> str:
        return cells[column] if column is not None and column < len(cells) else ""

    def _keys(self, cells: Sequence[str]) -> list[str]:
        """Return the keys of a row: those of its file, and of its post if it names none, or its address alone."""
        keys = [key for path in self.files(cells) for key in path_keys(path)]
        if self._file is not None and not self._has_addresses:
            return keys
        identifier = plain_cell(self._cell(cells, self._id), "post_id")
        if not identifier and self._url is not None:
            identifier = read_url(plain_cell(self._cell(cells, self._url))).get("post_id", "")
        return [*keys, id_key(identifier)] if len(identifier) >= MIN_ID_CHARS else keys


def plain_cell(cell: str, field: str = "") -> str:
    r"""Return the text of a cell without what is added so that spreadsheets keep it: `="123"`, `'123`, `'=a`, `123\t`.

    A name or an id has no apostrophe of its own at its start: `export csv` writes `'march1` too.

    Args:
        cell: The cell.
        field: Field of its column; "" if it is not known.
    """
    cell = cell.strip()
    if match := re.fullmatch(r'="(.*)"', cell, re.DOTALL):
        return match[1].replace('""', '"').strip()
    # A title or a text may begin with a quotation, or with a decade: '90s.
    signs = r"[=+@-]" if field in CUT_FIELDS else r"(?![^'’‘`]+['’‘`]$)" if field in NAME_FIELDS else r"[\d=+@-]"
    return cell[1:] if re.match(rf"['’‘`]{signs}", cell) else cell


def flag_role(cell: str, title: str) -> str:
    """Return the role that a cell means in a column that says whether a post is a repost, or an original."""
    key, answer = title_key(title), cell.casefold()
    if key not in REPOST_FLAGS | ORIGINAL_FLAGS or answer not in YES | NO:
        return cell
    return "repost" if (answer in YES) == (key in REPOST_FLAGS) else "original"


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
    titled = [mapped.get(title) or field_of_title(title)[0] for title in table.header]
    times = find_times(table.header, titled, lambda number: sample_cells(table, number))
    used = {*times.clocks.values(), times.zone}
    exact = {field for field, title in zip(titled, table.header, strict=True) if title_key(title) == title_key(field)}
    for number, title in enumerate(table.header):
        field = mapped.get(title) or ("" if title in unused else field_of_title(title)[0])
        if field == "post_id" and title not in mapped and not _is_id_column(table, number):
            field = ""
        is_clear = not field.endswith("_at") or field not in exact or title_key(title) == title_key(field)
        if number in used:
            field = ""
        elif not is_clear:
            # `created_at` beside `posted_at` may be that of the account.
            warnings.add(
                f"skipped column {number + 1} of {name!r}, {quote(title)}: {field!r} is the name of another one"
            )
            field = ""
        elif field and field in columns and (title not in alternatives or title in table.header[:number]):
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
    if not {FILE_COLUMN, "post_id", "url"} & set(columns):
        raise UnusableSidecarError(
            f"its columns are unknown: none has names of media files; name one {FILE_COLUMN!r}, or map it in {COLUMNS_NAME}"
        )
    if unknown:
        more = f" and {len(unknown) - MAX_NAMED_COLUMNS} more" * (len(unknown) > MAX_NAMED_COLUMNS)
        shown = ", ".join(quote(table.header[number]) for number in unknown[:MAX_NAMED_COLUMNS])
        warnings.add(f"skipped columns of {name!r}: {shown}{more} are unknown, and not used")
    return columns


def sample_cells(table: TableContent, number: int) -> list[str]:
    """Return the cells of a column in the first rows, without empty ones."""
    rows = (cells for _, (_, cells) in zip(range(SAMPLE_ROWS), table.rows(), strict=False))
    return [plain_cell(row[number]) for row in rows if len(row) > number and row[number].strip()]


def _is_id_column(table: TableContent, number: int) -> bool:
    """Return False for a column `id` that numbers the rows."""
    if title_key(table.header[number]) not in NUMBER_TITLES:
        return True
    cells = sample_cells(table, number)
    return bool(cells) and all(len(cell) >= MIN_ID_CHARS for cell in cells)


def _find_file_column(table: TableContent, columns: Sequence[str]) -> int | None:
    """Return the column of media files by its cells, or that of their addresses by its title; None if there is none."""
    for number, field in enumerate(columns):
        cells = [] if field not in ("", "account_name", "title") else sample_cells(table, number)
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
