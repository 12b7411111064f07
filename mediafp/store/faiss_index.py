"""A nearest-neighbour index in memory: exact for hashes, re-ranked for embeddings."""

import os
import threading
from collections.abc import Iterable
from itertools import batched
from typing import Any, override

import numpy as np
import numpy.typing as npt

from mediafp.store.interface import Index
from mediafp.types.fingerprints import Fingerprint, Metric
from mediafp.types.neighbours import Neighbour, Neighbours

RERANK_DEPTH = 200
"""Rows that sign bits propose for each query row, for int8 codes to re-rank (measured: recall 1.0 of the exact best)."""
SINGLE_THREAD_ROWS = 32
"""Query rows up to which a search uses one thread: on a busy machine OpenMP costs more than it gains."""
BATCH_FINGERPRINTS = 1024
"""Fingerprints that are added to the arrays at once. Chosen, not measured."""


class FaissIndex(Index):
    """A nearest-neighbour index in memory.

    Hashes are compared with every row. Of embeddings the index keeps sign bits and int8 codes: the Hamming distance of
    the bits proposes `RERANK_DEPTH` rows for each query row, and the cosine similarity of their codes orders them.
    """

    def __init__(self, fingerprints: Iterable[Fingerprint], *, metric: Metric, columns: int) -> None:
        """Index the fingerprints of one type and version, one for each asset.

        Args:
            fingerprints: The fingerprints.
            metric: Metric of the type.
            columns: Columns of its vectors: dimensions for cosine, bytes for hamming.
        """
        import faiss

        self._metric: Metric = metric
        self._assets: list[str] = []
        self._known: set[str] = set()
        self._asset = _GrowingArray(np.empty(0, np.int32))
        self._row = _GrowingArray(np.empty(0, np.int32))
        self._codes = _GrowingArray(np.empty((0, columns), np.int8)) if metric == "cosine" else None
        self._bits: Any = faiss.IndexBinaryFlat(8 * (-(-columns // 8) if metric == "cosine" else columns))
        # FAISS allows no addition during a search. The other arrays only grow: what a search took stays valid.
        self._lock = threading.Lock()
        self.add(fingerprints)

    @property
    @override
    def metric(self) -> Metric:
        return self._metric

    @override
    def __len__(self) -> int:
        return len(self._asset.values)

    @override
    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._known

    @override
    def add(self, fingerprints: Iterable[Fingerprint]) -> None:
        for batch in batched(fingerprints, BATCH_FINGERPRINTS):
            vectors = [fingerprint.vectors for fingerprint in batch]
            counts = [len(rows) for rows in vectors]
            bits = np.concatenate([self._to_bits(rows) for rows in vectors])
            with self._lock:
                self._register([fingerprint.sha256 for fingerprint in batch])
                first = len(self._assets) - len(batch)
                if len(bits):
                    self._bits.add(bits)
                if self._codes:
                    codes = [np.rint(rows.astype(np.float32) * 127).astype(np.int8) for rows in vectors]
                    self._codes.extend(np.concatenate(codes))
                self._row.extend(np.concatenate([np.arange(count, dtype=np.int32) for count in counts]))
                # Last, as it gives the length.
                self._asset.extend(np.repeat(np.arange(first, len(self._assets), dtype=np.int32), counts))

    @override
    def search(self, queries: npt.NDArray[np.float16] | npt.NDArray[np.uint8], count: int) -> Neighbours:
        with self._lock:
            depth = min(len(self), count if self._codes is None else max(count, RERANK_DEPTH))
            asset, row = self._asset.values, self._row.values
            codes = None if self._codes is None else self._codes.values
            if not depth or not len(queries):
                numbers, scores = np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
            else:
                _limit_threads(len(queries))
                distances, numbers = self._bits.search(self._to_bits(queries), depth)
                scores = distances.astype(np.float32)
        if codes is not None and numbers.size:
            for query, (similar, near) in zip(
                queries.astype(np.float32), zip(scores, numbers, strict=True), strict=True
            ):
                similar[:] = codes[near].astype(np.float32) @ query / 127
            best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
            numbers, scores = np.take_along_axis(numbers, best, 1), np.take_along_axis(scores, best, 1)
        return Neighbours(assets=self._assets, asset=asset[numbers], row=row[numbers], score=scores)

    @override
    def range_search(self, queries: npt.NDArray[np.uint8], distance: int) -> list[Neighbour]:
        if self._metric != "hamming":
            raise ValueError(f"cannot search rows of metric {self._metric!r} by a distance in bits")
        with self._lock:
            if not len(self) or not len(queries):
                return []
            _limit_threads(len(queries))
            _, distances, numbers = self._bits.range_search(self._to_bits(queries), distance + 1)
            asset, row = self._asset.values, self._row.values
        within, position = np.unique(numbers, return_inverse=True)
        least = np.full(len(within), np.inf, np.float32)
        np.minimum.at(least, position, distances)
        columns = (asset[within].tolist(), row[within].tolist(), least.tolist())
        return [Neighbour(self._assets[owner], n, bits) for owner, n, bits in zip(*columns, strict=True)]

    def _register(self, assets: list[str]) -> None:
        known = self._known.intersection(assets)
        if known or len(set(assets)) < len(assets):
            raise ValueError(f"the index contains a fingerprint of {min(known or assets)}")
        self._assets += assets
        self._known.update(assets)

    def _to_bits(self, vectors: npt.NDArray[np.float16] | npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        bits = np.packbits(vectors > 0, axis=1) if self._metric == "cosine" else vectors
        return np.ascontiguousarray(bits, np.uint8)


class _GrowingArray:
    """An array whose rows are added to in place; a view of it stays valid."""

    def __init__(self, empty: npt.NDArray[Any]) -> None:
        self._room, self._count = empty, 0

    @property
    def values(self) -> npt.NDArray[Any]:
        """The rows so far, a view."""
        return self._room[: self._count]

    def extend(self, rows: npt.NDArray[Any]) -> None:
        """Append rows."""
        count = self._count + len(rows)
        if count > len(self._room):
            # Memory that is not written to yet takes no space.
            room = np.empty((max(count, 2 * len(self._room)), *self._room.shape[1:]), self._room.dtype)
            room[: self._count] = self.values
            self._room = room
        self._room[self._count : count] = rows
        self._count = count


def _limit_threads(queries: int) -> None:
    import faiss

    faiss.omp_set_num_threads(1 if queries <= SINGLE_THREAD_ROWS else os.cpu_count() or 1)
