"""The matches that were found since some time, as a page lists them."""

from dataclasses import dataclass

from mediafp.store import Store
from mediafp.types.kept_matches import MatchRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """The matches that were found since some time."""

    total: int
    """Number of pairs of assets with a probable match that was kept since."""
    last_at: str | None
    """Time at which the last of these matches was kept; None if there is none."""
    surest: tuple[MatchRecord, ...]
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
        for kept in store.kept_matches(a):
            # A damaged match, which was reported, is not among them.
            if kept.pair == (a, b) and kept.channel == channel and kept.match:
                surest.append(
                    MatchRecord(
                        a=a,
                        b=b,
                        query=kept.query,
                        channel=channel,
                        match=kept.match,
                        a_sightings=tuple(store.sightings(a)),
                        b_sightings=tuple(store.sightings(b)),
                    )
                )
    return News(total=found.total, last_at=found.last_at, surest=tuple(surest))
