"""Communities as persons have decided: pairs that are in one group, and pairs that are not."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mediafp.matching.disjoint_sets import DisjointSets
from mediafp.matching.edge_columns import EdgeColumns
from mediafp.matching.graphs import BoolArray, IntArray, label_components, number_labels

type Pair = tuple[str, str]
"""SHA-256 of two assets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupConstraints:
    """Decisions on which assets belong in one group; the assets need not exist any more."""

    apart: frozenset[Pair] = frozenset()
    """Pairs that are never in one group, the smaller SHA-256 first."""
    together: tuple[Pair, ...] = ()
    """Pairs that are in one group unless others keep them apart, the latest decision first."""

    @property
    def names(self) -> list[str]:
        """All assets that were decided on, sorted."""
        return sorted({name for pair in (*self.apart, *self.together) for name in pair})


def apply_constraints(labels: IntArray, columns: EdgeColumns, constraints: GroupConstraints) -> IntArray:
    """Return the community of each asset as decided: numbers below the number of assets.

    Communities with a pair that is together become one. A community with a pair that is apart is built anew from single
    assets: first by the pairs that are together, then by its edges, the most probable first, each of which joins two parts
    unless a pair in them is apart. So what parts a pair are the least probable edges between the two. A pair that is apart
    prevails over any that is together, and of two that are together and contradict each other by a third, the later one does.

    Args:
        labels: Community of each asset as the edges alone make it.
        columns: The edges; its names include all decided assets that exist.
        constraints: The decisions.
    """
    if not constraints.apart and not constraints.together:
        return labels
    places = {name: place for place, name in enumerate(columns.names)}
    # An asset that was forgotten still joins and parts others: a split outlives the asset that it was stated of.
    for name in constraints.names:
        places.setdefault(name, len(places))
    together = [(places[a], places[b]) for a, b in constraints.together]
    apart = [(places[a], places[b]) for a, b in sorted(constraints.apart)]
    extended = np.arange(len(places))
    extended[: len(labels)] = number_labels(labels)
    # The number of a community may be that of an asset without one, which is in no community then.
    extended[len(labels) :] = len(places) + np.arange(len(places) - len(labels))
    extended = number_labels(extended)
    linked = np.array([(extended[a], extended[b]) for a, b in together], np.int64).reshape(-1, 2)
    merged = label_components(len(places), linked[:, 0], linked[:, 1])[extended]
    parted = {int(merged[a]) for a, b in apart if merged[a] == merged[b]}
    if parted:
        edges = _iter_edges(columns, labels, np.isin(merged[: len(labels)], list(parted)))
        merged = _rebuild(merged, parted, [*together, *edges], apart)
    return number_labels(merged[: len(labels)])


def _iter_edges(columns: EdgeColumns, labels: IntArray, wanted: BoolArray) -> Iterator[tuple[int, int]]:
    """Yield the edges that make the communities of wanted assets, the most probable first, and of equal ones the heavier."""
    is_inside = (columns.weights > 0) & (labels[columns.low] == labels[columns.high])
    rows = np.flatnonzero(is_inside & wanted[columns.low])
    order = np.lexsort((columns.high[rows], columns.low[rows], -columns.weights[rows], -columns.probabilities[rows]))
    yield from zip(columns.low[rows[order]].tolist(), columns.high[rows[order]].tolist(), strict=True)


def _rebuild(
    labels: IntArray, parted: set[int], links: Sequence[tuple[int, int]], apart: Sequence[tuple[int, int]]
) -> IntArray:
    """Return labels, those of some communities by the first links that join no pair that is apart."""
    sets = DisjointSets(len(labels))
    enemies: defaultdict[int, set[int]] = defaultdict(set)
    for a, b in apart:
        enemies[a].add(b)
        enemies[b].add(a)

    is_parted = np.isin(labels, list(parted)).tolist()
    for a, b in links:
        if not (is_parted[a] and is_parted[b]):
            continue
        first, second = sorted((sets.find(a), sets.find(b)))
        if first == second or second in enemies[first]:
            continue
        sets.unite(first, second)
        for enemy in enemies.pop(second, set()):
            enemies[enemy].discard(second)
            enemies[enemy].add(first)
            enemies[first].add(enemy)
    rebuilt = labels.copy()
    for node, parted_now in enumerate(is_parted):
        if parted_now:
            # Behind all labels of the communities that stay.
            rebuilt[node] = len(labels) + sets.find(node)
    return rebuilt
