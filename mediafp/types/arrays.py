"""Names of array types, and the byte form of numeric arrays in the store and in workers' messages.

NumPy loads with the first array: commands that use none start without it.
"""

import math
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

type Float32Array = npt.NDArray[np.float32]
type Float64Array = npt.NDArray[np.float64]
type Bits = npt.NDArray[np.uint8]
"""Rows of packed bits (N, bytes)."""
MAGIC = b"MFA1"
"""First bytes of packed arrays: the name and the version of the form."""
CODES = {1: "<u1", 2: "<f2", 3: "<f4", 4: "<f8", 5: "<i1"}
"""Data types that can be packed, by the byte that names them."""


def pack_arrays(*arrays: "npt.NDArray[np.generic]") -> bytes:
    """Return arrays as bytes: magic, count, then the type, shape and little-endian values of each.

    Raises:
        ValueError: An array has a data type that is not in `CODES`.
    """
    import numpy as np

    parts = [MAGIC, struct.pack("<B", len(arrays))]
    for array in arrays:
        little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
        code = next((code for code, dtype in CODES.items() if little_endian.dtype == dtype), None)
        if code is None:
            raise ValueError(f"cannot pack an array of {array.dtype}")
        parts.append(struct.pack(f"<BB{array.ndim}Q", code, array.ndim, *array.shape))
        parts.append(np.ascontiguousarray(little_endian).tobytes())
    return b"".join(parts)


def unpack_arrays(data: bytes) -> "list[npt.NDArray[np.generic]]":
    """Return the arrays that `pack_arrays` turned into bytes, read-only.

    Raises:
        ValueError: The bytes are damaged.
    """
    import numpy as np

    try:
        if data[:4] != MAGIC:
            raise ValueError("the bytes are not packed arrays")
        (count,), offset, arrays = struct.unpack_from("<B", data, 4), 5, []
        for _ in range(count):
            code, ndim = struct.unpack_from("<BB", data, offset)
            shape = struct.unpack_from(f"<{ndim}Q", data, offset + 2)
            offset += 2 + 8 * ndim
            dtype = np.dtype(CODES[code])
            size = math.prod(shape) * dtype.itemsize
            if offset + size > len(data):
                raise ValueError("the last packed array is truncated")
            arrays.append(np.frombuffer(data[offset : offset + size], dtype).reshape(shape))
            offset += size
        if offset != len(data):
            raise ValueError(f"{len(data) - offset} bytes follow the last packed array")
        return arrays
    except (struct.error, KeyError, OverflowError) as error:
        raise ValueError(f"the packed arrays are damaged: {error}") from error
