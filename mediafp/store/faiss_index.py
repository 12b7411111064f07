"""Nearest rows of one fingerprint type, exact for bits and re-ranked for embeddings, held in memory."""

import os
from collections.abc import Iterable

import faiss
import numpy as np
import numpy.typing as npt

from mediafp.types.fingerprints import Fingerprint, Metric

RERANK_DEPTH = 200
"""Rows that sign bits propose for each that int8 re-ranks (measured: recall 1.0 of the exact top)."""
SINGLE_THREAD_ROWS = 32
"""Queries up to this many rows run on one thread: OpenMP costs more than it brings on a busy machine."""
Neighbours = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]


class FaissIndex:
    """All rows of one type and version. `owner` (N,) gives each row's place in `assets`, `row` its row there.

    `fingerprints` are those it was made of, unless they are not `kept`: they take twice what the index itself does.
    """

    def __init__(self, fingerprints: Iterable[Fingerprint], *, metric: Metric, width: int, kept: bool = True) -> None:
        self.metric = metric
        self.assets: list[str] = []
        self.fingerprints: dict[str, Fingerprint] = {}
        cosine, counts = metric == "cosine", []
        codes, bits = [np.empty((0, width), np.int8)], [np.empty((0, width // 8 if cosine else width), np.uint8)]
        for one in fingerprints:
            self.assets.append(one.sha256)
            if kept:
                self.fingerprints[one.sha256] = one
            counts.append(len(one.vectors))
            if cosine:
                codes.append(np.rint(one.vectors.astype(np.float32) * 127).astype(np.int8))
            bits.append(np.packbits(one.vectors > 0, axis=1) if cosine else one.vectors)  # type: ignore[arg-type]
        self.owner = np.repeat(np.arange(len(counts)), counts)
        self.row = np.concatenate([np.empty(0, np.int64), *map(np.arange, counts)])
        self._codes = np.concatenate(codes) if cosine else None
        rows = np.concatenate(bits)
        self._bits = faiss.IndexBinaryFlat(rows.shape[1] * 8)
        if len(rows):
            self._bits.add(rows)

    def __len__(self) -> int:
        return len(self.owner)

    def search(self, queries: npt.NDArray[np.float16] | npt.NDArray[np.uint8], count: int) -> Neighbours:
        """The nearest rows: numbers (Q, K) int64 and cosine scores or Hamming distances (Q, K) float32.

        K is `count` or the number of rows, whichever is less; best first.
        """
        reach = min(len(self), max(count, RERANK_DEPTH) if self.metric == "cosine" else count)
        if not reach or not len(queries):
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32)
        bits = np.packbits(queries > 0, axis=1) if self.metric == "cosine" else queries
        faiss.omp_set_num_threads(1 if len(queries) <= SINGLE_THREAD_ROWS else os.cpu_count() or 1)
        distances, rows = self._bits.search(np.ascontiguousarray(bits, np.uint8), reach)
        if self._codes is None:
            return rows, distances.astype(np.float32)
        scores = np.empty(rows.shape, np.float32)
        for n, (query, near) in enumerate(zip(queries.astype(np.float32), rows, strict=True)):
            scores[n] = self._codes[near].astype(np.float32) @ query / 127
        best = np.argsort(-scores, axis=1, kind="stable")[:, :count]
        return np.take_along_axis(rows, best, 1), np.take_along_axis(scores, best, 1)

    def range_search(self, queries: npt.NDArray[np.uint8], distance: int) -> npt.NDArray[np.int64]:
        """The rows at most `distance` bits from any of the queries (Q, bytes), in order; of an index of bits."""
        if self.metric != "hamming":
            raise ValueError(f"rows of {self.metric} have no distance in bits")
        if not len(self) or not len(queries):
            return np.empty(0, np.int64)
        faiss.omp_set_num_threads(1 if len(queries) <= SINGLE_THREAD_ROWS else os.cpu_count() or 1)
        _, _, rows = self._bits.range_search(np.ascontiguousarray(queries), distance + 1)
        return np.unique(rows)
