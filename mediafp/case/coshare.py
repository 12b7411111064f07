"""Pairs and groups of accounts of a store that posted the same media within a time window."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from mediafp.accounts.coshares import PairTable, SlotPairs, compare_pairs, find_slot_pairs
from mediafp.accounts.evidence import join_pairs
from mediafp.accounts.permutations import Posts
from mediafp.accounts.summaries import AccountRecords
from mediafp.case.accounts import load_summaries
from mediafp.store import Store
from mediafp.types.coshares import Coshare, CoshareGroup, Cosharing, SharedPost
from mediafp.types.instants import parse_instant


class _Post(NamedTuple):
    """One post of an item by an account; sorted by time."""

    at: float
    account: str
    item: str
    content: str


def find_coshares(store: Store, window: float) -> Cosharing:
    """Return the pairs of accounts of a store that posted the same media within a window of seconds."""
    records, media = load_summaries(store, store.assets())
    found, inexact = _posts(records, media, window)
    accounts = sorted({post.account for post in found})
    items = sorted({post.item for post in found})
    numbers = {key: number for number, key in enumerate(accounts)}
    item_numbers = {item: number for number, item in enumerate(items)}
    posts = Posts(
        accounts=np.array([numbers[post.account] for post in found], np.int64),
        items=np.array([item_numbers[post.item] for post in found], np.int64),
        times=np.array([post.at for post in found], np.float64),
    )
    table = compare_pairs(posts, window)
    slots = find_slot_pairs(posts, window)
    groups = _group(table, accounts)
    pairs = _pairs(table, accounts, groups)
    return Cosharing(
        window=window,
        pairs=tuple(pairs),
        groups=tuple(_summarise_groups(pairs, groups, found, slots)),
        posts=tuple(_shared_posts(found, slots)),
        accounts=len(accounts),
        inexact=inexact,
        popular=slots.skipped,
    )


def _posts(records: AccountRecords, media: dict[str, str], window: float) -> tuple[list[_Post], int]:
    """Return the posts by time, and the number of those whose time is less exact than the window.

    The same post at several paths, or with several near-duplicates, is one.
    """
    posts: dict[_Post, None] = {}
    inexact = 0
    for sighting, key in zip(records.sightings, records.keys, strict=True):
        instant = parse_instant(sighting.posted_at) if key and sighting.posted_at else None
        if instant is None or key is None:
            continue
        if instant.seconds > window:
            inexact += 1
            continue
        name = sighting.post_id and ":".join(filter(None, (sighting.platform, sighting.post_id)))
        item = media.get(sighting.sha256, sighting.sha256)
        at = instant.start if instant.seconds <= 1 else instant.middle
        posts[_Post(at, key, item, name or sighting.url or sighting.uri)] = None
    unique: dict[tuple[float, str, str], _Post] = {}
    for post in sorted(posts):
        unique.setdefault(post[:3], post)
    return list(unique.values()), inexact


def _group(table: PairTable, accounts: Sequence[str]) -> dict[str, int]:
    """Return the number of the group of each account that a pair beyond chance connects, the largest group first."""
    chosen = np.flatnonzero(table.is_surprising).tolist()
    roots = join_pairs((accounts[table.a[row]], accounts[table.b[row]]) for row in chosen)
    sizes = Counter(roots.values())
    numbers = {root: n for n, root in enumerate(sorted(sizes, key=lambda root: (-sizes[root], root)), 1)}
    return {key: numbers[root] for key, root in roots.items()}


def _pairs(table: PairTable, accounts: Sequence[str], groups: dict[str, int]) -> list[Coshare]:
    """Return the pairs, those beyond chance first, then by surprise."""
    surprising = table.is_surprising.tolist()
    columns = (table.a, table.b, table.shared, table.median_gaps, table.expected, table.p_values, table.q_values)
    pairs = [
        Coshare(
            a=accounts[a],
            b=accounts[b],
            shared=shared,
            median_gap=round(gap, 3),
            expected=round(expected, 4),
            p_value=round(p, 6),
            q_value=round(q, 6),
            group=groups[accounts[a]] if is_surprising else None,
        )
        for a, b, shared, gap, expected, p, q, is_surprising in zip(
            *(column.tolist() for column in columns), surprising, strict=True
        )
    ]
    return sorted(
        pairs, key=lambda pair: (pair.group is None, pair.q_value, pair.p_value, -pair.shared, pair.a, pair.b)
    )


def _summarise_groups(
    pairs: Sequence[Coshare],
    groups: dict[str, int],
    found: Sequence[_Post],
    slots: SlotPairs,
) -> list[CoshareGroup]:
    """Return the groups, the largest first."""
    surprising = {(pair.a, pair.b) for pair in pairs if pair.group}
    items: defaultdict[int, set[int]] = defaultdict(set)
    for first, second, item in zip(slots.first.tolist(), slots.second.tolist(), slots.items.tolist(), strict=True):
        a, b = sorted((found[first].account, found[second].account))
        if (a, b) in surprising:
            items[groups[a]].add(item)
    gaps: defaultdict[int, list[float]] = defaultdict(list)
    for pair in pairs:
        if pair.group:
            gaps[pair.group].append(pair.median_gap)
    return [
        CoshareGroup(
            number=number,
            accounts=tuple(sorted(key for key, group in groups.items() if group == number)),
            items=len(items[number]),
            median_gap=float(median(gaps[number])),
        )
        for number in sorted(gaps)
    ]


def _shared_posts(found: Sequence[_Post], slots: SlotPairs) -> list[SharedPost]:
    """Return the pairs of posts by different accounts, by item and time."""
    rows = []
    for first, second in zip(slots.first.tolist(), slots.second.tolist(), strict=True):
        old, new = found[first], found[second]
        if old.account != new.account:
            rows.append((old.item, old.at, new.at, old, new))
    rows.sort()
    return [
        SharedPost(
            object_id=item,
            account_id=old.account,
            account_id_y=new.account,
            content_id=old.content,
            content_id_y=new.content,
            timestamp_share=int(old.at),
            timestamp_share_y=int(new.at),
            time_delta=int(new.at) - int(old.at),
        )
        for item, _, _, old, new in rows
    ]
