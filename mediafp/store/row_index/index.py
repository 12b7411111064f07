"""The index that the program uses: exact for hashes, re-ranked for embeddings, in files and in memory."""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import batched, chain
from pathlib import Path
from typing import Final, override

import numpy as np
import numpy.typing as npt

from mediafp.store.index_interface import RERANK_DEPTH, IndexPosition, StoredIndex
from mediafp.store.row_index.files import IndexFiles, IndexWriter, MappedIndex
from mediafp.store.row_index.lookup import AssetLookup
from mediafp.store.row_index.rows import GrowingRows, RowLayout, sha256_bytes
from mediafp.store.row_index.snapshot import Part, Snapshot, array_part
from mediafp.types.fingerprints import Fingerprint, Metric, Vectors
from mediafp.types.neighbours import NearRows, Neighbour, Neighbours, RangeSearch
from mediafp.types.node_services import ServiceNode

_logger = logging.getLogger(__name__)
BATCH_ROWS: Final = 4096
"""Rows and assets from which on no more fingerprints are added to the arrays at once. Chosen, not measured."""
SAVE_ROWS: Final = 512
"""Rows, assets and removals in memory from which on the index is saved, which flushes six files. Fewer are read from the
database again when the store is opened, in some 50 ms. Chosen, not measured."""
SAVE_ENTRIES: Final = 10_000
"""Entries of the custody log that an opening looks through, from which on the index is saved. Chosen, not measured."""
BUILD_ROWS: Final = 1 << 16
"""Rows that are in memory at once while the files are built: 38 MB of embeddings."""


class RowIndex(StoredIndex):
    """An index in mapped files, and in memory what was added since.

    Hashes are compared with every row. Of embeddings, the Hamming distance of the sign bits proposes `RERANK_DEPTH` rows for
    each query row, and the cosine similarity of their int8 codes orders them.
    """

    def __init__(self, layout: RowLayout, files: IndexFiles | None = None) -> None:
        """Map the files of an index; without files, it is empty, and stays in memory."""
        self._layout = layout
        self._files = files
        self._lock = threading.RLock()
        self._hidden: set[str] = set()
        self._nodes: Sequence[ServiceNode] = ()
        """Nodes that search what they can read."""
        self._start_from(self._map())

    def _start_from(self, mapped: MappedIndex | None) -> None:
        """Replace what is known by what the files contain."""
        self._mapped = mapped
        self._position = mapped.header.position if mapped else None
        self._tail = GrowingRows(self._layout)
        self._tail_assets: dict[bytes, int] = {}
        self._void: set[int] = set(mapped.void.tolist()) if mapped else set()
        """Numbers of the assets whose rows count no more."""
        self._unsaved_void: list[int] = []
        self._lookup: AssetLookup | None = None
        self._snapshot: Snapshot | None = None

    @property
    @override
    def metric(self) -> Metric:
        return self._layout.metric

    @property
    @override
    def position(self) -> IndexPosition | None:
        return self._position

    @override
    def __len__(self) -> int:
        return len(self._take_snapshot())

    @override
    def count_assets(self) -> int:
        with self._lock:
            self._take_snapshot()
            return self._mapped_assets() + len(self._tail.values.ends) - len(self._void)

    @property
    @override
    def shared_rows(self) -> int:
        with self._lock:
            return self._mapped.shared_rows if self._mapped else 0

    @override
    def share(self, nodes: Sequence[ServiceNode]) -> None:
        with self._lock:
            self._nodes = nodes
            self._snapshot = None

    @property
    @override
    def compared_share(self) -> float:
        return self._take_snapshot().compared_share

    @override
    def __contains__(self, sha256: object) -> bool:
        return isinstance(sha256, str) and next(self.missing((sha256,)), None) is None

    @override
    def missing(self, sha256s: Iterable[str]) -> Iterator[str]:
        for batch in batched(sha256s, BATCH_ROWS):
            with self._lock:
                assets = self._find(batch)
            yield from (sha256 for sha256, asset in zip(batch, assets, strict=True) if asset < 0)

    @override
    def holds(self, fingerprint: Fingerprint) -> bool:
        with self._lock:
            (asset,) = self._find((fingerprint.sha256,))
            if asset < 0:
                return False
            first = self._mapped_assets()
            if self._mapped and asset < first:
                rows, span = self._mapped.rows, self._mapped.rows.span(asset)
            else:
                rows = self._tail.values
                span = rows.span(asset - first)
        vectors = fingerprint.vectors
        return np.array_equal(rows.bits[span], self._layout.bits(vectors)) and np.array_equal(
            rows.codes[np.arange(span.start, span.stop)], self._layout.codes(vectors)
        )

    @override
    def add(self, fingerprints: Iterable[Fingerprint]) -> None:
        for batch in _batches(fingerprints):
            rows = self._layout.encode(batch)
            names = [fingerprint.sha256 for fingerprint in batch]
            with self._lock:
                known = {name for name, asset in zip(names, self._find(names), strict=True) if asset >= 0}
                if known or len(set(names)) < len(names):
                    raise ValueError(f"the index contains a fingerprint of {min(known or names)}")
                first = self._mapped_assets() + len(self._tail.values.ends)
                self._tail.extend(rows)
                self._hidden.difference_update(names)
                self._tail_assets.update((sha256_bytes(name), first + n) for n, name in enumerate(names))
                self._snapshot = None

    @override
    def remove(self, sha256s: Iterable[str]) -> None:
        names = tuple(sha256s)
        with self._lock:
            for name, asset in zip(names, self._find(names), strict=True):
                if asset >= 0:
                    self._void.add(asset)
                    self._unsaved_void.append(asset)
                    self._tail_assets.pop(sha256_bytes(name), None)
            self._snapshot = None

    @override
    def hide(self, sha256: str) -> None:
        with self._lock:
            self._hidden.add(sha256)
            self._snapshot = None

    @override
    def search(self, queries: Vectors, count: int, *, depth: int = RERANK_DEPTH) -> Neighbours:
        return self._take_snapshot().search(queries, count, depth)

    @override
    def range_search(self, queries: npt.NDArray[np.uint8], distance: int) -> list[Neighbour]:
        near = self.range_searches(queries, distance)
        order = np.lexsort((near.distance, near.row, near.asset))
        asset, row = near.asset[order], near.row[order]
        is_first = np.ones(len(order), bool)
        is_first[1:] = (asset[1:] != asset[:-1]) | (row[1:] != row[:-1])
        columns = (asset[is_first].tolist(), row[is_first].tolist(), near.distance[order][is_first].tolist())
        return sorted(Neighbour(near.assets[n], row, float(bits)) for n, row, bits in zip(*columns, strict=True))

    @override
    def range_searches(self, queries: npt.NDArray[np.uint8], distance: int) -> NearRows:
        return self.range_searcher(())(queries, distance)

    @override
    def range_searcher(self, exclude: Collection[str]) -> RangeSearch:
        if self.metric != "hamming":
            raise ValueError(f"cannot search rows of metric {self.metric!r} by a distance in bits")
        with self._lock:
            excluded = {asset for asset in self._find(tuple(exclude)) if asset >= 0}
            snapshot = self._make_snapshot(excluded) if excluded else self._take_snapshot()
        return snapshot.range_search

    @override
    def build(self, fingerprints: Callable[[], Iterable[Fingerprint]], position: Callable[[], IndexPosition]) -> None:
        with self._lock:
            self._start_from(None)
            batches = _batches(fingerprints())
            first, second = next(batches, []), next(batches, [])
            if not second and len(first) + sum(len(fingerprint.vectors) for fingerprint in first) < SAVE_ROWS:
                self.add(first)
                self._position = position()
            elif not self._write(lambda writer: self._build_files(writer, chain((first, second), batches), position)):
                self._start_from(None)
                self.add(fingerprints())
                self._position = position()

    def _build_files(
        self, writer: IndexWriter, batches: Iterable[Sequence[Fingerprint]], position: Callable[[], IndexPosition]
    ) -> None:
        rows = GrowingRows(self._layout)
        for batch in batches:
            rows.extend(self._layout.encode(batch))
            if len(rows.values) >= BUILD_ROWS:
                writer.append(rows.values)
                rows = GrowingRows(self._layout)
        writer.append(rows.values)
        writer.finish((), position())
        self._start_from(self._map())

    @override
    def advance(self, position: IndexPosition) -> bool:
        with self._lock:
            self._position = position
            tail = self._tail.values
            unsaved = len(tail) + len(tail.ends) + len(self._unsaved_void)
            entries = position.entry - self._mapped.header.position.entry if self._mapped else 0
            return (unsaved < SAVE_ROWS and entries < SAVE_ENTRIES) or self._save(position)

    def _save(self, position: IndexPosition) -> bool:
        """Write what is in memory into the files. Returns False if these are no more those that were mapped."""
        is_ours = True

        def save(writer: IndexWriter) -> None:
            nonlocal is_ours
            saved = self._map()
            if saved and self._mapped and saved.header == self._mapped.header:
                writer.continue_from(saved.header)
            elif saved or self._mapped:
                # Another process saved it, or the files were removed or damaged meanwhile.
                is_ours = False
                self._start_from(saved)
                return
            writer.append(self._tail.values)
            writer.finish(self._unsaved_void, position)
            self._start_from(self._map())

        self._write(save)
        return is_ours and self._position is not None

    def _write(self, write: Callable[[IndexWriter], None]) -> bool:
        """Call a function that writes the files, and return True if it did; otherwise the index stays in memory."""
        if self._files is None:
            return False
        try:
            with self._files.writing() as writer:
                if writer:
                    write(writer)
                return writer is not None
        except OSError as error:
            _say_once(self._files.folder.parent, error.strerror or str(error))
            self._files = None
            return False

    def _map(self) -> MappedIndex | None:
        """Return the finished values of the files; None if there are none, or damaged ones."""
        if self._files is None:
            return None
        try:
            try:
                return self._files.map()
            except FileNotFoundError:
                # Another process has replaced them after their header was read.
                return self._files.map()
        except (OSError, ValueError) as error:
            _logger.warning("skipped the index '%s': %s; it is built anew", self._files.folder, error)
            return None

    def _mapped_assets(self) -> int:
        return self._mapped.header.assets if self._mapped else 0

    def _find(self, names: Sequence[str]) -> list[int]:
        """Return the number of each asset, -1 for those that the index does not contain."""
        found = [-1] * len(names)
        unknown: list[int] = []
        digests: list[bytes] = []
        for n, name in enumerate(names):
            try:
                digest = sha256_bytes(name)
            except ValueError:
                continue
            if digest in self._tail_assets:
                found[n] = self._tail_assets[digest]
            else:
                unknown.append(n)
                digests.append(digest)
        if self._mapped and unknown:
            lookup = self._lookup_of(self._mapped)
            if len(unknown) == 1:
                assets = [lookup.find_one(digests[0])]
            else:
                assets = lookup.find(np.frombuffer(b"".join(digests), np.uint8).reshape(len(digests), -1)).tolist()
            for n, asset in zip(unknown, assets, strict=True):
                found[n] = -1 if asset in self._void else asset
        return found

    def _lookup_of(self, mapped: MappedIndex) -> AssetLookup:
        if self._lookup is None:
            self._lookup = AssetLookup(mapped.rows.sha256, mapped.void)
            # Only forged files name an asset twice.
            self._void.update(self._lookup.repeated().tolist())
        return self._lookup

    def _take_snapshot(self) -> Snapshot:
        with self._lock:
            if self._snapshot is None:
                self._snapshot = self._make_snapshot()
            return self._snapshot

    def _make_snapshot(self, excluded: Collection[int] = ()) -> Snapshot:
        """Return the rows, but for those of some assets; the lock is held."""
        parts: list[Part] = []
        first_row = 0
        if self._mapped:
            # It finds the assets that only forged files name twice.
            self._lookup_of(self._mapped)
            first_row = len(self._mapped.rows)
        void = self._void.union(asset for asset in self._find(tuple(self._hidden)) if asset >= 0).union(excluded)
        if self._mapped:
            parts.extend(self._mapped.parts(void, self._nodes))
        parts.append(array_part(self._tail.values, first_row, self._mapped_assets(), void))
        return Snapshot(self._layout, parts)


def _batches(fingerprints: Iterable[Fingerprint]) -> Iterator[list[Fingerprint]]:
    batch: list[Fingerprint] = []
    count = 0
    for fingerprint in fingerprints:
        batch.append(fingerprint)
        count += 1 + len(fingerprint.vectors)
        if count >= BATCH_ROWS:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


@cache
def _say_once(folder: Path, reason: str) -> None:
    """Log that indexes cannot be saved, once for each folder and reason."""
    _logger.warning("skipped saving the indexes in '%s': %s; they are built in memory, each time", folder, reason)
