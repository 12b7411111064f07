"""Searches of several queries at once, so that each index is read once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.matching.candidates import Vectors
from mediafp.store import StoredIndex
from mediafp.types.neighbours import Neighbour, Neighbours


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueryRows:
    """The rows that one query is searched by.

    Attributes:
        embeddings: Embeddings (Q, 512).
        primary_crops: Number of the first of them that are compared with reference crops too.
        hashes: PDQ hashes (H, 32).
    """

    embeddings: Vectors
    primary_crops: int
    hashes: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowHits:
    """The rows that the searches of one query returned.

    Attributes:
        neighbours: Nearest embedding rows of each of its embeddings.
        crops: Nearest rows of reference crops of each of its primary crops.
        hashes: Rows of PDQ hashes near each of its hashes, with their distances.
    """

    neighbours: Neighbours
    crops: Neighbours
    hashes: list[list[Neighbour]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchLimits:
    """Limits of what a batch search returns.

    Attributes:
        count: Largest number of neighbours of each query row.
        depth: Rows that sign bits propose for each query row.
        distance: Largest distance, in bits, of PDQ hashes.
    """

    count: int
    depth: int
    distance: int


def search_batch(
    queries: Sequence[QueryRows],
    limits: SearchLimits,
    *,
    embeddings: StoredIndex,
    crops: StoredIndex,
    hashes: StoredIndex,
) -> list[RowHits]:
    """Return what each query's rows find in the indexes of embeddings, reference crops and PDQ hashes."""
    if not queries:
        return []
    rows = [query.embeddings for query in queries]
    primary = [query.embeddings[: query.primary_crops] for query in queries]
    near = _split(embeddings.search(np.concatenate(rows), limits.count, depth=limits.depth), rows)
    near_crops = _split(crops.search(np.concatenate(primary), limits.count, depth=limits.depth), primary)
    near_hashes = iter(hashes.range_searches(np.concatenate([query.hashes for query in queries]), limits.distance))
    return [
        RowHits(neighbours=found, crops=found_crops, hashes=[next(near_hashes) for _ in query.hashes])
        for query, found, found_crops in zip(queries, near, near_crops, strict=True)
    ]


def _split(neighbours: Neighbours, rows: Sequence[Vectors]) -> list[Neighbours]:
    """Return the neighbours of the rows of each query."""
    ends = np.cumsum([len(part) for part in rows])
    return [
        Neighbours(
            assets=neighbours.assets,
            asset=neighbours.asset[end - len(part) : end],
            row=neighbours.row[end - len(part) : end],
            score=neighbours.score[end - len(part) : end],
        )
        for end, part in zip(ends.tolist(), rows, strict=True)
    ]
