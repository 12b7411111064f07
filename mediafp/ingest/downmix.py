"""Mixing of audio channels to one."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
MIN_DOWNMIX_ENERGY: Final = 0.5
"""Energy of the mix against the loudest channel's share in it, below which channels cancel each other out and one of
them is taken. Unlike or like channels give 1 and more, and so does one channel alone."""
DOWNMIX_GAINS: Final = {"FL": 0.5, "FR": 0.5, "FC": 0.7071, "LFE": 0.0, "LFE2": 0.0}
"""Shares of named channels in a mix of more than two (ITU-R BS.775); the voice stands in the centre."""
MIX_AROUND: Final = 0.3536
"""Share of every other channel."""
MANY_PLANES: Final = 8
"""From so many planes on PyAV 19.0.2 reads past the end of them."""
BLOCK_VALUES: Final = 1 << 17
"""Values mixed at once: 1.4 s of stereo at 48 kHz, one frame where there are hundreds of channels."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How a frame's samples are laid out."""

    rate: int
    format: str
    planar: bool
    channels: tuple[str, ...]


def _mono(values: npt.NDArray[Any], form: _Form) -> Floats:
    """Samples as decoded, (channels, N) or (1, N × channels), as one channel (N,) within ±1.

    What is no number is silence. Where channels cancel each other out (a fault, or an evasion), the first of the loud
    ones is taken alone.
    """
    names = form.channels
    channels = _floats(values if form.planar else values.reshape(-1, len(names)).T)
    if len(names) == 1:
        return np.asarray(channels[0], np.float32)
    shares = _shares(names)
    mix = shares @ channels
    energies = shares**2 * np.einsum("cn,cn->c", channels, channels)
    if mix @ mix < MIN_DOWNMIX_ENERGY * energies.max():
        mix = channels[np.argmax(energies >= energies.max() / 2)]
    # A sum over ±1 is made softer, not clipped.
    return np.asarray(mix / max(1.0, float(np.abs(mix).max())), np.float32)


def _floats(values: npt.NDArray[Any]) -> Floats:
    """Samples of any type as numbers within ±1."""
    if values.dtype.kind == "f":
        # Clipped while it is a float64, which may not fit in a float32.
        known = np.clip(np.where(np.isfinite(values), values, 0), -1, 1)
        return np.asarray(known, np.float32)
    half = 2 ** (8 * values.dtype.itemsize - 1)
    floats = np.asarray(values, np.float32)
    return np.asarray((floats - half) / half if values.dtype.kind == "u" else floats / half, np.float32)


def _shares(names: tuple[str, ...]) -> Floats:
    """Each channel's share in the mix; equal ones where two or unnamed channels are mixed."""
    count = len(names)
    if count > 2 and {"FL", "FR"} <= set(names):
        return np.array([DOWNMIX_GAINS.get(name, MIX_AROUND) for name in names], np.float32)
    # Of many unnamed channels one may hold the voice alone: it may not become too quiet.
    return np.full(count, 0.5 if count == 2 else count**-0.5, np.float32)
