"""Communities of a graph: each connected component is partitioned by itself, so that no part of a store changes another."""

import numpy as np

from mediafp.matching.graphs import Graph, IntArray, iter_parts, label_components
from mediafp.matching.leiden import RESOLUTION, search_by_crossing, search_exhaustively
from mediafp.matching.sampled_groups import find_sampled_groups

MAX_EXHAUSTIVE_EDGES = 300
"""Edges of a connected component up to which it is searched exhaustively. Chosen, not measured."""
ROUNDING = 1e-9
"""Mean weight by which a proof of optimality must be clear of RESOLUTION, above the error of summation."""


def find_communities(graph: Graph) -> IntArray:
    """Return the community of each node: a number below the number of nodes."""
    groups = find_sampled_groups(graph)
    is_free = groups < 0
    kept = is_free[graph.a] & is_free[graph.b]
    a, b, weights = graph.a[kept], graph.b[kept], graph.weights[kept]
    roots = label_components(graph.nodes, a, b)
    sizes = np.bincount(roots, minlength=graph.nodes)
    edges = np.bincount(roots[a], minlength=graph.nodes)
    lowest_weights = np.full(graph.nodes, np.inf)
    np.minimum.at(lowest_weights, roots[a], weights)
    # Most components are complete: if no pair weighs less than the resolution, all pairs are best joined.
    joined = (edges == sizes * (sizes - 1) // 2) & (lowest_weights > RESOLUTION + ROUNDING)
    labels = np.where(joined[roots] & is_free, roots, np.where(is_free, np.arange(graph.nodes), groups))
    for members, component in iter_parts(graph, roots, (edges > 0) & ~joined):
        _, firsts, places = np.unique(_partition_component(component), return_index=True, return_inverse=True)
        labels[members] = members[firsts[places]]
    return labels


def _partition_component(graph: Graph) -> IntArray:
    """Return the community of each node of a connected graph."""
    if _is_one_community(graph):
        return np.zeros(graph.nodes, np.int64)
    if len(graph.a) <= MAX_EXHAUSTIVE_EDGES:
        return search_exhaustively(graph)
    return search_by_crossing(graph)


def _is_one_community(graph: Graph) -> bool:
    """Return True if every partition into more than one community is proven to have a lower CPM quality.

    Of two parts, the nodes of the smaller have at least half of all nodes as partners in the other. If the lowest half of
    the weights of each node has a mean above the resolution, so has every set of partners that includes half of all nodes,
    and each cut loses quality.
    """
    if 4 * len(graph.a) < graph.nodes**2:
        return False  # in so sparse a graph, half of the weights of some node are 0
    weights = np.zeros((graph.nodes, graph.nodes))
    weights[graph.a, graph.b] = weights[graph.b, graph.a] = graph.weights
    np.fill_diagonal(weights, np.inf)
    half = (graph.nodes + 1) // 2
    lowest = np.partition(weights, half - 1, axis=1)[:, :half]
    return bool((lowest.mean(axis=1) > RESOLUTION + ROUNDING).all())
