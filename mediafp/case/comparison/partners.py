"""The partners of an asset: the assets that are worth comparing with it, found by the indexes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mediafp.case.comparison.stored_sides import StoredSides
from mediafp.matching.images.scoring import MAX_PDQ_MATCH_DISTANCE
from mediafp.matching.promise import CROP, POSSIBLE_SCORES, WHOLE, AssetRows, Promise, pair_promise
from mediafp.types.arrays import Float32Array
from mediafp.types.neighbours import Neighbours

NEIGHBOURS = 200
"""Nearest rows that are searched for each row of an asset: as many as the sign bits propose in any case."""
MAX_NEIGHBOURS = 1_600
"""Nearest rows that are searched for a row whose `NEIGHBOURS` nearest ones are all near. Chosen, not measured."""
CODE_TOLERANCE = 0.01
"""Amount by which the cosine of int8 codes may be below that of the vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """Asset that is worth comparing with another one, and the promise of the pair, seen from the other one."""

    sha256: str
    promise: Promise

    @property
    def promise_value(self) -> float:
        """Value of the promise."""
        return self.promise.value


def find_partners(sha256: str, sides: StoredSides) -> list[Partner]:
    """Return the candidates for a stored asset, the most promising first."""
    rows, references = sides.rows(sha256), sides.references
    found: set[str] = set()
    if len(rows.vectors):
        whole, crops = _select(rows, WHOLE), _select(rows, CROP)
        for part, search, threshold in (
            (whole, references.search_rows, POSSIBLE_SCORES[WHOLE]),
            (crops, references.search_rows, POSSIBLE_SCORES[CROP]),
            (whole, references.search_crop_rows, POSSIBLE_SCORES[CROP]),
        ):
            found.update(_near_assets(rows, part, search, threshold))
        if rows.kind == "image":
            found |= {near for near, _ in references.search_hashes(rows.pdq, MAX_PDQ_MATCH_DISTANCE)}
    found.discard(sha256)
    partners = [
        Partner(sha256=other, promise=promise)
        for other in found
        if references.find_asset(other) and (promise := pair_promise(rows, sides.rows(other)))
    ]
    return sorted(partners, key=lambda partner: (-partner.promise.value, partner.sha256))


def _select(rows: AssetRows, shows: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.intp]]":
    return np.flatnonzero(rows.shows == shows)


def _near_assets(
    rows: AssetRows,
    part: "np.ndarray[tuple[int, ...], np.dtype[np.intp]]",
    search: Callable[["np.ndarray[tuple[int, ...], np.dtype[np.float16]]", int], Neighbours],
    threshold: float,
) -> Iterator[str]:
    """Yield the assets with a row whose score against one of some rows of an asset may reach a threshold.

    A pair of rows scores its cosine less the higher of their background levels, which is at least that of either row.
    """
    count = NEIGHBOURS
    while len(part):
        neighbours = search(rows.vectors[part], count)
        limits: Float32Array = rows.levels[part] + threshold - CODE_TOLERANCE
        near = neighbours.score >= limits[:, None]
        for number in np.unique(neighbours.asset[near]).tolist():
            yield neighbours.assets[number]
        # Again with more neighbours, for the rows that have more near ones than were returned.
        if near.shape[1] < count or count >= MAX_NEIGHBOURS:
            return
        part, count = part[near.all(axis=1)], MAX_NEIGHBOURS
