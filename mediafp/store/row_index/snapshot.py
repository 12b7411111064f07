"""One state of an index, searched while the index itself grows."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Protocol, overload, override

import numpy as np
import numpy.typing as npt

from mediafp.store.row_index.nearest import Bits, Distances, Numbers, nearest, within
from mediafp.store.row_index.rows import CODE_SCALE, SHA256_BYTES, RowLayout, Rows
from mediafp.types.fingerprints import Vectors
from mediafp.types.neighbours import NearRows, Neighbours

TIED_ROWS: Final = 64
"""Rows beyond the wanted ones that are asked for at once, to choose among rows at one distance by the SHA-256 of their assets.
If more are tied, they are searched again. Of a million random rows of 512 bits, 67 are at the distance of the 200th."""


type Found = tuple[Distances, Numbers]
"""Distances and numbers of the rows that one query row found in a part, nearest first but for `Part.within`."""


class Part(Protocol):
    """Rows that lie in one piece: in memory, in a file or in a table elsewhere.

    Attributes:
        rows: The rows.
        first_row: Number of the first of them in the whole index.
        first_asset: Number of their first asset in the whole index.
        allowed_count: Number of the rows that may be found.
        compared_share: Share of the rows that `nearest` compares, 0..1.
    """

    @property
    def rows(self) -> Rows: ...  # noqa: D102
    @property
    def first_row(self) -> int: ...  # noqa: D102
    @property
    def first_asset(self) -> int: ...  # noqa: D102
    @property
    def allowed_count(self) -> int: ...  # noqa: D102
    @property
    def compared_share(self) -> float: ...  # noqa: D102

    def nearest(self, queries: Bits, count: int) -> Sequence[Found]:
        """Return the `count` nearest rows of each query row, of which any may be chosen at the largest distance."""
        ...

    def within(self, queries: Bits, distance: int) -> Sequence[Found]:
        """Return all rows at most `distance` bits from each query row, in any order."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArrayPart:
    """A part whose bits lie in an array, which may be mapped from a file.

    Attributes:
        rows: The rows.
        bits: Their bits.
        first_row: Number of the first of them in the whole index.
        first_asset: Number of their first asset in the whole index.
        allowed: Bit mask of the rows that may be found, the lowest bit first; None for all.
        allowed_count: Number of the rows that may be found.
        compared_share: 1: they are all compared.
    """

    rows: Rows
    bits: Bits
    first_row: int
    first_asset: int
    allowed: Bits | None
    allowed_count: int
    compared_share: float = 1.0

    def nearest(self, queries: Bits, count: int) -> Sequence[Found]:
        """Return the nearest rows, as `Part` states."""
        distances, rows = nearest(queries, self.bits, count, self.allowed)
        return list(zip(distances, rows, strict=True))

    def within(self, queries: Bits, distance: int) -> Sequence[Found]:
        """Return the rows at most a distance away, as `Part` states."""
        ends, distances, rows = within(queries, self.bits, distance, self.allowed)
        spans = [slice(start, end) for start, end in pairwise([0, *ends.tolist()])]
        return [(distances[span], rows[span]) for span in spans]


def array_part(rows: Rows, first_row: int, first_asset: int, void: Iterable[int]) -> ArrayPart:
    """Return rows whose bits lie in an array, without those of void assets, which are numbers in the whole index."""
    bits = rows.bits[:]
    own = [n - first_asset for n in void if 0 <= n - first_asset < len(rows.ends)]
    mask, count = None, len(rows)
    if own:
        counts = np.ones(len(rows.ends), bool)
        counts[own] = False
        allowed = np.repeat(counts, np.diff(rows.ends, prepend=0))
        mask = np.packbits(allowed, bitorder="little")
        count = int(np.count_nonzero(allowed))
    return ArrayPart(
        rows=rows, bits=bits, first_row=first_row, first_asset=first_asset, allowed=mask, allowed_count=count
    )


class Snapshot:
    """The rows of an index at one time. Several threads may search it."""

    def __init__(self, layout: RowLayout, parts: Sequence[Part]) -> None:
        self._layout = layout
        self._parts = [part for part in parts if part.allowed_count]
        self.assets = AssetNames(parts)

    def __len__(self) -> int:
        return sum(part.allowed_count for part in self._parts)

    @property
    def compared_share(self) -> float:
        """Share of the rows with which `search` compares a query row, 0..1; 1 of no rows."""
        compared = sum(part.allowed_count * part.compared_share for part in self._parts)
        return compared / len(self) if len(self) else 1.0

    def search(self, queries: Vectors, count: int, depth: int) -> Neighbours:
        """Return the nearest rows of each query row; of embeddings, the best of `depth` rows that their sign bits propose."""
        count = min(count, len(self))
        is_cosine = self._layout.metric == "cosine"
        depth = min(max(count, depth), len(self)) if is_cosine else count
        numbers, scores = np.empty((len(queries), count), np.int64), np.empty((len(queries), count), np.float32)
        if numbers.size:
            for query, (distances, rows) in enumerate(self._nearest(self._layout.bits(queries), depth)):
                similar = self._similarities(queries[query], rows) if is_cosine else distances.astype(np.float32)
                best = self._order(-similar if is_cosine else similar, rows)[:count]
                numbers[query], scores[query] = rows[best], similar[best]
        asset, row = self._owners(numbers.ravel())
        shape = numbers.shape
        return Neighbours(assets=self.assets, asset=asset.reshape(shape), row=row.reshape(shape), score=scores)

    def range_search(self, queries: Bits, distance: int) -> NearRows:
        """Return the rows at most `distance` bits from each query row."""
        numbers, query, distances = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for part in self._parts:
            found = part.within(queries, distance)
            query.append(np.repeat(np.arange(len(found)), np.array([len(rows) for _, rows in found], np.int64)))
            distances += [near.astype(np.int64) for near, _ in found]
            numbers += [rows + part.first_row for _, rows in found]
        rows, of_query = np.concatenate(numbers), np.concatenate(query)
        order = np.lexsort((rows, of_query))
        asset, row = self._owners(rows[order])
        return NearRows(
            assets=self.assets,
            query=of_query[order],
            asset=asset.astype(np.int64),
            row=row.astype(np.int64),
            distance=np.concatenate(distances)[order],
        )

    # A scan of many rows empties the processor's cache: each operation after it takes microseconds, so they are few.

    def _nearest(self, queries: Bits, depth: int) -> Iterator[tuple[Distances, Numbers]]:
        """Yield distances and numbers (depth,) of the nearest rows of each query row, chosen whatever their order."""
        found = [part.nearest(queries, min(depth + TIED_ROWS, part.allowed_count)) for part in self._parts]
        for query in range(len(queries)):
            of_parts = [part[query] for part in found]
            distances, rows = self._join(of_parts)
            limit = distances[depth - 1]
            if any(
                len(near) < part.allowed_count and near[-1] <= limit
                for (near, _), part in zip(of_parts, self._parts, strict=True)
            ):
                # More rows may be at this distance than were asked for.
                ((near, tied),) = self._within(queries[query : query + 1], int(limit))
                # Fewer only if a node was taken over, or a table has other rows: those at the same distance are then chosen
                # among those that were found first.
                if len(tied) >= depth:
                    distances, rows = near, tied
            if len(rows) > depth and distances[depth] == limit:
                start, end = np.searchsorted(distances, limit), np.searchsorted(distances, limit, side="right")
                rows = np.concatenate((rows[:start], self._sorted(rows[start:end])))
            yield distances[:depth], rows[:depth]

    def _within(self, queries: Bits, distance: int) -> Iterator[tuple[Distances, Numbers]]:
        """Yield distances and numbers of all rows at most `distance` bits from each query row, nearest first."""
        found = [part.within(queries, distance) for part in self._parts]
        for query in range(len(queries)):
            distances, rows = self._join([part[query] for part in found])
            order = np.argsort(distances, kind="stable")
            yield distances[order], rows[order]

    def _join(self, found: Sequence[Found]) -> Found:
        """Return distances and numbers of rows that were found in each part, as numbers in the whole index, nearest first."""
        if len(found) == 1:
            distances, rows = found[0]
            return distances, rows + self._parts[0].first_row
        none = [(np.empty(0, np.int32), np.empty(0, np.int64))] if not found else []
        distances = np.concatenate([distances for distances, _ in (*found, *none)])
        rows = np.concatenate(
            [
                np.empty(0, np.int64),
                *(rows + part.first_row for (_, rows), part in zip(found, self._parts, strict=True)),
            ]
        )
        order = np.argsort(distances, kind="stable")
        return distances[order], rows[order]

    def _similarities(self, query: npt.NDArray[Any], rows: Numbers) -> npt.NDArray[np.float32]:
        """Return the cosine similarities of the codes of rows to a query row."""
        codes = np.empty((len(rows), self._layout.code_bytes), np.float32)
        for part, places, local in self._by_part(rows):
            codes[places] = part.rows.codes[local]
        # Not by BLAS, whose sums depend on the place of a row among the others.
        similar: npt.NDArray[np.float32] = np.einsum("ij,j->i", codes, query.astype(np.float32))
        return similar / np.float32(CODE_SCALE)

    def _order(self, scores: npt.NDArray[np.float32], rows: Numbers) -> Numbers:
        """Return the order of rows: by score, lowest first, then by the SHA-256 of their assets, then by their number."""
        order: Numbers = np.argsort(scores, kind="stable")
        ordered = scores[order]
        if (ordered[1:] == ordered[:-1]).any():
            by_asset = self._order_by_asset(rows)
            order = by_asset[np.argsort(scores[by_asset], kind="stable")]
        return order

    def _sorted(self, rows: Numbers) -> Numbers:
        """Return rows by the SHA-256 of their assets, then by their number."""
        return rows[self._order_by_asset(rows)]

    def _order_by_asset(self, rows: Numbers) -> Numbers:
        by_number: Numbers = np.argsort(rows)
        digests = np.empty((len(rows), SHA256_BYTES), np.uint8)
        for part, places, local in self._by_part(rows[by_number]):
            digests[places] = part.rows.sha256[np.searchsorted(part.rows.ends, local, side="right")]
        return by_number[np.argsort(digests.view(f"S{SHA256_BYTES}").ravel(), kind="stable")]

    def _owners(self, rows: Numbers) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return the asset of each row in the whole index, and the number of the row in the fingerprint of the asset."""
        assets, numbers = np.zeros(len(rows), np.int32), np.zeros(len(rows), np.int32)
        for part, places, local in self._by_part(rows):
            ends = part.rows.ends
            asset = np.searchsorted(ends, local, side="right")
            numbers[places] = local - np.where(asset > 0, ends[asset - 1], 0)
            assets[places] = asset + part.first_asset
        return assets, numbers

    def _by_part(self, rows: Numbers) -> Iterator[tuple[Part, slice | Numbers, Numbers]]:
        """Yield each part with the places of its rows among some, and the numbers that they have in it."""
        if len(self._parts) == 1:
            yield self._parts[0], slice(None), rows - self._parts[0].first_row
            return
        for part in self._parts:
            places = np.flatnonzero((rows >= part.first_row) & (rows < part.first_row + len(part.rows)))
            yield part, places, rows[places] - part.first_row


class AssetNames(Sequence[str]):
    """SHA-256, in hex, of the assets of an index, by their number in it."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts

    @override
    def __len__(self) -> int:
        return self._parts[-1].first_asset + len(self._parts[-1].rows.sha256)

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[str]: ...
    @override
    def __getitem__(self, number: int | slice) -> str | Sequence[str]:
        if isinstance(number, slice):
            return [self[n] for n in range(*number.indices(len(self)))]
        for part in self._parts:
            if 0 <= number - part.first_asset < len(part.rows.sha256):
                digest: bytes = part.rows.sha256[number - part.first_asset].tobytes()
                return digest.hex()
        raise IndexError(f"the index contains no asset {number}")
