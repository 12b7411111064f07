"""Mixing of audio channels to one."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MIN_DOWNMIX_ENERGY: Final = 0.5
"""Energy of the mix, divided by the energy that the loudest channel adds to it, below which the channels cancel each
other out and one of them is used instead. Unlike or equal channels give 1 and more, and so does one channel alone.
Chosen, not measured."""
DOWNMIX_GAINS: Final = {"FL": 0.5, "FR": 0.5, "FC": 0.7071, "LFE": 0.0, "LFE2": 0.0}
"""Gains of named channels in a mix of more than two (ITU-R BS.775); voices are in the centre channel, FC."""
OTHER_CHANNEL_GAIN: Final = 0.3536
"""Gain of every other channel in such a mix (ITU-R BS.775)."""

type Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SampleLayout:
    """Layout of decoded samples: rate in hertz, FFmpeg's sample format, one plane a channel or not, channel names."""

    rate: int
    format: str
    is_planar: bool
    channels: tuple[str, ...]


def to_channels(values: npt.NDArray[Any], layout: SampleLayout) -> Float32Array:
    """Return decoded samples as channels (C, N) within ±1; values that are not finite become 0.

    Args:
        values: Samples as decoded: (channels, N) if planar, else (1, N × channels).
        layout: Their layout.
    """
    return _to_float(values if layout.is_planar else values.reshape(-1, len(layout.channels)).T)


def downmix(channels: Float32Array, names: tuple[str, ...]) -> Float32Array:
    """Return channels (C, N) as one (N,) within ±1.

    If they cancel each other out (a fault, or an evasion), the first of the loud ones is returned alone.
    """
    if len(names) == 1:
        return np.asarray(channels[0], np.float32)
    gains = _channel_gains(names)
    mix = gains @ channels
    energies = gains**2 * np.einsum("cn,cn->c", channels, channels)
    if mix @ mix < MIN_DOWNMIX_ENERGY * energies.max():
        mix = channels[np.argmax(energies >= energies.max() / 2)]
    # A sum beyond ±1 is scaled down, not clipped.
    return np.asarray(mix / max(1.0, float(np.abs(mix).max())), np.float32)


def _to_float(values: npt.NDArray[Any]) -> Float32Array:
    """Return samples of any type as numbers within ±1."""
    if values.dtype.kind == "f":
        if values.min(initial=0) >= -1 and values.max(initial=0) <= 1:
            return np.asarray(values, np.float32)
        # Clipped as float64, whose values may not fit in float32.
        finite = np.clip(np.where(np.isfinite(values), values, 0), -1, 1)
        return np.asarray(finite, np.float32)
    half_range = 2 ** (8 * values.dtype.itemsize - 1)
    floats = np.asarray(values, np.float32)
    return np.asarray(
        (floats - half_range) / half_range if values.dtype.kind == "u" else floats / half_range, np.float32
    )


def _channel_gains(names: tuple[str, ...]) -> Float32Array:
    """Return the gain of each channel in the mix; equal gains for two channels and for unnamed ones."""
    count = len(names)
    if count > 2 and {"FL", "FR"} <= set(names):
        return np.array([DOWNMIX_GAINS.get(name, OTHER_CHANNEL_GAIN) for name in names], np.float32)
    # One of many unnamed channels may contain the voice alone: it must not become too quiet.
    return np.full(count, 0.5 if count == 2 else count**-0.5, np.float32)
