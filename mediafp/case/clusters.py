"""The clusters of a store, and its probable matches, each pair once, from what was kept."""

from mediafp.matching.clustering import cluster_edges
from mediafp.matching.images.text_evidence import DIFFERENT_CAPTION_PROBABILITY
from mediafp.store import Store
from mediafp.types.clusters import Clustering, Edge
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.matches import Match, QueryResult

MIN_EDGE_PROBABILITY = DIFFERENT_CAPTION_PROBABILITY
"""Probability above which a match becomes an edge: two images that may only share a template are not joined."""


def cluster_store(store: Store) -> Clustering:
    """Return the clusters of a store from its kept matches."""
    edges = [
        Edge(
            a=edge.a,
            b=edge.b,
            relation=edge.relation,
            probability=edge.probability,
            coverage=(edge.coverage_a, edge.coverage_b),
        )
        for edge in store.kept_edges(MIN_EDGE_PROBABILITY)
    ]
    kinds = {asset.sha256: asset.kind for asset in store.assets()}
    return cluster_edges(kinds, edges, {sha256: store.uris(sha256) for sha256 in kinds})


def pairwise_results(store: Store) -> list[QueryResult]:
    """Return the probable kept matches, each pair once, by the SHA-256 of the query."""
    matches: dict[str, list[Match]] = {}
    for kept in store.kept_matches():
        if kept.match and kept.match.probability >= DEFAULT_MIN_PROBABILITY:
            matches.setdefault(kept.query, []).append(kept.match)
    return [
        QueryResult(
            query=store.uris(sha256)[0],
            sha256=sha256,
            kind=store.asset_kind(sha256),
            error=None,
            matches=tuple(
                sorted(matches[sha256], key=lambda match: (-match.probability, match.sha256, match.relation))
            ),
        )
        for sha256 in sorted(matches)
    ]
