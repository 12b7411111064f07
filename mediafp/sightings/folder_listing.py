"""Names of the files in a folder, by the key under which sidecars find them."""

from array import array
from collections.abc import Iterable
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mediafp.sightings.record_keys import exact_path, fold_case
from mediafp.types.media import SidecarFolder

MAX_PATHS_BELOW: Final = 2_000_000
"""Names of files below a folder that are compared with those in records. Chosen, not measured: they take 32 MB."""


def name_key(name: str) -> str:
    """Return a file name without case, in composed letters."""
    return fold_case(exact_path(name))


class FolderListing:
    """Names of the files in one folder."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[str, str] = {}
        self._twins: set[str] = set()
        for name in names:
            key = name_key(name)
            if key in self._names:
                self._twins.add(key)
            self._names.setdefault(key, name)

    def __len__(self) -> int:
        return len(self._names)

    def names(self) -> Iterable[str]:
        """Return the names as they are written; one of those that differ in case alone."""
        return self._names.values()

    def find(self, name: str) -> str | None:
        """Return the name of a file as the folder writes it; None if there is none."""
        return self._names.get(name_key(name))

    def has_twin(self, name: str) -> bool:
        """Return True if the names of two files differ from this one in case alone."""
        return name_key(name) in self._twins


class NamesBelow:
    """Number of the files below a folder that have one name, or one name and one folder."""

    def __init__(self, folder: SidecarFolder) -> None:
        ends = array("q")
        for path in islice(folder.paths_below(), MAX_PATHS_BELOW):
            parts = fold_case(exact_path(path)).rsplit("/", 2)
            ends.extend(hash("/".join(parts[-length:])) for length in (1, 2) if len(parts) >= length)
        hashes = np.sort(np.asarray(ends, np.int64))
        # Names that occur once, which are nearly all, need not be kept.
        self._repeated: NDArray[np.int64] = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])

    def is_repeated(self, end: str) -> bool:
        """Return True if the paths of several files end in a folded name, or in a folded folder and name."""
        value = hash(end)
        position = int(np.searchsorted(self._repeated, value))
        return position < len(self._repeated) and bool(self._repeated[position] == value)
