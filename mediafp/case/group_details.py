"""One group of a store in detail: its members, and what each shares with the representative."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from mediafp.case.clusters import load_segments
from mediafp.case.joined_matches import seen_from
from mediafp.matching.weakest_cut import WeakestCut, find_weakest_cut
from mediafp.store import Store
from mediafp.types.clusters import Cluster, Edge
from mediafp.types.kept_matches import Channel
from mediafp.types.matches import Match


def load_matches(store: Store, sha256: str, others: Collection[str]) -> dict[str, dict[Channel, Match]]:
    """Return the kept matches of an asset with some others, seen from it, by the other asset and the channel."""
    asset = store.asset(sha256)
    found: dict[str, dict[Channel, Match]] = {}
    for kept in store.kept_matches(sha256):
        other = kept.reference if kept.query == sha256 else kept.query
        if other in others and kept.match:
            found.setdefault(other, {})[kept.channel] = seen_from(kept, asset, store)
    return found


def with_segments(store: Store, edges: Sequence[Edge]) -> tuple[Edge, ...]:
    """Return edges with their segments."""
    found = load_segments(store, [(edge.a, edge.b, edge.relation) for edge in edges])
    return tuple(replace(edge, segments=segments) for edge, segments in zip(edges, found, strict=True))


def cut_cluster(store: Store, cluster: Cluster) -> WeakestCut | None:
    """Return the weakest link of a cluster and the parts that it joins."""
    are_audio_files = cluster.kind == "video" and not all(store.asset(cluster.representative).size)
    return find_weakest_cut(
        [member.sha256 for member in cluster.members], cluster.edges, are_audio_files=are_audio_files
    )
