"""Near codes of two sounds: where one may be a copy of the other."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mediafp.matching.sounds.side import VARIANTS, Codes, SoundSide, Variant
from mediafp.types.sound_codes import CODE_BYTES

CODE_BITS: Final = CODE_BYTES * 8
MAX_DISTANCE: Final = 210
"""Distance in bits up to which two codes are near. Codes of unrelated sounds are 256 ± 12 bits apart; 1 in 12,000 is so near."""
MAX_CODE_PAIRS: Final = 100_000_000
"""Pairs of codes that are compared in one direction: variants are left out, but never the first one, of sounds of which the
product is more, such as two of half an hour. It bounds the time, to .7 s for each direction."""
BLOCK_PAIRS: Final = 200_000
"""Pairs of codes that are compared at once. Chosen, not measured: the distances fit in the cache of a processor."""


class NearCodes(NamedTuple):
    """Near pairs of a searched code of one sound and a stored code of another, in one variant."""

    variant: Variant
    searched: npt.NDArray[np.int64]
    """Print that the searched code starts with, (N,)."""
    stored: npt.NDArray[np.int64]
    """Print that the stored code starts with, (N,)."""
    distance: npt.NDArray[np.int64]
    """Distance in bits, (N,)."""


def find_near_codes(searched: SoundSide, stored: SoundSide) -> list[NearCodes]:
    """Return the near pairs of codes of two sounds, by variant; variants without any are left out."""
    budget, found = MAX_CODE_PAIRS, []
    for variant in VARIANTS:
        pairs = len(searched.prints) // 2 * len(stored.stored_codes.codes)
        if variant is not VARIANTS[0] and pairs > budget:
            break
        budget -= pairs
        near = _near_pairs(searched.dense_codes(variant), stored.stored_codes)
        if len(near.distance):
            found.append(near)
    return found


def _near_pairs(searched: Codes, stored: Codes) -> NearCodes:
    """Return the near pairs of codes of one variant."""
    parts = list(_blocks(searched.codes.view(np.uint64), stored.codes.view(np.uint64).T.copy()))
    rows, columns, distances = (
        np.concatenate(column) if parts else np.empty(0, np.int64)
        for column in (zip(*parts, strict=True) if parts else ((),) * 3)
    )
    return NearCodes(searched.variant, searched.starts[rows], stored.starts[columns], distances)


def _blocks(
    searched: npt.NDArray[np.uint64], stored: npt.NDArray[np.uint64]
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield numbers and distances of near codes (N, 8) and (8, M), block by block."""
    if not len(searched) or not stored.shape[1]:
        return
    step = max(1, BLOCK_PAIRS // stored.shape[1])
    for first in range(0, len(searched), step):
        block = searched[first : first + step]
        distances = np.zeros((len(block), stored.shape[1]), np.uint16)
        for word in range(len(stored)):
            distances += np.bitwise_count(block[:, word, None] ^ stored[word])
        rows, columns = np.nonzero(distances <= MAX_DISTANCE)
        yield rows + first, columns, distances[rows, columns].astype(np.int64)
