"""Promise of two sounds: a symmetric score by which they are chosen to be compared.

It depends on the two sounds alone. Both directions must be promising, so that it does not matter which of the two is searched
for in an index with the codes of the other.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.matching.sounds.near_codes import CODE_BITS, NearCodes, find_near_codes, near_pairs
from mediafp.matching.sounds.side import VARIANTS, Codes, SoundSide, SoundSides, Variant
from mediafp.types.kept_matches import PROMISING
from mediafp.types.neighbours import Neighbour
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
DIGITS: Final = 4
"""Decimal places of a promise."""


def search_codes(side: SoundSide) -> Iterator[Codes]:
    """Yield the codes by which a sound is searched for in an index, variant by variant: those within `MAX_DISTANCE` are near."""
    return map(side.dense_codes, VARIANTS)


def promising_assets(searched: Codes, neighbours: Sequence[Iterable[Neighbour]]) -> Iterator[str]:
    """Yield the assets that may be candidates by one variant, given the rows of an index that are near each searched code.

    Every asset of which the promise is not None is yielded for a variant. Rows say which codes of a track come first, and not
    how far they are apart, as silent parts have none; the rows of a further track follow those of the one before.
    """
    near: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for start, found in zip(searched.starts.tolist(), neighbours, strict=True):
        for sha256, row, distance in found:
            near[sha256].append((start, row, int(distance)))
    for sha256, hits in near.items():
        if _bits(NearCodes(searched.variant, *np.array(hits, np.int64).T), _may_follow) >= MIN_BITS:
            yield sha256


def pair_promise(a: SoundSide, b: SoundSide, variants: Collection[Variant] = VARIANTS) -> float | None:
    """Return the promise of two sounds, the same in either order; None if they are no candidate.

    Args:
        a: One sound.
        b: The other.
        variants: Variants of `a` that are compared: those in which an index has yielded `b`, as no other promises anything.
    """
    best = 0.0
    for near in find_near_codes(a, b, variants):
        bits = _bits(near, _follow)
        if bits >= MIN_BITS:
            back = near_pairs(b.dense_codes(near.variant.inverse), a.stored_codes)
            best = max(best, min(bits, _bits(back, _follow)))
    if best < MIN_BITS:
        return None
    scale = (PROMISING - MIN_PROMISE) / (PROMISING_BITS - MIN_BITS)
    return round(MIN_PROMISE + (best - MIN_BITS) * scale, DIGITS)


def tracks_promise(a: SoundSides, b: SoundSides, variants: Collection[Variant] = VARIANTS) -> float | None:
    """Return the promise of two assets by their audio tracks: the greatest of two tracks; arguments as of `pair_promise`."""
    promises = (pair_promise(own, other, variants) for own in a for other in b)
    return max((promise for promise in promises if promise is not None), default=None)


def _bits(near: NearCodes, follows: Callable[[NearCodes], npt.NDArray[np.bool_]]) -> float:
    """Return the bits by which the nearest pair of codes is nearer than chance, or the two best that agree.

    Args:
        near: Near pairs of codes of one variant.
        follows: Function that returns for N pairs (N, N) which pair follows which in both sounds.
    """
    if not len(near.distance):
        return 0.0
    best = np.argsort(near.distance, kind="stable")[:MAX_FOLLOWED_PAIRS]
    kept = NearCodes(near.variant, near.searched[best], near.stored[best], near.distance[best])
    bits = CODE_BITS / 2 - kept.distance
    doubles = np.where(follows(kept), bits[:, None] + bits[None, :], 0.0)
    return float(max(bits[0], DOUBLE_WEIGHT * doubles.max()))


def _follow(near: NearCodes) -> npt.NDArray[np.bool_]:
    """Return which pairs of codes follow which in both sounds, (N, N)."""
    later = near.stored[None, :] - near.stored[:, None]
    drift = np.abs((near.searched[None, :] - near.searched[:, None]) * near.variant.speed - later)
    return (later >= CODE_PRINTS) & (later <= MAX_APART_PRINTS) & (drift <= PLACE_TOLERANCE + SPEED_TOLERANCE * later)


def _may_follow(near: NearCodes) -> npt.NDArray[np.bool_]:
    """Return which pairs may follow which, (N, N), if `stored` are the numbers of rows."""
    apart = (near.searched[None, :] - near.searched[:, None]) * near.variant.speed
    least = CODE_PRINTS * (1 - SPEED_TOLERANCE) - PLACE_TOLERANCE
    greatest = MAX_APART_PRINTS * (1 + SPEED_TOLERANCE) + PLACE_TOLERANCE
    return (near.stored[None, :] > near.stored[:, None]) & (apart >= least) & (apart <= greatest)
