"""Results of a nearest-neighbour search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Neighbour(NamedTuple):
    """One row that a search returned.

    `row` is its number within the fingerprint of the asset. `score` is a cosine similarity, or a Hamming distance in
    bits, according to the metric of the index.
    """

    sha256: str
    row: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbours:
    """The nearest rows of Q query rows, best first.

    Attributes:
        assets: SHA-256 of the assets that `asset` refers to.
        asset: Positions in `assets` of the assets that the rows belong to, (Q, K) int32.
        row: Row numbers within the fingerprints of those assets, (Q, K) int32.
        score: Cosine similarities or Hamming distances in bits, (Q, K) float32.
    """

    assets: Sequence[str]
    asset: "npt.NDArray[np.int32]"
    row: "npt.NDArray[np.int32]"
    score: "npt.NDArray[np.float32]"

    def __len__(self) -> int:
        return len(self.score)

    def of_query(self, number: int) -> list[Neighbour]:
        """Return the neighbours of one query row, best first."""
        columns = (self.asset[number].tolist(), self.row[number].tolist(), self.score[number].tolist())
        return [Neighbour(self.assets[asset], row, score) for asset, row, score in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NearRows:
    """The rows within a distance of some query rows: K pairs of both, by query row, then by asset, then by row.

    Attributes:
        assets: SHA-256 of the assets that `asset` refers to.
        query: Numbers of the query rows, (K,) int64.
        asset: Positions in `assets` of the assets that the rows belong to, (K,) int64.
        row: Row numbers within the fingerprints of those assets, (K,) int64.
        distance: Hamming distances in bits, (K,) int64.
    """

    assets: Sequence[str]
    query: "npt.NDArray[np.int64]"
    asset: "npt.NDArray[np.int64]"
    row: "npt.NDArray[np.int64]"
    distance: "npt.NDArray[np.int64]"

    def __len__(self) -> int:
        return len(self.query)

    def of_query(self, number: int) -> list[Neighbour]:
        """Return the rows near one query row, by the SHA-256 of their assets, then by their number."""
        found = self.query == number
        columns = (self.asset[found].tolist(), self.row[found].tolist(), self.distance[found].tolist())
        return sorted(Neighbour(self.assets[n], row, float(bits)) for n, row, bits in zip(*columns, strict=True))


type RangeSearch = Callable[["npt.NDArray[np.uint8]", int], NearRows]
"""Function that returns the rows at most a number of bits from some query rows (Q, bytes)."""
