"""The matches that were found since some time, as a page lists them."""

from dataclasses import dataclass

from mediafp.store import Store
from mediafp.types.kept_matches import KeptMatch


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What was found since some time."""

    total: int
    """Number of pairs of assets with a probable match that was kept since."""
    last_at: str | None
    """Time at which the last of these matches was kept; None if there is none."""
    surest: tuple[KeptMatch, ...]
    """The most probable match of each of the surest pairs, the surest first."""


def load_news(store: Store, since: str, limit: int) -> News:
    """Return the matches that were kept after a time.

    Args:
        store: The store.
        since: ISO 8601 in UTC; "" for all.
        limit: Largest number of matches.
    """
    found = store.new_matches(since, limit)
    surest = []
    for a, b, channel in found.surest:
        # A damaged match, which was reported, is not among them.
        kept = (one for one in store.kept_matches(a) if one.pair == (a, b) and one.channel == channel)
        surest += [one for one in kept if one.match][:1]
    return News(total=found.total, last_at=found.last_at, surest=tuple(surest))
