"""The index in files equals a brute-force search, whatever was added, removed, saved and opened again in whatever order."""

import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ingest_records import untimed_fingerprint
from object_store import skip_without_lance

from mediafp.store import IndexPosition
from mediafp.store.index_location import index_files
from mediafp.store.lance import table
from mediafp.store.row_index import index as row_index
from mediafp.store.row_index.index import RowIndex
from mediafp.store.row_index.rows import RowLayout

LAYOUT = RowLayout(metric="hamming", columns=2)
"""Hashes of 16 bits, so that many rows are at one distance."""
STEPS = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "save", "open", "hide"]), st.integers(0, 9), st.integers(0, 60)),
    max_size=14,
)
"""Operation, number of the asset, and number of its rows."""


def brute_force(rows: dict[str, np.ndarray], query: np.ndarray) -> list[tuple[int, str, int]]:
    """Return distance, asset and number of every row, in the order of results."""
    return sorted(
        (int(np.bitwise_count(row ^ query).sum()), sha256, n)
        for sha256, vectors in rows.items()
        for n, row in enumerate(vectors)
    )


@pytest.mark.parametrize("place", ["mapped", "Lance"])
@settings(max_examples=40, deadline=None)
@given(STEPS, st.integers(1, 80), st.integers(0, 16), st.integers(0, 1 << 32))
@example([("hide", 4, 0), ("add", 4, 1)], 1, 0, 0)
@example([("add", 4, 1), ("hide", 4, 0), ("remove", 4, 0), ("add", 4, 2)], 1, 0, 0)
def test_index_equals_brute_force(place: str, steps: list[Any], count: int, distance: int, seed: int) -> None:
    if place == "Lance":
        skip_without_lance()
    rng = np.random.default_rng(seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(row_index, "SAVE_ROWS", 1),
        patch.object(table, "SEGMENT_ROWS", 5),
        patch.object(table, "PARTITION_ROWS", 4),
        patch.object(table, "MAX_SEGMENTS", 2),
        patch.object(table, "MAX_SMALL_FILES", 2),
    ):
        files = index_files(Path(folder), folder if place == "Lance" else None, "t", "1", LAYOUT)
        index = RowIndex(LAYOUT, files)
        expected: dict[str, np.ndarray] = {}
        saved: dict[str, np.ndarray] = {}
        hidden: set[str] = set()
        entry = 0
        for step, number, rows in steps:
            sha256 = f"{number * 0x1357 % 16:064x}"
            if step == "add" and sha256 not in index:
                vectors = rng.integers(0, 256, (rows, 2), dtype=np.uint8)
                index.add([untimed_fingerprint(sha256, vectors)])
                expected[sha256] = vectors
                # An asset is hidden until it is added again.
                hidden.discard(sha256)
            elif step == "remove":
                index.remove([sha256])
                expected.pop(sha256, None)
            elif step == "hide":
                index.hide(sha256)
                hidden.add(sha256)
            elif step == "save":
                entry += 1
                assert index.advance(IndexPosition(entry=entry, hash="0" * 64, skipped=0))
                saved = dict(expected)
            elif step == "open":
                index, expected, hidden = RowIndex(LAYOUT, files), dict(saved), set()
        visible = {sha256: rows for sha256, rows in expected.items() if sha256 not in hidden}
        assert len(index) == sum(map(len, visible.values())) and index.count_assets() == len(expected)
        for query in rng.integers(0, 256, (3, 2), dtype=np.uint8):
            order = brute_force(visible, query)
            found = index.search(query[None], count).of_query(0)
            assert [(hit.score, hit.sha256, hit.row) for hit in found] == order[:count]
            near = index.range_search(query[None], distance)
            assert near == sorted((sha256, n, float(bits)) for bits, sha256, n in order if bits <= distance)
