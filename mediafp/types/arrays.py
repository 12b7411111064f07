"""Names of array types, and the byte form of numeric arrays in the store and in workers' messages."""

import math
import struct

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
MAGIC = b"MFA1"
"""First bytes of packed arrays: the name and the version of the form."""
CODES: dict[int, np.dtype[np.generic]] = {
    1: np.dtype("<u1"),
    2: np.dtype("<f2"),
    3: np.dtype("<f4"),
    4: np.dtype("<f8"),
    5: np.dtype("<i1"),
}
"""Data types that can be packed, by the byte that names them."""


def pack_arrays(*arrays: npt.NDArray[np.generic]) -> bytes:
    """Return arrays as bytes: magic, count, then the type, shape and little-endian values of each.

    Raises:
        ValueError: An array has a data type that is not in `CODES`.
    """
    parts = [MAGIC, struct.pack("<B", len(arrays))]
    for array in arrays:
        little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
        code = next((code for code, dtype in CODES.items() if dtype == little_endian.dtype), None)
        if code is None:
            raise ValueError(f"cannot pack an array of {array.dtype}")
        parts.append(struct.pack(f"<BB{array.ndim}Q", code, array.ndim, *array.shape))
        parts.append(np.ascontiguousarray(little_endian).tobytes())
    return b"".join(parts)


def unpack_arrays(data: bytes) -> list[npt.NDArray[np.generic]]:
    """Return the arrays that `pack_arrays` turned into bytes, read-only.

    Raises:
        ValueError: The bytes are damaged.
    """
    try:
        if data[:4] != MAGIC:
            raise ValueError("the bytes are not packed arrays")
        (count,), offset, arrays = struct.unpack_from("<B", data, 4), 5, []
        for _ in range(count):
            code, ndim = struct.unpack_from("<BB", data, offset)
            shape = struct.unpack_from(f"<{ndim}Q", data, offset + 2)
            offset += 2 + 8 * ndim
            size = math.prod(shape) * CODES[code].itemsize
            if offset + size > len(data):
                raise ValueError("the last packed array is truncated")
            arrays.append(np.frombuffer(data[offset : offset + size], CODES[code]).reshape(shape))
            offset += size
        if offset != len(data):
            raise ValueError(f"{len(data) - offset} bytes follow the last packed array")
        return arrays
    except (struct.error, KeyError, OverflowError) as error:
        raise ValueError(f"the packed arrays are damaged: {error}") from error
