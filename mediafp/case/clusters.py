"""The clusters of a store, and its matches with each pair of assets once."""

from mediafp.matching.clustering import cluster_edges
from mediafp.matching.images.text_evidence import DIFFERENT_CAPTION_PROBABILITY
from mediafp.store import Store
from mediafp.types.clusters import Clustering, Edge
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.matches import Match, PairKey, QueryResult, pair_key
from mediafp.types.media import Asset

AssetMatches = list[tuple[Asset, list[Match]]]
"""Every asset of a store with its matches among the others."""
MIN_EDGE_PROBABILITY = DIFFERENT_CAPTION_PROBABILITY
"""Probability above which a match becomes an edge: two images that may only share a template are not joined."""


def edges_from_matches(asset: Asset, matches: list[Match]) -> list[Edge]:
    """Return the probable matches of a stored asset as edges from it."""
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


def cluster_store(store: Store, asset_matches: AssetMatches) -> Clustering:
    """Return the clusters of a store; of the two directions of a pair, the more probable one is its edge."""
    best: dict[PairKey, Edge] = {}
    for asset, matches in asset_matches:
        for edge in edges_from_matches(asset, matches):
            pair = pair_key(edge.a, edge.b, edge.relation)
            if pair not in best or edge.probability > best[pair].probability:
                best[pair] = edge
    kinds = {asset.sha256: asset.kind for asset, _ in asset_matches}
    return cluster_edges(kinds, list(best.values()), {sha256: store.uris(sha256) for sha256 in kinds})


def pairwise_results(store: Store, asset_matches: AssetMatches) -> list[QueryResult]:
    """Return the probable matches in a store, each pair once.

    Of the two directions of a pair, the more probable one is returned. If they are equally probable, it is the one
    whose query is the smaller part, since it shows what was cropped off.
    """

    def rank(match: Match) -> tuple[float, float]:
        # Rounded, since the two directions of a pair are hardly ever equally probable to the last digit.
        return round(match.probability, 2), -match.placement.covered if match.placement else 0.0

    best: dict[PairKey, tuple[str, Match]] = {}
    for asset, matches in asset_matches:
        for match in matches:
            pair = pair_key(asset.sha256, match.sha256, match.relation)
            if match.probability >= DEFAULT_MIN_PROBABILITY and (pair not in best or rank(match) > rank(best[pair][1])):
                best[pair] = (asset.sha256, match)
    chosen: dict[str, list[Match]] = {}
    for sha256, match in best.values():
        chosen.setdefault(sha256, []).append(match)
    return [
        QueryResult(
            query=store.uris(asset.sha256)[0],
            sha256=asset.sha256,
            kind=asset.kind,
            error=None,
            matches=tuple(chosen.get(asset.sha256, ())),
        )
        for asset, _ in asset_matches
    ]
