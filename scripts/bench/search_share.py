"""The share of the search for candidates in comparing stored images, by the rows that are searched.

    .venv/bin/python scripts/bench/search_share.py FOLDER [--assets 1000] [--rows 1000]

FOLDER is that of scripts/bench/lance_scale.py, which makes its rows and indexes; if they are missing, they are made. The
rows of an image are searched at once, as `relate` does it: CPU seconds of this process for a query row, all threads
together, of the index in mapped files, of that on Lance, and of the latter if a node searches it: in this process, and in
one of Ray, of which this process has the part of the driver. The cost of the pairs of an image is that of
scripts/bench/relate_cost.py, at least `PAIRS_PER_IMAGE` of `PAIR_CPU_SECONDS`; the share is that of the search in both.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from index_scale import NEIGHBOURS, SEED
from lance_scale import LAYOUT, NOISE, POSITION, fingerprints, write_rows

from mediafp.engine.cluster.engine import RayEngine
from mediafp.store.index_location import index_files
from mediafp.store.lance import shared_table
from mediafp.store.lance.shards import TableShards
from mediafp.store.row_index.index import RowIndex
from mediafp.types.node_services import ServiceNode

IMAGES = 40
"""Images whose rows are searched."""
ROWS_PER_IMAGE = 7
"""Query rows that are searched at once: the whole image, its reduced one and five crops."""
ROW_SCANS_PER_IMAGE = 26
"""Rows that are compared for an image, as a multiple of the number of images: its rows against the five indexes of embeddings."""
PAIRS_PER_IMAGE = 2
"""Pairs of an image that are compared in any case (`MAX_PARTNERS_IN_ANY_CASE`)."""
PAIR_CPU_SECONDS = 0.069
"""CPU seconds of a pair of small photographs, on the worker and on the driver (docs/scale.md)."""


def main() -> None:
    """Print the cost of a query row in each index, and the share of the search at sizes of a case."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--assets", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1000, help="rows of each asset")
    options = parser.parse_args()
    folder: Path = options.folder
    (folder / "lance").mkdir(parents=True, exist_ok=True)
    if not (folder / "rows.npy").exists():
        write_rows(folder / "rows.npy", options.assets, options.rows)
    stored = np.load(folder / "rows.npy", mmap_mode="r")
    rng = np.random.default_rng(SEED + 2)
    chosen = stored[rng.integers(0, len(stored), IMAGES * ROWS_PER_IMAGE)].astype(np.float32)
    queries = chosen + rng.normal(size=chosen.shape).astype(np.float32) * NOISE
    queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float16)
    pairs = PAIRS_PER_IMAGE * PAIR_CPU_SECONDS

    def measure(name: str, index: RowIndex, *, is_all: bool = True) -> None:
        found = index.search(queries[:ROWS_PER_IMAGE], NEIGHBOURS).score.sum()
        cpu, wall = time.process_time(), time.perf_counter()
        for image in np.split(queries, IMAGES):
            index.search(image, NEIGHBOURS)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        row = cpu / len(queries)
        print(
            f"{name}: {len(index):,} rows; a query row {1000 * row:.2f} CPU ms, {1000 * wall / len(queries):.2f} ms wall"
        )
        print(f"  scores of the first {ROWS_PER_IMAGE} query rows, added: {found:.4f}")
        for images in (10**5, 10**6, 10**7) if is_all else ():
            search = row / len(index) * ROW_SCANS_PER_IMAGE * images
            print(f"  {images:,} images: search {search:.3f} CPU s an image, share {search / (search + pairs):.0%}")

    for name, place in (("mapped", None), ("Lance", str((folder / "lance").absolute()))):
        index = RowIndex(LAYOUT, index_files(folder / name, place, "t", "1", LAYOUT))
        if index.position is None:
            index.build(lambda: fingerprints(stored, options.rows), lambda: POSITION)
            index = RowIndex(LAYOUT, index_files(folder / name, place, "t", "1", LAYOUT))
        measure(name, index)
    shared_table.MIN_SHARED_ROWS = 1  # type: ignore[misc]
    index.share([ServiceNode(name="here", ask=TableShards().answer)])
    measure("Lance, as searched by a node, with its part of the driver", index)
    with tempfile.TemporaryDirectory() as scratch, RayEngine(Path(scratch)) as engine:
        index.share(engine.open_services(TableShards))
        measure("Lance, searched by a node: the part of the driver alone", index, is_all=False)


if __name__ == "__main__":
    main()
