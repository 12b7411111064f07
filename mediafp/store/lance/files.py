"""The files of an index whose bits and codes lie in a Lance table.

The assets and the header lie in the store, as those of a mapped index do, in a folder named after the address too. The table is
named after the generation. For each header, the table has a tag: the header is replaced after the tag was made, so that a reader
finds the rows as they were when the header was written, and a crash leaves the state before.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Final, override

import numpy as np
import numpy.typing as npt

from mediafp.store.index_interface import IndexPosition
from mediafp.store.lance import shared_table
from mediafp.store.lance.addresses import check_folder
from mediafp.store.lance.part import TableBits, TableCodes, TableColumns, table_parts
from mediafp.store.lance.table import Table, drop_table
from mediafp.store.row_index.files import IndexFiles, IndexWriter, MappedIndex
from mediafp.store.row_index.header import GENERATION_BYTES, Header
from mediafp.store.row_index.rows import SHA256_BYTES, RowLayout, Rows
from mediafp.store.row_index.snapshot import Part
from mediafp.types.errors import StoreError
from mediafp.types.node_services import ServiceNode

_logger = logging.getLogger(__name__)
_SUFFIX: Final = ".lance"


@dataclass(frozen=True, kw_only=True, eq=False)
class TableIndex(MappedIndex):
    """The finished values of an index whose rows lie in a table.

    Attributes:
        columns: The table.
        layout: Its columns.
        is_exact: Compare query rows with all rows, however many there are.
        shared: The table as nodes search it, if they do.
    """

    columns: TableColumns
    layout: RowLayout
    is_exact: bool
    shared: list[shared_table.SharedTable] = field(default_factory=list)

    @property
    @override
    def shared_rows(self) -> int:
        rows = self.columns.table.indexed_rows
        return rows if rows >= shared_table.MIN_SHARED_ROWS else 0

    @override
    def parts(self, void: Collection[int], nodes: Sequence[ServiceNode] = ()) -> Sequence[Part]:
        table = self.columns.table
        searched: shared_table.SearchedTable = table
        if nodes and self.shared_rows:
            if not self.shared or self.shared[0].given_nodes is not nodes:
                self.shared[:] = [shared_table.SharedTable(table, self.layout, nodes)]
            searched = self.shared[0]
        return table_parts(self.columns, searched, self.rows, void, is_exact=self.is_exact)

    @override
    def read(self, numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int8]]:
        return self.columns.bits.read(numbers), self.columns.codes.read(numbers).view(np.int8)


class LanceFiles(IndexFiles):
    """The files and the table of the index of one fingerprint type and version."""

    def __init__(self, store_folder: Path, *, type: str, version: str, layout: RowLayout, address: str) -> None:
        super().__init__(store_folder, type=type, version=version, layout=layout, address=address)
        self._address = address

    def uri(self, generation: str) -> str:
        """Return the address of the table of a generation, which is given in hex."""
        return f"{self._address}/{self.folder.name}-{generation}{_SUFFIX}"

    @override
    def map(self) -> MappedIndex | None:
        mapped = super().map()
        if mapped is not None:
            # What contradicts itself is damaged; it would be an error of each search otherwise.
            mapped.parts(())
        return mapped

    @override
    def _with_columns(
        self,
        header: Header,
        *,
        sha256: npt.NDArray[np.uint8],
        ends: npt.NDArray[np.int64],
        void: npt.NDArray[np.int64],
    ) -> MappedIndex:
        check_folder(self._address, "open the index")
        table = Table.open(self.uri(header.generation.hex()), self.layout, _tag(header))
        columns = TableColumns.of(table, self.layout)
        bits, codes = TableBits(columns.bits, header.rows), TableCodes(columns.codes)
        rows = Rows(bits=bits, codes=codes, sha256=sha256, ends=ends)
        return TableIndex(
            header=header,
            rows=rows,
            void=void,
            columns=columns,
            layout=self.layout,
            is_exact=self.layout.metric == "hamming",
        )

    @override
    def _new_writer(self) -> IndexWriter:
        check_folder(self._address, "write the index")
        return LanceWriter(self)


class LanceWriter(IndexWriter):
    """Adds rows to the table and the files of an index, while it holds their lock."""

    def __init__(self, files: LanceFiles) -> None:
        super().__init__(files)
        self._lance_files = files
        self._table: Table | None = None
        self._first_asset = 0
        self._gaps: list[int] = []
        """Numbers of assets that stand for rows of a former writer that ended before they counted: their numbers are used."""

    @override
    def continue_from(self, header: Header) -> None:
        super().continue_from(header)
        self._table = Table.open(self._uri(), self._lance_files.layout).restored(_tag(header))
        self._first_asset = header.assets

    @override
    def _append_columns(self, rows: Rows) -> None:
        self._table = self._table or self._create()
        if not len(rows):
            return
        header = self._header
        self._table, first = self._table.append(rows)
        if first > header.rows:
            self._gaps.append(header.assets)
            self._write("sha256", header.assets, np.zeros((1, SHA256_BYTES), np.uint8))
            self._write("ends", header.assets, np.array([first], "<i8"))
            self._header = replace(header, rows=first, assets=header.assets + 1)

    @override
    def finish(self, void: Sequence[int], position: IndexPosition) -> None:
        table = self._table or self._create()
        # Assets in memory were numbered without the gaps, which come before them.
        void = [*(n + len(self._gaps) * (n >= self._first_asset) for n in void), *self._gaps]
        ends = self._files.map_ends(self._header)
        spans = [slice(int(ends[n - 1]) if n else 0, int(ends[n])) for n in void if n not in self._gaps]
        table = table.delete(span for span in spans if span.start < span.stop).maintain()
        header = replace(self._header, void=self._header.void + len(void), position=position)
        table.add_tag(_tag(header))
        if self._is_new:
            # No other process has opened a version of it yet.
            table.remove_versions(timedelta())
        super().finish(void, position)
        table.remove_tags(keep=_tag(header))

    @override
    def _remove(self, is_removed: Callable[[str], bool]) -> None:
        dropped: set[str] = set()
        for generation in filter(is_removed, _generations(self._files.folder)):
            try:
                drop_table(self._lance_files.uri(generation))
                dropped.add(generation)
            except StoreError as error:
                # Its files stay, so that it is removed with the next generation.
                _logger.warning("skipped removing a former index: %s", error)
        super()._remove(dropped.__contains__)

    def _create(self) -> Table:
        # Its first file, by which the table is found and removed if the rest is never written.
        self._write("void", 0, np.empty(0, "<i8"))
        return Table.create(self._uri(), self._lance_files.layout)

    def _uri(self) -> str:
        return self._lance_files.uri(self._header.generation.hex())


def remove_tables(folder: Path, address: str) -> None:
    """Remove the tables at an address whose files lie in the folder of an index.

    Raises:
        StoreError: The folder of the tables is missing, or they cannot be removed.
    """
    check_folder(address, "remove the index")
    for generation in _generations(folder):
        drop_table(f"{address}/{folder.name}-{generation}{_SUFFIX}")


def _generations(folder: Path) -> set[str]:
    """Return the generations, in hex, whose files a folder contains."""
    names: set[str] = set()
    with suppress(OSError):
        names = {file.name.partition(".")[0] for file in folder.iterdir()}
    return {name for name in names if len(name) == 2 * GENERATION_BYTES}


def _tag(header: Header) -> str:
    """Return the tag of the version of the table that belongs to a header."""
    position = header.position
    return f"{header.rows}-{header.assets}-{header.void}-{position.entry}-{position.hash[:16]}"
