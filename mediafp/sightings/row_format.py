"""Record files that are tables of one tool: how its rows are recognised and read."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mediafp.sightings.record_content import RecordContent
from mediafp.sightings.record_format import Record, RecordEntry, RecordFile, RecordFormat
from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings, quote
from mediafp.sightings.table_content import TableContent
from mediafp.sightings.table_opening import is_table_name, open_table
from mediafp.sightings.values import FieldValues
from mediafp.types.media import SidecarFolder

type Row = Mapping[str, str]
"""Cells of a row by the title of their column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReader:
    """Functions that read the rows of one table."""

    keys: Callable[[Row], Sequence[str]]
    """Function that returns the keys by which media files find a row."""
    names_media: Callable[[Row], bool]
    """Function that returns True if a row names a media file, or the post has one."""
    read: Callable[[Row, str, SidecarWarnings], Sequence[FieldValues]]
    """Function that returns the sightings of a row; it gets the name of the row in warnings."""
    label: Callable[[Row], str]
    """Function that returns a short text by which a user finds a row."""
    align: Callable[[Sequence[str], Sequence[str]], Sequence[str]] = lambda header, cells: cells
    """Function that returns the cells of a row under their titles, from the titles and the cells."""


class RowRecords:
    """Rows of a table of one tool. Implements `RecordFile`."""

    def __init__(self, table: TableContent, reader: RowReader, warnings: SidecarWarnings) -> None:
        """Take a table, the functions that read its rows, and the warnings about the whole table."""
        self._table, self._reader, self._warnings = table, reader, warnings

    def entries(self) -> Iterator[RecordEntry]:
        """Yield all rows."""
        for offset, cells in self._table.rows():
            row = self._row(cells)
            keys = self._reader.keys(row)
            yield RecordEntry(offset=offset, keys=keys, names_media=bool(keys) and self._reader.names_media(row))
        self._table.add_open_quotes(self._warnings)

    def read(self, offset: int, warnings: SidecarWarnings) -> Record:
        """Return the row at an offset."""
        row = self._row(self._table.row(offset))
        label = self._reader.label(row)
        name = f"the row of {quote(label)} in {self._table.content.name!r}"
        sightings = [fields for fields in self._reader.read(row, name, warnings) if fields]
        return Record(keys=self._reader.keys(row), label=label, sightings=sightings)

    def _row(self, cells: Sequence[str]) -> Row:
        # Of two columns with one title the first counts.
        aligned = zip(self._table.header, self._reader.align(self._table.header, cells), strict=False)
        return dict(reversed([(title, cell.strip()) for title, cell in aligned]))


def table_format(
    name: str,
    titles: Sequence[str],
    make_reader: Callable[[RecordContent, SidecarFolder], RowReader],
    media_ids: Callable[[str], Sequence[str]] = lambda path: (),
) -> RecordFormat:
    """Return the format of the tables of one tool.

    Args:
        name: Name of the tool.
        titles: Titles of columns by which its tables are recognised: all of them are there.
        make_reader: Function that returns the functions which read the rows of a table in a folder.
        media_ids: Function that returns the ids in the path of a media file.
    """
    wanted: Final = frozenset(titles)

    def open_rows(content: RecordContent, folder: SidecarFolder, warnings: SidecarWarnings) -> RecordFile | None:
        table_warnings = SidecarWarnings()
        try:
            table = open_table(content, table_warnings)
        except UnusableSidecarError:
            # The last of the formats states the reason.
            return None
        if not wanted <= set(table.header):
            return None
        warnings.extend(table_warnings)
        return RowRecords(table, make_reader(content, folder), warnings)

    return RecordFormat(name=name, matches=is_table_name, open=open_rows, media_ids=media_ids)
