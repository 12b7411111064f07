"""The rows of an index as a Lance table: bits, codes and the asset of each, numbered as in the index."""

import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache, cached_property
from itertools import batched
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt

from mediafp.store.lance.addresses import is_remote, storage_options
from mediafp.store.lance.errors import MissingRowsError, lance_errors, load_library
from mediafp.store.lance.shard_messages import Piece
from mediafp.store.row_index.nearest import Bits, Numbers
from mediafp.store.row_index.rows import SHA256_BYTES, RowLayout, Rows
from mediafp.store.row_index.snapshot import Found
from mediafp.types.errors import StoreError

SEGMENT_ROWS: Final = 1 << 16
"""Rows that are not in the index of Lance yet, from which on they are added to it as a segment. Fewer are in memory, 4 MiB of
bits, and are searched exactly by FAISS. Chosen, not measured."""
PARTITION_ROWS: Final = 4096
"""Rows of each part into which Lance divides the rows by their bits. Chosen, not measured."""
MAX_PARTITION_GROWTH: Final = 8
"""Growth of the number of rows from which on they are divided anew. Chosen, not measured."""
SCANNED_ROWS: Final = 1 << 24
"""Rows that a query row is compared with, of embeddings; of fewer rows, with all: then the results are those of an index in the
store. A million rows take some 20 ms; in the nearest 62 % of them are .991 of the exact top 50 (docs/scale.md)."""
MAX_SEGMENTS: Final = 16
"""Segments from which on they are merged: each costs a search. Chosen, not measured."""
FILE_ROWS: Final = 1 << 20
"""Rows of a file that is not made larger. Chosen, not measured."""
MAX_SMALL_FILES: Final = 8
"""Smaller files than that from which on they are merged: the codes of 200 rows of a million take 9 to 12 ms from 15 files, 3.5 ms
from one."""
KEPT_VERSIONS: Final = timedelta(days=14)
"""Age from which on the files of former versions are removed: a process that has opened one can search it until then."""
INDEX_CACHE_BYTES: Final = 512 << 20
"""Bytes of bits that all tables of a process keep in memory: those of 8 million embeddings. Chosen, not measured."""
METADATA_CACHE_BYTES: Final = 64 << 20
"""Bytes of what describes the files of rows that all tables of a process keep in memory. Chosen, not measured."""
RANGE_ROWS: Final = 1 << 16
"""Rows that a search by distance asks for at first; more if there are as many. Chosen, not measured."""
READ_ROWS: Final = 4096
"""Rows that one request reads. Chosen, not measured."""
type Column = Literal["bits", "codes"]
"""A column with the values of rows."""
_INDEX_NAME: Final = "bits_idx"
_NAMES_PER_DELETION: Final = 256


class Table:
    """One version of the rows of an index. Several threads may read it.

    The number of a row is its row id in Lance, which counts up from 0 as rows are added, and never changes.

    All methods raise StoreError if the rows cannot be read or written, or are gone.
    """

    def __init__(self, dataset: Any, uri: str, layout: RowLayout) -> None:
        self._dataset = dataset
        self._uri = uri
        self._layout = layout
        self.uri = uri
        """Address of the table."""
        self.version = int(dataset.version)
        """Number of the version."""
        segments = [
            segment for one in dataset.describe_indices() if one.name == _INDEX_NAME for segment in one.segments
        ]
        self.segments = len(segments)
        indexed = {number for segment in segments for number in segment.fragment_ids}
        self._unindexed = [one for one in dataset.get_fragments() if one.fragment_id not in indexed]
        self._indexed = [one for one in dataset.get_fragments() if one.fragment_id in indexed]
        self.unindexed_rows = sum(one.count_rows() for one in self._unindexed)
        self.indexed_rows: int = dataset.count_rows() - self.unindexed_rows

    @classmethod
    def create(cls, uri: str, layout: RowLayout) -> Self:
        """Return a new table without rows."""
        lance = load_library("lance", "create the index")
        with lance_errors("create the index", uri):
            dataset = lance.write_dataset(
                _schema(layout).empty_table(), uri, enable_stable_row_ids=True, storage_options=storage_options(uri)
            )
            return cls(dataset, uri, layout)

    @classmethod
    def open(cls, uri: str, layout: RowLayout, version: str | int | None = None) -> Self:
        """Return the table at an address, in the version with a tag or a number, or in the newest one.

        Raises:
            MissingRowsError: There is no such table or version, or it has other columns.
        """
        lance = load_library("lance", "open the index")
        with lance_errors("open the index", uri, may_be_missing=True):
            dataset = lance.dataset(uri, version=version, storage_options=storage_options(uri), session=_session())
            if dataset.has_stable_row_ids and dataset.schema == _schema(layout):
                return cls(dataset, uri, layout)
        raise MissingRowsError("its rows have other columns")

    def restored(self, tag: str) -> Self:
        """Return the table after its newest version was made that with a tag, if it is not."""
        with lance_errors("write the index", self._uri):
            tagged = self._dataset.checkout_version(tag)
            if tagged.version == self._dataset.version:
                return self
            tagged.restore()
        return self.open(self._uri, self._layout)

    def append(self, rows: Rows) -> tuple[Self, int]:
        """Add rows; returns the table with them, and the number of the first one."""
        pa = load_library("pyarrow", "write the index")
        schema = self._dataset.schema
        counts = np.diff(rows.ends, prepend=0)
        values = {
            "sha256": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(SHA256_BYTES),
                len(rows),
                [None, pa.py_buffer(np.repeat(rows.sha256, counts, axis=0).tobytes())],
            ),
            "row": pa.array(np.arange(len(rows)) - np.repeat(rows.ends - counts, counts), pa.int32()),
            "bits": _to_lists(rows.bits[:], pa.uint8()),
            "codes": _to_lists(rows.codes[np.arange(len(rows))], pa.int8()),
        }
        table = pa.table([values[name] for name in schema.names], schema=schema)
        lance = load_library("lance", "write the index")
        with lance_errors("write the index", self._uri):
            known = {one.fragment_id for one in self._dataset.get_fragments()}
            dataset = lance.write_dataset(
                table, self._dataset, mode="append", storage_options=storage_options(self._uri)
            )
            added = [one for one in dataset.get_fragments() if one.fragment_id not in known]
            numbers = dataset.scanner(columns=[], with_row_id=True, fragments=added).to_table()["_rowid"].to_numpy()
            first = int(numbers[0])
            if not np.array_equal(numbers, np.arange(first, first + len(rows))):
                raise StoreError(
                    f"cannot write the index at '{self._uri}': another program has written to it meanwhile"
                )
            return type(self)(dataset, self._uri, self._layout), first

    def delete(self, spans: Iterable[slice]) -> Self:
        """Remove rows; returns the table without them."""
        dataset = self._dataset
        with lance_errors("write the index", self._uri):
            for some in batched(spans, _NAMES_PER_DELETION):
                dataset.delete(" OR ".join(f"(_rowid >= {span.start} AND _rowid < {span.stop})" for span in some))
        return type(self)(dataset, self._uri, self._layout)

    def maintain(self) -> Self:
        """Have Lance index the rows that it has not indexed, and merge what has become many; returns the table after it."""
        if self.unindexed_rows < SEGMENT_ROWS:
            return self
        with lance_errors("write the index", self._uri):
            dataset = self._dataset
            if sum(one.count_rows() < FILE_ROWS for one in dataset.get_fragments()) > MAX_SMALL_FILES:
                dataset.optimize.compact_files(target_rows_per_fragment=FILE_ROWS)
            partitions = max(1, dataset.count_rows() // PARTITION_ROWS)
            if not self.segments or partitions > MAX_PARTITION_GROWTH * self._partitions:
                dataset.create_index(
                    "bits", "IVF_FLAT", name=_INDEX_NAME, metric="hamming", num_partitions=partitions, replace=True
                )
            else:
                merged = self.segments if self.segments >= MAX_SEGMENTS else 0
                dataset.optimize.optimize_indices(num_indices_to_merge=merged)
        self.remove_versions(KEPT_VERSIONS)
        return self.open(self._uri, self._layout)

    def remove_versions(self, age: timedelta) -> None:
        """Remove the files of former versions of this age that have no tag."""
        with lance_errors("write the index", self._uri):
            self._dataset.cleanup_old_versions(older_than=age, error_if_tagged_old_versions=False)

    def add_tag(self, tag: str) -> None:
        """Name the version of the table."""
        with lance_errors("write the index", self._uri):
            if tag in self._dataset.tags.list():
                self._dataset.tags.delete(tag)
            self._dataset.tags.create(tag, self._dataset.version)

    def remove_tags(self, *, keep: str) -> None:
        """Remove all names of versions but one."""
        with lance_errors("write the index", self._uri):
            for tag in self._dataset.tags.list():
                if tag != keep:
                    self._dataset.tags.delete(tag)

    def read(self, column: Column, numbers: Numbers) -> Iterator[tuple[Numbers, npt.NDArray[np.uint8]]]:
        """Yield the numbers (N,) and the bytes (N, width) of some rows in a column, without the removed ones, in any order."""
        for some in batched(numbers.tolist(), READ_ROWS):
            with lance_errors("read the index", self._uri):
                table = self._dataset.to_table(
                    columns=[column], with_row_id=True, filter=f"_rowid IN ({','.join(map(str, some))})"
                )
                arrays = self._to_arrays(table, column)
            yield arrays

    @cached_property
    def unindexed(self) -> tuple[Numbers, Bits]:
        """Numbers, ascending, and bits of the rows that Lance has not indexed."""
        if not self._unindexed:
            return np.empty(0, np.int64), np.empty((0, self._layout.bit_bytes), np.uint8)
        with lance_errors("read the index", self._uri):
            table = self._dataset.scanner(columns=["bits"], with_row_id=True, fragments=self._unindexed).to_table()
            numbers, bits = self._to_arrays(table, "bits")
        order = np.argsort(numbers)
        return numbers[order], bits[order]

    def pieces(self, rows: int) -> list[Piece]:
        """Return the indexed rows, divided into pieces of a number of rows at most."""
        counts = [(one.fragment_id, one.count_rows()) for one in self._indexed]
        return [
            (number, start, min(rows, count - start)) for number, count in counts for start in range(0, count, rows)
        ]

    def read_pieces(self, pieces: Sequence[Piece]) -> tuple[Numbers, Bits]:
        """Return the numbers and the bits of the rows of pieces, which another process states."""
        count = sum(rows for _, _, rows in pieces)
        numbers, bits = np.empty(count, np.int64), np.empty((count, self._layout.bit_bytes), np.uint8)
        start = 0
        with lance_errors("read the index", self._uri):
            fragments = {one.fragment_id: one for one in self._dataset.get_fragments()}
            for number, first, rows in pieces:
                if number not in fragments:
                    raise StoreError(f"cannot read the index at '{self._uri}': it has other rows there")
                table = self._dataset.scanner(
                    columns=["bits"], with_row_id=True, fragments=[fragments[number]], offset=first, limit=rows
                ).to_table()
                end = start + table.num_rows
                numbers[start:end], bits[start:end] = self._to_arrays(table, "bits")
                start = end
        return numbers[:start], bits[:start]

    @property
    def compared_share(self) -> float:
        """Share of the indexed rows that a search compares, unless it has to be exact."""
        return float(min(1.0, SCANNED_ROWS / max(1, self.indexed_rows)))

    def nearest(self, queries: Bits, count: int, *, is_exact: bool) -> Sequence[Found]:
        """Return the nearest indexed rows of each query row, nearest first.

        Args:
            queries: Query rows (Q, bytes).
            count: Largest number of rows.
            is_exact: Compare them with all rows, and not only with `SCANNED_ROWS`.
        """
        if not (count and len(queries)):
            return [(np.empty(0, np.int32), np.empty(0, np.int64))] * len(queries)
        found = self._search(queries, count, is_exact or self.indexed_rows <= SCANNED_ROWS, None)
        if any(len(rows) < min(count, self.indexed_rows) for _, rows in found):
            return self._search(queries, count, True, None)
        return found

    def within(self, queries: Bits, distance: int) -> Sequence[Found]:
        """Return the indexed rows at most a distance from each query row."""
        if not len(queries):
            return []
        found = list(self._search(queries, RANGE_ROWS, True, distance))
        for query, (_, rows) in enumerate(found):
            if len(rows) == RANGE_ROWS:
                (found[query],) = self._search(queries[query : query + 1], self.indexed_rows, True, distance)
        return found

    def _search(self, queries: Bits, count: int, is_exact: bool, distance: int | None) -> Sequence[Found]:
        partitions = self._partitions
        probed = partitions if is_exact else max(1, partitions * SCANNED_ROWS // self.indexed_rows)
        nearest = {"column": "bits", "q": queries, "k": count, "metric": "hamming", "nprobes": probed}
        if distance is not None:
            nearest["distance_range"] = (0, distance + 1)
        with lance_errors("search the index", self._uri):
            # Not the rows that are not indexed, which are searched in memory.
            table = self._dataset.to_table(
                columns=["_distance"], with_row_id=True, nearest=nearest, fast_search=True, prefilter=False
            )
        of_query = table["query_index"].to_numpy()
        distances = table["_distance"].to_numpy().astype(np.int32)
        numbers = table["_rowid"].to_numpy().astype(np.int64)
        order = np.lexsort((distances, of_query))
        ends = np.searchsorted(of_query[order], np.arange(1, len(queries)))
        return list(zip(np.split(distances[order], ends), np.split(numbers[order], ends), strict=True))

    @cached_property
    def _partitions(self) -> int:
        """Parts into which each segment divides its rows."""
        with lance_errors("search the index", self._uri):
            return max(int(one["num_partitions"]) for one in self._dataset.stats.index_stats(_INDEX_NAME)["indices"])

    def _to_arrays(self, table: Any, column: Column) -> tuple[Numbers, npt.NDArray[np.uint8]]:
        width = self._layout.bit_bytes if column == "bits" else self._layout.code_bytes
        values: npt.NDArray[Any] = table[column].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return table["_rowid"].to_numpy().astype(np.int64), values.reshape(-1, width).view(np.uint8)


def _schema(layout: RowLayout) -> Any:
    """Return the columns of a table. Asset and row are for programs that read a table without the files of the store."""
    pa = load_library("pyarrow", "open the index")
    columns = [
        ("sha256", pa.binary(SHA256_BYTES)),
        ("row", pa.int32()),
        ("bits", pa.list_(pa.uint8(), layout.bit_bytes)),
    ]
    if layout.code_bytes:
        columns.append(("codes", pa.list_(pa.int8(), layout.code_bytes)))
    return pa.schema(columns)


def check_place(address: str) -> None:
    """Write a table without rows to an address, and remove it.

    Raises:
        StoreError: That failed.
    """
    uri = f"{address}/check-{secrets.token_hex(8)}.lance"
    Table.create(uri, RowLayout(metric="hamming", columns=1))
    drop_table(uri)


def drop_table(uri: str) -> None:
    """Remove a table, if there is one.

    Raises:
        StoreError: It cannot be removed.
    """
    try:
        with lance_errors("remove the index", uri, may_be_missing=True):
            if is_remote(uri):
                load_library("lance", "remove the index").LanceDataset.drop(uri, storage_options=storage_options(uri))
            else:
                # Lance itself removes no damaged table. A link is not followed: rmtree refuses it.
                shutil.rmtree(uri)
    except MissingRowsError:
        return


def _to_lists(values: npt.NDArray[Any], dtype: Any) -> Any:
    pa = load_library("pyarrow", "write the index")
    if not values.shape[1]:
        return None
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(values).ravel(), dtype), values.shape[1])


@cache
def _session() -> Any:
    """Return the caches that all tables of the process share."""
    return load_library("lance", "open the index").Session(
        index_cache_size_bytes=INDEX_CACHE_BYTES, metadata_cache_size_bytes=METADATA_CACHE_BYTES
    )
