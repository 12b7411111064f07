"""The one form in which arrays are stored."""

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
def test_what_is_packed_comes_back(arrays: list[np.ndarray]) -> None:
    back = unpack_arrays(pack_arrays(*arrays))
    assert len(back) == len(arrays)
    for mine, theirs in zip(arrays, back, strict=True):
        assert mine.dtype == theirs.dtype and mine.shape == theirs.shape
        assert mine.tobytes() == theirs.tobytes()


@given(st.binary(max_size=64))
def test_other_bytes_raise_value_error(data: bytes) -> None:
    try:
        arrays = unpack_arrays(data)
    except ValueError:
        return
    assert pack_arrays(*arrays) == data


def test_a_cut_or_longer_blob_is_noticed() -> None:
    blob = pack_arrays(np.arange(6, dtype=np.float32).reshape(2, 3))
    for damaged in (blob[:-1], blob + b"x", b"XXXX" + blob[4:]):
        with pytest.raises(ValueError):
            unpack_arrays(damaged)


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="int64"):
        pack_arrays(np.arange(3))
