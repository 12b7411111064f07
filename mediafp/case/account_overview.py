"""The accounts of a store with the events of each, and which of them took up the media of a removed one."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mediafp.accounts.summaries import AccountRecords, list_sharers
from mediafp.accounts.timelines import build_timeline
from mediafp.case.accounts import find_account_keys, find_named_keys, load_accounts
from mediafp.case.shared_media import group_near_duplicates
from mediafp.store import Store
from mediafp.types.accounts import Account
from mediafp.types.decisions import Decision
from mediafp.types.groups import relation_channel
from mediafp.types.instants import DAY_SECONDS, parse_instant, time_key
from mediafp.types.kept_matches import CHANNELS, MIN_KEPT_PROBABILITY, Channel
from mediafp.types.sightings import Sighting
from mediafp.types.takeovers import Takeover
from mediafp.types.timelines import EventKind, Timeline

MIN_TAKEN_UP: Final = 2
"""Media that an account must share with a removed one to be shown as having taken them up: anybody may repost one.
Chosen, not measured."""
MIN_TAKEN_SHARE: Final = 0.5
"""Share of the media of the later account that these must be. Chosen, not measured."""
MAX_PAIRS: Final = 100
"""Pairs of assets that are listed for one takeover. Chosen, not measured."""
MAX_SHARERS: Final = 200
"""Accounts that posted one item up to which it counts: what everybody posts links nobody, as in `accounts.summaries`."""
KINDS: Final[tuple[EventKind, ...]] = ("posted", "captured", "removed")


@dataclass(frozen=True, kw_only=True)
class AccountOverview:
    """The accounts of a store, as they were when it was read."""

    records: AccountRecords
    decided: Mapping[tuple[str, str], Decision]
    """Decisions that stand on pairs of accounts, as one being a re-spawn of the other, by both keys in order."""
    takeovers: tuple[Takeover, ...]
    """Those that no person rejected, the surest first: most media, then the largest share, then the shortest gap."""

    @cached_property
    def accounts(self) -> Mapping[str, Account]:
        """Accounts by key, by their first time."""
        return self.records.accounts

    @cached_property
    def sightings_of(self) -> Mapping[str, Sequence[Sighting]]:
        """Sightings of each account, by its key."""
        found: defaultdict[str, list[Sighting]] = defaultdict(list)
        for sighting, key in zip(self.records.sightings, self.records.keys, strict=True):
            if key:
                found[key].append(sighting)
        return found

    @cached_property
    def events_of(self) -> Mapping[str, Sequence[tuple[str, EventKind, str]]]:
        """Time, kind and SHA-256 of the events of each account, oldest first, by its key."""
        return {
            key: sorted(
                {(at, kind, one.sha256) for one in seen for kind in KINDS if (at := getattr(one, f"{kind}_at"))},
                key=lambda event: (time_key(event[0]), event[1], event[2]),
            )
            for key, seen in self.sightings_of.items()
        }

    def posted_by(self, assets: Collection[str]) -> set[str]:
        """Return the keys of the accounts with a sighting of one of some assets."""
        pairs = zip(self.records.sightings, self.records.keys, strict=True)
        return {key for sighting, key in pairs if key and sighting.sha256 in assets}

    def decision_on(self, a: str, b: str) -> Decision | None:
        """Return the decision on two accounts; None if there is none."""
        return self.decided.get((min(a, b), max(a, b)))

    def find(self, name: str) -> set[str]:
        """Return the keys of the accounts that a name means, and of those in their lines."""
        return find_account_keys(self.records, name)

    def find_own(self, name: str) -> set[str]:
        """Return the keys of the accounts that a name means, without the others of their lines."""
        return set(find_named_keys(self.records, name))

    def timeline(self, *, accounts: Collection[str] = (), assets: Collection[str] = ()) -> Timeline:
        """Return the events of some accounts, or of some assets."""
        return build_timeline(self.records, lambda sighting, key: key in accounts or sighting.sha256 in assets)


def load_overview(store: Store) -> AccountOverview:
    """Return the accounts of a store by the matches that are kept now."""
    records = load_accounts(store)
    media = group_near_duplicates(store, store.assets())
    decided = {(one.a, one.b): one for one in store.decisions("iteration")}
    rejected = {pair for pair, one in decided.items() if one.decision == "reject"}
    takeovers = _find_takeovers(store, records, media, rejected)
    return AccountOverview(records=records, decided=decided, takeovers=tuple(takeovers))


def _find_takeovers(
    store: Store, records: AccountRecords, media: Mapping[str, str], rejected: Collection[tuple[str, str]]
) -> list[Takeover]:
    """Return the accounts of which most media were posted by another one that was removed before they posted them."""
    # The first post of each item by each account, and the asset of it.
    posts: defaultdict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for sighting, key in zip(records.sightings, records.keys, strict=True):
        if key and (at := sighting.date):
            item = media.get(sighting.sha256, sighting.sha256)
            standing = posts[key].get(item)
            if standing is None or time_key(at) < time_key(standing[0]):
                posts[key][item] = at, sighting.sha256
    sharers = list_sharers(posts)
    found = []
    for earlier, account in records.accounts.items():
        removal = parse_instant(account.removed_at) if account.removed_at else None
        if removal is None or account.removed_at is None:
            continue
        # Certainly after the removal began: of a day, any time of it; of a month or a year, none of it.
        gone = removal.start if removal.seconds <= DAY_SECONDS else removal.end
        shared: defaultdict[str, list[str]] = defaultdict(list)
        for item in posts[earlier]:
            for later in sharers[item] if len(sharers[item]) <= MAX_SHARERS else ():
                instant = parse_instant(posts[later][item][0])
                if later != earlier and instant and instant.start >= gone:
                    shared[later].append(item)
        for later, taken in shared.items():
            other = records.accounts[later]
            if (min(earlier, later), max(earlier, later)) in rejected:
                continue
            is_line = other.iteration_of is not None and other.iteration_of == account.iteration_of
            is_pattern = len(taken) >= MIN_TAKEN_UP and len(taken) >= MIN_TAKEN_SHARE * len(posts[later])
            if not is_line and not is_pattern:
                continue
            first_at = min((posts[later][item][0] for item in taken), key=time_key)
            first = parse_instant(first_at)
            assert first, "it was parsed before"
            pairs = tuple((posts[earlier][item][1], posts[later][item][1]) for item in sorted(taken)[:MAX_PAIRS])
            found.append(
                Takeover(
                    earlier=earlier,
                    later=later,
                    removed_at=account.removed_at,
                    first_at=first_at,
                    gap_days=max(0, int((first.start - gone) // DAY_SECONDS)),
                    shared=len(taken),
                    of=len(posts[later]),
                    pairs=pairs,
                    channels=_channels(store, pairs),
                    because=other.iteration_because if is_line else (),
                )
            )
    # Of several removed accounts with the same media, the one that shares the most, then that of the shortest gap.
    best: dict[str, Takeover] = {}
    for one in sorted(found, key=_surest):
        best.setdefault(one.later, one)
    return sorted(best.values(), key=_surest)


def _surest(one: Takeover) -> tuple[object, ...]:
    return -one.shared, -one.shared / one.of, one.gap_days, one.earlier, one.later


def _channels(store: Store, pairs: Sequence[tuple[str, str]]) -> tuple[Channel, ...]:
    """Return the channels by which some pairs of assets match; one asset has all that it has in common with itself."""
    wanted = {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}
    only = {sha256 for pair in wanted for sha256 in pair}
    edges = store.kept_edges(MIN_KEPT_PROBABILITY, only) if only else ()
    found = {relation_channel(edge.relation) for edge in edges if (edge.a, edge.b) in wanted}
    if len(wanted) < len(set(pairs)):
        found.add("picture")
    return tuple(channel for channel in CHANNELS if channel in found)
