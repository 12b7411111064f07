"""The rows of a table as parts of a snapshot: those that Lance searches, and those that are searched in memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from mediafp.store.lance.row_cache import RowCache
from mediafp.store.lance.shared_table import SearchedTable
from mediafp.store.lance.table import Table
from mediafp.store.row_index.nearest import Bits, Numbers
from mediafp.store.row_index.rows import RowLayout, Rows
from mediafp.store.row_index.snapshot import Found, Part, array_part
from mediafp.types.errors import StoreError


class TableBits:
    """Bits of consecutive rows of a table, read when they are asked for."""

    def __init__(self, cache: RowCache, count: int) -> None:
        self._cache, self._count = cache, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, rows: slice) -> Bits:
        return self._cache.read(np.arange(*rows.indices(self._count)))


class TableCodes:
    """Codes of rows of a table, read when they are asked for."""

    def __init__(self, cache: RowCache, first_row: int = 0) -> None:
        self._cache, self._first_row = cache, first_row

    def __getitem__(self, rows: Numbers) -> npt.NDArray[np.int8]:
        return self._cache.read(np.asarray(rows) + self._first_row).view(np.int8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IndexedPart:
    """The rows of a table that Lance has indexed, which are the first ones.

    Attributes:
        table: The table.
        searched: The same, as it is searched.
        rows: Its indexed rows.
        void: Number (S,) of the first row, ascending, and of the row behind the last one, of assets that count no more.
        allowed_count: Number of the rows that may be found.
        is_exact: Compare query rows with all rows, however many there are.
    """

    table: Table
    searched: SearchedTable
    rows: Rows
    void: tuple[Numbers, Numbers]
    allowed_count: int
    is_exact: bool
    first_row: int = 0
    first_asset: int = 0

    @property
    def compared_share(self) -> float:
        """Share of the rows that `nearest` compares, 0..1."""
        return 1.0 if self.is_exact else self.searched.compared_share

    def nearest(self, queries: Bits, count: int) -> Sequence[Found]:
        """Return the nearest rows, as `Part` states."""
        # Rows of assets that were removed since the table was saved are still in it.
        asked = count + self.table.indexed_rows - self.allowed_count
        for table, is_exact in ((self.searched, self.is_exact), (self.table, True)):
            found = list(map(self._drop_void, table.nearest(queries, asked, is_exact=is_exact)))
            # Otherwise a node was taken over, or the table has other rows.
            if all(len(rows) >= count for _, rows in found):
                return [(distances[:count], rows[:count]) for distances, rows in found]
        raise StoreError(
            "cannot search the index: its rows are others than those of the store; have it built anew:"
            " mediafp migrate --index local"
        )

    def within(self, queries: Bits, distance: int) -> Sequence[Found]:
        """Return the rows at most a distance away, as `Part` states."""
        return [self._drop_void(found) for found in self.searched.within(queries, distance)]

    def _drop_void(self, found: Found) -> Found:
        distances, rows = found
        first, behind = self.void
        # A changed table may have any numbers.
        is_allowed = (rows >= 0) & (rows < len(self.rows))
        if len(first):
            span = np.searchsorted(first, rows, side="right") - 1
            is_allowed &= (span < 0) | (rows >= behind[span])
        return distances[is_allowed], rows[is_allowed]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableColumns:
    """A table with its columns.

    Attributes:
        table: The table.
        bits: Its bits.
        codes: Its codes.
    """

    table: Table
    bits: RowCache
    codes: RowCache

    @classmethod
    def of(cls, table: Table, layout: RowLayout) -> Self:
        """Return the columns of a table, of which nothing was read."""
        return cls(
            table=table,
            bits=RowCache(table, "bits", layout.bit_bytes),
            codes=RowCache(table, "codes", layout.code_bytes),
        )


def table_parts(
    columns: TableColumns, searched: SearchedTable, rows: Rows, void: Collection[int], *, is_exact: bool
) -> Sequence[Part]:
    """Return all rows of a table as parts.

    Args:
        columns: The table.
        searched: Its indexed rows, as they are searched.
        rows: Its rows, with their assets.
        void: Numbers of the assets whose rows count no more.
        is_exact: Compare query rows with all rows, however many there are.

    Raises:
        ValueError: An asset has rows in both parts, or a row has another number than the table states.
    """
    numbers, bits = columns.table.unindexed
    first_row = int(numbers[0]) if len(numbers) else len(rows)
    first_asset = int(np.searchsorted(rows.ends, first_row, side="right"))
    start = int(rows.ends[first_asset - 1]) if first_asset else 0
    if len(numbers) and int(numbers[-1]) >= len(rows):
        raise ValueError("its table contains other rows than its assets")
    # The first rows that are not indexed may be removed ones.
    tail_bits = np.zeros((len(rows) - start, bits.shape[1]), np.uint8)
    tail_bits[numbers - start] = bits
    tail = Rows(
        bits=tail_bits,
        codes=TableCodes(columns.codes, start),
        sha256=rows.sha256[first_asset:],
        ends=rows.ends[first_asset:] - start,
    )
    parts: list[Part] = [array_part(tail, start, first_asset, void)]
    if start:
        spans = sorted((span.start, span.stop) for span in (rows.span(n) for n in void if n < first_asset))
        filled = [span for span in spans if span[0] < span[1]]
        first, behind = (np.array([span[n] for span in filled], np.int64) for n in (0, 1))
        indexed = Rows(
            bits=TableBits(columns.bits, start),
            codes=TableCodes(columns.codes),
            sha256=rows.sha256[:first_asset],
            ends=rows.ends[:first_asset],
        )
        allowed = start - int((behind - first).sum())
        parts.insert(
            0,
            IndexedPart(
                table=columns.table,
                searched=searched,
                rows=indexed,
                void=(first, behind),
                allowed_count=allowed,
                is_exact=is_exact,
            ),
        )
    return parts
