"""The number of each asset of an index by its SHA-256, without an object for each."""

import numpy as np
import numpy.typing as npt

_PREFIX_BYTES = 8


class AssetLookup:
    """Finds assets by binary search over the first 8 bytes of their SHA-256."""

    def __init__(self, sha256: npt.NDArray[np.uint8], void: npt.NDArray[np.int64]) -> None:
        """Sort the SHA-256 (A, 32) of assets; those with the numbers `void` are not found."""
        self._sha256 = sha256
        counted = np.ones(len(sha256), bool)
        counted[void] = False
        assets = np.flatnonzero(counted)
        prefixes = _prefixes(sha256)[assets]
        order = np.argsort(prefixes, kind="stable")
        self._prefixes, self._assets = prefixes[order], assets[order].astype(np.int32)

    def find(self, digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Return the number (N,) of the asset of each SHA-256 (N, 32), -1 for those that are not there."""
        found = np.full(len(digests), -1, np.int64)
        if not len(self._assets):
            return found
        prefixes = _prefixes(digests)
        places = np.searchsorted(self._prefixes, prefixes)
        near = np.flatnonzero(self._prefixes[np.minimum(places, len(self._assets) - 1)] == prefixes)
        firsts = self._assets[places[near]]
        is_first = (self._sha256[firsts] == digests[near]).all(axis=1)
        found[near[is_first]] = firsts[is_first]
        # Others only if the store was forged: the first bytes of SHA-256 do not collide by chance.
        for n in near[~is_first].tolist():
            found[n] = self.find_one(digests[n].tobytes())
        return found

    def find_one(self, digest: bytes) -> int:
        """Return the number of the asset of one SHA-256, -1 if it is not there, a tenth as long as `find` takes for it."""
        prefix = np.uint64(int.from_bytes(digest[:_PREFIX_BYTES]))
        for place in range(int(self._prefixes.searchsorted(prefix)), len(self._prefixes)):
            if self._prefixes[place] != prefix:
                break
            asset = int(self._assets[place])
            if self._sha256[asset].tobytes() == digest:
                return asset
        return -1

    def repeated(self) -> npt.NDArray[np.int64]:
        """Return the numbers of the assets whose SHA-256 another one has too, but for the first one of each."""
        seen: set[bytes] = set()
        repeated: list[int] = []
        for place in np.flatnonzero(self._prefixes[1:] == self._prefixes[:-1]).tolist():
            first, second = self._assets[place : place + 2].tolist()
            seen.add(self._sha256[first].tobytes())
            digest = self._sha256[second].tobytes()
            if digest in seen:
                repeated.append(second)
            seen.add(digest)
        return np.array(repeated, np.int64)


def _prefixes(sha256: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Return the first bytes of each SHA-256 as a number that sorts as they do."""
    return np.ascontiguousarray(sha256[:, :_PREFIX_BYTES]).view(">u8").ravel().astype(np.uint64)
