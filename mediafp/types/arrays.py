"""The byte form of numeric arrays, in the store and in messages of workers."""

import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from mediafp.types.fingerprints import Fingerprint

MAGIC = b"MFA1"
CODES: dict[int, np.dtype[np.generic]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<f2"),
    3: np.dtype("<f4"),
    4: np.dtype("<f8"),
    5: np.dtype("<i1"),
}


def pack_arrays(*arrays: npt.NDArray[np.generic]) -> bytes:
    """The arrays one after another: magic, count, then for each its type, shape and little-endian values.

    Raises ValueError for a type that the store does not keep.
    """
    parts = [MAGIC, struct.pack("<B", len(arrays))]
    for array in arrays:
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        code = next((code for code, dtype in CODES.items() if dtype == little.dtype), None)
        if code is None:
            raise ValueError(f"arrays of {array.dtype} are not stored")
        parts.append(struct.pack(f"<BB{array.ndim}Q", code, array.ndim, *array.shape))
        parts.append(np.ascontiguousarray(little).tobytes())
    return b"".join(parts)


def unpack_arrays(data: bytes) -> list[npt.NDArray[np.generic]]:
    """The arrays that `pack` was given, read-only. Raises ValueError where the bytes are damaged."""
    try:
        if data[:4] != MAGIC:
            raise ValueError("not a packed array")
        (count,), at, arrays = struct.unpack_from("<B", data, 4), 5, []
        for _ in range(count):
            code, ndim = struct.unpack_from("<BB", data, at)
            shape = struct.unpack_from(f"<{ndim}Q", data, at + 2)
            at += 2 + 8 * ndim
            size = math.prod(shape) * CODES[code].itemsize
            if at + size > len(data):
                raise ValueError("the packed array is cut short")
            arrays.append(np.frombuffer(data[at : at + size], CODES[code]).reshape(shape))
            at += size
        if at != len(data):
            raise ValueError("bytes are left after the last packed array")
        return arrays
    except (struct.error, KeyError, OverflowError) as error:
        raise ValueError(f"damaged packed array: {error}") from error


def pack_fingerprint(fingerprint: Fingerprint) -> bytes:
    """The arrays of a fingerprint in the stored form."""
    return pack_arrays(fingerprint.spans, fingerprint.vectors, fingerprint.quality)


def unpack_fingerprint(sha256: str, type: str, version: str, data: bytes) -> Fingerprint:
    """The fingerprint whose arrays these are. Raises ValueError where they are damaged."""
    arrays: list[npt.NDArray[Any]] = list(unpack_arrays(data))
    if [array.ndim for array in arrays] != [2, 2, 1]:
        raise ValueError(f"{len(arrays)} arrays of {[array.ndim for array in arrays]} dimensions are no fingerprint")
    spans, vectors, quality = arrays
    return Fingerprint(sha256=sha256, type=type, version=version, spans=spans, vectors=vectors, quality=quality)
