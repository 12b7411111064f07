"""Clusters of near-duplicates: communities of the graph of matches, with the edges that justify them.

Nodes are assets and edges are matches, weighted by probability and coverage. The work grows with the number of edges.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np

from mediafp.matching.cluster_ids import number_clusters
from mediafp.matching.common_edges import SharedLoader, drop_common_edges
from mediafp.matching.communities import find_communities
from mediafp.matching.decided_groups import GroupConstraints, apply_constraints
from mediafp.matching.disjoint_sets import DisjointSets
from mediafp.matching.edge_columns import RELATIONS, EdgeColumns, EdgeRow, pair_graph, read_edge_rows
from mediafp.matching.graphs import IntArray
from mediafp.matching.lone_copies import join_lone_copies
from mediafp.types.arrays import Float64Array
from mediafp.types.clusters import Cluster, Clustering, ClusterMember, Edge
from mediafp.types.matches import Relation, Segment
from mediafp.types.media import Kind

type EdgeKey = tuple[str, str, Relation]
"""SHA-256 of `a` and of `b`, and the relation, as they were given."""
type SegmentLoader = Callable[[Sequence[EdgeKey]], Sequence[tuple[Segment, ...]]]
"""Function that returns the segments of each of some edges; it is called once per cluster of videos."""
CONTAINMENT_DIVISOR = 100
"""Divisor of the other asset's coverage in the degree of an asset, so that it decides only between equal weights: of two
assets, the one that contains all of the other represents the cluster. Chosen, not measured."""


def cluster_edges(
    kinds: Mapping[str, Kind],
    edges: Iterable[EdgeRow],
    uris: Mapping[str, tuple[str, ...]],
    *,
    load_segments: SegmentLoader,
    load_shared: SharedLoader,
    previous: Mapping[str, int],
    next_number: int,
    audio_files: Collection[str] = (),
    constraints: GroupConstraints = GroupConstraints(),  # noqa: B008
) -> Clustering:
    """Return the clusters of assets, largest first; images and videos are clustered separately.

    The result does not depend on the order of the arguments, nor on which asset of an edge is `a`.

    Args:
        kinds: Kind of every asset, by SHA-256.
        edges: Relations between these assets; a pair may have several, whose weights add up.
        uris: Paths and URLs of every asset, by SHA-256; only those of members are read.
        load_segments: Segments of edges between members.
        load_shared: Probable matches of a video with others.
        previous: Number of the cluster that each asset was in before.
        next_number: Lowest number that no cluster ever had.
        audio_files: Videos without frames, which are near-duplicates if their sound is the same.
        constraints: Which assets persons have put into one cluster or apart; two that are together are of one kind.
    """
    decided = [name for name in constraints.names if name in kinds]
    columns = drop_common_edges(read_edge_rows(edges, kinds, audio_files, decided), load_shared)
    labels = join_lone_copies(find_communities(pair_graph(columns)), columns)
    labels = apply_constraints(labels, columns, constraints)
    degrees = _weighted_degrees(columns, labels)
    members_by_label = _group_by_label(np.arange(len(labels)), labels)
    inside = np.flatnonzero(labels[columns.low] == labels[columns.high])
    rows_by_label = _group_by_label(inside, labels[columns.low[inside]])
    links_by_label = _group_links(columns, labels, constraints)
    communities = sorted(
        ((label, members) for label, members in members_by_label.items() if len(members) > 1),
        key=lambda community: (-len(community[1]), community[1][0]),
    )
    names = [[columns.names[member] for member in members] for _, members in communities]
    clusters = []
    for (label, members), member_names, number in zip(
        communities, names, number_clusters(names, previous, next_number), strict=True
    ):
        kind = kinds[member_names[0]]
        rows = rows_by_label.get(label, np.zeros(0, np.int64))
        weakest, weakest_pair = _weakest_link(columns, rows, members, links_by_label[label])
        clusters.append(
            Cluster(
                id=_cluster_id(number.number),
                was=tuple(map(_cluster_id, number.was)),
                kind=kind,
                # The members are sorted, and the first of the highest degree is taken.
                representative=member_names[int(np.argmax(degrees[members]))],
                weakest_link=weakest,
                weakest_pair=weakest_pair,
                members=tuple(ClusterMember(sha256=name, uris=uris[name]) for name in member_names),
                edges=_build_edges(columns, rows, load_segments if kind == "video" else None),
            )
        )
    clustered = sum(len(cluster.members) for cluster in clusters)
    return Clustering(clusters=tuple(clusters), unclustered=len(kinds) - clustered)


def _cluster_id(number: int) -> str:
    return f"c{number}"


def _group_by_label(values: IntArray, labels: IntArray) -> dict[int, IntArray]:
    """Return the values of each label, in their order."""
    order = np.argsort(labels, kind="stable")
    names, starts, sizes = (
        column.tolist() for column in np.unique(labels[order], return_index=True, return_counts=True)
    )
    values = values[order]
    return {name: values[start : start + size] for name, start, size in zip(names, starts, sizes, strict=True)}


def _weighted_degrees(columns: EdgeColumns, labels: IntArray) -> Float64Array:
    """Return the weight of the edges of each asset within its community, and a little for what it contains of others."""
    inside = labels[columns.low] == labels[columns.high]
    nodes = np.stack([columns.low[inside], columns.high[inside]], axis=1)
    contained = np.stack([columns.high_coverage[inside], columns.low_coverage[inside]], axis=1)
    weights = columns.weights[inside, None] + contained / CONTAINMENT_DIVISOR
    # Summed in the order of the edges, so that rounding does not depend on their direction.
    degrees: Float64Array = np.bincount(nodes.ravel(), weights.ravel(), len(columns.names))
    return degrees


def _group_links(
    columns: EdgeColumns, labels: IntArray, constraints: GroupConstraints
) -> defaultdict[int, list[tuple[int, int]]]:
    """Return the pairs of assets that were decided to be together, by their community, without those in two."""
    places = {columns.names[place]: place for place in range(len(labels))} if constraints.together else {}
    links: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for a, b in constraints.together:
        if a in places and b in places and labels[places[a]] == labels[places[b]]:
            links[int(labels[places[a]])].append((places[a], places[b]))
    return links


def _weakest_link(
    columns: EdgeColumns, rows: IntArray, members: IntArray, together: Sequence[tuple[int, int]]
) -> tuple[float, tuple[str, str] | None]:
    """Return the lowest probability in a maximum spanning tree of the edges that have weight, and the pair with that edge.

    Members that were decided to be together need no edge; if none is needed, the probability is 1, and there is no pair.
    """
    rows = rows[columns.weights[rows] > 0]
    order = np.argsort(-columns.probabilities[rows], kind="stable")
    # Kruskal's algorithm, decided links first.
    lows, highs = (
        np.searchsorted(members, np.concatenate((decided, side[rows[order]]))).tolist()
        for decided, side in zip(
            np.array(together, np.int64).reshape(-1, 2).T, (columns.low, columns.high), strict=True
        )
    )
    probabilities = [1.0] * len(together) + columns.probabilities[rows[order]].tolist()
    sets = DisjointSets(len(members))
    joined = 1
    weakest, weakest_pair = 1.0, None
    for place, (low, high, probability) in enumerate(zip(lows, highs, probabilities, strict=True)):
        if joined == len(members):
            break
        if sets.unite(low, high):
            joined += 1
            if place >= len(together):
                # By falling probability: the last one is the lowest.
                weakest, weakest_pair = probability, (columns.names[members[low]], columns.names[members[high]])
    return weakest, weakest_pair


def _build_edges(columns: EdgeColumns, rows: IntArray, load_segments: SegmentLoader | None) -> tuple[Edge, ...]:
    """Return edges as they were given, the most probable first."""
    swapped = columns.swapped[rows]
    a = np.where(swapped, columns.high[rows], columns.low[rows])
    b = np.where(swapped, columns.low[rows], columns.high[rows])
    order = np.lexsort((b, a, -columns.probabilities[rows]))
    rows, swapped = rows[order], swapped[order]
    keys: list[EdgeKey] = [
        (columns.names[first], columns.names[second], RELATIONS[relation])
        for first, second, relation in zip(
            a[order].tolist(), b[order].tolist(), columns.relations[rows].tolist(), strict=True
        )
    ]
    a_coverage = np.where(swapped, columns.high_coverage[rows], columns.low_coverage[rows]).tolist()
    b_coverage = np.where(swapped, columns.low_coverage[rows], columns.high_coverage[rows]).tolist()
    segments = load_segments(keys) if load_segments else [()] * len(keys)
    return tuple(
        Edge(a=a, b=b, relation=relation, probability=probability, coverage=(first, second), segments=found)
        for (a, b, relation), probability, first, second, found in zip(
            keys, columns.probabilities[rows].tolist(), a_coverage, b_coverage, segments, strict=True
        )
    )
