"""Clusters of near-duplicates: Leiden (Traag et al. 2019, CPM) on edges weighted by coverage."""

import importlib
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from mediafp.types.clusters import Cluster, Clustering, ClusterMember, Edge
from mediafp.types.media import Kind

RESOLUTION = 0.3
"""CPM's density: a group holds where its edges weigh more than this on average."""
MIN_COVERAGE = 0.65
"""Edges that explain less of both on average (a shared intro, half of a video, one photograph of four) join nothing."""
SEED = 7


def edge_weight(edge: Edge) -> float:
    """Probability times the mean share that the edge explains of both, 0 below LEAST_COVERAGE.

    Two videos that share a clip, and a collage and its photographs, explain little of each other and stay apart; the
    same words are no near-duplicate however much they explain.
    """
    if edge.relation == "same_script":
        return 0.0
    share = sum(edge.coverage) / 2
    return edge.probability * share if share >= MIN_COVERAGE else 0.0


def cluster_edges(kinds: Mapping[str, Kind], edges: Sequence[Edge], uris: Mapping[str, tuple[str, ...]]) -> Clustering:
    """The clusters of the assets in `kinds`, largest first; pictures and videos are grouped apart."""
    igraph = _igraph()
    joined = {kind: [e for e in edges if kinds[e.a] == kinds[e.b] == kind] for kind in ("image", "video")}
    clusters: list[tuple[Kind, list[str], list[Edge]]] = []
    for kind in ("image", "video"):
        names = sorted(sha256 for sha256, of in kinds.items() if of == kind)
        place = {sha256: n for n, sha256 in enumerate(names)}
        strong = [e for e in joined[kind] if edge_weight(e) > 0]
        graph = igraph.Graph(len(names), [(place[e.a], place[e.b]) for e in strong])
        igraph.set_random_number_generator(_Seeded(SEED))
        parts = graph.community_leiden(
            objective_function="CPM", weights=[edge_weight(e) for e in strong], resolution=RESOLUTION, n_iterations=-1
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
        degree[edge.a] += edge_weight(edge) + edge.coverage[1] / 100
        degree[edge.b] += edge_weight(edge) + edge.coverage[0] / 100
    return Cluster(
        id=name,
        kind=kind,
        representative=min(members, key=lambda m: (-degree[m], m)),
        weakest_link=_weakest_link(members, edges),
        members=tuple(ClusterMember(sha256=m, uris=uris[m]) for m in members),
        edges=tuple(sorted(edges, key=lambda e: (-e.probability, e.a, e.b))),
    )


def _weakest_link(members: list[str], edges: list[Edge]) -> float:
    """The least probability in a maximum spanning tree: the link without which the group falls apart."""
    root = {m: m for m in members}

    def find(member: str) -> str:
        while root[member] != member:
            member = root[member]
        return member

    weakest = 1.0
    for edge in sorted((e for e in edges if edge_weight(e) > 0), key=lambda e: -e.probability):
        a, b = find(edge.a), find(edge.b)
        if a != b:
            root[a] = b
            weakest = min(weakest, edge.probability)
    return weakest


def _igraph() -> ModuleType:
    """The library without its drawing: that loads matplotlib where it is installed, a second, and writes font caches."""
    blocked = "matplotlib" not in sys.modules
    if blocked:
        sys.modules["matplotlib"] = None  # type: ignore[assignment]
    try:
        return importlib.import_module("igraph")
    finally:
        if blocked:
            del sys.modules["matplotlib"]


class _Seeded:
    """A seeded generator of its own for igraph, so that a clustering can be repeated."""

    def __init__(self, seed: int) -> None:
        import random

        generator = random.Random(seed)
        self.random, self.randint, self.gauss = generator.random, generator.randint, generator.gauss
