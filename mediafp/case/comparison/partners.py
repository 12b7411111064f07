"""The partners of an asset: the assets that are worth comparing with it, found by the indexes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mediafp.case.references import StoredReferences
from mediafp.engine.comparison.sides import StoredSides
from mediafp.matching.candidates import Vectors
from mediafp.matching.images.scoring import MAX_PDQ_MATCH_DISTANCE
from mediafp.matching.promise import CROP, POSSIBLE_SCORES, RECTANGLE, REDUCED, WHOLE, AssetRows, Promise, pair_promise
from mediafp.types.neighbours import Neighbours

NEIGHBOURS = 200
"""Nearest rows that are searched for each row of an asset: as many as the sign bits propose in any case."""
MAX_NEIGHBOURS = 1_600
"""Nearest rows that are searched for a row whose `NEIGHBOURS` nearest ones are all near. Chosen, not measured."""
CODE_TOLERANCE = 0.01
"""Amount by which the cosine of int8 codes may be below that of the vectors."""


type Search = Callable[[Vectors, int], Neighbours]
"""Function from rows (Q, 512) and a number to the nearest rows of an index, as many of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """Asset that is worth comparing with another one, and the promise of the pair, seen from the other one."""

    sha256: str
    promise: Promise

    @property
    def promise_value(self) -> float:
        """Value of the promise."""
        return self.promise.value


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPartner:
    """Asset whose audio or transcript is worth comparing with that of another one, and the promise of the pair."""

    sha256: str
    promise_value: float


def find_partners(sha256: str, sides: StoredSides[StoredReferences]) -> list[Partner]:
    """Return the candidates for a stored asset, the most promising first."""
    rows, references = sides.rows(sha256), sides.references
    found: set[str] = set()
    if len(rows.vectors):
        for search, shown in (
            (references.search, {WHOLE: WHOLE, CROP: CROP, RECTANGLE: RECTANGLE, REDUCED: REDUCED}),
            (references.search_crop_rows, {WHOLE: CROP, RECTANGLE: RECTANGLE, REDUCED: REDUCED}),
            (references.search_rectangle_rows, {WHOLE: RECTANGLE, CROP: RECTANGLE}),
            (references.search_reduced_rows, {WHOLE: REDUCED, CROP: REDUCED}),
            (references.search_insets, {WHOLE: RECTANGLE, CROP: RECTANGLE}),
        ):
            found.update(_near_assets(rows, search, {shows: POSSIBLE_SCORES[kind] for shows, kind in shown.items()}))
        if rows.kind == "image":
            found |= {near for near, _ in references.search_hashes(rows.pdq, MAX_PDQ_MATCH_DISTANCE)}
    found.discard(sha256)
    partners = [
        Partner(sha256=other, promise=promise)
        for other in found
        if references.find_asset(other) and (promise := pair_promise(rows, sides.rows(other)))
    ]
    return sorted(partners, key=lambda partner: (-partner.promise.value, partner.sha256))


def _near_assets(rows: AssetRows, search: Search, thresholds: Mapping[int, float]) -> Iterator[str]:
    """Yield the assets of which a row may reach a threshold with one of an asset's rows.

    A pair of rows scores its cosine less the higher of their background levels, which is at least that of either row.

    Args:
        rows: Rows of the asset.
        search: Search of one index.
        thresholds: Threshold of each row by what it shows; others are not searched.
    """
    limits = np.full(len(rows.levels), np.inf, np.float32)
    for shows, threshold in thresholds.items():
        limits[rows.shows == shows] = threshold - CODE_TOLERANCE
    limits += rows.levels
    part, count = np.flatnonzero(np.isfinite(limits)), NEIGHBOURS
    while len(part):
        neighbours = search(rows.vectors[part], count)
        near = neighbours.score >= limits[part, None]
        for number in np.unique(neighbours.asset[near]).tolist():
            yield neighbours.assets[number]
        # Again with more neighbours, for the rows that have more near ones than were returned.
        if near.shape[1] < count or count >= MAX_NEIGHBOURS:
            return
        part, count = part[near.all(axis=1)], MAX_NEIGHBOURS
