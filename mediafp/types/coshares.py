"""Pairs and groups of accounts that posted the same media within a time window."""

from dataclasses import dataclass
from typing import Final

DEFAULT_WINDOW_SECONDS: Final = 86_400.0
"""Time within which two posts of one item count as shared: a day, since many sources state no more than the day of a post.
Chosen, not measured."""
MAX_FALSE_SHARE: Final = 0.02
"""Expected share of chance findings (false discovery rate) up to which a pair is more than chance explains. Below the usual
limit of .05, as accounts also share what they like and the hour at which they post, which no permutation keeps
(`scripts/bench/coshare.py`)."""
MIN_SHARED: Final = 2
"""Shared items below which a pair is never more than chance explains: one item that many post is no pattern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coshare:
    """Two accounts that posted the same media within the time window; `a` < `b`."""

    a: str
    """Key of the account."""
    b: str
    shared: int
    """Items that both posted within the window."""
    median_gap: float
    """Median over these items of the least seconds between a post of the one and a post of the other."""
    expected: float
    """Items that the two would share if their posts were dealt out anew, mean."""
    p_value: float
    """Share of the permutations in which the two share as many items or more, by (k + 1) / (n + 1)."""
    q_value: float
    """Expected share of chance findings among all pairs that are as surprising or more."""
    group: int | None
    """Number of its group; None if chance explains the pair."""

    @property
    def is_surprising(self) -> bool:
        """True if chance does not explain the pair."""
        return self.group is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoshareGroup:
    """Accounts that pairs beyond chance connect."""

    number: int
    accounts: tuple[str, ...]
    """Keys, sorted."""
    items: int
    """Items that a pair of the group shares."""
    median_gap: float
    """Median of the median gaps of its pairs, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPost:
    """Two posts of one item by two accounts within the window, the older first: a row of CooRTweet's `detect_groups`."""

    object_id: str
    """Smallest SHA-256 of the near-duplicates."""
    account_id: str
    account_id_y: str
    content_id: str
    """Platform and id of the post, else its address, else the path of the file."""
    content_id_y: str
    timestamp_share: int
    """Seconds since 1970."""
    timestamp_share_y: int
    time_delta: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosharing:
    """All pairs of accounts that posted the same media within a time window."""

    window: float
    pairs: tuple[Coshare, ...]
    """The most surprising first."""
    groups: tuple[CoshareGroup, ...]
    posts: tuple[SharedPost, ...]
    """By item, then by time."""
    accounts: int
    """Accounts with dated posts."""
    inexact: int
    """Posts whose time is less exact than the window, which are not compared."""
    popular: int
    """Items that too many accounts posted, which are not compared."""
