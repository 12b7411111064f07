"""The protocols of a nearest-neighbour index.

`tests/contract` holds a test suite, which every implementation passes.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mediafp.types.fingerprints import Fingerprint, Metric
from mediafp.types.neighbours import NearRows, Neighbour, Neighbours, RangeSearch
from mediafp.types.node_services import ServiceNode

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

RERANK_DEPTH = 200
"""Rows that sign bits propose for each query row, for int8 codes to re-rank (measured: recall 1.0 of the exact best)."""


class Index(Protocol):
    """Nearest-neighbour search over the fingerprints of one type and version, one for each asset.

    Several threads may search while one adds or removes. The index keeps no reference to the fingerprints. What it finds, and
    in which order, does not depend on the order in which they were added.
    """

    @property
    def metric(self) -> Metric:
        """Metric of the rows."""
        ...

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def __contains__(self, sha256: object) -> bool:
        """Return True if the fingerprint of an asset was added, if only one without rows."""
        ...

    def add(self, fingerprints: Iterable[Fingerprint]) -> None:
        """Add the fingerprints of further assets.

        Raises:
            ValueError: The index contains a fingerprint of one of the assets, or one has no SHA-256; those before it may be
                added.
        """
        ...

    def remove(self, sha256s: Iterable[str]) -> None:
        """Remove the rows of assets; those that the index does not contain are ignored."""
        ...

    def search(
        self, queries: "npt.NDArray[np.float16] | npt.NDArray[np.uint8]", count: int, *, depth: int = RERANK_DEPTH
    ) -> Neighbours:
        """Return the nearest rows of each query row, best first.

        Args:
            queries: Rows (Q, columns) of the type of the index.
            count: Largest number of neighbours of each query row.
            depth: Rows that an approximate step may propose for each query row, at least `count`.

        Returns:
            K neighbours of each query row: `count`, or the number of rows in the index if that is less. Scores are
            cosine similarities (higher is closer) or Hamming distances in bits (lower is closer). Rows of equal score
            come by the SHA-256 of their assets, then by their number.
        """
        ...

    def range_search(self, queries: "npt.NDArray[np.uint8]", distance: int) -> list[Neighbour]:
        """Return the rows at most `distance` bits from any query row (Q, bytes), each once with its least distance.

        They come by the SHA-256 of their assets, then by their number.

        Raises:
            ValueError: The metric of the index is not `hamming`.
        """
        ...

    def range_searches(self, queries: "npt.NDArray[np.uint8]", distance: int) -> NearRows:
        """Return the rows at most `distance` bits from each query row (Q, bytes).

        Raises:
            ValueError: The metric of the index is not `hamming`.
        """
        ...

    def range_searcher(self, exclude: Collection[str]) -> RangeSearch:
        """Return a function that searches the present rows as `range_searches` does, but for those of some assets.

        A search takes as much less time as they are fewer, but for rows that Lance or nodes search.

        Raises:
            ValueError: The metric of the index is not `hamming`.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexKind:
    """The fingerprint type that an index is over.

    Attributes:
        type: Fingerprint type.
        version: Version of the type.
        metric: Metric of the type.
        columns: Columns of its vectors: dimensions for cosine, bytes for hamming.
    """

    type: str
    version: str
    metric: Metric
    columns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedIndex:
    """A saved index that was copied to another address.

    Attributes:
        type: Fingerprint type.
        version: Version of the type.
        assets: Number of assets.
        rows: Number of rows.
    """

    type: str
    version: str
    assets: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPosition:
    """A state of the store that an index agrees with.

    Attributes:
        entry: Number of the last entry of the custody log.
        hash: Hash of that entry, which no other store has.
        skipped: Number of fingerprints of the type that the index does not contain, as they are damaged.
    """

    entry: int
    hash: str
    skipped: int


class StoredIndex(Index, Protocol):
    """An index that lies in files beside the database of its store.

    What is added is in memory first, and is saved when it is worth it. If the files cannot be written, or while another
    process writes them, it stays in memory. Damaged files are ignored, and replaced when the index is built anew.

    The rows may lie elsewhere, on an object store: then all methods raise StoreError if they cannot be read or written.
    """

    @property
    def position(self) -> IndexPosition | None:
        """State of the store that the index agrees with; None if it was never built."""
        ...

    def count_assets(self) -> int:
        """Return the number of assets, those without rows included."""
        ...

    @property
    def shared_rows(self) -> int:
        """Number of the rows that nodes search once they are given to `share`; 0 if they cannot read them, or they are few."""
        ...

    def share(self, nodes: Sequence[ServiceNode]) -> None:
        """Have nodes search the saved rows, a shard each, as long as they can; none for this machine alone.

        What is found is the same, but for rows of which this machine alone would search a part: nodes search all.

        Args:
            nodes: Nodes that run `shard_service`. If one fails, the others search its rows, and at last this machine does.
        """
        ...

    @property
    def compared_share(self) -> float:
        """Share of the rows with which `search` compares a query row, 0..1: below 1, a near row may not be found."""
        ...

    def build(self, fingerprints: Callable[[], Iterable[Fingerprint]], position: Callable[[], IndexPosition]) -> None:
        """Replace all rows by those of some fingerprints, and save them.

        Args:
            fingerprints: Returns the fingerprints; called again if the files cannot be written.
            position: Returns the position; called when the last fingerprint was taken.
        """
        ...

    def advance(self, position: IndexPosition) -> bool:
        """Set the position, after the changes up to it were made, and save the index if that is worth it.

        Returns:
            False if the files are no more what they were: another process has saved them, or they are gone. The index contains
            what they contain, and has their position.
        """
        ...

    def hide(self, sha256: str) -> None:
        """Leave an asset out of the results until it is added again, as long as this object lives; nothing is saved."""
        ...

    def holds(self, fingerprint: Fingerprint) -> bool:
        """Return True if the index contains the fingerprint with these rows."""
        ...

    def missing(self, sha256s: Iterable[str]) -> Iterator[str]:
        """Yield the assets among some that the index does not contain."""
        ...
