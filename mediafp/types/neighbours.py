"""Results of a nearest-neighbour search."""

from collections.abc import Sequence
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
