"""An index of a million rows on Lance: recall, and time of one query row against the index in mapped files.

    .venv/bin/python scripts/bench/lance_scale.py FOLDER [--assets 1000] [--rows 1000] [--address s3://BUCKET/PREFIX]

The rows are those of scripts/bench/index_scale.py. They are written to FOLDER once, with an index of each kind; that on Lance
lies in FOLDER too unless an address is named. The exact neighbours come from a comparison of every query row with the int8 codes
of all rows, which are what both indexes store; those by the rows before they are rounded to codes are counted too. Times are
those of a clock on the wall, since Lance searches in several threads; the two indexes answer in turn. Each figure is
printed with its limit; the exit status is 1 if one is missed.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from index_scale import NEIGHBOURS, SEED, records

from mediafp.store import IndexPosition
from mediafp.store.index_location import index_files
from mediafp.store.lance import table
from mediafp.store.row_index.index import RowIndex
from mediafp.store.row_index.rows import RowLayout
from mediafp.types.fingerprints import Fingerprint

QUERIES = 100
"""Query rows, one at a time: the median counts."""
NOISE = 0.03
"""Standard deviation of what a query row differs by from a stored one, in each column, as in scripts/bench/index_scale.py."""
BLOCK_ROWS = 50_000
"""Rows whose cosines are computed at once."""
LIMITS = {"recall of the exact top 50": 0.99, "p50 against the mapped index": 5.0}
"""Least recall, and largest ratio."""
POSITION = IndexPosition(entry=1, hash="1" * 64, skipped=0)
LAYOUT = RowLayout(metric="cosine", columns=512)
type Rows = npt.NDArray[np.float16]


def write_rows(file: Path, assets: int, rows: int) -> None:
    """Write the embeddings of all records into an array file."""
    part = file.with_suffix(".part")
    stored = np.lib.format.open_memmap(part, "w+", np.float16, (assets * rows, LAYOUT.columns))
    for n, record in enumerate(records(assets, rows)):
        stored[n * rows : (n + 1) * rows] = record.fingerprints[0].vectors
    stored.flush()
    part.replace(file)


def fingerprints(stored: Rows, rows: int) -> Iterator[Fingerprint]:
    """Yield the fingerprint of each asset."""
    for n in range(len(stored) // rows):
        yield Fingerprint(
            sha256=f"{n:064x}",
            type="t",
            version="1",
            spans=np.zeros((rows, 2)),
            vectors=np.asarray(stored[n * rows : (n + 1) * rows]),
            quality=np.ones(rows, np.float32),
        )


def exact_neighbours(stored: Rows, queries: npt.NDArray[np.float32], *, by_codes: bool) -> npt.NDArray[np.int64]:
    """Return the numbers (Q, NEIGHBOURS) of the rows of the largest cosines."""
    blocks = (stored[start : start + BLOCK_ROWS] for start in range(0, len(stored), BLOCK_ROWS))
    compared = (LAYOUT.codes(block) if by_codes else block for block in blocks)
    cosines = np.concatenate([queries @ block.astype(np.float32).T for block in compared], axis=1)
    return np.argpartition(-cosines, NEIGHBOURS, axis=1)[:, :NEIGHBOURS].astype(np.int64)


def main() -> int:
    """Print each figure beside its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--assets", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1000, help="rows of each asset")
    parser.add_argument("--address", help="where the index on Lance lies")
    parser.add_argument("--scanned", type=int, help="rows that a query row is compared with")
    options = parser.parse_args()
    if options.scanned:
        table.SCANNED_ROWS = options.scanned  # type: ignore[misc]
    folder: Path = options.folder
    address = options.address or str(folder.absolute() / "lance")
    if not options.address:
        Path(address).mkdir(parents=True, exist_ok=True)
    file = folder / "rows.npy"
    if not file.exists():
        write_rows(file, options.assets, options.rows)
    stored: Rows = np.load(file, mmap_mode="r")

    indexes: dict[str, RowIndex] = {}
    for name, place in (("mapped", None), ("Lance", address)):
        files = index_files(folder / name, place, "t", "1", LAYOUT)
        start = time.perf_counter()
        indexes[name] = RowIndex(LAYOUT, files)
        if indexes[name].position is None:
            indexes[name].build(lambda: fingerprints(stored, options.rows), lambda: POSITION)
            print(f"{name}: built in {time.perf_counter() - start:.1f} s")
            start = time.perf_counter()
            indexes[name] = RowIndex(LAYOUT, files)
        print(f"{name}: {len(indexes[name])} rows, opened in {1000 * (time.perf_counter() - start):.0f} ms")

    rng = np.random.default_rng(SEED + 1)
    chosen = stored[np.sort(rng.integers(0, len(stored), QUERIES))].astype(np.float32)
    queries = chosen + rng.normal(size=chosen.shape).astype(np.float32) * NOISE
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    expected = exact_neighbours(stored, queries, by_codes=True)
    unrounded = exact_neighbours(stored, queries, by_codes=False)
    found, found_unrounded = np.zeros((2, QUERIES)), np.zeros((2, QUERIES))
    times = np.zeros((2, QUERIES))
    different = 0
    for index in indexes.values():
        index.search(queries[:3].astype(np.float16), NEIGHBOURS)
    for n, query in enumerate(queries.astype(np.float16)):
        results = []
        for k, index in enumerate(indexes.values()):
            start = time.perf_counter()
            neighbours = index.search(query[None], NEIGHBOURS)
            times[k, n] = time.perf_counter() - start
            results.append(neighbours.of_query(0))
            numbers = {int(hit.sha256, 16) * options.rows + hit.row for hit in results[-1]}
            found[k, n] = len(numbers.intersection(expected[n].tolist())) / NEIGHBOURS
            found_unrounded[k, n] = len(numbers.intersection(unrounded[n].tolist())) / NEIGHBOURS
        different += results[0] != results[1]
    mapped, lance = 1000 * np.median(times, axis=1)
    print(f"{os.cpu_count()} processors; p50 of one query row: mapped {mapped:.1f} ms, Lance {lance:.1f} ms")
    print(f"queries with other results than the mapped index: {different}; its recall: {found[0].mean():.4f}")
    print(
        f"recall by rows before rounding: mapped {found_unrounded[0].mean():.4f}, Lance {found_unrounded[1].mean():.4f}"
    )
    recall, ratio = float(found[1].mean()), lance / mapped
    least, most = LIMITS.values()
    print(f"{'recall of the exact top 50':32} {recall:8.4f}  limit {least:g}")
    print(f"{'p50 against the mapped index':32} {ratio:8.2f}  limit {most:g}")
    return int(recall < least or ratio > most)


if __name__ == "__main__":
    sys.exit(main())
