"""Promise of two sounds: a symmetric score by which they are chosen to be compared.

It depends on the two sounds alone. Both directions must be promising, so that it does not matter which of the two is searched
for in an index with the codes of the other.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mediafp.matching.sounds.near_codes import CODE_BITS, NearCodes, find_near_codes
from mediafp.matching.sounds.side import VARIANTS, SoundSide
from mediafp.types.kept_matches import PROMISING
from mediafp.types.neighbours import Neighbour
from mediafp.types.sound_codes import CODE_PRINTS, STORED_HOP

MIN_PROMISE: Final = 0.5
"""Promise from which two sounds are a candidate."""
MIN_SINGLE_BITS: Final = 58
"""Bits by which two codes must be nearer than chance, 256 bits, to make two sounds a candidate alone."""
PROMISING_SINGLE_BITS: Final = 70
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
MAX_NEAR_PAIRS: Final = 300
"""Nearest pairs of codes of one variant that are looked at. Chosen, not measured: unrelated sounds have a few."""
DIGITS: Final = 4
"""Decimal places of a promise."""


class SearchCodes(NamedTuple):
    """Codes of a sound in all variants, for a search in an index of `sound_codes`."""

    codes: npt.NDArray[np.uint8]
    """(Q, 64)."""
    variants: npt.NDArray[np.int64]
    """Number of the variant in `VARIANTS`, (Q,)."""
    starts: npt.NDArray[np.int64]
    """Print that the code starts with, (Q,)."""


def search_codes(side: SoundSide) -> SearchCodes:
    """Return the codes by which a sound is searched for: those within `near_codes.MAX_DISTANCE` are near."""
    parts = [side.dense_codes(variant) for variant in VARIANTS]
    return SearchCodes(
        np.concatenate([part.codes for part in parts]),
        np.repeat(np.arange(len(parts)), [len(part.codes) for part in parts]),
        np.concatenate([part.starts for part in parts]),
    )


def promising_assets(searched: SearchCodes, neighbours: Sequence[Iterable[Neighbour]]) -> Iterator[str]:
    """Yield the assets that may be candidates, given the rows of an index that are near each searched code.

    Every asset of which the promise is not None is among them, if each of its stored rows has the number of its code.
    """
    near: dict[str, dict[int, list[tuple[int, int, int]]]] = defaultdict(lambda: defaultdict(list))
    variants, starts = searched.variants.tolist(), searched.starts.tolist()
    for number, found in enumerate(neighbours):
        for sha256, row, distance in found:
            near[sha256][variants[number]].append((starts[number], row * STORED_HOP, int(distance)))
    for sha256, by_variant in near.items():
        pairs = [NearCodes(VARIANTS[number], *np.array(hits, np.int64).T) for number, hits in by_variant.items()]
        if _bits(pairs) >= MIN_SINGLE_BITS:
            yield sha256


def pair_promise(a: SoundSide, b: SoundSide) -> float | None:
    """Return the promise of two sounds, the same in either order; None if they are no candidate."""
    bits = _bits(find_near_codes(a, b))
    if bits >= MIN_SINGLE_BITS:
        bits = min(bits, _bits(find_near_codes(b, a)))
    if bits < MIN_SINGLE_BITS:
        return None
    scale = (PROMISING - MIN_PROMISE) / (PROMISING_SINGLE_BITS - MIN_SINGLE_BITS)
    return round(MIN_PROMISE + (bits - MIN_SINGLE_BITS) * scale, DIGITS)


def _bits(near: list[NearCodes]) -> float:
    """Return the bits by which the nearest pair of codes is nearer than chance, or the two best that agree."""
    return max((max(_single_bits(part), _double_bits(part)) for part in near), default=0.0)


def _single_bits(near: NearCodes) -> float:
    return float(CODE_BITS / 2 - near.distance.min())


def _double_bits(near: NearCodes) -> float:
    """Return the weighted bits of the two best pairs of codes, one behind the other in both sounds."""
    best = np.argsort(near.distance, kind="stable")[:MAX_NEAR_PAIRS]
    searched, stored, bits = near.searched[best], near.stored[best], CODE_BITS / 2 - near.distance[best]
    later = stored[None, :] - stored[:, None]
    drift = np.abs((searched[None, :] - searched[:, None]) * near.variant.speed - later)
    agrees = (later >= CODE_PRINTS) & (later <= MAX_APART_PRINTS) & (drift <= PLACE_TOLERANCE + SPEED_TOLERANCE * later)
    return float(DOUBLE_WEIGHT * np.where(agrees, bits[:, None] + bits[None, :], 0.0).max())
