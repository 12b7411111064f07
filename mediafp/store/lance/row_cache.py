"""Rows of a table that were read once, up to a number of bytes."""

import threading
from collections import OrderedDict
from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.store.lance.table import Table
from mediafp.store.row_index.nearest import Bits, Numbers
from mediafp.store.row_index.rows import RowLayout

CACHE_BYTES: Final = 64 << 20
"""Bytes of rows that are kept of each table: 90,000 embeddings with what Python needs to find them. On an object store each row
that is not among them takes a request. Chosen, not measured."""
MAX_KEPT_ROWS: Final = 4096
"""Rows read at once from which on they are not kept: whoever copies an index reads all. Chosen, not measured."""
_ENTRY_BYTES: Final = 150


class RowCache:
    """Bits and codes of the rows of a table. Several threads may read it."""

    def __init__(self, table: Table, layout: RowLayout) -> None:
        self._table = table
        self._bit_bytes = layout.bit_bytes
        self._width = layout.bit_bytes + layout.code_bytes
        self._most = CACHE_BYTES // (self._width + _ENTRY_BYTES)
        self._lock = threading.Lock()
        self._rows: OrderedDict[int, bytes] = OrderedDict()

    def read(self, numbers: Numbers) -> tuple[Bits, npt.NDArray[np.int8]]:
        """Return bits (N, bytes) and codes (N, columns) of rows; zeros for removed ones."""
        values = np.zeros((len(numbers), self._width), np.uint8)
        missing = self._take_kept(numbers, values) if len(numbers) <= MAX_KEPT_ROWS else np.arange(len(numbers))
        if len(missing):
            wanted, places = np.unique(numbers[missing], return_inverse=True)
            read = np.zeros((len(wanted), self._width), np.uint8)
            for found, bits, codes in self._table.read(wanted):
                read[np.searchsorted(wanted, found)] = np.concatenate((bits, codes.view(np.uint8)), axis=1)
            values[missing] = read[places]
            if len(numbers) <= MAX_KEPT_ROWS:
                self._keep(wanted, read)
        return values[:, : self._bit_bytes], values[:, self._bit_bytes :].view(np.int8)

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
