"""A case of a million rows: time to open it, time of one query row against an exact FAISS scan, and memory.

    .venv/bin/python scripts/bench/index_scale.py FOLDER [--assets 1000] [--rows 1000]

The folder gets a store with bare fingerprints, made from seeded random vectors around common centres, unless it contains one.
Each figure is printed with its limit; the exit status is 1 if one is exceeded. Build, opening and queries run in processes of
their own. CPU times are those of one process on one thread, without the start of Python and its imports.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mediafp.fingerprints.pdq import Pdq
from mediafp.fingerprints.registry import SEARCH_TYPE, fingerprint_type
from mediafp.ingest.thumbnail_pixels import decode_thumbnail
from mediafp.matching.candidates import Vectors as Embeddings
from mediafp.store import RERANK_DEPTH, Store, open_store
from mediafp.types.fingerprints import Fingerprint, Vectors
from mediafp.types.media import Asset
from mediafp.types.runs import IngestRecord
from mediafp.types.sightings import Sighting

SEED = 16
CENTRES = 2000
"""Vectors that the rows lie around, so that some rows resemble each other as frames and edits do."""
ASSETS_PER_WRITE = 1000
"""Most assets in one transaction."""
ROWS_PER_WRITE = 50_000
"""Rows from which on a transaction ends."""
QUERIES = 50
"""Query rows that are timed, one at a time: the median counts."""
NEIGHBOURS = 50
"""Neighbours of a query row, as an image query asks for them."""
LIMITS = {
    "open, CPU s": 1.0,
    "query against exact FAISS": 1.2,
    "memory, MiB": 700.0,
    "queries with other rows found": 0.0,
}


def records(assets: int, rows: int) -> Iterator[IngestRecord]:
    """Yield the records of videos, or of images if they have one row each."""
    rng = np.random.default_rng(SEED)
    centres = rng.normal(size=(CENTRES, 512)).astype(np.float32)
    for n in range(assets):
        sha256 = hashlib.sha256(str(n).encode()).hexdigest()
        noise = rng.normal(size=(rows, 512)).astype(np.float32)
        vectors = centres[rng.integers(0, CENTRES, rows)] + rng.uniform(0.1, 2, (rows, 1)).astype(np.float32) * noise
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        starts = np.arange(rows, dtype=float)
        spans = np.column_stack((starts, starts + 1)) if rows > 1 else np.zeros((1, 2))

        def fingerprint(type: str, vectors: Vectors, sha256: str = sha256, spans: Any = spans) -> Fingerprint:
            version, quality = fingerprint_type(type).version, np.ones(len(vectors), np.float32)
            return Fingerprint(sha256=sha256, type=type, version=version, spans=spans, vectors=vectors, quality=quality)

        yield IngestRecord(
            asset=Asset(
                sha256=sha256,
                kind="video" if rows > 1 else "image",
                bytes=1,
                properties={"width": 640, "height": 360, "duration": float(rows)},
            ),
            sightings=(Sighting(sha256=sha256, uri=f"/made/{n}", source="path"),),
            fingerprints=(
                fingerprint(SEARCH_TYPE, vectors.astype(np.float16)),
                fingerprint(Pdq.name, rng.integers(0, 256, (rows, 32), np.uint8)),
            ),
        )


def fill(store: Store, assets: int, rows: int) -> None:
    """Write the records in large transactions."""
    each = max(1, min(ASSETS_PER_WRITE, ROWS_PER_WRITE // rows))
    made = records(assets, rows)
    for _ in range(0, assets, each):
        with store.writing():
            for _, record in zip(range(each), made, strict=False):
                store.add_record(record)


def measure_open(folder: Path) -> dict[str, float]:
    """Open the case with its indexes; the first time, they are built."""
    from mediafp.case.case import open_case
    from mediafp.case.references import StoredReferences

    start = time.process_time()
    with open_case(folder) as case:
        references = StoredReferences(case._store, decode_thumbnail)
        seconds = time.process_time() - start
        return {"CPU s": seconds, "rows": references.row_counts()[SEARCH_TYPE]}


def measure_queries(folder: Path) -> dict[str, float]:
    """Search the nearest rows of single query rows; the memory is that of the process afterwards, at its peak."""
    from mediafp.case.case import open_case
    from mediafp.case.references import StoredReferences

    with open_case(folder) as case:
        references = StoredReferences(case._store, decode_thumbnail)
        queries = query_rows(case._store)
        for query in queries:
            references.search(query, NEIGHBOURS)
            references.search_crops(query, NEIGHBOURS)
            references.search_hashes(np.zeros((8, 32), np.uint8), 31)
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        return {name: int(status[name].split()[0]) / 1024 for name in ("VmHWM", "RssAnon", "RssFile")}


def query_rows(store: Store) -> list[Embeddings]:
    """Return single rows near stored ones."""
    rng = np.random.default_rng(SEED + 1)
    assets = list(store.fingerprinted(SEARCH_TYPE, fingerprint_type(SEARCH_TYPE).version))
    chosen = {assets[n] for n in rng.integers(0, len(assets), QUERIES)}
    stored = store.fingerprints(SEARCH_TYPE, fingerprint_type(SEARCH_TYPE).version, chosen)
    rows = [fingerprint.vectors[:1].astype(np.float32) for fingerprint in stored]
    noisy = [row + rng.normal(size=row.shape) * 0.03 for row in rows]
    return [(row / np.linalg.norm(row)).astype(np.float16) for row in noisy]


def compare_with_faiss(folder: Path) -> dict[str, float]:
    """Time single queries against an exact scan of the same sign bits, in turn, and compare the rows found."""
    import faiss

    from mediafp.case.case import open_case
    from mediafp.case.references import StoredReferences

    version = fingerprint_type(SEARCH_TYPE).version
    with open_case(folder) as case:
        references, queries = StoredReferences(case._store, decode_thumbnail), query_rows(case._store)
        exact, owners, codes = faiss.IndexBinaryFlat(512), [], []
        for fingerprint in case._store.fingerprints(SEARCH_TYPE, version):
            exact.add(np.packbits(fingerprint.vectors > 0, axis=1))
            codes.append(np.rint(fingerprint.vectors.astype(np.float32) * 127).astype(np.int8))
            owners += [(fingerprint.sha256, row) for row in range(len(fingerprint.vectors))]
        all_codes = np.concatenate(codes)
    times: dict[str, list[float]] = {"index": [], "FAISS": []}
    different = 0
    for query in [*queries[:3], *queries]:
        faiss.omp_set_num_threads(1)
        start = time.process_time()
        distances, numbers = exact.search(np.packbits(query > 0, axis=1), RERANK_DEPTH)
        middle = time.process_time()
        neighbours = references.search(query, NEIGHBOURS)
        end = time.process_time()
        found = neighbours.of_query(0)
        times["FAISS"].append(middle - start)
        times["index"].append(end - middle)
        scores = all_codes[numbers[0]].astype(np.float32) @ query[0].astype(np.float32) / 127
        best = np.argsort(-scores, kind="stable")[:NEIGHBOURS]
        expected = [(owners[n], scores[k]) for k, n in zip(best, numbers[0][best], strict=True)]
        # Of rows at the distance of the last one, an exact scan returns any: those that score less than all others.
        tied = {owners[n] for n, distance in zip(numbers[0], distances[0], strict=True) if distance == distances[0, -1]}
        got = {(hit.sha256, hit.row): hit.score for hit in found}
        different += any(owner not in tied and abs(got.get(owner, -1) - score) > 1e-5 for owner, score in expected)
    # The first ones touch memory for the first time.
    faiss_ms, index_ms = (1000 * float(np.median(times[name][3:])) for name in ("FAISS", "index"))
    return {"FAISS ms": faiss_ms, "index ms": index_ms, "ratio": index_ms / faiss_ms, "different": different}


PARTS = {"open": measure_open, "queries": measure_queries, "faiss": compare_with_faiss}


def run_part(part: str, folder: Path) -> dict[str, float]:
    """Run one measurement in a process of its own."""
    result = subprocess.run(
        [sys.executable, __file__, str(folder), "--part", part], check=True, capture_output=True, text=True
    )
    measured: dict[str, float] = json.loads(result.stdout)
    return measured


def main() -> int:
    """Print each figure beside its limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--assets", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=1000, help="rows of each asset")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(PARTS[options.part](options.folder)))
        return 0
    start = time.process_time()
    with open_store(options.folder, create=True) as store:
        if not store.count_assets():
            fill(store, options.assets, options.rows)
            print(f"wrote the store: {time.process_time() - start:.0f} CPU s")
    built = run_part("open", options.folder)
    print(
        f"first opening, which builds the index of {built['rows']:.0f} rows if there is none: {built['CPU s']:.2f} CPU s"
    )
    opened, memory = run_part("open", options.folder), run_part("queries", options.folder)
    compared = run_part("faiss", options.folder)
    size = sum(file.stat().st_size for file in (options.folder / "index").rglob("*") if file.is_file())
    print(f"index files: {size / built['rows']:.0f} bytes a row; {os.cpu_count()} processors")
    print(f"one query row: {compared['index ms']:.2f} ms, exact FAISS {compared['FAISS ms']:.2f} ms")
    print(f"memory: {memory['RssAnon']:.0f} MiB of its own, {memory['RssFile']:.0f} MiB of files at the end")
    figures = {
        "open, CPU s": opened["CPU s"],
        "query against exact FAISS": compared["ratio"],
        "memory, MiB": memory["VmHWM"],
        "queries with other rows found": compared["different"],
    }
    for name, figure in figures.items():
        print(f"{name:32} {figure:8.2f}  limit {LIMITS[name]:g}")
    return int(any(figure > LIMITS[name] for name, figure in figures.items()))


if __name__ == "__main__":
    sys.exit(main())
