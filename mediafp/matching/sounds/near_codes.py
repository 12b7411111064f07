"""Near codes of two sounds: where one may be a copy of the other."""

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mediafp.matching.sounds.side import DENSE_HOP, VARIANTS, Codes, SoundSide, Variant
from mediafp.types.sound_codes import CODE_BYTES, STORED_HOP

CODE_BITS: Final = CODE_BYTES * 8
MAX_DISTANCE: Final = 210
"""Distance in bits up to which two codes are near. Codes of unrelated sounds are 256 ± 12 bits apart; 1 in 12,000 is so near."""
MAX_CODE_PAIRS: Final = 50_000_000
"""Pairs of codes that are compared in one direction. Of two sounds with more, such as two of a quarter of an hour, fewer
variants are compared, but at least the first one. It bounds the time, to .7 s of two hours."""
MAX_NEAR_PAIRS: Final = 20_000
"""Nearest pairs of one variant that are returned. It bounds the memory of two sounds that resemble themselves throughout, such as
an hour of one beat. Chosen, not measured."""
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


def code_pairs(a: SoundSide, b: SoundSide) -> int:
    """Return the pairs of codes of two sounds in one variant."""
    return len(a) * len(b) // (DENSE_HOP * STORED_HOP)


def find_near_codes(
    searched: SoundSide, stored: SoundSide, variants: Collection[Variant] = VARIANTS
) -> list[NearCodes]:
    """Return the near pairs of codes of two sounds, by variant, of these variants; those without any are omitted."""
    # With each variant its inverse, so that two sounds are compared in the same variants in either direction.
    pairs = max(MAX_CODE_PAIRS // max(code_pairs(searched, stored), 1) - 1, 0) // 2
    compared = [one for one in VARIANTS[: 1 + 2 * pairs] if one in variants]
    found = (near_pairs(searched.dense_codes(one), stored.stored_codes) for one in compared)
    return [near for near in found if len(near.distance)]


def near_pairs(searched: Codes, stored: Codes) -> NearCodes:
    """Return the near pairs of searched codes of one variant and stored codes: the nearest MAX_NEAR_PAIRS if they are more."""
    parts = [np.empty((3, 0), np.int64)]
    limit, count = MAX_DISTANCE, 0
    for rows, columns, distances in _blocks(searched.codes.view(np.uint64), stored.codes.view(np.uint64).T.copy()):
        parts.append(np.stack([rows, columns, distances])[:, distances <= limit])
        count += parts[-1].shape[1]
        if count > 2 * MAX_NEAR_PAIRS:
            parts = [_nearest(np.concatenate(parts, axis=1))]
            limit, count = int(parts[0][2].max()), MAX_NEAR_PAIRS
    near = np.concatenate(parts, axis=1)
    rows, columns, distances = _nearest(near)
    return NearCodes(searched.variant, searched.starts[rows], stored.starts[columns], distances)


def _nearest(near: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the nearest of some pairs (3, N), of which the last row has the distances, in their order."""
    if near.shape[1] <= MAX_NEAR_PAIRS:
        return near
    return near[:, np.sort(np.argsort(near[2], kind="stable")[:MAX_NEAR_PAIRS])]


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
        near = np.flatnonzero(distances <= MAX_DISTANCE)
        rows, columns = np.divmod(near, distances.shape[1])
        yield rows + first, columns, distances.ravel()[near].astype(np.int64)
