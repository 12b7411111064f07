"""Search by Hamming distance, by one thread and by several."""

import os

import numpy as np
import pytest

from mediafp.store.row_index import nearest
from mediafp.store.row_index.search_threads import single_threaded_search


def sorted_rows(ends: np.ndarray, distances: np.ndarray, rows: np.ndarray) -> list[tuple[int, int, int]]:
    query = np.searchsorted(ends, np.arange(len(rows)), side="right")
    return sorted(zip(query.tolist(), rows.tolist(), distances.tolist(), strict=True))


@pytest.mark.parametrize("columns", [8, 32, 64, 4])
@pytest.mark.parametrize("block", [1, 700, nearest.BLOCK_DISTANCES])
@pytest.mark.parametrize("is_masked", [False, True])
def test_one_thread_finds_what_several_find(
    monkeypatch: pytest.MonkeyPatch, columns: int, block: int, is_masked: bool
) -> None:
    rng = np.random.default_rng(columns)
    rows, queries = (rng.integers(0, 256, (count, columns), np.uint8) for count in (300, 40))
    allowed = rng.random(len(rows)) < 0.6
    mask = np.packbits(allowed, bitorder="little") if is_masked else None
    distance = columns * 4 - 2
    monkeypatch.setattr(nearest, "BLOCK_DISTANCES", block)
    one = nearest.within(queries, rows, distance, mask)
    for name in ("SINGLE_THREAD_ROWS", "SINGLE_THREAD_COMPARISONS"):
        monkeypatch.setattr(nearest, name, 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    several = nearest.within(queries, rows, distance, mask)
    bits = np.bitwise_count(queries[:, None] ^ rows).sum(axis=2)
    near = (bits <= distance) & (allowed if is_masked else True)
    expected = [(query, row, int(bits[query, row])) for query, row in np.argwhere(near).tolist()]
    assert sorted_rows(*one) == sorted_rows(*several) == expected and len(expected) > 1000
    assert [one[0].dtype, one[1].dtype, one[2].dtype] == [part.dtype for part in several]


def test_searches_of_one_of_several_threads_use_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "_choose_within", lambda *_: "alone")
    rows = np.zeros((1, 64), np.uint8)
    monkeypatch.setattr(nearest, "SINGLE_THREAD_ROWS", 0)
    monkeypatch.setattr(nearest, "SINGLE_THREAD_COMPARISONS", 0)
    assert nearest.within(rows, rows, 0, None) != "alone"
    with single_threaded_search():
        with single_threaded_search():
            assert nearest.within(rows, rows, 0, None) == "alone"
        assert nearest.within(rows, rows, 0, None) == "alone"
    assert nearest.within(rows, rows, 0, None) != "alone"
