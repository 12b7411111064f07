"""Promise of two sounds: a symmetric score by which they are chosen to be compared.

It depends on the two sounds alone. Both directions must be promising, so that it does not matter which of the two is searched
for in an index with the codes of the other.
"""

from collections.abc import Callable, Collection
from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.matching.sounds.near_codes import CODE_BITS, NearCodes, find_near_codes, near_pairs
from mediafp.matching.sounds.side import VARIANTS, SoundSide, SoundSides, Variant
from mediafp.types.arrays import Float64Array
from mediafp.types.kept_matches import PROMISING
from mediafp.types.sound_codes import CODE_PRINTS

MIN_PROMISE: Final = 0.5
"""Promise from which two sounds are a candidate."""
MIN_BITS: Final = 54
"""Bits by which two codes must be nearer than chance, 256 bits, to make two sounds a candidate alone."""
PROMISING_BITS: Final = 62
"""Bits by which they are nearer if the two sounds are compared in any case."""
DOUBLE_WEIGHT: Final = 0.62
"""Share of the summed bits of two near pairs, one behind the other in both sounds, that counts as the bits of one pair: the
two are as rare among unrelated sounds."""
MAX_APART_PRINTS: Final = 2 * CODE_PRINTS
"""Greatest distance of two such pairs in the stored sound; the least is the length of a code. Chosen, not measured."""
SPEED_TOLERANCE: Final = 0.12
"""Share by which the distance of two such pairs may differ between the sounds, besides the speed of the variant."""
PLACE_TOLERANCE: Final = 3
"""Prints by which it may differ besides."""
MAX_FOLLOWED_PAIRS: Final = 300
"""Nearest pairs of codes of one variant that are considered. Chosen, not measured: unrelated sounds have a few."""
BLOCK_FOLLOWED: Final = 1 << 18
"""Pairs of such pairs that are considered at once. It bounds the memory, to 20 MB. Chosen, not measured."""
DIGITS: Final = 4
"""Decimal places of a promise."""

type Follows = Callable[[Float64Array, npt.NDArray[np.int64]], npt.NDArray[np.bool_]]
"""Function that returns which pair of codes follows which in both sounds, given how much later it is in the searched sound, in
prints of the stored one (N,), and in the stored sound (N,)."""


def pair_promise(a: SoundSide, b: SoundSide, variants: Collection[Variant] = VARIANTS) -> float | None:
    """Return the promise of two sounds, the same in either order; None if they are no candidate.

    Args:
        a: One sound.
        b: The other.
        variants: Variants of `a` that are compared, if others are known to promise nothing (`candidates`).
    """
    best = 0.0
    for near in find_near_codes(a, b, variants):
        bits = _bits(near)
        if bits >= MIN_BITS:
            back = near_pairs(b.dense_codes(near.variant.inverse), a.stored_codes)
            best = max(best, min(bits, _bits(back)))
    if best < MIN_BITS:
        return None
    scale = (PROMISING - MIN_PROMISE) / (PROMISING_BITS - MIN_BITS)
    return round(MIN_PROMISE + (best - MIN_BITS) * scale, DIGITS)


def tracks_promise(a: SoundSides, b: SoundSides, variants: Collection[Variant] = VARIANTS) -> float | None:
    """Return the promise of two assets by their audio tracks: the greatest of two tracks; arguments as of `pair_promise`."""
    promises = (pair_promise(own, other, variants) for own in a for other in b)
    return max((promise for promise in promises if promise is not None), default=None)


def _bits(near: NearCodes) -> float:
    """Return the bits by which the nearest pair of codes is nearer than chance, or the two best that agree."""
    return float(group_bits(near, np.zeros(len(near.distance), np.int64), 1, follow)[0])


def group_bits(near: NearCodes, group: npt.NDArray[np.int64], count: int, follows: Follows) -> Float64Array:
    """Return, for each group (G,) of pairs of codes, the bits by which the nearest pair is nearer than chance, or the two best.

    Args:
        near: Near pairs of codes of one variant; of equally near ones in a group, the first count.
        group: Numbers (N,) of their groups.
        count: Number of groups; those without pairs get 0.
        follows: Function that says which two pairs count together.
    """
    order = np.lexsort((near.distance, group))
    rank = np.arange(len(order)) - np.searchsorted(group[order], group[order])
    order = order[rank < MAX_FOLLOWED_PAIRS]
    group, bits = group[order], CODE_BITS / 2 - near.distance[order]
    searched, stored = near.searched[order], near.stored[order]
    firsts, sizes = np.searchsorted(group, np.arange(count)), np.bincount(group, minlength=count)
    best = np.zeros(count)
    best[sizes > 0] = bits[firsts[sizes > 0]]
    # Most groups have one pair, by chance.
    others = np.where(sizes > 1, sizes, 0)[group]
    block = np.concatenate([[0], np.cumsum(others)]) // BLOCK_FOLLOWED
    for part in np.split(np.arange(len(group)), np.flatnonzero(np.diff(block[:-1])) + 1):
        repeated = others[part]
        one = np.repeat(part, repeated)
        other = firsts[group[one]] + np.arange(len(one)) - np.repeat(np.cumsum(repeated) - repeated, repeated)
        apart = (searched[other] - searched[one]) * near.variant.speed
        together = follows(apart, stored[other] - stored[one])
        one, other = one[together], other[together]
        np.maximum.at(best, group[one], DOUBLE_WEIGHT * (bits[one] + bits[other]))
    return best


def follow(apart: Float64Array, later: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which pairs of codes follow which in both sounds, as `Follows` states."""
    drift = np.abs(apart - later)
    return (later >= CODE_PRINTS) & (later <= MAX_APART_PRINTS) & (drift <= PLACE_TOLERANCE + SPEED_TOLERANCE * later)


def may_follow(apart: Float64Array, later: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return which pairs may follow which, if `later` counts rows of an index: silent parts have none."""
    least = CODE_PRINTS * (1 - SPEED_TOLERANCE) - PLACE_TOLERANCE
    greatest = MAX_APART_PRINTS * (1 + SPEED_TOLERANCE) + PLACE_TOLERANCE
    return (later > 0) & (apart >= least) & (apart <= greatest)
