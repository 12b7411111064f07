"""Clusters of near-duplicates: communities of the graph of matches, found by the Leiden algorithm.

Nodes are assets and edges are matches, weighted by probability and coverage. The partition maximises the constant Potts
model (CPM; Traag, Van Dooren and Nesterov 2011) rather than modularity, so that the size of the store does not change how
dense a cluster has to be. Leiden: Traag, Waltman and van Eck 2019.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from mediafp.types.clusters import Cluster, Clustering, ClusterMember, Edge
from mediafp.types.media import Kind

RESOLUTION = 0.3
"""Resolution of CPM: a cluster needs a mean edge weight, over all pairs of its members, above this.

With MIN_COVERAGE .65: BCubed F .987 on each of four standard sets of edited videos (seeds 7 to 10, 77 files each), and
.957, .945 and .939 on the hard sets of seeds 7 to 9 (73 files each); no pair of either chaining trap was joined
(`scripts/bench/score.py`).
"""
MIN_COVERAGE = 0.65
"""Mean coverage of the two assets below which an edge has no weight (a shared intro, half of a video, one photograph of
four). On the same sets .3 gives F .994 on each standard one, but .007 less on each hard one.
"""
SINGLETON_RUNS = 10
"""Runs of Leiden on each connected component that start with every asset in a community of its own.

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
RANDOMNESS = 0.01
"""Temperature of Leiden's refinement phase. On the generated graphs no value between .001 and .1 was clearly better."""
SEED = 7
"""First random seed; each run adds its number. Chosen, not measured."""
CONTAINMENT_DIVISOR = 100
"""Divisor of the other asset's coverage in the degree of an asset, so that it decides only between equal weights: of two
assets, the one that contains all of the other represents the cluster. Chosen, not measured."""


def edge_weight(edge: Edge) -> float:
    """Return the weight of an edge: probability times mean coverage, or 0 if it does not indicate a near-duplicate.

    Two videos that share a clip, or a collage and its photographs, have a mean coverage below MIN_COVERAGE and weigh 0. So
    does `same_script` at any coverage: the same words spoken again are not the same video.
    """
    if edge.relation == "same_script":
        return 0.0
    coverage = sum(edge.coverage) / 2
    return edge.probability * coverage if coverage >= MIN_COVERAGE else 0.0


def cluster_edges(kinds: Mapping[str, Kind], edges: Sequence[Edge], uris: Mapping[str, tuple[str, ...]]) -> Clustering:
    """Return the clusters of assets, largest first; images and videos are clustered separately.

    The result does not depend on the order of the arguments, nor on which asset of an edge is `a`.

    Args:
        kinds: Kind of every asset, by SHA-256.
        edges: Relations between these assets; a pair may have several, whose weights add up.
        uris: Paths and URLs of every asset, by SHA-256.
    """
    ordered = sorted(edges, key=lambda edge: (*sorted((edge.a, edge.b)), edge.relation, edge.probability, edge.a))
    by_kind = {kind: [e for e in ordered if kinds[e.a] == kinds[e.b] == kind] for kind in ("image", "video")}
    communities: list[tuple[Kind, list[str], list[Edge]]] = []
    for kind in ("image", "video"):
        for members in _find_communities(by_kind[kind]):
            inside = set(members)
            communities.append((kind, members, [e for e in by_kind[kind] if e.a in inside and e.b in inside]))
    communities.sort(key=lambda community: (-len(community[1]), community[1]))
    clusters = [_build_cluster(f"c{number}", *community, uris) for number, community in enumerate(communities, 1)]
    clustered = sum(len(cluster.members) for cluster in clusters)
    return Clustering(clusters=tuple(clusters), unclustered=len(kinds) - clustered)


def _find_communities(edges: Iterable[Edge]) -> list[list[str]]:
    """Return the communities of two or more assets, each sorted."""
    # The library ignores all but the first edge of a pair, so the weights of a pair are added here.
    weights: dict[tuple[str, str], float] = defaultdict(float)
    for edge in edges:
        if edge_weight(edge) > 0:
            weights[min(edge.a, edge.b), max(edge.a, edge.b)] += edge_weight(edge)
    sets = _DisjointSets()
    for pair in weights:
        sets.union(*pair)
    components: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for (a, b), weight in sorted(weights.items()):
        components[sets.find(a)].append((a, b, weight))
    return [
        community
        for component in components.values()
        for community in _partition_component(component)
        if len(community) > 1
    ]


def _partition_component(edges: list[tuple[str, str, float]]) -> list[list[str]]:
    """Return the partition with the highest CPM quality found for a connected graph of (node, node, weight)."""
    import graspologic_native

    nodes = sorted({node for a, b, _ in edges for node in (a, b)})
    # CPM quality of the best partitions so far; a partition is the community of each node, in the order of `nodes`.
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
    members: dict[int, list[str]] = defaultdict(list)
    best = max(qualities, key=rank)
    for node, label in zip(nodes, best, strict=True):
        members[label].append(node)
    return list(members.values())


def _renumber(labels: Iterable[object]) -> tuple[int, ...]:
    """Return labels as numbers in order of first occurrence, so that equal partitions give equal tuples."""
    numbers: dict[object, int] = {}
    return tuple(numbers.setdefault(label, len(numbers)) for label in labels)


def _build_cluster(
    name: str, kind: Kind, members: list[str], edges: list[Edge], uris: Mapping[str, tuple[str, ...]]
) -> Cluster:
    """Return a cluster with its edges, its weakest link and the member of highest weighted degree as representative."""
    degrees = dict.fromkeys(members, 0.0)
    for edge in edges:
        degrees[edge.a] += edge_weight(edge) + edge.coverage[1] / CONTAINMENT_DIVISOR
        degrees[edge.b] += edge_weight(edge) + edge.coverage[0] / CONTAINMENT_DIVISOR
    return Cluster(
        id=name,
        kind=kind,
        representative=min(members, key=lambda member: (-degrees[member], member)),
        weakest_link=_weakest_link(edges),
        members=tuple(ClusterMember(sha256=member, uris=uris[member]) for member in members),
        edges=tuple(sorted(edges, key=lambda edge: (-edge.probability, edge.a, edge.b))),
    )


def _weakest_link(edges: list[Edge]) -> float:
    """Return the lowest probability in a maximum spanning tree of the edges that have weight (Kruskal's algorithm)."""
    sets = _DisjointSets()
    weakest = 1.0
    for edge in sorted((e for e in edges if edge_weight(e) > 0), key=lambda e: -e.probability):
        if sets.union(edge.a, edge.b):
            weakest = min(weakest, edge.probability)
    return weakest


class _DisjointSets:
    """Disjoint sets of names (union-find with path halving); one member, the root, identifies each set."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def find(self, name: str) -> str:
        """Return the root of the set that contains a name."""
        while (parent := self._parents.get(name, name)) != name:
            self._parents[name] = name = self._parents.get(parent, parent)
        return name

    def union(self, a: str, b: str) -> bool:
        """Merge the sets of two names, and return True if they were different sets."""
        a, b = self.find(a), self.find(b)
        self._parents[a] = b
        return a != b
