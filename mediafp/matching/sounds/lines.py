"""Lines along which two sounds agree: offset, speed and band shift, fitted to the prints.

A line maps places of the query, in prints, to places of the reference.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.matching.sounds.side import SoundSide
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.sound_prints import PRINT_BITS

SEED_PRINTS: Final = 64
"""Prints around a near pair of codes to which a line is fitted first: 4.1 s."""
MIN_SHARED_BITS: Final = 40
"""Bits of two prints that are compared at least: the shift is at most 17 bands. Chosen, not measured."""
CHANCE: Final = 0.5
"""Agreement of the bits of unrelated prints."""
MAX_FITTED_PRINTS: Final = 400
"""Prints by which a line is fitted; of a longer one only each second, third … print is. Chosen, not measured."""
MIN_SPEED_GAIN: Final = 0.004
"""Agreement by which a line of speed 1 may be worse, and is kept: as much as a fitted speed gains by chance. Chosen, not
measured."""

WINDOWS_AT_ONCE: Final = 64
"""Parts of a sound whose lags are computed at once, .4 MB an array. Chosen, not measured."""
MIN_SHIFT: Final = 0.1
"""Part of a band below which a change of pitch is not reported. Chosen, not measured."""
LAG_CHANCE: Final = 0.35
"""Agreement that the best of the lines beside reaches by chance, times the square root of the prints."""
RHYTHM_GAIN: Final = 1.4
"""Ratio of what a fitted line agrees with another tune of the same beat to what a line beside does: two chords a second with
other notes agree to .78 along the best line, and to .72 beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Straight map from places of the query to places of the reference, both in prints.

    Attributes:
        speed: Reference prints per query print.
        offset: Reference place of the query place 0.
        shift: Bands by which the query is higher than the reference.
    """

    speed: float
    offset: float
    shift: int

    def reference(self, place: float) -> float:
        """Return the reference place of a query place."""
        return self.offset + self.speed * place


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """Agreement of the prints along a line.

    Attributes:
        places: Places of the query, prints (N,).
        shares: Share of equal bits, 0..1, (N,); CHANCE where one of the two is not valid.
        both: True where both prints are valid, (N,).
        one: True where one of them is, (N,).
    """

    places: npt.NDArray[np.int64]
    shares: Float32Array
    both: npt.NDArray[np.bool_]
    one: npt.NDArray[np.bool_]

    @property
    def mean(self) -> float:
        """Mean share of equal bits where both prints are valid; CHANCE if there are none."""
        return float(self.shares[self.both].mean()) if self.both.any() else CHANCE


def measure(query: SoundSide, reference: SoundSide, line: Line, start: int, end: int) -> Agreement:
    """Return the agreement along a line, of the query's places from `start` to `end` that it maps into the reference."""
    places = np.arange(max(start, 0), min(end, len(query)))
    mapped = np.rint(line.offset + line.speed * places).astype(np.int64)
    inside = (mapped >= 0) & (mapped < len(reference))
    places, mapped = places[inside], mapped[inside]
    return Agreement(
        places=places,
        shares=_shares(query, reference, places, mapped, np.array(line.shift)),
        both=query.valid[places] & reference.valid[mapped],
        one=query.valid[places] ^ reference.valid[mapped],
    )


def background(query: SoundSide, reference: SoundSide, line: Line, start: int, end: int) -> float:
    """Return the agreement of the sounds from `start` to `end` that a beat or another even rhythm explains.

    It is the best agreement along a line that is .4 to 2 s beside, less what the best of so many reaches by chance.
    """
    places = _spread(max(start, 0), min(end, len(query)))
    mapped = line.offset + line.speed * places + _LAGS[:, None, None]
    best = float(_means(query, reference, places, mapped, line.shift).max())
    explained = best - CHANCE - LAG_CHANCE / float(np.sqrt(max(len(places), 1)))
    return CHANCE + RHYTHM_GAIN * max(explained, 0.0)


def _spread(start: int, end: int) -> npt.NDArray[np.int64]:
    """Return the places from `start` to `end`, or so many of them as a line is fitted by."""
    return np.arange(start, end, max(1, -(-(end - start) // MAX_FITTED_PRINTS)))


def fit_seed(query: SoundSide, reference: SoundSide, seed: Line, place: float) -> tuple[Line, float]:
    """Return the best line near a seed around a query place, and its mean agreement."""
    places = np.arange(round(place) - SEED_PRINTS // 2, round(place) + SEED_PRINTS // 2)
    places = places[(places >= 0) & (places < len(query))]
    speeds = seed.speed * np.exp(_SEED_SPEEDS)
    shifts = seed.shift + _SEED_SHIFTS
    middle = seed.reference(place)
    line, best = seed, -1.0
    for shift in shifts.tolist():
        if PRINT_BITS - abs(shift) < MIN_SHARED_BITS:
            continue
        mapped = middle + _SEED_OFFSETS[None, :, None] + speeds[:, None, None] * (places - place)
        means = _means(query, reference, places, mapped, shift)
        at = np.unravel_index(int(means.argmax()), means.shape)
        if means[at] > best:
            speed, best = float(speeds[at[0]]), float(means[at])
            line = Line(speed=speed, offset=middle + float(_SEED_OFFSETS[at[1]]) - speed * place, shift=shift)
    return line, best


def refit(query: SoundSide, reference: SoundSide, line: Line, start: int, end: int) -> tuple[Line, float]:
    """Return the line that agrees best from `start` to `end`, with both ends moved by a few prints, and its agreement.

    Speed 1 and no shift are kept unless another line agrees better by more than chance.
    """
    places = _spread(start, end)
    length = max(end - start, 1)
    share = (places - start) / length
    first = line.reference(start) + _END_OFFSETS
    last = line.reference(end) + _END_OFFSETS
    mapped = first[:, None, None] * (1 - share) + last[None, :, None] * share
    lines = [(line, -1.0)]
    for shift in (line.shift - 1, line.shift, line.shift + 1):
        means = _means(query, reference, places, mapped, shift)
        at = np.unravel_index(int(means.argmax()), means.shape)
        speed = float(last[at[1]] - first[at[0]]) / length
        lines.append((Line(speed=speed, offset=float(first[at[0]]) - speed * start, shift=shift), float(means[at])))
    best, agreement = max(lines, key=lambda one: one[1])
    if abs(best.speed - 1) * length <= 2 * float(_END_OFFSETS[-1]) and best.speed != 1.0:
        middle = (start + end) / 2
        level = Line(speed=1.0, offset=best.reference(middle) - middle, shift=best.shift)
        offsets = level.offset + _END_OFFSETS
        means = _means(query, reference, places, offsets[None, :, None] + places, best.shift)[0]
        if means.max() >= agreement - MIN_SPEED_GAIN:
            best, agreement = replace(level, offset=float(offsets[int(means.argmax())])), float(means.max())
    return best, agreement


def fractional_shift(query: SoundSide, reference: SoundSide, line: Line, start: int, end: int) -> float:
    """Return the bands by which the query is higher, between whole ones: the vertex of a parabola through three agreements.

    Without a better neighbour it is the whole number: no change of pitch stays none.
    """
    places = _spread(max(start, 0), min(end, len(query)))
    mapped: Float64Array = np.asarray(line.offset + line.speed * places, np.float64)[None, None]
    below, whole, above = (
        float(_means(query, reference, places, mapped, line.shift + step)[0, 0]) for step in (-1, 0, 1)
    )
    curvature = 2 * whole - below - above
    vertex = (above - below) / (2 * curvature) if curvature > 0 else 0.0
    return line.shift + (vertex if abs(vertex) >= MIN_SHIFT else 0.0)


def best_lags(
    query: SoundSide, reference: SoundSide, line: Line, starts: npt.NDArray[np.int64], length: int
) -> tuple[Float64Array, Float64Array]:
    """Return by how many prints (N,) parts of the query agree best beside a line, and the agreement (N,) there.

    Args:
        query: The query.
        reference: The reference.
        line: The line.
        starts: Places (N,) of the query at which the parts start; all of them lie in it.
        length: Prints of each part.
    """
    parts = [
        _window_lags(query, reference, line, starts[first : first + WINDOWS_AT_ONCE, None] + np.arange(length))
        for first in range(0, len(starts), WINDOWS_AT_ONCE)
    ]
    lags, agreements = np.concatenate([np.empty((2, 0)), *parts], axis=1)
    return lags, agreements


def _window_lags(
    query: SoundSide, reference: SoundSide, line: Line, places: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the lags and the agreements (2, W) of some parts, given their places (W, N) in the query."""
    mapped = (line.offset + line.speed * places)[:, None] + _WINDOW_LAGS[:, None]
    means = _means(query, reference, places[:, None], mapped, line.shift)
    best = means.argmax(axis=1)[:, None]
    # Between the steps: the mean of the lags around the best one, weighted by how much they agree.
    near = best + np.arange(-3, 4)
    is_tried = (near >= 0) & (near < len(_WINDOW_LAGS))
    near = np.where(is_tried, near, 0)
    weights = np.where(is_tried, np.maximum(np.take_along_axis(means, near, axis=1) - CHANCE, 0) ** 4, 0)
    totals = weights.sum(axis=1)
    lags = (weights * _WINDOW_LAGS[near]).sum(axis=1) / np.where(totals > 0, totals, 1)
    return np.stack([lags, np.take_along_axis(means, best, axis=1)[:, 0]])


def _means(
    query: SoundSide, reference: SoundSide, places: npt.NDArray[np.int64], mapped: Float64Array, shift: int
) -> Float64Array:
    """Return the mean agreements (A, B) of query places (N,) or (A, 1, N) with reference places (A, B, N), where both are valid.

    Of the lines that leave the reference, what is outside counts as chance.
    """
    rounded = np.rint(mapped).astype(np.int64)
    inside = (rounded >= 0) & (rounded < len(reference))
    rounded = np.where(inside, rounded, 0)
    both = inside & query.valid[places] & reference.valid[rounded]
    shares = _shares(query, reference, places, rounded, np.array(shift))
    return np.asarray(CHANCE + np.where(both, shares - CHANCE, 0.0).sum(axis=-1) / max(places.shape[-1], 1), np.float64)


def _shares(
    query: SoundSide,
    reference: SoundSide,
    places: npt.NDArray[np.int64],
    mapped: npt.NDArray[np.int64],
    shift: npt.NDArray[np.int64],
) -> Float32Array:
    """Return the shares of equal bits of query prints and reference prints, the query shifted back by `shift` bands."""
    bits = PRINT_BITS - abs(int(shift))
    mask = np.uint64((1 << bits) - 1)
    left, right = (np.uint64(max(int(shift), 0)), np.uint64(max(-int(shift), 0)))
    differing = np.bitwise_count(((query.prints[places] >> left) ^ (reference.prints[mapped] >> right)) & mask)
    return np.asarray(1 - differing / np.float32(bits), np.float32)


_SEED_SPEEDS: Final[Float64Array] = np.linspace(-0.12, 0.12, 13)
_SEED_SHIFTS: Final[npt.NDArray[np.int64]] = np.arange(-2, 3)
_SEED_OFFSETS: Final[Float64Array] = np.arange(-5.0, 6.0)
_LAGS: Final[Float64Array] = np.concatenate([-np.arange(6.0, 32.0), np.arange(6.0, 32.0)])
_WINDOW_LAGS: Final[Float64Array] = np.arange(-8.0, 8.5, 0.5)
_END_OFFSETS: Final[Float64Array] = np.arange(-2.0, 2.5, 0.5)
