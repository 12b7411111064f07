"""Rows of an index: sign bits and int8 codes, or hashes, with the assets that they belong to."""

import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from mediafp.types.fingerprints import Fingerprint, Metric, Vectors

SHA256_BYTES: Final = 32
"""Bytes of the SHA-256 of an asset."""
CODE_SCALE: Final = 127
"""Value of the int8 code of 1."""
_CODE_DTYPE: Final = np.dtype(np.int8)
_END_DTYPE: Final = np.dtype("<i8")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLayout:
    """The columns of an index, which follow from the fingerprint type.

    Attributes:
        metric: Metric of the type.
        columns: Columns of its vectors: dimensions for cosine, bytes for hamming.
    """

    metric: Metric
    columns: int

    @property
    def bit_bytes(self) -> int:
        """Bytes of the sign bits or of the hash of a row."""
        return -(-self.columns // 8) if self.metric == "cosine" else self.columns

    @property
    def code_bytes(self) -> int:
        """Bytes of the int8 codes of a row; 0 for hashes, which have none."""
        return self.columns if self.metric == "cosine" else 0

    def bits(self, vectors: Vectors) -> npt.NDArray[np.uint8]:
        """Return the sign bits of vectors (N, columns), packed, or the hashes themselves: (N, bit_bytes)."""
        bits = np.packbits(vectors > 0, axis=1) if self.metric == "cosine" else vectors
        return np.ascontiguousarray(bits, np.uint8)

    def codes(self, vectors: Vectors) -> npt.NDArray[np.int8]:
        """Return the codes of vectors: (N, code_bytes)."""
        if self.metric == "hamming":
            return np.empty((len(vectors), 0), _CODE_DTYPE)
        return np.rint(vectors.astype(np.float32) * CODE_SCALE).astype(_CODE_DTYPE)

    def encode(self, fingerprints: Sequence[Fingerprint]) -> "Rows":
        """Return the rows of fingerprints, one of each asset. Raises ValueError for a SHA-256 that is none."""
        sha256 = b"".join(sha256_bytes(fingerprint.sha256) for fingerprint in fingerprints)
        none = np.empty((0, self.columns), np.float16 if self.metric == "cosine" else np.uint8)
        vectors: Vectors = np.concatenate([none, *(fingerprint.vectors for fingerprint in fingerprints)])
        counts = [len(fingerprint.vectors) for fingerprint in fingerprints]
        return Rows(
            bits=self.bits(vectors),
            codes=self.codes(vectors),
            sha256=np.frombuffer(sha256, np.uint8).reshape(-1, SHA256_BYTES),
            ends=np.cumsum(counts, dtype=_END_DTYPE),
        )

    def empty(self) -> "Rows":
        """Return no rows."""
        return self.encode(())


class BitSource(Protocol):
    """Sign bits or hashes that do not lie in an array of this process."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def __getitem__(self, rows: slice) -> npt.NDArray[np.uint8]:
        """Return consecutive rows (N, bit_bytes); zeros for removed ones."""
        ...


class CodeSource(Protocol):
    """Codes that do not lie in an array of this process."""

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """Return rows (N, code_bytes), given their numbers; zeros for removed ones."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """Rows of N in all, those of one asset after those of another; A assets.

    Attributes:
        bits: Sign bits or hashes (N, bit_bytes) uint8, in memory or elsewhere.
        codes: Codes (N, code_bytes) int8, in memory or elsewhere.
        sha256: SHA-256 (A, 32) uint8 of each asset.
        ends: Number (A,) int64 of the row behind the last one of each asset.
    """

    bits: npt.NDArray[np.uint8] | BitSource
    codes: npt.NDArray[np.int8] | CodeSource
    sha256: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.bits)

    def span(self, asset: int) -> slice:
        """Return the rows of one asset, by its number."""
        return slice(int(self.ends[asset - 1]) if asset else 0, int(self.ends[asset]))

    def is_consistent(self) -> bool:
        """Return True if `ends` increases up to the number of rows, so that every row belongs to one asset."""
        ends = self.ends
        if not len(ends):
            return not len(self)
        return bool(ends[0] >= 0 and ends[-1] == len(self) and (ends[1:] >= ends[:-1]).all())


class CodeFile:
    """Codes in a file: the first ones mapped, the others read row by row.

    A mapping counts as memory of the process, up to 2 MiB for each row that is read: the size of the pages that the system
    maps at once.
    """

    def __init__(self, descriptor: int, offset: int, mapped: npt.NDArray[np.int8]) -> None:
        """Keep a duplicate of an open file, in which the first row lies at an offset, and `mapped`, its first rows."""
        self._descriptor = os.dup(descriptor)
        self._offset, self._mapped = offset, mapped
        weakref.finalize(self, os.close, self._descriptor)

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
        """Return rows (N, code_bytes), given their numbers; zeros for what was cut off meanwhile."""
        is_read = rows >= len(self._mapped)
        if not is_read.any():
            return self._mapped[rows]
        read, descriptor, width = os.pread, self._descriptor, self._mapped.shape[1]
        places = (self._offset + rows[is_read] * width).tolist()
        data = b"".join([read(descriptor, width, place).ljust(width, b"\0") for place in places])
        codes = np.empty((len(rows), width), _CODE_DTYPE)
        codes[is_read] = np.frombuffer(data, _CODE_DTYPE).reshape(len(places), width)
        codes[~is_read] = self._mapped[rows[~is_read]]
        return codes


class GrowingRows:
    """Rows in memory that are added to; what was taken from `values` before stays valid."""

    def __init__(self, layout: RowLayout) -> None:
        empty = layout.empty()
        self._bits = _GrowingArray(empty.bits[:])
        self._codes = _GrowingArray(np.empty((0, layout.code_bytes), _CODE_DTYPE))
        self._sha256 = _GrowingArray(empty.sha256)
        self._ends = _GrowingArray(empty.ends)

    @property
    def values(self) -> Rows:
        """The rows so far, a view."""
        return Rows(
            bits=self._bits.values, codes=self._codes.values, sha256=self._sha256.values, ends=self._ends.values
        )

    def extend(self, rows: Rows) -> None:
        """Append rows."""
        first = len(self._bits.values)
        self._bits.extend(rows.bits[:])
        self._codes.extend(rows.codes[np.arange(len(rows))])
        self._sha256.extend(rows.sha256)
        self._ends.extend(rows.ends + first)


class _GrowingArray:
    def __init__(self, empty: npt.NDArray[Any]) -> None:
        self._room, self._count = empty, 0

    @property
    def values(self) -> npt.NDArray[Any]:
        return self._room[: self._count]

    def extend(self, rows: npt.NDArray[Any]) -> None:
        count = self._count + len(rows)
        if count > len(self._room):
            # Memory that is not written to yet takes no space.
            room = np.empty((max(count, 2 * len(self._room)), *self._room.shape[1:]), self._room.dtype)
            room[: self._count] = self.values
            self._room = room
        self._room[self._count : count] = rows
        self._count = count


def sha256_bytes(sha256: str) -> bytes:
    """Return the bytes of a SHA-256 in lower-case hex.

    Raises:
        ValueError: It is none.
    """
    digest = bytes.fromhex(sha256)
    if len(digest) != SHA256_BYTES or digest.hex() != sha256:
        raise ValueError(f"{sha256!r} is no SHA-256")
    return digest
