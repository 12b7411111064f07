"""Groups of near-certain duplicates so large that only a sample of their pairs was compared.

An asset is compared with a limited number of others. In a group of 1,000 copies each asset has perhaps 100 edges, and CPM,
for which a pair without an edge is a pair that differs, would take the group apart. Where every asset has many near-certain
duplicates, and no cut through the group is clearly sparser than the sample, the pairs that were compared stand for all.
"""

from collections.abc import Iterator

import numpy as np

from mediafp.matching.graphs import BoolArray, Graph, IntArray, iter_parts, label_components
from mediafp.matching.leiden import RESOLUTION, SEED, run_leiden, sparse_rows

MIN_CERTAIN_EDGES = 30
"""Edges to near-certain duplicates, within the group, from which an asset may have been spared further comparisons.

Half of the 60 partners of an asset in the planted groups of `scripts/bench/cluster_scale.py`. Chosen, not measured.
"""
MAX_SAMPLED_DENSITY = 0.5
"""Share of pairs with an edge below which a group counts as sampled; above it, CPM needs no help. Chosen, not measured."""
MIN_WHOLE_RUNS = 3
"""Runs of Leiden that must find no better partition before a group counts as whole.

With one run, two planted groups of 1,000 nearest-neighbour copies and 4,000 wrong edges were joined; with 3 they are not.
"""
MAX_SPLITS = 12
"""Times that a part of a graph is split in turn before it is given up. Chosen, not measured."""


def find_sampled_groups(graph: Graph) -> IntArray:
    """Return the smallest core node of the sampled group of each node; -1 for the nodes in none."""
    groups = np.full(graph.nodes, -1, np.int64)
    for members in _iter_sampled_groups(graph):
        groups[members] = members[0]
    return _absorb_neighbours(graph, groups) if groups.max(initial=-1) >= 0 else groups


def _iter_sampled_groups(graph: Graph) -> Iterator[IntArray]:
    """Yield the nodes of each sampled group.

    A part of the core is a group if CPM leaves it whole at the resolution times the share of its pairs that have an edge:
    then no cut through it has clearly fewer edges than a sample of that size would have. Otherwise its parts are tried,
    of which each is denser.
    """
    is_core = _find_core(graph)
    inside = is_core[graph.a] & is_core[graph.b]
    roots = label_components(graph.nodes, graph.a[inside], graph.b[inside])
    parts = [(*part, 0) for part in _iter_large_parts(graph, roots)]
    while parts:
        members, part, splits = parts.pop()
        density = len(part.a) / (part.nodes * (part.nodes - 1) / 2)
        if density >= MAX_SAMPLED_DENSITY or splits == MAX_SPLITS:
            continue
        labels = _find_better_parts(part, RESOLUTION * density)
        if labels is None:
            yield members
        else:
            parts += [(members[inner], smaller, splits + 1) for inner, smaller in _iter_large_parts(part, labels)]


def _find_better_parts(part: Graph, resolution: float) -> IntArray | None:
    """Return a partition of higher CPM quality than the whole graph in one community; None if no run finds one."""
    rows = sparse_rows(part)
    for run in range(MIN_WHOLE_RUNS):
        labels = run_leiden(rows, resolution, SEED + run)
        sizes = np.bincount(labels)
        pairs_apart = (part.nodes**2 - int((sizes**2).sum())) / 2
        weight_apart = float(part.weights[labels[part.a] != labels[part.b]].sum())
        if weight_apart < resolution * pairs_apart:
            return labels
    return None


def _find_core(graph: Graph) -> BoolArray:
    """Return True for the nodes of the largest set of which each has MIN_CERTAIN_EDGES certain edges to the others."""
    a, b = graph.a[graph.certain], graph.b[graph.certain]
    while True:
        degrees = np.bincount(a, minlength=graph.nodes) + np.bincount(b, minlength=graph.nodes)
        is_core: BoolArray = degrees >= MIN_CERTAIN_EDGES
        kept = is_core[a] & is_core[b]
        if kept.all():
            return is_core
        a, b = a[kept], b[kept]


def _iter_large_parts(graph: Graph, labels: IntArray) -> Iterator[tuple[IntArray, Graph]]:
    """Yield the parts that have enough nodes for a core."""
    sizes = np.bincount(labels, minlength=graph.nodes)
    return iter_parts(graph, labels, sizes > MIN_CERTAIN_EDGES)


def _absorb_neighbours(graph: Graph, groups: IntArray) -> IntArray:
    """Return the groups with the nodes that have most of their weight, and enough of it, in one of them.

    Enough is RESOLUTION times the mean number of edges that a member has within the group.
    """
    nodes, others = np.concatenate([graph.a, graph.b]), np.concatenate([graph.b, graph.a])
    weights = np.concatenate([graph.weights, graph.weights])
    totals = np.bincount(nodes, weights, graph.nodes)
    inside = (groups[graph.a] == groups[graph.b]) & (groups[graph.a] >= 0)
    sizes = np.bincount(groups[groups >= 0], minlength=graph.nodes)
    mean_degrees = 2 * np.bincount(groups[graph.a[inside]], minlength=graph.nodes) / np.maximum(sizes, 1)
    outside = (groups[nodes] < 0) & (groups[others] >= 0)
    keys, places = np.unique(nodes[outside] * graph.nodes + groups[others[outside]], return_inverse=True)
    shares = np.bincount(places, weights[outside], len(keys))
    node, group = keys // graph.nodes, keys % graph.nodes
    absorbed = (shares > totals[node] / 2) & (shares > RESOLUTION * mean_degrees[group])
    extended = groups.copy()
    extended[node[absorbed]] = group[absorbed]
    return extended
