"""Candidates of a sound: the stored ones that an index yields for its codes, and that promise something in both directions.

An index has the codes of a stored sound, by which it finds those of another one. Of the assets that it finds by chance, most are
sorted out by what it returns, many at once; of the rest, the codes of one variant each are searched for in the sound itself.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np

from mediafp.matching.sounds.near_codes import MAX_DISTANCE, MAX_NEAR_PAIRS, NearCodes, near_pairs
from mediafp.matching.sounds.promise import MIN_BITS, follow, group_bits, may_follow
from mediafp.matching.sounds.side import DENSE_HOP, VARIANTS, Codes, SoundSides, StoredTrack, StoredTracks, Variant
from mediafp.types.neighbours import NearRows, RangeSearch
from mediafp.types.sound_codes import compute_codes

BATCH_PAIRS: Final = 500_000
"""Pairs of codes from which on no more sounds are searched for at once. It bounds the memory, to 20 MB of short sounds. Chosen,
not measured."""

type LoadTracks = Callable[[str], StoredTracks]
"""Function that returns the audio tracks of a stored asset; () if it has none, or damaged ones."""


def find_candidates(
    sides: SoundSides, search: RangeSearch, load: LoadTracks, *, exclude: Collection[str] = ()
) -> dict[str, set[Variant]]:
    """Return the stored assets that may have a promise with an asset, and the variants that may promise it.

    Every asset that has one is returned, with all variants that promise something.

    Args:
        sides: Audio tracks of the asset.
        search: Search of the index.
        load: Loads what is found.
        exclude: SHA-256 of assets that are not returned.
    """
    found: defaultdict[str, set[Variant]] = defaultdict(set)
    # Variant by variant: an hour of sound has millions of near rows in a large store.
    for side in sides:
        for variant in VARIANTS:
            searched = side.dense_codes(variant)
            near = search(searched.codes, MAX_DISTANCE)
            forward = list(_find_forward(searched, near, load, exclude))
            back = _agree_back(side.stored_codes, [track for _, track in forward], variant.inverse)
            for (sha256, _), agrees in zip(forward, back, strict=True):
                if agrees:
                    found[sha256].add(variant)
    return dict(found)


def _find_forward(
    searched: Codes, near: NearRows, load: LoadTracks, exclude: Collection[str]
) -> Iterator[tuple[str, StoredTrack]]:
    """Yield the assets and their tracks in which the codes of a sound, in one variant, promise something.

    The rows of an index say which codes of a track come first, and not how far they are apart, as silent parts have none; the
    rows of a further track follow those of the one before. So the tracks are loaded of those alone that rows do not rule out.
    """
    assets, asset = np.unique(near.asset, return_inverse=True)
    pairs = NearCodes(searched.variant, searched.starts[near.query], near.row, near.distance)
    numbers = np.flatnonzero(group_bits(pairs, asset, len(assets), may_follow) >= MIN_BITS)
    names = [near.assets[number] for number in assets[numbers].tolist()]
    loaded = [load(name) if name not in exclude else () for name in names]
    tracks = [(name, track) for name, of_asset in zip(names, loaded, strict=True) for track in of_asset]
    if not tracks:
        return
    # The codes of all these tracks, one behind the other, have numbers.
    places = np.concatenate([track.starts for _, track in tracks])
    ends = np.cumsum([len(track.starts) for _, track in tracks])
    counts = np.zeros(len(assets), np.int64)
    counts[numbers] = [sum(len(track.starts) for track in of_asset) for of_asset in loaded]
    firsts = np.cumsum(counts) - counts
    # Rows that a damaged track does not have belong to none.
    kept = pairs.stored < counts[asset]
    number = pairs.stored[kept] + firsts[asset[kept]]
    placed = NearCodes(searched.variant, pairs.searched[kept], places[number], pairs.distance[kept])
    bits = group_bits(placed, np.searchsorted(ends, number, side="right"), len(tracks), follow)
    yield from (tracks[n] for n in np.flatnonzero(bits >= MIN_BITS).tolist())


def _agree_back(stored: Codes, tracks: Sequence[StoredTrack], variant: Variant) -> list[bool]:
    """Return True for the tracks whose codes of one variant promise something, searched for in the stored codes of a sound."""
    batches: list[list[StoredTrack]] = [[]]
    pairs = 0
    for track in tracks:
        if pairs >= BATCH_PAIRS:
            batches.append([])
            pairs = 0
        batches[-1].append(track)
        pairs += len(track.prints) // DENSE_HOP * len(stored.starts)
    return list(chain.from_iterable(_search_back(stored, batch, variant) for batch in batches if batch))


def _search_back(stored: Codes, tracks: Sequence[StoredTrack], variant: Variant) -> list[bool]:
    prints, ends = np.concatenate([track.prints for track in tracks]), np.cumsum([len(one.prints) for one in tracks])
    codes, starts = compute_codes(prints, hop=DENSE_HOP, speed=variant.speed, shift=variant.shift, ends=ends)
    if len(tracks) > 1:
        # With the sides exchanged: the distances of one code to thousands take half of the time of those of thousands to a few.
        found = near_pairs(stored, Codes(variant, codes, starts))
        if len(found.distance) == MAX_NEAR_PAIRS:
            # Of each track alone, as many are compared.
            return [agrees for track in tracks for agrees in _search_back(stored, [track], variant)]
        order = np.lexsort((found.searched, found.stored))
        near = NearCodes(variant, found.stored[order], found.searched[order], found.distance[order])
    else:
        near = near_pairs(Codes(variant, codes, starts), stored)
    bits = group_bits(near, np.searchsorted(ends, near.searched, side="right"), len(tracks), follow)
    return [value >= MIN_BITS for value in bits.tolist()]
