"""Partitions of a connected graph of high CPM quality, found by the Leiden algorithm.

The partition maximises the constant Potts model (CPM; Traag, Van Dooren and Nesterov 2011) rather than modularity, so that
the size of the store does not change how dense a cluster has to be. Leiden: Traag, Waltman and van Eck 2019.
"""

import random
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from mediafp.matching.graphs import Graph, IntArray, label_components, number_labels
from mediafp.types.arrays import Float64Array

type SparseRows = tuple[IntArray, npt.NDArray[np.int32], Float64Array]
"""Compressed sparse rows of a matrix: start of each row and end of the last, columns, values."""
RESOLUTION = 0.3
"""Resolution of CPM: a cluster needs a mean edge weight, over all pairs of its members, above this.

With MIN_COVERAGE .65: BCubed F .987 on each of four standard sets of edited videos (seeds 7 to 10, 77 files each), and
.957, .945 and .939 on the hard sets of seeds 7 to 9 (73 files each); no pair of either chaining trap was joined
(`scripts/bench/score.py`).
"""
SINGLETON_RUNS = 10
"""Runs of Leiden on a small graph that start with every asset in a community of its own.

Chosen; measured only together with REFINEMENT_RUNS.
"""
REFINEMENT_RUNS = 40
"""Further runs, each started from the common refinement of two of the best partitions; none if all partitions are equal.

On the sets above one run is enough. On 60 generated graphs (30 to 1,000 nodes, planted communities, up to 4 chaining
edges per node) the CPM quality is above that of igraph's Leiden, run until it is stable, on 46, equal on 12 and lower on
2, by at most .6 %; without REFINEMENT_RUNS it is lower on 17, and with a single run on 47.
"""
MAX_PARTITIONS = 10
"""Best distinct partitions that are kept to start refinement runs. Chosen; measured only with REFINEMENT_RUNS."""
MIN_CROSSED_RUNS = 3
"""Least runs of Leiden on a large graph; each takes about 1.5 CPU seconds per million edges.

On 49 generated graphs of 300 to 8,000 edges (planted communities, up to 4 chaining edges per node), the crossing of 3 to 20
runs has a higher CPM quality than the exhaustive search on 28, the same on 20 and a lower one on 1, by .2 %, in a sixth of
the time.
"""
MAX_CROSSED_RUNS = 20
"""Most runs of Leiden on a large graph. Chosen, not measured."""
CROSSED_RUN_EDGES = 20_000
"""Edges that all runs on one large graph process together, where that allows more than MIN_CROSSED_RUNS."""
RANDOMNESS = 0.01
"""Temperature of Leiden's refinement phase. On the generated graphs no value between .001 and .1 was clearly better."""
SEED = 7
"""First random seed; each run adds its number. Chosen, not measured."""


def search_exhaustively(graph: Graph) -> IntArray:
    """Return the community of each node in the best of many partitions, for a small connected graph."""
    import graspologic_native

    nodes = [str(node) for node in range(graph.nodes)]
    edges = [
        (nodes[a], nodes[b], weight)
        for a, b, weight in zip(graph.a.tolist(), graph.b.tolist(), graph.weights.tolist(), strict=True)
    ]
    # CPM quality of the best partitions so far; a partition is the community of each node.
    qualities: dict[tuple[int, ...], float] = {}
    rng = random.Random(SEED)

    def rank(labels: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        return qualities[labels], labels

    for run in range(SINGLETON_RUNS + REFINEMENT_RUNS):
        start = None
        if run >= SINGLETON_RUNS:
            if len(qualities) == 1:
                break
            # Nodes start together if both partitions put them together.
            refinement = zip(*rng.sample(sorted(qualities), 2), strict=True)
            start = dict(zip(nodes, _renumber(refinement), strict=True))
        quality, communities = graspologic_native.leiden(
            edges,
            starting_communities=start,
            resolution=RESOLUTION,
            randomness=RANDOMNESS,
            use_modularity=False,
            seed=SEED + run,
        )
        qualities[_renumber(communities[node] for node in nodes)] = quality
        if len(qualities) > MAX_PARTITIONS:
            del qualities[min(qualities, key=rank)]
    return np.array(max(qualities, key=rank))


def _renumber(labels: Iterable[object]) -> tuple[int, ...]:
    """Return labels as numbers in order of first occurrence, so that equal partitions give equal tuples."""
    numbers: dict[object, int] = {}
    return tuple(numbers.setdefault(label, len(numbers)) for label in labels)


def search_by_crossing(graph: Graph) -> IntArray:
    """Return the community of each node in the crossing of a few partitions, for a large connected graph.

    The nodes that two partitions join, directly or in turn, form regions. The quality of a partition is the sum over
    regions, so that taking the better partition of each region is at least as good as the better partition.
    """
    rows = sparse_rows(graph)
    best = run_leiden(rows, RESOLUTION, SEED)
    runs = max(MIN_CROSSED_RUNS, min(MAX_CROSSED_RUNS, CROSSED_RUN_EDGES // len(graph.a)))
    for run in range(1, runs):
        best = _cross_partitions(graph, best, run_leiden(rows, RESOLUTION, SEED + run))
    return best


def sparse_rows(graph: Graph) -> SparseRows:
    """Return the symmetric matrix of the weights of a graph."""
    sources, targets = np.concatenate([graph.a, graph.b]), np.concatenate([graph.b, graph.a])
    order = np.lexsort((targets, sources))
    starts = np.concatenate([[0], np.bincount(sources, minlength=graph.nodes).cumsum()])
    return starts.astype(np.int64), targets[order].astype(np.int32), np.concatenate([graph.weights] * 2)[order]


def run_leiden(rows: SparseRows, resolution: float, seed: int) -> IntArray:
    """Return the community of each node after one run that starts with every node in a community of its own."""
    import graspologic_native

    nodes = len(rows[0]) - 1
    _, communities = graspologic_native.leiden_csr(
        *rows,
        nodes,
        resolution=resolution,
        randomness=RANDOMNESS,
        use_modularity=False,
        seed=seed,
    )
    return number_labels(np.fromiter(map(communities.__getitem__, range(nodes)), np.int64, nodes))


def _cross_partitions(graph: Graph, first: IntArray, second: IntArray) -> IntArray:
    """Return the better of two partitions in each region that no community of either leaves; the first if they are equal."""
    communities = int(first.max()) + 1
    joined = label_components(communities + int(second.max()) + 1, first, communities + second)
    regions = number_labels(joined[first])
    better = _region_qualities(graph, second, regions) > _region_qualities(graph, first, regions)
    return number_labels(np.where(better[regions], communities + second, first))


def _region_qualities(graph: Graph, labels: IntArray, regions: IntArray) -> Float64Array:
    """Return the CPM quality of a partition in each region."""
    inside = labels[graph.a] == labels[graph.b]
    qualities = np.bincount(regions[graph.a[inside]], graph.weights[inside], int(regions.max()) + 1)
    sizes = np.bincount(labels)
    region_of_community = np.zeros(len(sizes), np.int64)
    region_of_community[labels] = regions
    pairs = np.bincount(region_of_community, sizes * (sizes - 1) / 2, len(qualities))
    difference: Float64Array = qualities - RESOLUTION * pairs
    return difference
