"""Posts of items dealt out anew: the accounts of a period are shuffled among its posts.

Each account keeps the number of its posts in each period, and each item keeps its posts with their times: what remains is what
activity and popularity alone explain.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

type IntArray = npt.NDArray[np.int64]
type BoolArray = npt.NDArray[np.bool_]
type FloatArray = npt.NDArray[np.float64]

PERIOD_WINDOWS: Final = 7
"""Least length of a period in time windows: within one it does not matter when exactly an account posts, between two it does,
as accounts come and go. Chosen, not measured."""
MIN_PERIOD_POSTS: Final = 100
"""Least posts of a period: fewer cannot be shuffled. Chosen, not measured."""
FIRST_ROUNDS: Final = 20
"""Rounds of exchanges before the first permutation. Chosen, not measured."""
ROUNDS_PER_RUN: Final = 1
"""Rounds from one permutation to the next: each exchanges most accounts. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Posts:
    """Posts of items, by time."""

    accounts: IntArray
    """Number of the account."""
    items: IntArray
    """Number of the item."""
    times: FloatArray
    """Seconds since 1970, rising."""


def split_periods(times: FloatArray, window: float) -> IntArray:
    """Return the number of the period of each time, given rising times."""
    periods = np.zeros(len(times), np.int64)
    start = 0
    number = 0
    while start < len(times):
        # By length and by posts; equal times stay together.
        end = int(np.searchsorted(times, times[start] + PERIOD_WINDOWS * window, "left"))
        end = max(end, min(start + MIN_PERIOD_POSTS, len(times)))
        end = int(np.searchsorted(times, times[end - 1], "right"))
        if len(times) - end < MIN_PERIOD_POSTS:
            end = len(times)
        periods[start:end] = number
        start, number = end, number + 1
    return periods


def shuffle_accounts(posts: Posts, periods: IntArray, runs: int, seed: int) -> Iterator[IntArray]:
    """Yield the account of each post after exchanges within the periods, so many times.

    Two posts of one period exchange their accounts unless one of these would have an item twice. In each round every post
    meets another one at random (Strona et al. 2014; for two-mode networks in general Fosdick et al. 2018).
    """
    rng = np.random.default_rng(seed)
    accounts = posts.accounts.copy()
    # What one account posted, nobody can have twice.
    contested = np.flatnonzero(np.bincount(posts.items, minlength=1)[posts.items] > 1)
    for run in range(runs):
        for _ in range(ROUNDS_PER_RUN if run else FIRST_ROUNDS):
            accounts = _exchange(accounts, posts.items, periods, contested, rng)
        yield accounts


def _exchange(
    accounts: IntArray, items: IntArray, periods: IntArray, contested: IntArray, rng: np.random.Generator
) -> IntArray:
    """Return the accounts after one round."""
    # The posts are sorted by period, so that this shuffles the positions of each period.
    order = np.lexsort((rng.random(len(periods)), periods))
    one, other = order[:-1:2], order[1::2]
    same = periods[one] == periods[other]
    one, other = one[same], other[same]
    partner = np.arange(len(accounts))
    partner[one], partner[other] = other, one
    width = int(accounts.max(initial=0)) + 1
    keys = items[contested] * width
    while True:
        exchanged = accounts[partner]
        own = keys + exchanged[contested]
        order = np.argsort(own)
        repeats = np.diff(own[order]) == 0
        is_repeated = np.zeros(len(contested), bool)
        is_repeated[order[1:][repeats]] = is_repeated[order[:-1][repeats]] = True
        undone = contested[is_repeated]
        undone = undone[partner[undone] != undone]
        if not len(undone):
            return exchanged
        undone = np.concatenate([undone, partner[undone]])
        partner[undone] = undone
