"""Values of rows of a table that were read once, up to a number of bytes."""

import threading
from collections import OrderedDict
from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.store.lance.table import Column, Table
from mediafp.store.row_index.nearest import Bits, Numbers

CACHE_BYTES: Final = 64 << 20
"""Bytes that are kept of each column of each table: codes of 100,000 embeddings with what Python needs to find them. On an object
store each row that is not among them takes a request. Chosen, not measured."""
MAX_KEPT_ROWS: Final = 4096
"""Rows read at once from which on they are not kept: whoever copies an index reads all. Chosen, not measured."""
_ENTRY_BYTES: Final = 150


class RowCache:
    """The values of rows in a column of a table. Several threads may read it."""

    def __init__(self, table: Table, column: Column, width: int) -> None:
        """Take a table, and the number of bytes that each row has in a column."""
        self._table = table
        self._column = column
        self._width = width
        self._most = CACHE_BYTES // (width + _ENTRY_BYTES)
        self._lock = threading.Lock()
        self._rows: OrderedDict[int, bytes] = OrderedDict()

    def read(self, numbers: Numbers) -> Bits:
        """Return the bytes (N, width) of rows; zeros for removed ones."""
        values = np.zeros((len(numbers), self._width), np.uint8)
        if not values.size:
            return values
        missing = self._take_kept(numbers, values) if len(numbers) <= MAX_KEPT_ROWS else np.arange(len(numbers))
        if len(missing):
            wanted, places = np.unique(numbers[missing], return_inverse=True)
            read = np.zeros((len(wanted), self._width), np.uint8)
            for found, rows in self._table.read(self._column, wanted):
                read[np.searchsorted(wanted, found)] = rows
            values[missing] = read[places]
            if len(numbers) <= MAX_KEPT_ROWS:
                self._keep(wanted, read)
        return values

    def _take_kept(self, numbers: Numbers, values: npt.NDArray[np.uint8]) -> Numbers:
        """Write the rows that are kept into `values`, and return the places of the others."""
        missing: list[int] = []
        with self._lock:
            for place, number in enumerate(numbers.tolist()):
                row = self._rows.get(number)
                if row is None:
                    missing.append(place)
                else:
                    self._rows.move_to_end(number)
                    values[place] = np.frombuffer(row, np.uint8)
        return np.array(missing, np.int64)

    def _keep(self, numbers: Numbers, rows: npt.NDArray[np.uint8]) -> None:
        with self._lock:
            for number, row in zip(numbers.tolist(), rows, strict=True):
                self._rows[number] = row.tobytes()
            while len(self._rows) > self._most:
                self._rows.popitem(last=False)
