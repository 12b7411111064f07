"""Clusters of near-duplicates and the edges that justify them."""

from dataclasses import dataclass

from mediafp.types.matches import Relation, Segment
from mediafp.types.media import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A relation between two members of a cluster; `coverage`: share of a, and of b, that it explains."""

    a: str
    b: str
    relation: Relation
    probability: float
    coverage: tuple[float, float]
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterMember:
    """One asset of a cluster and where it was seen."""

    sha256: str
    uris: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A group of near-duplicates with every edge that justifies it; `weakest_link` is the lowest
    probability on the strongest path that holds the group together."""

    id: str
    kind: Kind
    representative: str
    weakest_link: float
    members: tuple[ClusterMember, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """The clusters of a store, largest first, and how many assets stand alone."""

    clusters: tuple[Cluster, ...]
    unclustered: int
