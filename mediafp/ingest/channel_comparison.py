"""Comparison of the two channels of an audio track, which are one recording, or differ in what is said.

One voice in both channels has its loud and quiet moments, in each band of frequencies, at the same times in both, whatever
its level in each, its phase, and the way from two microphones. Two voices have theirs at different times.
"""

from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.fft import rfft
from numpy.lib.stride_tricks import sliding_window_view

from mediafp.ingest.downmix import Float32Array

LOWEST_RATE: Final = 8_000
"""Sample rate, hertz, to which the channels are reduced, and below which they are not compared: telephones have it."""
WINDOW_SECONDS: Final = 0.032
"""Seconds of a spectrum."""
HOP_SECONDS: Final = 0.05
"""Seconds from one spectrum to the next. Every .1 s, one voice that is 40 ms later in one channel, or .25 s, was
now and then taken for two."""
BAND_EDGES: Final = (125, 190, 250, 310, 375, 470, 560, 690, 840, 1030, 1250, 1560, 1940, 2440, 3060, 3900)
"""Hertz at which the bands begin and end. Chosen: a third of an octave, as wide as those of hearing."""
FLOOR_DECIBELS: Final = -75.0
"""Level against full scale below which a band is silent. Chosen, not measured."""
RANGE_DECIBELS: Final = 25.0
"""Decibels below its top from which on the level of a band counts: that between syllables does not."""
TOP_SECONDS: Final = 10.0
"""Seconds for which a band is louder than its top; of short tracks a twentieth."""
MIN_ACTIVITY: Final = 4.0
"""Decibels that the bands of a channel are above their range, on average, for the channel to be active."""
BLOCK_SECONDS: Final = 10.0
"""Seconds of audio that are judged at once."""
MIN_ACTIVE_SECONDS: Final = 1.0
"""Seconds for which a channel of a block, and of a track, is active, so that it is compared."""
SAME_CORRELATION: Final = 0.3
"""Correlation of the levels from which on two channels are one recording. Of 60 made tracks of each kind
(scripts/bench/channels.py), those with a voice a channel have about 0, and about .15 with each voice 20 dB below the other in
its channel: 97 % and more are split. Of those with one voice in both, by two microphones, delayed, or under music, none is."""
NEAR_SECONDS: Final = 0.05
"""Delay of one channel to which the correlation counts as it is."""
FAR_SECONDS: Final = 0.3
"""Longest delay that is tried: echoes, and channels that run apart."""
FAR_PENALTY: Final = 0.15
"""Amount taken off the correlation at a longer delay than NEAR_SECONDS, as the best of many is high by chance. Chosen."""
MIN_MODULATION: Final = 4.0
"""Standard deviation in decibels of the levels of an active channel below which it is hiss or hum, and no voice. Hiss has at
most 2.7, voices in noise 10 decibels below them 5 and more."""
_LEVEL_STEPS: Final = 2
"""Steps to a decibel in which levels are kept."""
_LOWEST_DECIBELS: Final = -110.0
"""Level that is kept as 0."""

type Levels = npt.NDArray[np.uint8]


class ChannelComparison:
    """Levels of two channels, taken while they are decoded, and the judgement on them.

    Four hours have 9 MB.
    """

    def __init__(self) -> None:
        self._levels: list[Levels] = []
        self._rate = 0
        self._rest = np.empty((2, 0), np.float32)
        self._is_comparable = True

    def add(self, channels: Float32Array, rate: int) -> None:
        """Take the next samples (C, N); a track that has other than two channels anywhere is not compared."""
        if len(channels) != 2 or rate < LOWEST_RATE:
            self._is_comparable = False
            self._levels.clear()
        if not self._is_comparable:
            return
        if rate != self._rate:
            self._rate, self._rest = rate, self._rest[:, :0]
        hop = round(HOP_SECONDS * rate)
        samples = np.concatenate((self._rest, channels), axis=1)
        count = max(0, samples.shape[1] - hop) // hop
        if count:
            self._levels.append(_levels(samples, rate, hop, count))
        self._rest = samples[:, count * hop :].copy()

    def differ(self) -> bool:
        """Return True if for most of the time that both channels have something to compare, they differ."""
        if not self._levels:
            return False
        levels = np.concatenate(self._levels, axis=1)
        rises = _rises(levels)
        active = rises.mean(axis=2) > MIN_ACTIVITY
        least = MIN_ACTIVE_SECONDS / HOP_SECONDS
        if any(
            on.sum() < least or channel[on].std(axis=0).mean() < MIN_MODULATION
            for channel, on in zip(rises, active, strict=True)
        ):
            return False
        same = different = 0
        alone = [0, 0]
        count = max(1, round(len(rises[0]) * HOP_SECONDS / BLOCK_SECONDS))
        for block, on in zip(np.array_split(rises, count, axis=1), np.array_split(active, count, axis=1), strict=True):
            first, second = on.sum(axis=1)
            if min(first, second) >= least:
                is_same = _correlation(block[0], block[1], on.any(axis=0)) >= SAME_CORRELATION
                same, different = same + is_same, different + (not is_same)
            elif max(first, second) >= least:
                alone[int(second > first)] += 1
        # Voices that take long turns, each in its channel.
        return different + 2 * min(alone) > same


def _levels(samples: Float32Array, rate: int, hop: int, count: int) -> Levels:
    """Return the levels (2, count, bands) of spectra that start `hop` samples apart."""
    step, edges, window, means = _tables(rate)
    width = step * len(window)
    windows = sliding_window_view(samples, width, axis=1)[:, : count * hop : hop]
    # A product is five times as fast as a sum over so short an axis.
    reduced = windows.reshape(2, count, len(window), step) @ np.ones(step, np.float32)
    spectra = rfft(reduced * window, axis=2)[:, :, edges[0] : edges[1]]
    power = (spectra.real**2 + spectra.imag**2) @ means
    decibels = 10 * np.log10(power + 10 ** (_LOWEST_DECIBELS / 10)) - _LOWEST_DECIBELS
    return np.asarray(np.clip(_LEVEL_STEPS * decibels, 0, 255), np.uint8)


@lru_cache(maxsize=4)
def _tables(rate: int) -> tuple[int, tuple[int, int], Float32Array, Float32Array]:
    """Return samples that are added up to one, first and last bin, window, and (bins, bands) for the mean of each band."""
    step = rate // LOWEST_RATE
    length = round(WINDOW_SECONDS * rate / step)
    window = np.hanning(length).astype(np.float32)
    bins = np.round(np.array(BAND_EDGES) * WINDOW_SECONDS).astype(int)
    means = np.zeros((bins[-1] - bins[0], len(bins) - 1), np.float32)
    for band, (start, end) in enumerate(pairwise(bins)):
        means[start - bins[0] : end - bins[0], band] = 1 / (end - start)
    # The power of full scale is 1.
    means /= (step * window.sum() / 2) ** 2
    return step, (int(bins[0]), int(bins[-1])), window, means


def _rises(levels: Levels) -> Float32Array:
    """Return levels as decibels above the range of their band: 0 for what is quiet, RANGE_DECIBELS for its top."""
    count = levels.shape[1]
    loud = int(np.clip(count / 20, MIN_ACTIVE_SECONDS / 2 / HOP_SECONDS, TOP_SECONDS / HOP_SECONDS))
    place = max(0, count - 1 - loud)
    top = np.partition(levels, place, axis=1)[:, place, None]
    floor = _LEVEL_STEPS * (FLOOR_DECIBELS - _LOWEST_DECIBELS)
    start = np.maximum(top, floor) - _LEVEL_STEPS * RANGE_DECIBELS
    return np.asarray(np.clip((levels - start) / _LEVEL_STEPS, 0, RANGE_DECIBELS), np.float32)


def _correlation(first: Float32Array, second: Float32Array, active: npt.NDArray[np.bool_]) -> float:
    """Return the correlation of the levels (N, bands) of two channels, where one is active, at the best delay between them."""
    best = -1.0
    for delay in range(-round(FAR_SECONDS / HOP_SECONDS), round(FAR_SECONDS / HOP_SECONDS) + 1):
        one, other = _delayed(first, delay), _delayed(second, -delay)
        either = _delayed(active, delay) | _delayed(active, -delay)
        if either.sum() < MIN_ACTIVE_SECONDS / HOP_SECONDS:
            continue
        one, other = one[either] - one[either].mean(axis=0), other[either] - other[either].mean(axis=0)
        scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
        penalty = 0.0 if abs(delay) * HOP_SECONDS <= NEAR_SECONDS else FAR_PENALTY
        best = max(best, float((one * other).sum()) / scale - penalty if scale else -1.0)
    return best


def _delayed[T: npt.NDArray[np.generic]](rows: T, delay: int) -> T:
    """Return rows without as many at the start as a delay is above 0, or at the end as it is below 0."""
    return rows[delay:] if delay >= 0 else rows[:delay]  # type: ignore[return-value]
