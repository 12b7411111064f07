"""Clusters of near-duplicates, and the edges that justify them."""

from dataclasses import dataclass

from mediafp.types.matches import Relation, Segment
from mediafp.types.media import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Relation between two members of a cluster."""

    a: str
    """SHA-256 of the one."""
    b: str
    """SHA-256 of the other."""
    relation: Relation
    probability: float
    coverage: tuple[float, float]
    """Share of a, and of b, that the relation explains."""
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMember:
    """Asset of a cluster, with the URIs of its sightings."""

    sha256: str
    uris: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Group of near-duplicates, with every edge that justifies it."""

    id: str
    """`c` and a number, which the cluster keeps while it keeps most of its members."""
    kind: Kind
    representative: str
    """SHA-256 of the member with the most edges."""
    weakest_link: float
    """Lowest probability on the strongest path that connects all members: the least probability without whose edges, and all
    weaker ones, the cluster falls apart."""
    members: tuple[ClusterMember, ...]
    edges: tuple[Edge, ...]
    weakest_pair: tuple[str, str] | None = None
    """Members whose edge has that probability; None if persons have decided that all members belong together."""
    was: tuple[str, ...] = ()
    """Ids that its members had before, if they had another one than `id`: it was merged, or split off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """Clusters of a store, largest first, and the number of assets in none."""

    clusters: tuple[Cluster, ...]
    unclustered: int
