"""Exact search by Hamming distance over packed rows, where they lie: FAISS gets their address, and copies nothing."""

import os
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mediafp.store.row_index.search_threads import searches_alone

type Numbers = npt.NDArray[np.int64]
"""Numbers of rows."""
type Distances = npt.NDArray[np.int32]
"""Hamming distances in bits."""
type Bits = npt.NDArray[np.uint8]
"""Rows of packed bits (N, bytes)."""

SINGLE_THREAD_ROWS: Final = 32
"""Query rows up to which a search uses one thread: on a busy machine OpenMP costs more than it gains."""
SINGLE_THREAD_COMPARISONS: Final = 1 << 24
"""Pairs of a query row and a row up to which a search uses one thread, some 40 ms. The codes of half a minute of sound among
those of 20 videos cost 75 ms of CPU time with one thread, and 440 ms with two, which wait for each other, on a machine with a
load of 10 on 2 cores (scripts/bench/relate_channels.py)."""
BLOCK_DISTANCES: Final = 1 << 18
"""Distances that are computed before the near ones are chosen: 1 MB, which fits in the cache of a processor. A search with a
quarter as many takes as long."""


def nearest(queries: Bits, rows: Bits, count: int, allowed: Bits | None) -> tuple[Distances, Numbers]:
    """Return the distances and numbers (Q, count) of the nearest rows of each query row, nearest first.

    Args:
        queries: Query rows (Q, bytes).
        rows: Rows (N, bytes), contiguous; they may be mapped from a file.
        count: Neighbours of each query row. Of rows at one distance, any may be among them.
        allowed: Bit mask, the lowest bit first, of the rows that may be found, of which there are at least `count`; None for
            all, of which there are at least `count`.
    """
    faiss = _faiss()
    queries = np.ascontiguousarray(queries)
    distances = np.empty((len(queries), count), np.int32)
    numbers = np.empty((len(queries), count), np.int64)
    if not distances.size:
        return distances, numbers
    heaps = faiss.int_maxheap_array_t()
    heaps.nh, heaps.k = len(queries), count
    heaps.val, heaps.ids = faiss.swig_ptr(distances), faiss.swig_ptr(numbers)
    selector = None if allowed is None else faiss.IDSelectorBitmap(len(rows), faiss.swig_ptr(allowed))
    _limit_threads(len(queries), len(rows))
    faiss.hammings_knn_hc(
        heaps, faiss.swig_ptr(queries), faiss.swig_ptr(rows), len(rows), rows.shape[1], 1, faiss.EXACT_TOPK, selector
    )
    return distances, numbers


def within(queries: Bits, rows: Bits, distance: int, allowed: Bits | None) -> tuple[Numbers, Distances, Numbers]:
    """Return every row at most `distance` bits from a query row.

    Args:
        queries: Query rows (Q, bytes).
        rows: Rows (N, bytes), contiguous; they may be mapped from a file.
        distance: Largest distance in bits.
        allowed: Bit mask, the lowest bit first, of the rows that may be found; None for all.

    Returns:
        Ends (Q,) of what belongs to each query row, and of all of them the distances (K,) and the numbers (K,) of the rows.
    """
    faiss = _faiss()
    queries = np.ascontiguousarray(queries)
    if not len(queries) or not len(rows):
        return np.zeros(len(queries), np.int64), np.empty(0, np.int32), np.empty(0, np.int64)
    if _uses_one_thread(len(queries), len(rows)) and rows.shape[1] % 8 == 0:
        return _choose_within(queries, rows, distance, allowed)
    found = faiss.RangeSearchResult(len(queries))
    selector = None if allowed is None else faiss.IDSelectorBitmap(len(rows), faiss.swig_ptr(allowed))
    _limit_threads(len(queries), len(rows))
    faiss.hamming_range_search(
        faiss.swig_ptr(queries),
        faiss.swig_ptr(rows),
        len(queries),
        len(rows),
        distance + 1,
        rows.shape[1],
        found,
        selector,
    )
    ends = faiss.rev_swig_ptr(found.lims, len(queries) + 1)[1:].astype(np.int64)
    count = int(ends[-1])
    distances = faiss.rev_swig_ptr(found.distances, count).astype(np.int32)
    return ends, distances, faiss.rev_swig_ptr(found.labels, count).copy()


def _choose_within(
    queries: Bits, rows: Bits, distance: int, allowed: Bits | None
) -> tuple[Numbers, Distances, Numbers]:
    """Return what `within` does, chosen from the distances of all rows, by one thread.

    It takes 1.8 ns for each pair of codes of 512 bits, where the search of FAISS takes 2.7 with one thread, and 3.0 with two
    that wait for each other on a busy machine.
    """
    faiss = _faiss()
    step = max(1, BLOCK_DISTANCES // len(queries))
    space = np.empty(len(queries) * min(step, len(rows)), np.int32)
    wanted = None if allowed is None else np.unpackbits(allowed, count=len(rows), bitorder="little").astype(bool)
    found = [np.empty((3, 0), np.int64)]
    for first in range(0, len(rows), step):
        block, numbers = rows[first : first + step], np.arange(first, min(first + step, len(rows)))
        if wanted is not None:
            # A copy: to pass over single rows takes longer than to compare them.
            numbers = first + np.flatnonzero(wanted[first : first + step])
            block = rows[numbers]
        if not len(block):
            continue
        distances = space[: len(queries) * len(block)]
        faiss.hammings(
            faiss.swig_ptr(queries),
            faiss.swig_ptr(block),
            len(queries),
            len(block),
            rows.shape[1],
            faiss.swig_ptr(distances),
        )
        near = np.flatnonzero(distances <= distance)
        query, row = np.divmod(near, len(block))
        found.append(np.stack([query, numbers[row], distances[near]]))
    query, row, bits = np.concatenate(found, axis=1)
    order = np.argsort(query, kind="stable")
    ends = np.searchsorted(query[order], np.arange(len(queries)), side="right")
    return ends, bits[order].astype(np.int32), row[order]


def _uses_one_thread(queries: int, rows: int) -> bool:
    is_small = queries <= SINGLE_THREAD_ROWS or queries * rows <= SINGLE_THREAD_COMPARISONS
    return is_small or searches_alone()


def _limit_threads(queries: int, rows: int) -> None:
    _faiss().omp_set_num_threads(1 if _uses_one_thread(queries, rows) else os.cpu_count() or 1)


def _faiss() -> Any:
    """Return FAISS, which loads on first use; its declarations for type checkers lack what is used here."""
    import faiss

    return faiss
