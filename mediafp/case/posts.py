"""The posts of some assets in short: how many accounts, and when."""

from collections.abc import Collection
from typing import NamedTuple

from mediafp.accounts.identities import identify_accounts
from mediafp.store import Store
from mediafp.types.instants import time_key


class PostSummary(NamedTuple):
    """Accounts and dates of the sightings of some assets."""

    accounts: int
    first_at: str | None
    """Oldest post; None if none has a date."""
    last_at: str | None


def summarise_posts(store: Store, only: Collection[str]) -> PostSummary:
    """Return the number of accounts that posted some assets, and the first and the last post."""
    sightings = [seen for sha256 in only for seen in store.sightings(sha256)]
    times = sorted((seen.posted_at for seen in sightings if seen.posted_at), key=time_key)
    accounts = {identity for identity in identify_accounts(sightings) if identity}
    return PostSummary(len(accounts), times[0] if times else None, times[-1] if times else None)
