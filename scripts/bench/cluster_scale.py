"""CPU seconds and memory of clustering generated graphs of 10,000 to 1,000,000 edges, and how well planted groups are found.

    .venv/bin/python scripts/bench/cluster_scale.py [--seed N]

Each graph has an asset per ten edges, in groups of 2 to 1,000 assets, most of them small. Of a group of up to SAMPLE assets,
80 % of the pairs have an edge; in a larger one, each asset has edges to SAMPLE others, as if the rest had been spared. One
wrong edge per two assets, of a probability of .35 to .95, joins assets of any groups. Each graph is clustered in a process
of its own that reads the edges as rows; making them is not counted. BCubed compares the clusters with the planted groups.
"""

import argparse
import hashlib
import json
import math
import resource
import subprocess
import sys
import time

import numpy as np
import numpy.typing as npt

from mediafp.matching.clustering import cluster_edges
from mediafp.matching.edge_columns import EdgeRow
from mediafp.types.clusters import Clustering
from mediafp.types.media import Kind

EDGES = (10_000, 100_000, 1_000_000)
"""Approximate numbers of edges, of which a tenth is the number of assets."""
SAMPLE = 60
"""Partners with which an asset of a large group has an edge by its own choice."""
GROUP_SHARES = {2: 0.15, 3: 0.1, 5: 0.15, 10: 0.18, 20: 0.2, 40: 0.11, 100: 0.05, 1000: 0.06}
"""Share of the assets in groups of each size; a graph with fewer assets than that has no such group."""
MAX_CPU_SECONDS, MAX_MEBIBYTES, MAX_EXPONENT, MIN_F = 15.0, 2048.0, 1.15, 0.98
"""Limits at a million edges; the exponent of growth is that from the first to the last number of edges."""

type IntArray = npt.NDArray[np.int64]


def plant_groups(assets: int, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray, int]:
    """Return the group of each asset, the pairs (a, b) that have an edge, and the number of right ones, which come first."""
    sizes = [
        size for size, share in GROUP_SHARES.items() for _ in range(round(assets * share / size)) if size * 4 <= assets
    ]
    groups = np.repeat(np.arange(len(sizes)), sizes)
    pairs = []
    start = 0
    for size in sizes:
        if size <= SAMPLE:
            i, j = np.triu_indices(size, 1)
            kept = rng.random(len(i)) < 0.8
            kept[: size - 1] = True  # the first asset of a group has an edge to each other
            i, j = i[kept], j[kept]
        else:
            i, j = np.repeat(np.arange(size), SAMPLE), rng.integers(0, size, size * SAMPLE)
        pairs.append(np.stack([i, j]) + start)
        start += size
    right = np.concatenate(pairs, axis=1)
    wrong = rng.integers(0, len(groups), (2, len(groups) // 2))
    a, b = np.sort(np.concatenate([right, wrong], axis=1), axis=0)
    _, firsts = np.unique(a * len(groups) + b, return_index=True)
    firsts = np.sort(firsts[a[firsts] != b[firsts]])
    return groups, a[firsts], b[firsts], int((firsts < right.shape[1]).sum())


def make_edges(edges: int, seed: int) -> tuple[dict[str, int], list[EdgeRow]]:
    """Return the planted group of each asset, by SHA-256, and shuffled edges."""
    rng = np.random.default_rng(seed)
    groups, a, b, right = plant_groups(edges // 10, rng)
    names = [hashlib.sha256(f"{seed} {number}".encode()).hexdigest() for number in range(len(groups))]
    probabilities = np.where(np.arange(len(a)) < right, rng.uniform(0.9, 1, len(a)), rng.uniform(0.35, 0.95, len(a)))
    coverages = rng.uniform(0.85, 1, (2, len(a)))
    rows: list[EdgeRow] = [
        (
            names[a[row]],
            names[b[row]],
            "copy",
            float(probabilities[row]),
            float(coverages[0, row]),
            float(coverages[1, row]),
        )
        for row in rng.permutation(len(a)).tolist()
    ]
    return dict(zip(names, groups.tolist(), strict=True)), rows


def score_bcubed(groups: dict[str, int], clustering: Clustering) -> tuple[float, float]:
    """Return BCubed precision and recall."""
    cluster_of = {name: -number for number, name in enumerate(groups, 1)}  # an asset in no cluster is alone
    for number, cluster in enumerate(clustering.clusters):
        cluster_of |= {member.sha256: number for member in cluster.members}
    planted = np.array(list(groups.values()))
    found = np.unique([cluster_of[name] for name in groups], return_inverse=True)[1]
    _, both, counts = np.unique(planted * len(groups) + found, return_inverse=True, return_counts=True)
    shared = counts[both]
    return float((shared / np.bincount(found)[found]).mean()), float((shared / np.bincount(planted)[planted]).mean())


def measure(edges: int, seed: int) -> dict[str, float]:
    """Return the figures of one graph, measured in this process."""
    groups, rows = make_edges(edges, seed)
    kinds: dict[str, Kind] = dict.fromkeys(groups, "image")
    uris = {name: (f"/folder/{name[:8]}.jpg",) for name in groups}
    started = time.process_time()
    clustering = cluster_edges(
        kinds,
        iter(rows),
        uris,
        load_segments=lambda keys: [()] * len(keys),
        load_shared=lambda _: [],
        previous={},
        next_number=1,
    )
    seconds = time.process_time() - started
    precision, recall = score_bcubed(groups, clustering)
    return {
        "assets": len(groups),
        "edges": len(rows),
        "clusters": len(clustering.clusters),
        "cpu_seconds": seconds,
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "precision": precision,
        "recall": recall,
        "f": 2 * precision * recall / (precision + recall),
    }


def main() -> int:
    """Print the figures of each graph, beside the limits of the largest; return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--edges", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.edges:
        print(json.dumps(measure(arguments.edges, arguments.seed)))
        return 0
    results = []
    for edges in EDGES:
        command = [sys.executable, __file__, "--seed", str(arguments.seed), "--edges", str(edges)]
        results.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
        print("  ".join(f"{name} {value:.4g}" for name, value in results[-1].items()), flush=True)
    first, last = results[0], results[-1]
    exponent = math.log(last["cpu_seconds"] / first["cpu_seconds"]) / math.log(last["edges"] / first["edges"])
    checks = {
        "CPU seconds": (last["cpu_seconds"], MAX_CPU_SECONDS, last["cpu_seconds"] <= MAX_CPU_SECONDS),
        "peak MiB, graph included": (last["mebibytes"], MAX_MEBIBYTES, last["mebibytes"] <= MAX_MEBIBYTES),
        "exponent of growth": (exponent, MAX_EXPONENT, exponent <= MAX_EXPONENT),
        "BCubed F": (last["f"], MIN_F, last["f"] >= MIN_F),
    }
    for name, (value, limit, is_met) in checks.items():
        print(f"{name:28} {value:9.3f}  limit {limit:9.3f}  {'met' if is_met else 'NOT met'}")
    return 0 if all(is_met for *_, is_met in checks.values()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
