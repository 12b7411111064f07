"""The protocol of the lists of hashes that a store keeps."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from mediafp.types.arrays import Bits
from mediafp.types.hashes import HashAlgorithm, HashList, ListedHash, ListedHit


class HashListStore(Protocol):
    """Lists of hashes that others stated, such as those of known propaganda. A list contains each hash of an algorithm once."""

    def save_listed_hashes(self, name: str, hashes: Iterable[ListedHash]) -> int:
        """Add hashes to a list, which is made if it does not exist; return the number of those that it did not contain.

        Call it inside `writing`.
        """
        ...

    def remove_hash_list(self, name: str) -> int:
        """Remove a list, and return the number of its hashes; 0 if there is none of this name. Call it inside `writing`."""
        ...

    def hash_lists(self) -> list[HashList]:
        """Return the lists with the number of their hashes, by name."""
        ...

    def hash_list_names(self) -> list[str]:
        """Return the names of the lists, sorted."""
        ...

    def listed_hashes(self, name: str) -> Iterator[ListedHash]:
        """Yield the hashes of a list, in the order in which they were added; none if there is no such list."""
        ...

    def listed_algorithms(self) -> set[HashAlgorithm]:
        """Return the algorithms of which some list contains a hash."""
        ...

    def search_listed_hashes(self, algorithm: HashAlgorithm, rows: Bits, max_distance: int) -> Iterator[ListedHit]:
        """Yield every listed hash within a distance of some row, with the smallest distance to any.

        Args:
            algorithm: Algorithm of the rows.
            rows: Hashes (N, bytes), packed bits.
            max_distance: Largest distance in bits.
        """
        ...
