"""Clusters of near-duplicates: Leiden (Traag et al. 2019) with the constant Potts model (CPM), on edges weighted by coverage."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from mediafp.types.clusters import Cluster, Clustering, ClusterMember, Edge
from mediafp.types.media import Kind

RESOLUTION = 0.3
"""Resolution of CPM: a cluster is a group whose pairs have a higher mean edge weight than this.

With `MIN_COVERAGE` .65: BCubed F .987 on each of four standard folders of eval/videos.py (seeds 7 to 10, 77 files each), and
.957, .945 and .939 on the hard folders of seeds 7 to 9 (73 files each); no pair of either chaining trap is joined.
"""
MIN_COVERAGE = 0.65
"""Mean coverage of both assets below which an edge joins nothing: a shared intro, half of a video, one photograph of four.

On the same folders, .3 gives F .994 on each standard one, but .007 less on each hard one.
"""
STARTS = 10
"""Runs of Leiden on each connected component that start from single assets."""
MERGES = 40
"""Further runs, each from the common refinement of two of the best partitions so far; none if all partitions are equal.

On the folders above one run is enough. On 60 generated graphs (30 to 1,000 nodes, planted groups, up to 4 chaining edges a
node) the CPM quality is above that of igraph's Leiden, run until it is stable, on 46, equal on 12, and lower on 2, by .6 % at
most; without `MERGES` it is lower on 17, and with one run on 47.
"""
RANDOMNESS = 0.01
"""Temperature of Leiden's refinement. No value between .001 and .1 is clearly better on the generated graphs."""
SEED = 7
"""Seed of the runs, so that a clustering can be repeated."""
CONTAINMENT_DIVISOR = 100
"""Divisor of the other asset's coverage, which is added to an asset's degree: of two assets, the one that contains all of the
other represents the cluster. Chosen, not measured."""


def edge_weight(edge: Edge) -> float:
    """Return the weight of an edge: its probability times its mean coverage of both assets, 0 below `MIN_COVERAGE`.

    Two videos that share a clip, and a collage and its photographs, have a low coverage and stay apart. The same words do not
    make near-duplicates, whatever their coverage.
    """
    if edge.relation == "same_script":
        return 0.0
    coverage = sum(edge.coverage) / 2
    return edge.probability * coverage if coverage >= MIN_COVERAGE else 0.0


def cluster_edges(kinds: Mapping[str, Kind], edges: Sequence[Edge], uris: Mapping[str, tuple[str, ...]]) -> Clustering:
    """Return the clusters of assets, largest first; images and videos are clustered separately.

    Args:
        kinds: Kind of each asset, by its SHA-256.
        edges: Relations between the assets, each pair in any direction.
        uris: Paths and URLs of each asset's sightings, by its SHA-256.
    """
    ordered = sorted(edges, key=lambda e: (*sorted((e.a, e.b)), e.relation, e.probability, e.a))
    groups: list[tuple[Kind, list[str], list[Edge]]] = []
    for kind in ("image", "video"):
        edges_of_kind = [e for e in ordered if kinds[e.a] == kinds[e.b] == kind]
        for members in _find_groups(edges_of_kind):
            inside = set(members)
            groups.append((kind, members, [e for e in edges_of_kind if e.a in inside and e.b in inside]))
    groups.sort(key=lambda group: (-len(group[1]), group[1]))
    clusters = tuple(_to_cluster(f"c{number}", *group, uris) for number, group in enumerate(groups, 1))
    return Clustering(clusters=clusters, unclustered=len(kinds) - sum(len(cluster.members) for cluster in clusters))


def _find_groups(edges: Iterable[Edge]) -> list[list[str]]:
    """Return the groups of two or more assets, each sorted, that weighted edges form; edges of one pair add up."""
    # graspologic-native ignores all but the first edge of a pair.
    weights: dict[tuple[str, str], float] = defaultdict(float)
    for edge in edges:
        if edge_weight(edge) > 0:
            weights[min(edge.a, edge.b), max(edge.a, edge.b)] += edge_weight(edge)
    sets = _DisjointSets()
    for pair in weights:
        sets.join(*pair)
    components: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for (a, b), weight in sorted(weights.items()):
        components[sets.find(a)].append((a, b, weight))
    return [group for component in components.values() for group in _partition(component) if len(group) > 1]


def _partition(edges: list[tuple[str, str, float]]) -> list[list[str]]:
    """Return the partition of a connected graph with the highest CPM quality of all runs."""
    import graspologic_native

    names = sorted({name for a, b, _ in edges for name in (a, b)})
    qualities: dict[tuple[int, ...], float] = {}
    sampler = random.Random(SEED)

    def rank(labels: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        return qualities[labels], labels

    for run in range(STARTS + MERGES):
        start = None
        if run >= STARTS:
            if len(qualities) == 1:
                break
            pairs_of_labels = zip(*sampler.sample(sorted(qualities), 2), strict=True)
            start = dict(zip(names, _renumber(pairs_of_labels), strict=True))
        quality, labels = graspologic_native.leiden(
            edges,
            starting_communities=start,
            resolution=RESOLUTION,
            randomness=RANDOMNESS,
            use_modularity=False,
            seed=SEED + run,
        )
        qualities[_renumber(labels[name] for name in names)] = quality
        if len(qualities) > STARTS:
            del qualities[min(qualities, key=rank)]
    groups: dict[int, list[str]] = defaultdict(list)
    best = max(qualities, key=rank)
    for name, label in zip(names, best, strict=True):
        groups[label].append(name)
    return list(groups.values())


def _renumber(labels: Iterable[object]) -> tuple[int, ...]:
    """Return labels as numbers in order of first occurrence, so that equal partitions are equal tuples."""
    numbers: dict[object, int] = {}
    return tuple(numbers.setdefault(label, len(numbers)) for label in labels)


def _to_cluster(
    name: str, kind: Kind, members: list[str], edges: list[Edge], uris: Mapping[str, tuple[str, ...]]
) -> Cluster:
    """Return the cluster of some members; the member with the highest weighted degree represents it."""
    degree = dict.fromkeys(members, 0.0)
    for edge in edges:
        degree[edge.a] += edge_weight(edge) + edge.coverage[1] / CONTAINMENT_DIVISOR
        degree[edge.b] += edge_weight(edge) + edge.coverage[0] / CONTAINMENT_DIVISOR
    return Cluster(
        id=name,
        kind=kind,
        representative=min(members, key=lambda m: (-degree[m], m)),
        weakest_link=_weakest_link(edges),
        members=tuple(ClusterMember(sha256=m, uris=uris[m]) for m in members),
        edges=tuple(sorted(edges, key=lambda e: (-e.probability, e.a, e.b))),
    )


def _weakest_link(edges: list[Edge]) -> float:
    """Return the lowest probability in a maximum spanning tree: the edge without which the cluster is not connected."""
    sets = _DisjointSets()
    weakest = 1.0
    for edge in sorted((e for e in edges if edge_weight(e) > 0), key=lambda e: -e.probability):
        if sets.join(edge.a, edge.b):
            weakest = min(weakest, edge.probability)
    return weakest


class _DisjointSets:
    """Disjoint sets of names (union-find), each identified by one of its members."""

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}

    def find(self, name: str) -> str:
        """Return the root of the set that contains a name."""
        while (parent := self._parents.get(name, name)) != name:
            self._parents[name] = name = self._parents.get(parent, parent)
        return name

    def join(self, a: str, b: str) -> bool:
        """Unite the sets of two names; return False if they are one set already."""
        a, b = self.find(a), self.find(b)
        self._parents[a] = b
        return a != b
