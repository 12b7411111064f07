"""Accounts with their names, times and shared media, from sightings."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from mediafp.accounts.identities import Identity, identify_accounts, name_accounts
from mediafp.types.accounts import Account, AccountName, SharedMedia
from mediafp.types.instants import parse_instant, time_key
from mediafp.types.sightings import Sighting

MAX_SHARING_ACCOUNTS: Final = 200
"""Accounts that posted one item up to which the item counts as shared: the pairs grow with their square, and what everybody
posts links nobody. Chosen, not measured."""
MAX_LISTED_SHARERS: Final = 100
"""Other accounts that are listed for one account, those with the most shared media. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecords:
    """Accounts of a store, and the account of each sighting."""

    sightings: tuple[Sighting, ...]
    keys: tuple[str | None, ...]
    """Key of the account of each sighting, None if it names none."""
    accounts: Mapping[str, Account]
    """By key, sorted by the first time, then by key."""


def summarise_accounts(sightings: Sequence[Sighting], media: Mapping[str, str]) -> AccountRecords:
    """Return the accounts of sightings.

    Args:
        sightings: All sightings of a store.
        media: Item of each asset that has near-duplicates, by SHA-256; any other asset is an item of its own.
    """
    identities = identify_accounts(sightings)
    own: defaultdict[Identity, list[Sighting]] = defaultdict(list)
    for sighting, identity in zip(sightings, identities, strict=True):
        if identity:
            own[identity].append(sighting)
    names = {identity: _handles(seen) for identity, seen in own.items()}
    latest = {identity: handles[-1].name if handles else None for identity, handles in names.items()}
    keys = name_accounts(latest)
    items = {keys[identity]: {media.get(s.sha256, s.sha256) for s in seen} for identity, seen in own.items()}
    shared = _count_shared(items)
    accounts = [
        _summarise(keys[identity], identity, seen, names[identity], shared.get(keys[identity], Counter()))
        for identity, seen in own.items()
    ]
    accounts.sort(key=lambda account: (time_key(account.began_at or "~"), account.key))
    return AccountRecords(
        sightings=tuple(sightings),
        keys=tuple(keys[identity] if identity else None for identity in identities),
        accounts={account.key: account for account in accounts},
    )


def _handles(seen: Sequence[Sighting]) -> list[AccountName]:
    """Return the handles of an account, oldest first; those without a date come first, as the latest one is known."""
    dates: defaultdict[str, list[str]] = defaultdict(list)
    spelled: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sighting in seen:
        if name := (sighting.account or "").strip().lstrip("@"):
            spelled[name.casefold()][name] += 1
            dates[name.casefold()] += [sighting.date] if sighting.date else []
    handles = []
    for folded, counts in spelled.items():
        # Of several spellings of one handle, the most frequent.
        name = min(counts, key=lambda one: (-counts[one], one))
        ordered = sorted(dates[folded], key=time_key)
        first, last = (ordered[0], ordered[-1]) if ordered else (None, None)
        handles.append(AccountName(name=name, first_at=first, last_at=last))
    return sorted(
        handles,
        key=lambda one: (one.last_at is not None, time_key(one.last_at or ""), time_key(one.first_at or ""), one.name),
    )


def list_sharers(items: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the accounts that posted each item, given the items of each account."""
    sharers: defaultdict[str, list[str]] = defaultdict(list)
    for key, posted in items.items():
        for item in posted:
            sharers[item].append(key)
    return sharers


def _count_shared(items: Mapping[str, set[str]]) -> dict[str, Counter[str]]:
    """Return how many items each account shares with each other one."""
    shared: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for keys in list_sharers(items).values():
        if 1 < len(keys) <= MAX_SHARING_ACCOUNTS:
            for a, b in combinations(keys, 2):
                shared[a][b] += 1
                shared[b][a] += 1
    return shared


def _summarise(
    key: str, identity: Identity, seen: Sequence[Sighting], names: Sequence[AccountName], shared: Counter[str]
) -> Account:
    posted = sorted((s.posted_at for s in seen if s.posted_at), key=time_key)
    captured = sorted((s.captured_at for s in seen if s.captured_at), key=time_key)
    removed = sorted((s.removed_at for s in seen if s.removed_at), key=time_key)
    displayed = max((s for s in seen if s.account_name), key=_date_key, default=None)
    platforms = Counter(s.platform for s in seen if s.platform)
    posts = {s.post_id or s.url or (s.posted_at, s.sha256) for s in seen if s.post_id or s.url or s.posted_at}
    sharers = sorted(shared.items(), key=lambda item: (-item[1], item[0]))
    return Account(
        key=key,
        platform=min(platforms, key=lambda one: (-platforms[one], one)) if platforms else None,
        account=names[-1].name if names else None,
        account_id=identity.value if identity.is_id else None,
        account_name=displayed.account_name if displayed else None,
        names=tuple(names),
        first_posted_at=posted[0] if posted else None,
        last_posted_at=posted[-1] if posted else None,
        first_captured_at=captured[0] if captured else None,
        last_captured_at=captured[-1] if captured else None,
        removed_at=removed[-1] if removed and not _is_later(posted, removed[-1]) else None,
        posts=len(posts),
        captures=len(captured),
        removals=len(removed),
        assets=len({s.sha256 for s in seen}),
        shared_with=tuple(SharedMedia(account=other, assets=count) for other, count in sharers[:MAX_LISTED_SHARERS]),
        more_shared_with=len(sharers[MAX_LISTED_SHARERS:]),
    )


def _date_key(sighting: Sighting) -> tuple[bool, tuple[float, float, str], str]:
    return sighting.date is not None, time_key(sighting.date or ""), sighting.account_name or ""


def _is_later(posted: Sequence[str], removed_at: str) -> bool:
    """Return True if the last post is certainly later than a removal."""
    last, removal = parse_instant(posted[-1]) if posted else None, parse_instant(removed_at)
    return last is not None and removal is not None and last.start >= removal.end
