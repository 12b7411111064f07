"""The clusters of a store."""

from mediafp.matching.clustering import cluster_edges
from mediafp.matching.videos.compare import VideoPair as VideoPair
from mediafp.store import Store
from mediafp.types.clusters import Clustering, Edge
from mediafp.types.matches import Match, PairKey, pair_key
from mediafp.types.media import Asset

MIN_EDGE_PROBABILITY = 0.5
"""Probability above which a match becomes an edge of the clustering; two pictures on one template are at it."""


def edges_from_matches(asset: Asset, matches: list[Match]) -> list[Edge]:
    """The likely matches of a stored asset as edges, from it to each other asset."""
    return [
        Edge(
            a=asset.sha256,
            b=match.sha256,
            relation=match.relation,
            probability=match.probability,
            coverage=match.coverage,
            segments=match.segments,
        )
        for match in matches
        if match.probability > MIN_EDGE_PROBABILITY and match.verdict != "same_scene"
    ]


def cluster_store(store: Store, answers: list[tuple[Asset, list[Match]]]) -> Clustering:
    """The clusters of a store from its relations; of the two directions of a pair the likelier stands.

    Words alone join nothing: what is said under the same script may show anything else.
    """
    best: dict[PairKey, Edge] = {}
    for asset, matches in answers:
        for edge in edges_from_matches(asset, matches):
            pair = pair_key(edge.a, edge.b, edge.relation)
            if pair not in best or edge.probability > best[pair].probability:
                best[pair] = edge
    kinds = {asset.sha256: asset.kind for asset, _ in answers}
    return cluster_edges(kinds, list(best.values()), {sha256: store.uris(sha256) for sha256 in kinds})
