"""The list of pairs that wait for a person."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from mediafp.store import Store
from mediafp.types.accounts import Account
from mediafp.types.clusters import Cluster, Clustering
from mediafp.types.counted_nouns import count_of
from mediafp.types.decisions import DecisionSubject
from mediafp.types.errors import UsageError
from mediafp.types.matches import format_probability
from mediafp.types.reviews import DoubtfulMatch, ReviewItem, ReviewQueue
from mediafp.types.takeovers import Takeover

MIN_CANDIDATES: Final = 500
"""Doubtful matches, those next to .5, among which the most consequential are found. Chosen, not measured."""
MAX_WEAK_LINK: Final = 0.9
"""Probability of the weakest link of a cluster below which a person is asked. Chosen, not measured."""
MIN_LINKED_FILES: Final = 3
"""Files of a cluster from which its weakest link is asked for: of two files, it is the match itself."""
HANDLES_SCORE: Final = 0.25
"""Score of account names that were cut away: they are what a trace is after. Chosen, not measured."""
GROUP_SCORE: Final = 0.4
"""Score of a decision that joins or parts groups, times the logarithm of their files. Chosen, not measured."""
RESPAWN_SCORE: Final = 0.8
"""Score of a re-spawn, between doubtful matches and certain ones. Chosen, not measured."""

type Pair = tuple[str, str]


def build_queue(
    store: Store,
    limit: int,
    clustering: Clustering | None,
    accounts: Sequence[Account] | None,
    subject: DecisionSubject | None = None,
    takeovers: Sequence[Takeover] = (),
) -> ReviewQueue:
    """Return the pairs that wait. Arguments and errors as for `Case.review_queue`."""
    if limit < 0:
        raise UsageError(f"cannot list {limit} pairs: the limit is negative; choose 0 or more")
    clusters = clustering.clusters if clustering else ()
    links = {pair: cluster for cluster in clusters if (pair := _weak_pair(cluster))}
    links = {
        pair: cluster
        for pair, cluster in links.items()
        if not (store.find_decision("group", *pair) or store.find_decision("match", *pair))
    }
    respawns = {item.key: item for item in _iter_takeovers(store, takeovers)}
    # The reasons of a line are more than the files alone.
    respawns |= {item.key: item for item in _iter_respawns(store, accounts or ())}
    items = {item.key: item for item in _iter_links(links)}
    # A doubtful match that is a weak link is one question.
    candidates = max(MIN_CANDIDATES, limit)
    doubtful = store.doubtful_matches(candidates)
    matches = list(_iter_matches(store, doubtful, clusters, links))
    for item in matches:
        items.pop(("group", item.a, item.b), None)
        items.setdefault(item.key, item)
    waiting = [*items.values(), *respawns.values()]
    chosen = [item for item in waiting if subject in (None, item.subject)]
    ordered = sorted(chosen, key=lambda item: (-item.score, item.key))[:limit]
    return ReviewQueue(
        items=tuple(_with_match(store, item) for item in ordered),
        # Of more than were read, those of a pair that is sure otherwise, or is in doubt twice, are counted too.
        matches=len(matches) if len(doubtful) < candidates else store.count_doubtful(),
        groups=sum(item.subject == "group" for item in waiting),
        iterations=len(respawns),
    )


def _weak_pair(cluster: Cluster) -> Pair | None:
    """Return the pair, sorted, whose edge is the weak link of a cluster; None if it has none."""
    pair = cluster.weakest_pair
    if pair is None or cluster.weakest_link >= MAX_WEAK_LINK or len(cluster.members) < MIN_LINKED_FILES:
        return None
    return min(pair), max(pair)


def _iter_links(links: Mapping[Pair, Cluster]) -> Iterator[ReviewItem]:
    for (a, b), cluster in links.items():
        size = len(cluster.members)
        yield ReviewItem(
            subject="group",
            a=a,
            b=b,
            why=(
                f"without this link of probability {cluster.weakest_link:.2f}, {cluster.id} of {size} files falls apart",
            ),
            cluster=cluster.id,
            score=_uncertainty(cluster.weakest_link) + _size_score(size),
        )


def _iter_matches(
    store: Store, doubtful: Sequence[DoubtfulMatch], clusters: Sequence[Cluster], links: Mapping[Pair, Cluster]
) -> Iterator[ReviewItem]:
    """Yield one item for each pair of doubtful matches, by the match next to .5."""
    groups = {own.sha256: cluster.id for cluster in clusters for own in cluster.members}
    if not clusters:
        # As they were when the store was clustered last.
        groups = {sha256: f"c{number}" for sha256, number in store.cluster_numbers().items()}
    sizes = Counter(groups.values())
    seen: set[Pair] = set()
    for one in doubtful:
        pair = one.a, one.b
        if one.is_sure_otherwise or pair in seen:
            continue
        seen.add(pair)
        why = [f"the probability is {format_probability(one.probability, 2)}, and the verdict {one.verdict}"]
        score = _uncertainty(one.probability)
        first, second = groups.get(one.a), groups.get(one.b)
        link = links.get(pair)
        if link:
            why.append(f"without it, {link.id} of {len(link.members)} files falls apart")
            score += _size_score(len(link.members))
        elif first and second and first != second:
            why.append(f"it may join {first} of {sizes[first]} and {second} of {sizes[second]} files")
            score += _size_score(sizes[first] + sizes[second])
        if one.has_handles:
            why.append("one of both shows account names that are cut away from the other")
            score += HANDLES_SCORE
        yield ReviewItem(
            subject="match", a=one.a, b=one.b, why=tuple(why), cluster=link.id if link else None, score=score
        )


def _iter_respawns(store: Store, accounts: Sequence[Account]) -> Iterator[ReviewItem]:
    """Yield each account that takes up a line after another one, unless it was decided on."""
    lines: dict[str, list[Account]] = {}
    for account in accounts:
        if account.iteration_of:
            lines.setdefault(account.iteration_of, []).append(account)
    for line in lines.values():
        line.sort(key=lambda account: account.iteration or 0)
        for earlier, later in pairwise(line):
            a, b = sorted((earlier.key, later.key))
            if store.find_decision("iteration", a, b) is None:
                why = (f"{later.key} began {_describe_gap(later.gap_days, earlier.key)}", *later.iteration_because)
                yield ReviewItem(subject="iteration", a=a, b=b, why=why, score=RESPAWN_SCORE)


def _describe_gap(days: int | None, earlier: str) -> str:
    """Return when an account began, by the days since an earlier one ended; negative ones are an overlap."""
    if days is None:
        return "later"
    if days < 0:
        return f"before {earlier} ended"
    return f"{count_of(days, 'day')} after {earlier} ended"


def _iter_takeovers(store: Store, takeovers: Sequence[Takeover]) -> Iterator[ReviewItem]:
    """Yield each account that posted what another one had posted before it was removed, unless it was decided on."""
    for one in takeovers:
        a, b = sorted((one.earlier, one.later))
        if store.find_decision("iteration", a, b) is None:
            gap = count_of(one.gap_days, "day") if one.gap_days else "less than a day"
            why = (
                f"{one.earlier} posted {one.shared} of the {one.of} files of {one.later}, and the last removal of its posts"
                f" was {gap} before {one.later} posted the first of them",
                *one.because,
            )
            yield ReviewItem(subject="iteration", a=a, b=b, why=why, score=RESPAWN_SCORE)


def _with_match(store: Store, item: ReviewItem) -> ReviewItem:
    """Return an item with the match of its pair that is most in doubt."""
    if item.subject == "iteration":
        return item
    kept = [one for one in store.kept_pair(item.a, item.b) if one.match]
    if not kept:
        return item
    most = max(kept, key=lambda one: _uncertainty(one.match.probability if one.match else 0.0))
    return replace(item, match=most.match, query=most.query)


def _uncertainty(probability: float) -> float:
    """Return 1 for a probability of .5, falling to 0 for 0 and 1."""
    return 1 - abs(2 * probability - 1)


def _size_score(files: int) -> float:
    return GROUP_SCORE * math.log10(files)
