"""The weakest link of a cluster, and the two parts that it joins."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from mediafp.matching.disjoint_sets import DisjointSets
from mediafp.matching.edge_columns import MIN_COVERAGE, NOT_ONE_CUT
from mediafp.types.clusters import Edge


@dataclass(frozen=True, slots=True, kw_only=True)
class WeakestCut:
    """The least probable edge that the parts of a cluster hang together by."""

    edge: Edge
    parts: tuple[tuple[str, ...], tuple[str, ...]]
    """Members on both sides, the larger part first; no edge between the two is more probable."""
    between: int
    """Edges between the two parts."""


def find_weakest_cut(
    members: Sequence[str],
    edges: Sequence[Edge],
    together: Sequence[tuple[str, str]] = (),
    *,
    are_audio_files: bool = False,
) -> WeakestCut | None:
    """Return the least probable edge of a maximum spanning tree of a cluster, and what it joins; None if it needs no edge.

    Args:
        members: Members of the cluster.
        edges: Its edges.
        together: Members that were decided to be together, which need no edge.
        are_audio_files: The members have no frames, so that the same sound joins them.
    """
    places = {name: place for place, name in enumerate(members)}
    joining: list[Edge] = []
    others: list[Edge] = []
    for edge in edges:
        (joining if _joins(edge, are_audio_files=are_audio_files) else others).append(edge)
    # A member that hangs on the others by an edge without weight is joined after all others.
    ranked = [*_by_probability(joining), *_by_probability(others)]
    decided = [(places[a], places[b]) for a, b in together if a in places and b in places]
    sets = _joined(len(places), decided)
    tree = [edge for edge in ranked if sets.unite(places[edge.a], places[edge.b])]
    if not tree:
        return None
    of_weight = [edge for edge in tree if _joins(edge, are_audio_files=are_audio_files)] or tree
    weakest = min(of_weight, key=lambda edge: (edge.probability, edge.a, edge.b))
    sets = _joined(len(places), [*decided, *((places[edge.a], places[edge.b]) for edge in tree if edge is not weakest)])
    own = sets.find(places[weakest.b])
    side = {name for name in members if sets.find(places[name]) == own}
    parts = sorted(
        (tuple(name for name in members if (name in side) is is_own) for is_own in (False, True)),
        key=lambda part: (-len(part), part),
    )
    between = sum((edge.a in side) is not (edge.b in side) for edge in edges)
    return WeakestCut(edge=weakest, parts=(parts[0], parts[1]), between=between)


def _by_probability(edges: Iterable[Edge]) -> list[Edge]:
    """Return edges, the most probable first; of equally probable ones in their order."""
    return sorted(edges, key=attrgetter("probability"), reverse=True)


def _joins(edge: Edge, *, are_audio_files: bool) -> bool:
    """Return True if an edge has weight in clusters, as `edge_columns` states it."""
    if edge.relation in NOT_ONE_CUT or (edge.relation == "same_voice" and not are_audio_files):
        return False
    return sum(edge.coverage) / 2 >= MIN_COVERAGE


def _joined(nodes: int, pairs: Sequence[tuple[int, int]]) -> DisjointSets:
    """Return sets of nodes of which some pairs are joined."""
    sets = DisjointSets(nodes)
    for a, b in pairs:
        sets.unite(a, b)
    return sets


def find_lowest(members: Sequence[str], edges: Sequence[Edge]) -> float | None:
    """Return the lowest probability of a maximum spanning forest of edges; None without an edge."""
    places = {name: place for place, name in enumerate(members)}
    sets = DisjointSets(len(places))
    tree = [edge.probability for edge in _by_probability(edges) if sets.unite(places[edge.a], places[edge.b])]
    return min(tree, default=None)
