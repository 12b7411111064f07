"""The byte form of arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mediafp.types.arrays import pack_arrays, unpack_arrays

ARRAYS = st.sampled_from([np.uint8, np.int8, np.float16, np.float32, np.float64]).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
)


@given(st.lists(ARRAYS, max_size=4))
def test_unpack_arrays_reverses_pack_arrays(arrays: list[np.ndarray]) -> None:
    unpacked = unpack_arrays(pack_arrays(*arrays))
    assert len(unpacked) == len(arrays)
    for before, after in zip(arrays, unpacked, strict=True):
        assert before.dtype == after.dtype and before.shape == after.shape
        assert before.tobytes() == after.tobytes()


@given(st.binary(max_size=64))
def test_unpack_arrays_raises_value_error_for_other_bytes(data: bytes) -> None:
    try:
        arrays = unpack_arrays(data)
    except ValueError:
        return
    assert pack_arrays(*arrays) == data


def test_unpack_arrays_refuses_truncated_and_longer_bytes() -> None:
    packed = pack_arrays(np.arange(6, dtype=np.float32).reshape(2, 3))
    for damaged in (packed[:-1], packed + b"x", b"XXXX" + packed[4:]):
        with pytest.raises(ValueError):
            unpack_arrays(damaged)


def test_pack_arrays_refuses_other_data_types() -> None:
    with pytest.raises(ValueError, match="int64"):
        pack_arrays(np.arange(3))
