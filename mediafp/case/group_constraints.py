"""The decisions of a store on which assets belong in one cluster."""

from collections.abc import Sequence

from mediafp.matching.decided_groups import GroupConstraints
from mediafp.store import Store
from mediafp.types.decisions import DecisionValue


def load_constraints(store: Store, more: Sequence[tuple[str, str, DecisionValue]] = ()) -> GroupConstraints:
    """Return which pairs of assets are in one cluster, and which are not.

    Two files that are not the same media are in no cluster together either. Of a decision on the match and one on the group
    of one pair, the later one counts.

    Args:
        store: The store.
        more: Pairs and decisions on their groups that count as if they were made now.
    """
    groups = {(one.a, one.b): one for one in store.decisions("group") if one.decision != "unsure"}
    rejected = {pair: one for pair, one in store.match_decisions().items() if one.decision == "reject"}
    apart: set[tuple[str, str]] = set()
    together: list[tuple[str, tuple[str, str]]] = []
    for pair in groups.keys() | rejected.keys():
        group, match = groups.get(pair), rejected.get(pair)
        latest = max((one for one in (group, match) if one), key=lambda one: one.decided_at)
        if latest.decision == "reject":
            apart.add(pair)
        else:
            together.append((latest.decided_at, pair))
    # Of one act, by pair.
    together.sort(key=lambda one: one[1])
    together.sort(key=lambda one: one[0], reverse=True)
    ordered = [pair for _, pair in together]
    if more:
        decided = {(min(a, b), max(a, b)): decision for a, b, decision in sorted(more)}
        confirmed = [pair for pair, decision in decided.items() if decision == "confirm"]
        apart = apart.difference(decided) | {pair for pair, decision in decided.items() if decision == "reject"}
        ordered = [*confirmed, *(pair for pair in ordered if pair not in decided)]
    return GroupConstraints(apart=frozenset(apart), together=tuple(ordered))
