"""Clusters of near-duplicates: Leiden (Traag et al. 2019, CPM) on edges weighted by coverage."""

from collections.abc import Mapping, Sequence

import igraph

from mediafp.evidence import Cluster, Clustering, Edge, Member
from mediafp.media import Kind

RESOLUTION = 0.3
"""CPM's density: a group holds where its edges weigh more than this on average."""
LEAST_WEIGHT = 0.25
"""Lighter edges (a shared intro, a stock clip) join nothing."""
SEED = 7


def weight(edge: Edge) -> float:
    """Probability times the share that the edge explains of the longer side's view of it.

    Two videos that share a clip explain little of each other and stay apart.
    """
    least, most = sorted(edge.coverage)
    return edge.probability * (least + most) / 2 if most >= 0.5 else 0.0


def group(kinds: Mapping[str, Kind], edges: Sequence[Edge], uris: Mapping[str, tuple[str, ...]]) -> Clustering:
    """The clusters of the assets in `kinds`, largest first; pictures and videos are grouped apart."""
    joined = {kind: [e for e in edges if kinds[e.a] == kinds[e.b] == kind] for kind in ("image", "video")}
    clusters: list[tuple[Kind, list[str], list[Edge]]] = []
    for kind in ("image", "video"):
        names = sorted(sha256 for sha256, of in kinds.items() if of == kind)
        place = {sha256: n for n, sha256 in enumerate(names)}
        strong = [e for e in joined[kind] if weight(e) >= LEAST_WEIGHT]
        graph = igraph.Graph(len(names), [(place[e.a], place[e.b]) for e in strong])
        igraph.set_random_number_generator(_Seeded(SEED))
        parts = graph.community_leiden(
            objective_function="CPM", weights=[weight(e) for e in strong], resolution=RESOLUTION, n_iterations=-1
        )
        for part in parts:
            if len(part) > 1:
                inside = {names[n] for n in part}
                clusters.append((kind, sorted(inside), [e for e in joined[kind] if e.a in inside and e.b in inside]))
    clusters.sort(key=lambda c: (-len(c[1]), c[1]))
    made = [_cluster(f"c{n}", *parts, uris) for n, parts in enumerate(clusters, 1)]
    return Clustering(clusters=tuple(made), unclustered=len(kinds) - sum(len(c.members) for c in made))


def _cluster(
    name: str, kind: Kind, members: list[str], edges: list[Edge], uris: Mapping[str, tuple[str, ...]]
) -> Cluster:
    degree = dict.fromkeys(members, 0.0)
    for edge in edges:
        # An asset that holds all of another is the better face of the group than a part of it.
        degree[edge.a] += weight(edge) + edge.coverage[1] / 100
        degree[edge.b] += weight(edge) + edge.coverage[0] / 100
    return Cluster(
        id=name,
        kind=kind,
        representative=min(members, key=lambda m: (-degree[m], m)),
        weakest_link=_weakest(members, edges),
        members=tuple(Member(sha256=m, uris=uris[m]) for m in members),
        edges=tuple(sorted(edges, key=lambda e: (-e.probability, e.a, e.b))),
    )


def _weakest(members: list[str], edges: list[Edge]) -> float:
    """The least probability in a maximum spanning tree: the link without which the group falls apart."""
    root = {m: m for m in members}

    def find(member: str) -> str:
        while root[member] != member:
            member = root[member]
        return member

    weakest = 1.0
    for edge in sorted(edges, key=lambda e: -e.probability):
        a, b = find(edge.a), find(edge.b)
        if a != b:
            root[a] = b
            weakest = min(weakest, edge.probability)
    return weakest


class _Seeded:
    """A seeded generator of its own for igraph, so that a clustering can be repeated."""

    def __init__(self, seed: int) -> None:
        import random

        generator = random.Random(seed)
        self.random, self.randint, self.gauss = generator.random, generator.randint, generator.gauss
