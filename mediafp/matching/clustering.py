"""Clusters of near-duplicates: Leiden (Traag et al. 2019, CPM) on edges weighted by coverage."""

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import graspologic_native

from mediafp.types.clusters import Cluster, Clustering, ClusterMember, Edge
from mediafp.types.media import Kind

RESOLUTION = 0.3
"""CPM's density: a group holds where its edges weigh more than this on average.

With MIN_COVERAGE .65: BCubed F .987 on each of four standard dumps of eval/videos.py (seeds 7 to 10, 77 files each), and
.957, .945 and .939 on the hard dumps of seeds 7 to 9 (73 files each); no pair of either chaining trap was joined.
"""
MIN_COVERAGE = 0.65
"""Edges that explain less of both on average (a shared intro, half of a video, one photograph of four) join nothing.

On the same dumps .3 gives F .994 on each standard one, but .007 less on each hard one.
"""
STARTS = 10
"""Runs of Leiden from single assets on each connected component."""
MERGES = 40
"""Further runs, each from what two of the best partitions so far agree on; none where all partitions are the same.

On the dumps above one run is enough. On 60 made graphs (30 to 1,000 nodes, groups planted, up to 4 chaining edges a node)
the CPM quality is above that of igraph's Leiden, run until it is stable, on 46, the same on 12 and lower on 2, by .6 % at
most; without MERGES it is lower on 17, and with one run on 47.
"""
RANDOMNESS = 0.01
"""Leiden's temperature when it refines a partition. Between .001 and .1 no value was clearly better on the made graphs."""
SEED = 7


def edge_weight(edge: Edge) -> float:
    """Probability times the mean share that the edge explains of both, 0 below MIN_COVERAGE.

    Two videos that share a clip, and a collage and its photographs, explain little of each other and stay apart; the
    same words are no near-duplicate however much they explain.
    """
    if edge.relation == "same_script":
        return 0.0
    share = sum(edge.coverage) / 2
    return edge.probability * share if share >= MIN_COVERAGE else 0.0


def cluster_edges(kinds: Mapping[str, Kind], edges: Sequence[Edge], uris: Mapping[str, tuple[str, ...]]) -> Clustering:
    """The clusters of the assets in `kinds`, largest first; pictures and videos are grouped apart."""
    ordered = sorted(edges, key=lambda e: (*sorted((e.a, e.b)), e.relation, e.probability, e.a))
    joined = {kind: [e for e in ordered if kinds[e.a] == kinds[e.b] == kind] for kind in ("image", "video")}
    clusters: list[tuple[Kind, list[str], list[Edge]]] = []
    for kind in ("image", "video"):
        for members in _parts(joined[kind]):
            inside = set(members)
            clusters.append((kind, members, [e for e in joined[kind] if e.a in inside and e.b in inside]))
    clusters.sort(key=lambda c: (-len(c[1]), c[1]))
    made = [_cluster(f"c{n}", *parts, uris) for n, parts in enumerate(clusters, 1)]
    return Clustering(clusters=tuple(made), unclustered=len(kinds) - sum(len(c.members) for c in made))


def _parts(edges: Iterable[Edge]) -> list[list[str]]:
    """Return the groups of two or more assets, each sorted, that strong edges form; edges of one pair add up."""
    # The library ignores all but the first edge of a pair.
    weights: dict[tuple[str, str], float] = defaultdict(float)
    for edge in edges:
        if edge_weight(edge) > 0:
            weights[min(edge.a, edge.b), max(edge.a, edge.b)] += edge_weight(edge)
    roots = _Roots()
    for pair in weights:
        roots.join(*pair)
    components: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    for (a, b), joint in sorted(weights.items()):
        components[roots.find(a)].append((a, b, joint))
    return [part for component in components.values() for part in _split(component) if len(part) > 1]


def _split(edges: list[tuple[str, str, float]]) -> list[list[str]]:
    """Return the partition of a connected graph with the highest CPM quality that was found."""
    names = sorted({name for a, b, _ in edges for name in (a, b)})
    qualities: dict[tuple[int, ...], float] = {}
    draw = random.Random(SEED)

    def rank(labels: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
        return qualities[labels], labels

    for run in range(STARTS + MERGES):
        start = None
        if run >= STARTS:
            if len(qualities) == 1:
                break
            start = dict(zip(names, _numbered(zip(*draw.sample(sorted(qualities), 2), strict=True)), strict=True))
        quality, labels = graspologic_native.leiden(
            edges,
            starting_communities=start,
            resolution=RESOLUTION,
            randomness=RANDOMNESS,
            use_modularity=False,
            seed=SEED + run,
        )
        qualities[_numbered(labels[name] for name in names)] = quality
        if len(qualities) > STARTS:
            del qualities[min(qualities, key=rank)]
    parts: dict[int, list[str]] = defaultdict(list)
    best = max(qualities, key=rank)
    for name, label in zip(names, best, strict=True):
        parts[label].append(name)
    return list(parts.values())


def _numbered(labels: Iterable[object]) -> tuple[int, ...]:
    """Return the labels as numbers in the order in which they first come, so that equal partitions are equal tuples."""
    seen: dict[object, int] = {}
    return tuple(seen.setdefault(label, len(seen)) for label in labels)


def _cluster(
    name: str, kind: Kind, members: list[str], edges: list[Edge], uris: Mapping[str, tuple[str, ...]]
) -> Cluster:
    degree = dict.fromkeys(members, 0.0)
    for edge in edges:
        # An asset that holds all of another is the better face of the group than a part of it.
        degree[edge.a] += edge_weight(edge) + edge.coverage[1] / 100
        degree[edge.b] += edge_weight(edge) + edge.coverage[0] / 100
    return Cluster(
        id=name,
        kind=kind,
        representative=min(members, key=lambda m: (-degree[m], m)),
        weakest_link=_weakest_link(edges),
        members=tuple(ClusterMember(sha256=m, uris=uris[m]) for m in members),
        edges=tuple(sorted(edges, key=lambda e: (-e.probability, e.a, e.b))),
    )


def _weakest_link(edges: list[Edge]) -> float:
    """The least probability in a maximum spanning tree: the link without which the group falls apart."""
    roots = _Roots()
    weakest = 1.0
    for edge in sorted((e for e in edges if edge_weight(e) > 0), key=lambda e: -e.probability):
        if roots.join(edge.a, edge.b):
            weakest = min(weakest, edge.probability)
    return weakest


class _Roots:
    """Disjoint sets of names, each called by one of its members."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def find(self, name: str) -> str:
        """Return the root of the set that holds a name."""
        while (above := self._above.get(name, name)) != name:
            self._above[name] = name = self._above.get(above, above)
        return name

    def join(self, a: str, b: str) -> bool:
        """Unite the sets of two names; return False if they are one set already."""
        a, b = self.find(a), self.find(b)
        self._above[a] = b
        return a != b
