"""Codes of 512 bits that describe two seconds of sound coarsely, so that an index finds it changed in pitch and tempo.

A code is the signs of the low-order coefficients of a two-dimensional cosine transform (time x frequency) of the sign
prints. Low orders hardly change when the prints are shifted by one band or stretched by a tenth. All weights are small whole
numbers, so that the sums are exact and the codes are the same on every processor.
"""

from functools import cache
from typing import TYPE_CHECKING, Final

from mediafp.types.sound_prints import PRINT_BITS, PRINTS_PER_ROW, VALID_BIT

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from mediafp.types.arrays import Float32Array

CODE_PRINTS: Final = 32
"""Prints that a code describes: 2.048 s. Codes of 3 s found less of changed pitch and tempo."""
STORED_HOP: Final = PRINTS_PER_ROW
"""Prints between two stored codes: a code starts with each row of prints."""
TIME_ORDERS: Final = 16
"""Orders of the transform over time, from 0."""
FREQUENCY_ORDERS: Final = 32
"""Orders of the transform over frequency, from 0. With 16 x 32 orders, 512 bits each second, .939 of 651 edits were found
with one false candidate in 1,000 unrelated pairs; with 12 x 21, 252 bits twice a second, .935."""
CODE_BYTES: Final = TIME_ORDERS * FREQUENCY_ORDERS // 8
MIN_VALID_PRINTS: Final = PRINTS_PER_ROW + 1
"""Valid prints that a code needs: more than a row has, so that a code starts and ends in rows that are stored."""
WEIGHT: Final = 32
"""Largest weight of the transform: sums stay below 2**24, up to which whole numbers are exact in float32."""


BLOCK_CODES: Final = 64
"""Codes that are computed at once: .3 MB, which fits in the cache of a processor. Chosen, not measured."""


def compute_codes(
    prints: "npt.NDArray[np.uint64]",
    *,
    hop: int,
    speed: float = 1.0,
    shift: int = 0,
    ends: "npt.NDArray[np.int64] | None" = None,
) -> tuple["npt.NDArray[np.uint8]", "npt.NDArray[np.int64]"]:
    """Return codes (N, 64), and the print (N,) that each starts with; a part with too few valid prints has no code.

    Args:
        prints: Prints (P,).
        hop: Prints between two codes.
        speed: Speed of the sound that the codes shall be like, against this sound: above 1, a code describes fewer prints.
        shift: Bands by which that sound is higher.
        ends: Ends (S,) of several sounds, one behind the other in the prints, each of a multiple of `hop` prints: no code
            describes two of them. None for one sound.
    """
    import numpy as np

    starts = code_starts(prints, hop=hop, speed=speed, ends=ends)
    if not len(starts):
        return np.empty((0, CODE_BYTES), np.uint8), starts
    length = round(CODE_PRINTS / speed)
    windows = np.lib.stride_tricks.sliding_window_view(_signs(prints) @ _frequency_weights(shift), length, axis=0)
    codes = np.empty((len(starts), CODE_BYTES), np.uint8)
    for first in range(0, len(starts), BLOCK_CODES):
        block = slice(first, first + BLOCK_CODES)
        sums = windows[starts[block]] @ _time_weights(length)
        codes[block] = np.packbits((sums > 0).reshape(len(sums), -1), axis=1)
    return codes, starts


def code_starts(
    prints: "npt.NDArray[np.uint64]", *, hop: int, speed: float = 1.0, ends: "npt.NDArray[np.int64] | None" = None
) -> "npt.NDArray[np.int64]":
    """Return the print (N,) that each code starts with; arguments as of `compute_codes`."""
    import numpy as np

    length = round(CODE_PRINTS / speed)
    starts = np.arange(0, len(prints) - length + 1, hop)
    counts = np.concatenate([[0], np.cumsum((prints & np.uint64(VALID_BIT)) > 0)])
    has_code = counts[starts + length] - counts[starts] >= MIN_VALID_PRINTS / speed
    if ends is not None:
        has_code &= starts + length <= ends[np.searchsorted(ends, starts, side="right")]
    coded: npt.NDArray[np.int64] = starts[has_code]
    return coded


def _signs(prints: "npt.NDArray[np.uint64]") -> "Float32Array":
    """Return the bits of prints (P, bits) as 1 and -1; 0 for those of a print that is not valid."""
    import numpy as np

    octets = np.ascontiguousarray(prints, "<u8").view(np.uint8).reshape(-1, 8)
    bits = np.unpackbits(octets, axis=1, count=PRINT_BITS, bitorder="little")
    valid = (prints & np.uint64(VALID_BIT)) > 0
    return np.where(valid[:, None], bits.astype(np.float32) * 2 - 1, np.float32(0))


@cache
def _frequency_weights(shift: int) -> "Float32Array":
    """Return the weights (bits, orders) that transform prints as if they were `shift` bands higher."""
    import numpy as np

    weights = _cosines(PRINT_BITS, FREQUENCY_ORDERS)
    moved = np.zeros_like(weights)
    if shift >= 0:
        moved[: PRINT_BITS - shift] = weights[shift:]
    else:
        moved[-shift:] = weights[:shift]
    return moved


@cache
def _time_weights(length: int) -> "Float32Array":
    """Return the weights (prints, orders) of a code over so many prints."""
    return _cosines(length, TIME_ORDERS)


def _cosines(length: int, orders: int) -> "Float32Array":
    """Return the cosine transform (length, orders), rounded to whole numbers."""
    import numpy as np

    places = (np.arange(length) + 0.5) / length
    return np.asarray(np.rint(WEIGHT * np.cos(np.pi * np.outer(places, np.arange(orders)))), np.float32)
