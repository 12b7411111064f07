"""Pairs of accounts that posted the same items within a time window, and whether chance explains them.

The null model keeps each account's activity in each period, and each item's posts with their times (`permutations`). A pair is
scored by how surprising its number of shared items is: by the upper tail of the Poisson distribution, whose mean follows from
the activity of both accounts. Items that few posted, and posts close in time, are scored by themselves too, as they say more, and
the best score counts. How often chance reaches a score is counted in the permutations, over all pairs and in the same way; so it
does not matter how many pairs and scores are compared, nor how well the Poisson distribution fits.
"""

from dataclasses import dataclass, replace
from math import lgamma
from typing import Final

import numpy as np

from mediafp.accounts.permutations import BoolArray, FloatArray, IntArray, Posts, shuffle_accounts, split_periods
from mediafp.types.coshares import MAX_FALSE_SHARE, MIN_SHARED

ITEM_SIZES: Final = (12, 50, 300)
"""Greatest number of posts of an item on each level of scoring. Items above the last are not compared: their pairs grow with the
square, and what so many post says nothing about two of them. Chosen, not measured."""
CLOSE_PART: Final = 24
"""Part of the time window within which posts are close. Chosen, not measured."""
MAX_SLOT_PAIRS: Final = 2_000_000
"""Pairs of posts of one item at most, counted without regard to the window; of more, the items with the most posts are
not compared. Chosen, not measured: about a minute."""
PERMUTATIONS: Final = 999
"""Permutations of a small case. The least p-value is .001."""
MAX_SHUFFLED: Final = 20_000_000
"""Posts and pairs of posts that all permutations together go through; a large case has fewer permutations, and
`MIN_PERMUTATIONS` at least. Chosen: about 10 CPU seconds."""
MIN_PERMUTATIONS: Final = 99
"""Permutations of the largest case."""
SEED: Final = 7
"""Seed of the permutations. Chosen, not measured."""
MAX_TAIL_TERMS: Final = 200
"""Terms of a tail of the Poisson distribution that are summed at most."""
TAIL_PRECISION: Final = 1e-6
"""Share of the sum below which a term ends it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairTable:
    """Pairs of accounts that share items within the window, sorted by both."""

    a: IntArray
    """Number of the account."""
    b: IntArray
    """Number of the other one, which is larger."""
    shared: IntArray
    median_gaps: FloatArray
    """Seconds."""
    expected: FloatArray
    """Mean number of shared items in the permutations."""
    p_values: FloatArray
    """Share of the permutations in which the pair has its score or a higher one, by (k + 1) / (n + 1)."""
    q_values: FloatArray

    @property
    def is_surprising(self) -> BoolArray:
        """True for each pair that chance does not explain."""
        found: BoolArray = (
            (self.shared >= MIN_SHARED) & (self.q_values <= MAX_FALSE_SHARE) & (self.p_values <= MAX_FALSE_SHARE)
        )
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SlotPairs:
    """Pairs of posts of one item within the window, by their positions, the earlier first."""

    first: IntArray
    second: IntArray
    items: IntArray
    skipped: int
    """Items that too many posted, which have no pairs."""

    def only(self, chosen: BoolArray) -> "SlotPairs":
        """Return a part of the pairs."""
        return replace(self, first=self.first[chosen], second=self.second[chosen], items=self.items[chosen])


def find_slot_pairs(posts: Posts, window: float) -> SlotPairs:
    """Return the pairs of posts of one item within the window; items that too many posted are skipped."""
    sizes = np.bincount(posts.items, minlength=1)
    ranked = np.sort(sizes)
    is_affordable = np.cumsum(ranked * (ranked - 1) // 2) <= MAX_SLOT_PAIRS
    most = min(int(ranked[is_affordable].max(initial=0)), ITEM_SIZES[-1])
    # All items of one size, or none.
    if not is_affordable.all() and ranked[~is_affordable].min() == most:
        most -= 1
    order = np.lexsort((posts.times, posts.items))
    order = order[sizes[posts.items[order]] <= most]
    items, times = posts.items[order], posts.times[order]
    firsts, seconds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    # Every post with the next one of its item, then with the next but one, until none is within the window.
    places = np.arange(len(order))
    step = 1
    while len(places := places[places + step < len(order)]):
        near = (items[places] == items[places + step]) & (times[places + step] - times[places] <= window)
        places = places[near]
        firsts.append(order[places])
        seconds.append(order[places + step])
        step += 1
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    return SlotPairs(first=first, second=second, items=posts.items[first], skipped=int((sizes > most).sum()))


def compare_pairs(posts: Posts, window: float) -> PairTable:
    """Return all pairs of accounts that share an item within the window, and how surprising they are.

    Args:
        posts: Posts, rising by time.
        window: Seconds.
    """
    slots = find_slot_pairs(posts, window)
    accounts = max(int(posts.accounts.max(initial=-1)) + 1, 1)
    periods = split_periods(posts.times, window)
    scoring = Scoring(posts, periods, slots, window)
    found = scoring.score(posts.accounts)
    keys = found.keys
    scores = _look_up(found.scored_keys, found.scores, keys)
    size = len(posts.times) + len(slots.first)
    runs = max(MIN_PERMUTATIONS, min(PERMUTATIONS, MAX_SHUFFLED // max(size, 1)))
    as_high, total = np.zeros(len(keys)), np.zeros(len(keys))
    # Number of chance pairs by how many found pairs they reach or exceed.
    ranked = np.sort(scores)
    chance = np.zeros(len(keys) + 1)
    for shuffled in shuffle_accounts(posts, periods, runs, SEED) if len(keys) else ():
        null = scoring.score(shuffled)
        as_high += _look_up(null.scored_keys, null.scores, keys) >= scores
        total += _look_up(null.keys, null.shared, keys)
        chance += np.bincount(np.searchsorted(ranked, null.scores, "right"), minlength=len(keys) + 1)
    a, b = np.divmod(keys, accounts)
    return PairTable(
        a=a,
        b=b,
        shared=found.shared,
        median_gaps=_median_gaps(posts, slots, keys, accounts),
        expected=total / runs,
        p_values=(as_high + 1) / (runs + 1),
        q_values=_false_shares(scores, ranked, chance, runs),
    )


def _look_up(keys: IntArray, values: IntArray | FloatArray, wanted: IntArray) -> FloatArray:
    """Return the value of each wanted key, given sorted keys; 0 of a key that is not among them."""
    if not len(keys):
        return np.zeros(len(wanted))
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: FloatArray = np.where(keys[places] == wanted, values[places], 0).astype(np.float64)
    return found


def _false_shares(scores: FloatArray, ranked: FloatArray, chance: FloatArray, runs: int) -> FloatArray:
    """Return the expected share of chance pairs among those whose score is as high as that of each pair, or higher.

    The least share over all thresholds that accept the pair, as in the procedure of Benjamini and Hochberg; the number of
    chance pairs is their mean over the permutations (Storey and Tibshirani 2003).
    """
    if not len(scores):
        return np.zeros(0)
    above = chance[::-1].cumsum()[::-1][1:]
    found = len(ranked) - np.searchsorted(ranked, ranked, "left")
    shares = np.minimum(1.0, (above + 1) / (runs + 1) / found)
    lowest = np.minimum.accumulate(shares)
    values: FloatArray = np.where(scores > 0, lowest[np.searchsorted(ranked, scores, "left")], 1.0)
    return values


def _pair_keys(accounts: IntArray, slots: SlotPairs, number: int) -> tuple[IntArray, IntArray]:
    """Return the pair of accounts of each pair of slots as `a * number + b`, and the positions of those of two accounts."""
    one, other = accounts[slots.first], accounts[slots.second]
    apart = np.flatnonzero(one != other)
    one, other = one[apart], other[apart]
    return np.minimum(one, other) * number + np.maximum(one, other), apart


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairScores:
    """Pairs of accounts that share items, as `a * number + b` in order."""

    keys: IntArray
    shared: IntArray
    """Items of each of `keys`; an item counts once, however often the two posted it."""
    scored_keys: IntArray
    """Pairs with at least `MIN_SHARED` items and a score above 0."""
    scores: FloatArray


class Scoring:
    """Scores of pairs of accounts, given which account each post is of."""

    def __init__(self, posts: Posts, periods: IntArray, slots: SlotPairs, window: float) -> None:
        """Prepare the levels of scoring.

        Args:
            posts: The posts.
            periods: Period of each post.
            slots: Pairs of posts within the window.
            window: Seconds.
        """
        self._accounts = max(int(posts.accounts.max(initial=-1)) + 1, 1)
        self._slots = slots
        self._item_sizes = np.bincount(posts.items, minlength=1)
        sizes, gaps = self._item_sizes[slots.items], posts.times[slots.second] - posts.times[slots.first]
        self._is_far = gaps > window / CLOSE_PART
        self._width = max(int(periods.max(initial=-1)) + 1, 1)
        posts_of_period = np.bincount(periods, minlength=self._width).astype(np.float64)
        self._levels = []
        for size in ITEM_SIZES:
            for close in (False, True):
                level = slots.only((sizes <= size) & ~(self._is_far & close))
                self._levels.append((size, close, _slot_rates(level, periods, posts_of_period)))
        # The number of posts of each account in each period in which it has any, by account.
        self._keys, self._counts = np.unique(posts.accounts * self._width + periods, return_counts=True)
        self._starts = np.searchsorted(self._keys, np.arange(self._accounts + 1) * self._width)

    def score(self, accounts: IntArray) -> PairScores:
        """Return the pairs that share items and their scores.

        Args:
            accounts: Account of each post.
        """
        keys, apart = _pair_keys(accounts, self._slots, self._accounts)
        width = len(self._item_sizes)
        # One number for pair, item, and whether the posts are close: sorted, the closest of each pair and item is the first.
        rows = np.sort((keys * width + self._slots.items[apart]) * 2 + self._is_far[apart])
        rows = rows[np.diff(rows >> 1, prepend=-1) != 0]
        pairs, items = np.divmod(rows >> 1, width)
        starts = np.flatnonzero(np.diff(pairs, prepend=-1) != 0)
        keys, shared = pairs[starts], np.diff(starts, append=len(pairs))
        is_pattern = shared >= MIN_SHARED
        rows_of_patterns = np.repeat(is_pattern, shared)
        sizes, far = self._item_sizes[items[rows_of_patterns]], (rows[rows_of_patterns] & 1).astype(bool)
        scored, lengths = keys[is_pattern], shared[is_pattern]
        scores = np.zeros(len(scored))
        for size, close, rates in self._levels if len(scored) else ():
            counted = (sizes <= size) & ~(far & close)
            level = np.add.reduceat(counted.astype(np.int64), np.cumsum(lengths) - lengths)
            chosen = np.flatnonzero(level >= MIN_SHARED)
            surprise = poisson_surprise(level[chosen], self._expected(scored[chosen], rates))
            scores[chosen] = np.maximum(scores[chosen], surprise)
        is_scored = scores > 0
        return PairScores(keys=keys, shared=shared, scored_keys=scored[is_scored], scores=scores[is_scored])

    def _expected(self, pairs: IntArray, rates: tuple[FloatArray, FloatArray]) -> FloatArray:
        """Return the mean number of shared slot pairs of pairs of accounts, if the posts of each period are dealt out anew."""
        inside, across = rates
        a, b = np.divmod(pairs, self._accounts)
        lengths = self._starts[a + 1] - self._starts[a]
        rows = np.repeat(np.arange(len(a)), lengths)
        places = np.arange(len(rows)) + np.repeat(self._starts[a] - np.cumsum(lengths) + lengths, lengths)
        periods, own = self._keys[places] % self._width, self._counts[places]
        other = b[rows]
        means = inside[periods] * self._count(other, periods)
        if len(across):
            means += np.where(periods < len(across), across[np.minimum(periods, len(across) - 1)], 0.0) * self._count(
                other, periods + 1
            )
            means += np.where(periods > 0, across[np.maximum(periods - 1, 0)], 0.0) * self._count(other, periods - 1)
        result: FloatArray = np.bincount(rows, means * own, len(a))
        return result

    def _count(self, accounts: IntArray, periods: IntArray) -> FloatArray:
        """Return the number of posts of accounts in periods."""
        counts = _look_up(self._keys, self._counts, accounts * self._width + periods)
        return np.where((periods >= 0) & (periods < self._width), counts, 0.0)


def _slot_rates(slots: SlotPairs, periods: IntArray, sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the chance that two given posts of a period come to a pair of slots, and the same for each period and the next.

    Pairs of slots more than one period apart are rare, and are not counted.
    """
    low, high = periods[slots.first], periods[slots.second]
    inside = np.bincount(low[low == high], minlength=len(sizes)) * 2 / np.maximum(sizes * (sizes - 1), 1)
    across = np.bincount(low[low + 1 == high], minlength=len(sizes))[:-1] / np.maximum(sizes[:-1] * sizes[1:], 1)
    return inside, across


def poisson_surprise(shared: IntArray, expected: FloatArray) -> FloatArray:
    """Return the negative logarithm of the chance that a Poisson variable of a mean is so large or larger; 0 up to the mean."""
    means = np.maximum(expected, 1e-12)
    log_factorials = np.array([lgamma(number + 1.0) for number in range(int(shared.max(initial=0)) + 1)])
    log_first = shared * np.log(means) - means - log_factorials[shared]
    # Above the mean, the terms of the tail fall at least geometrically.
    terms, total = np.ones(len(shared)), np.ones(len(shared))
    for number in range(1, MAX_TAIL_TERMS):
        terms = np.where(shared > means, terms * means / (shared + number), 0.0)
        total += terms
        if not (terms > total * TAIL_PRECISION).any():
            break
    surprise: FloatArray = np.where(shared > means, -(log_first + np.log(total)), 0.0)
    return surprise


def _median_gaps(posts: Posts, slots: SlotPairs, keys: IntArray, number: int) -> FloatArray:
    """Return the median over the shared items of the least seconds between posts of each pair of accounts."""
    own, apart = _pair_keys(posts.accounts, slots, number)
    gaps = posts.times[slots.second[apart]] - posts.times[slots.first[apart]]
    order = np.lexsort((gaps, slots.items[apart], own))
    own, items, gaps = own[order], slots.items[apart][order], gaps[order]
    # The first of each pair and item has the least gap.
    firsts = (np.diff(own, prepend=-1) != 0) | (np.diff(items, prepend=-1) != 0)
    own, gaps = own[firsts], gaps[firsts]
    order = np.lexsort((gaps, own))
    own, gaps = own[order], gaps[order]
    starts, ends = np.searchsorted(own, keys, "left"), np.searchsorted(own, keys, "right")
    medians: FloatArray = (gaps[(starts + ends - 1) // 2] + gaps[(starts + ends) // 2]) / 2 if len(gaps) else gaps
    return medians
