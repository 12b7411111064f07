"""The clusters of a store, from its kept matches."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial

from mediafp.case.common_stretches import load_shared
from mediafp.case.group_constraints import load_constraints
from mediafp.case.joined_matches import iter_joined, seen_from
from mediafp.matching.clustering import EdgeKey, cluster_edges
from mediafp.matching.images.text_evidence import DIFFERENT_CAPTION_PROBABILITY
from mediafp.matching.joined_sound import join_edges
from mediafp.store import Store
from mediafp.types.clusters import Clustering
from mediafp.types.matches import Segment

MIN_EDGE_PROBABILITY = DIFFERENT_CAPTION_PROBABILITY
"""Probability above which a match becomes an edge: two images that may only share a template are not joined."""


class StoredUris(Mapping[str, tuple[str, ...]]):
    """Paths and URLs of the assets of a store, read for each asset that is asked for."""

    def __init__(self, store: Store, assets: Sequence[str]) -> None:
        self._store, self._assets = store, assets

    def __getitem__(self, sha256: str) -> tuple[str, ...]:
        return self._store.uris(sha256)

    def __iter__(self) -> Iterator[str]:
        return iter(self._assets)

    def __len__(self) -> int:
        return len(self._assets)


def cluster_store(store: Store, *, with_segments: bool = True) -> Clustering:
    """Return the clusters of a store from its kept matches, and save their numbers, so that each keeps its id.

    A store that is read only saves none.

    Args:
        store: The store.
        with_segments: Read the segments of all edges; if not, the edges have none.
    """
    assets = store.assets()
    kinds = {asset.sha256: asset.kind for asset in assets}
    previous, last = store.cluster_numbers(), store.last_cluster_number()
    clustering = cluster_edges(
        kinds,
        # A damaged asset is not among the assets.
        join_edges(edge for edge in store.kept_edges(MIN_EDGE_PROBABILITY) if edge.a in kinds and edge.b in kinds),
        StoredUris(store, list(kinds)),
        load_segments=partial(load_segments, store) if with_segments else lambda keys: [()] * len(keys),
        load_shared=partial(load_shared, store),
        previous=previous,
        next_number=last + 1,
        constraints=load_constraints(store),
        audio_files={asset.sha256 for asset in assets if asset.kind == "video" and not all(asset.size)},
    )
    numbers = {member.sha256: int(cluster.id[1:]) for cluster in clustering.clusters for member in cluster.members}
    # An asset that left all clusters keeps its number: the cluster may come back.
    numbers = {sha256: number for sha256, number in previous.items() if sha256 in kinds} | numbers
    if numbers != previous and not store.is_read_only:
        with store.writing():
            store.save_cluster_numbers(numbers, max(last, *numbers.values()))
    return clustering


def load_segments(store: Store, keys: Sequence[EdgeKey]) -> list[tuple[Segment, ...]]:
    """Return the segments of kept matches, seen from the first asset of each key."""

    @cache
    def of_asset(sha256: str) -> dict[tuple[str, str], tuple[Segment, ...]]:
        found: dict[tuple[str, str], tuple[Segment, ...]] = {}
        asset = store.asset(sha256)
        for kept in iter_joined(store.kept_matches(sha256), store):
            match = seen_from(kept, asset, store)
            found[match.sha256, match.relation] = match.segments
        return found

    return [of_asset(a).get((b, relation), ()) for a, b, relation in keys]
