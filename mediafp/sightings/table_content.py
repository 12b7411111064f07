"""Rows of a table, read from its content one at a time."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from mediafp.sightings.record_content import MAX_RECORD_BYTES, RecordContent, long_row_error
from mediafp.sightings.sidecar_content import UnusableSidecarError
from mediafp.sightings.sidecar_warnings import SidecarWarnings

MAX_TABLE_COLUMNS: Final = 500
"""Columns of a table. Chosen, not measured."""
MAX_ROW_LINES: Final = 5_000
"""Lines of a row: a quote that is not closed by then is taken to be open. Chosen, not measured."""
MAX_OPEN_QUOTES: Final = 1_000
"""Rows with an open quote, after which the rest of a table is not read: each costs the time of the rows after it. Chosen, not
measured."""
# The limit is global in `csv`, so it is set once and not by each reading thread.
csv.field_size_limit(MAX_RECORD_BYTES)


class TableContent:
    """Content of a table with its encoding and its separator. Its rows are read from the content one at a time."""

    def __init__(
        self, content: RecordContent, encoding: str, delimiter: str, start: int, header: Sequence[str]
    ) -> None:
        """Take the content, its encoding and separator, the offset of the first row after the header, and the titles."""
        self.content, self.encoding, self._delimiter = content, encoding, delimiter
        self.start, self.header = start, header
        self._errors = "surrogateescape" if encoding == "utf-8" else "replace"
        self.open_quotes = 0
        """Rows with a quote that is not closed, of those that were read."""

    def decode(self, line: bytes) -> str:
        """Return the text of a line; bytes that are no text in UTF-8 become surrogate escapes."""
        return line.decode(self.encoding, self._errors)

    def row(self, offset: int) -> list[str]:
        """Return the cells of the row at an offset.

        Raises:
            UnusableSidecarError: It cannot be read.
        """
        return next((cells for _, cells in self.rows(offset)), [])

    def first_row(self) -> tuple[list[str], int]:
        """Return the cells of the first row, and the offset of the row after it.

        Raises:
            UnusableSidecarError: It cannot be read.
        """
        lines = _Lines(self.content.lines(self.start), self)
        try:
            cells = next(self.parse(lines), [])
        except csv.Error as error:
            raise long_row_error(self.start) from error
        offset, line = lines.taken[-1]
        return cells, offset + len(line)

    def rows(self, offset: int | None = None) -> Iterator[tuple[int, list[str]]]:
        """Yield offset and cells of each row from an offset on; without one, from the first after the header.

        A quote that is not closed would swallow the rows after it: they are read as rows of their own.

        Raises:
            UnusableSidecarError: A row is longer than `MAX_RECORD_BYTES`, or the file cannot be read.
        """
        lines = _Lines(self.content.lines(self.start if offset is None else offset), self)
        reader = self.parse(lines)
        while True:
            lines.taken.clear()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, UnusableSidecarError) as error:
                if not lines.taken or not self._put_back_swallowed(lines):
                    if isinstance(error, UnusableSidecarError) or not lines.taken:
                        raise
                    raise long_row_error(lines.taken[0][0]) from error
                cells = next(self.parse([self.decode(lines.taken[0][1])]))
            else:
                is_odd = len(lines.taken) > 1 and not self._is_strict(lines.taken)
                if is_odd and self._is_row(lines.taken[1]) and self._put_back_swallowed(lines):
                    cells = next(self.parse([self.decode(lines.taken[0][1])]))
            if cells:
                yield lines.taken[0][0], cells

    def add_open_quotes(self, warnings: SidecarWarnings) -> None:
        """Add a warning about the rows with an open quote that were read."""
        if self.open_quotes:
            count = f"{self.open_quotes:,} row{'s have' if self.open_quotes > 1 else ' has'} a quote that is not closed"
            warnings.add(f"skipped quotes of {self.content.name!r}: {count}; the rows after it are read")

    def parse(self, lines: "Iterator[str] | Sequence[str]") -> Iterator[list[str]]:
        """Return a reader of rows in this dialect."""
        return csv.reader(lines, delimiter=self._delimiter)

    def _is_strict(self, lines: Sequence[tuple[int, bytes]]) -> bool:
        """Return True if each quote in the lines of a row is closed at the end of a cell."""
        try:
            list(csv.reader(map(self.decode, (line for _, line in lines)), delimiter=self._delimiter, strict=True))
        except csv.Error:
            return False
        return True

    def _is_row(self, line: tuple[int, bytes]) -> bool:
        """Return True if a line has as many cells as the header, so that it looks like a row."""
        return len(self.header) > 1 and len(next(self.parse([self.decode(line[1])]), [])) == len(self.header)

    def _put_back_swallowed(self, lines: "_Lines") -> bool:
        """Put back the lines that the open quote of the first one has swallowed; return False if there is none."""
        first = next(self.parse([self.decode(lines.taken[0][1])]), [])
        is_possible = len(lines.taken) > 1 and 1 < len(self.header) >= len(first) and b'"' in lines.taken[0][1]
        if is_possible and self.open_quotes < MAX_OPEN_QUOTES:
            lines.put_back(1)
            self.open_quotes += 1
            return True
        return False


class _Lines:
    """Lines of a table as texts, those of the current row apart."""

    def __init__(self, lines: Iterator[tuple[int, bytes]], table: TableContent) -> None:
        self._lines, self._table = lines, table
        self._pending: deque[tuple[int, bytes]] = deque()
        self.taken: list[tuple[int, bytes]] = []
        self._bytes = 0
        self._error: UnusableSidecarError | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._pending.popleft() if self._pending else self._next_line()
        if not self.taken:
            self._bytes = 0
        self.taken.append(line)
        self._bytes += len(line[1])
        if self._bytes > MAX_RECORD_BYTES or len(self.taken) > MAX_ROW_LINES:
            raise long_row_error(self.taken[0][0])
        return self._table.decode(line[1])

    def _next_line(self) -> tuple[int, bytes]:
        if self._error:
            raise self._error
        try:
            return next(self._lines)
        except UnusableSidecarError as error:
            # The lines before it may be read again.
            self._error = error
            raise

    def put_back(self, count: int) -> None:
        """Put back all lines of the current row but the first ones."""
        self._pending.extendleft(reversed(self.taken[count:]))
        del self.taken[count:]
