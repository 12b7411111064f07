"""Assets that show the same: near-duplicates by their kept matches, and images of which one is a part of the other."""

from collections.abc import Sequence
from functools import partial

from mediafp.accounts.evidence import ImagePairs
from mediafp.case.clusters import MIN_EDGE_PROBABILITY
from mediafp.case.common_stretches import load_shared
from mediafp.case.group_constraints import load_constraints
from mediafp.matching.common_edges import drop_common_edges
from mediafp.matching.communities import find_communities
from mediafp.matching.decided_groups import apply_constraints
from mediafp.matching.edge_columns import pair_graph, read_edge_rows
from mediafp.matching.joined_sound import join_edges
from mediafp.store import Store
from mediafp.types.media import Asset


def group_near_duplicates(store: Store, assets: Sequence[Asset]) -> dict[str, str]:
    """Return the item of each asset that has near-duplicates: the smallest SHA-256 of its group.

    Groups are made like clusters, of matches whose verdict is `copy` alone, and by the same decisions.
    """
    kinds = {asset.sha256: asset.kind for asset in assets}
    copies = (edge for edge in store.kept_copies() if edge.a in kinds and edge.b in kinds)
    audio_files = {asset.sha256 for asset in assets if asset.kind == "video" and not all(asset.size)}
    constraints = load_constraints(store)
    decided = [name for name in constraints.names if name in kinds]
    rows = read_edge_rows(join_edges(copies), kinds, audio_files, decided)
    columns = drop_common_edges(rows, partial(load_shared, store))
    labels = apply_constraints(find_communities(pair_graph(columns)), columns, constraints)
    firsts: dict[int, str] = {}
    # The names are sorted, so that the first of each label is the smallest.
    return {name: firsts.setdefault(label, name) for name, label in zip(columns.names, labels.tolist(), strict=True)}


def pair_images(store: Store, images: set[str]) -> ImagePairs:
    """Return the pairs of images of which one shows the other, whole or cut."""
    copies = ((edge.a, edge.b) for edge in store.kept_copies())
    probable = ((edge.a, edge.b) for edge in store.kept_edges(MIN_EDGE_PROBABILITY))
    return ImagePairs(*([(a, b) for a, b in pairs if a in images and b in images] for pairs in (copies, probable)))
