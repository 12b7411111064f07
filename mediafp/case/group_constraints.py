"""The decisions of a store on which assets belong in one cluster."""

from mediafp.matching.decided_groups import GroupConstraints
from mediafp.store import Store


def load_constraints(store: Store) -> GroupConstraints:
    """Return which pairs of assets are in one cluster, and which are not.

    Two files that are not the same media are in no cluster together either. Of a decision on the match and one on the group
    of one pair, the later one counts.
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
    return GroupConstraints(apart=frozenset(apart), together=tuple(pair for _, pair in together))
