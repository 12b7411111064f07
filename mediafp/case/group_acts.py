"""Acts of a person on clusters: split, merge and move, each as decisions on pairs that are taken back together."""

import os
from collections.abc import Iterable, Sequence

from mediafp.case.clusters import cluster_store
from mediafp.case.decided_pairs import check_note, decision_time, find_sha256, login_name, save_over_standing
from mediafp.case.group_constraints import load_constraints
from mediafp.case.sources import PathLike
from mediafp.store import Store
from mediafp.types.clusters import Cluster, Clustering
from mediafp.types.decisions import Decision, DecisionConflict, DecisionSubject, DecisionValue
from mediafp.types.errors import UsageError
from mediafp.types.media import Kind

type Step = tuple[str, str, DecisionValue]
"""Two assets, and the decision on their group."""


def plan_split(store: Store, cluster_id: str, members: Iterable[PathLike]) -> list[Step]:
    """Return the decisions that make some members of a cluster a group of their own.

    One of them is decided to be together with each of the others, and apart from each member that stays. So they are one
    group whatever their edges are, what stays is held together by its own edges, and the number of decisions is that of
    the members, not of the pairs.

    Raises:
        UsageError: There is no such cluster, or the members are not a part of it.
    """
    cluster = find_cluster(cluster_store(store), cluster_id)
    present = {member.sha256 for member in cluster.members}
    taken = sorted({find_sha256(store, os.fspath(member)) for member in members})
    if strangers := [sha256 for sha256 in taken if sha256 not in present]:
        raise UsageError(f"cannot split {cluster_id}: {strangers[0]} is no member of it; reload the group")
    if not taken or len(taken) == len(present):
        raise UsageError(
            f"cannot split {cluster_id}: {len(taken)} of its {len(present)} members were chosen; choose some, not all"
        )
    anchor = cluster.representative if cluster.representative in taken else taken[0]
    steps: list[Step] = [(anchor, other, "confirm") for other in taken if other != anchor]
    return [*steps, *((anchor, other, "reject") for other in sorted(present.difference(taken)))]


def plan_merge(store: Store, first_id: str, second_id: str) -> list[Step]:
    """Return the decisions that make two clusters one.

    Raises:
        UsageError: There is no such cluster, or they are the same, or of two kinds.
    """
    clustering = cluster_store(store)
    first, second = find_cluster(clustering, first_id), find_cluster(clustering, second_id)
    if first is second:
        raise UsageError(f"cannot merge {first_id} with itself; name two clusters")
    _check_kinds(first.kind, second.kind, f"merge {first_id} and {second_id}")
    sides = [[member.sha256 for member in cluster.members] for cluster in (first, second)]
    return _join(store, (first.representative, second.representative), *sides)


def plan_move(store: Store, member: PathLike, cluster_id: str) -> list[Step]:
    """Return the decisions that take an asset out of its cluster, if it is in one, and into another one.

    Raises:
        UsageError: There is no such cluster or asset, it is in the cluster, or it is of another kind.
    """
    sha256 = find_sha256(store, os.fspath(member))
    clustering = cluster_store(store)
    target = find_cluster(clustering, cluster_id)
    source = next((one for one in clustering.clusters if any(sha256 == own.sha256 for own in one.members)), None)
    if source is target:
        raise UsageError(f"cannot move {sha256} to {cluster_id}: it is a member of it")
    _check_kinds(store.asset_kind(sha256), target.kind, f"move {sha256} to {cluster_id}")
    left = sorted(own.sha256 for own in source.members if own.sha256 != sha256) if source else []
    joined = _join(store, (sha256, target.representative), [sha256], [own.sha256 for own in target.members])
    return [*((sha256, other, "reject") for other in left), *joined]


def save_act(
    store: Store, name: str, steps: Sequence[Step], *, note: str, decided_by: str | None, replace_others: bool
) -> list[Decision]:
    """Save decisions on groups as one act, and return them.

    Args:
        store: The store.
        name: What the act does, in words.
        steps: The decisions.
        note: Reason in the words of the person.
        decided_by: Who decides; None for the login name of the user.
        replace_others: Replace decisions of other persons too.

    Raises:
        DecisionConflict: Another person has decided otherwise on one of the pairs.
    """
    check_note(note)
    by, at = decided_by or login_name(), decision_time()
    made: list[Decision] = []
    with store.writing():
        numbers = _numbers_before(store, steps)
        for first, second, value in steps:
            decision = Decision(
                subject="group",
                a=min(first, second),
                b=max(first, second),
                decision=value,
                note=note,
                decided_by=by,
                decided_at=at,
                act=f"{name}, {at}",
                numbers=() if made else numbers,
            )
            if not replace_others:
                _check_others(store, decision)
            standing = store.find_decision(*decision.key)
            made.append(save_over_standing(store, decision, standing.decided_at if standing else None))
    return made


def _numbers_before(store: Store, steps: Sequence[Step]) -> tuple[tuple[str, int], ...]:
    """Return the number of every asset of the clusters that decisions concern."""
    numbers = store.cluster_numbers()
    concerned = {numbers[sha256] for a, b, _ in steps for sha256 in (a, b) if sha256 in numbers}
    return tuple((sha256, number) for sha256, number in sorted(numbers.items()) if number in concerned)


def find_cluster(clustering: Clustering, cluster_id: str) -> Cluster:
    """Return a cluster. Raises UsageError if there is none of this id."""
    for cluster in clustering.clusters:
        if cluster.id == cluster_id:
            return cluster
    raise UsageError(
        f"cannot find the cluster {cluster_id!r}: there is none of this id; list them with: mediafp cluster"
    )


def _join(store: Store, pair: tuple[str, str], first: Sequence[str], second: Sequence[str]) -> list[Step]:
    """Return the decisions that join two groups: on a pair of them, and on each pair that was kept apart."""
    apart = load_constraints(store).apart
    members = set(first), set(second)
    between = [
        (a, b)
        for a, b in sorted(apart)
        if (a in members[0] and b in members[1]) or (a in members[1] and b in members[0])
    ]
    pairs = dict.fromkeys([(min(pair), max(pair)), *between])
    return [(a, b, "confirm") for a, b in pairs]


def _check_kinds(first: Kind, second: Kind, act: str) -> None:
    if first != second:
        raise UsageError(f"cannot {act}: one is of {first}s, the other of {second}s; clusters have one kind each")


def _check_others(store: Store, made: Decision) -> None:
    """Raise DecisionConflict if another person has decided otherwise on the pair of a decision."""
    contrary: DecisionValue = "reject" if made.decision == "confirm" else "confirm"
    # A confirmed match says nothing about the group: files that share a clip are in two.
    subjects: tuple[DecisionSubject, ...] = ("group", "match") if contrary == "reject" else ("group",)
    for subject in subjects:
        standing = store.find_decision(subject, made.a, made.b)
        if standing and standing.decision == contrary and standing.decided_by != made.decided_by:
            raise DecisionConflict(
                f"cannot {made.act.partition(',')[0]}: the {subject} of {made.a} and {made.b} is {standing.sentence};"
                " replace the decisions of others, or take it back first",
                standing,
            )
