"""Weighted graphs as arrays, their connected components and their subgraphs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float64Array

type IntArray = npt.NDArray[np.int64]
type BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graph:
    """Undirected graph whose nodes are numbers from 0; each pair of nodes has at most one edge."""

    nodes: int
    a: IntArray
    """Smaller node of each edge; the edges are sorted by `a`, then by `b`."""
    b: IntArray
    weights: Float64Array
    certain: BoolArray
    """True for the edges of near-certain duplicates."""


def label_components(nodes: int, a: IntArray, b: IntArray) -> IntArray:
    """Return the smallest node of the connected component of each node.

    The roots of the trees are joined to smaller neighbouring roots until no edge joins two trees.
    """
    roots = np.arange(nodes)
    while len(a):
        a, b = roots[a], roots[b]
        apart = a != b
        a, b = a[apart], b[apart]
        np.minimum.at(roots, np.maximum(a, b), np.minimum(a, b))
        while not np.array_equal(parents := roots[roots], roots):
            roots = parents
    return roots


def iter_parts(graph: Graph, labels: IntArray, wanted: BoolArray) -> Iterator[tuple[IntArray, Graph]]:
    """Yield the sorted nodes of each wanted part of a graph, and its subgraph, in the order of the labels.

    Args:
        graph: The graph.
        labels: Part of each node: a number below the number of nodes.
        wanted: True for each label whose part is yielded.
    """
    members = np.flatnonzero(wanted[labels])
    members = members[np.argsort(labels[members], kind="stable")]
    names, firsts, sizes = np.unique(labels[members], return_index=True, return_counts=True)
    places = np.zeros(graph.nodes, np.int64)
    places[members] = np.arange(len(members)) - np.repeat(firsts, sizes)
    edges = np.flatnonzero(wanted[labels[graph.a]] & (labels[graph.a] == labels[graph.b]))
    edges = edges[np.argsort(labels[graph.a[edges]], kind="stable")]
    starts, ends = (np.searchsorted(labels[graph.a[edges]], names, side) for side in ("left", "right"))
    a, b, weights, certain = places[graph.a[edges]], places[graph.b[edges]], graph.weights[edges], graph.certain[edges]
    for first, size, start, end in zip(firsts.tolist(), sizes.tolist(), starts.tolist(), ends.tolist(), strict=True):
        part = slice(start, end)
        yield (
            members[first : first + size],
            Graph(nodes=size, a=a[part], b=b[part], weights=weights[part], certain=certain[part]),
        )


def number_labels(labels: IntArray) -> IntArray:
    """Return labels as numbers from 0 in the order of their values."""
    numbers: IntArray = np.unique(labels, return_inverse=True)[1]
    return numbers
