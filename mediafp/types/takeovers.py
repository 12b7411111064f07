"""Accounts that posted the same media after another one was removed."""

from dataclasses import dataclass

from mediafp.types.kept_matches import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """An account whose media an earlier account had posted before it was removed. It says nothing about who posted them."""

    earlier: str
    """Key of the account that was removed."""
    later: str
    """Key of the account that posted the same media afterwards."""
    removed_at: str
    first_at: str
    """First post of one of these media by the later account, after the removal."""
    gap_days: int
    """Whole days from the removal to that post."""
    shared: int
    """Media that both posted, the later account after the removal; near-duplicates count once."""
    of: int
    """Media of the later account."""
    pairs: tuple[tuple[str, str], ...]
    """SHA-256 of an asset of the earlier and of the later account for each of them, at most a hundred."""
    channels: tuple[Channel, ...]
    """Channels by which these assets match."""
    because: tuple[str, ...] = ()
    """Further reasons why both are in one line of iterations, in words."""
