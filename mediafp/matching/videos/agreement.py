"""The agreement of the moments of one video with those of another, computed where it is asked for."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array, Float64Array

IntArray = npt.NDArray[np.int64]
MAX_MOMENT_PAIRS = 1_000_000
"""Pairs of moments of which all are compared: two videos of 200 seconds. Of longer ones, only those near the lines on which rows
resemble each other are. Chosen, not measured."""


class FrameValues(Protocol):
    """Agreement, 0..1, of the frames of two videos."""

    def matrix(self) -> Float32Array:
        """Return all values (N, M)."""
        ...

    def pairs(self, query: IntArray, reference: IntArray) -> Float32Array:
        """Return the values of pairs of frames (K,)."""
        ...

    def changes(self) -> tuple[Float32Array, Float32Array]:
        """Return how little each frame agrees with the next one of its own video, (N - 1,) and (M - 1,)."""
        ...

    def swapped(self) -> "FrameValues":
        """Return the values seen from the reference."""
        ...


MAX_SAMPLED_MOMENTS = 180_000
"""Moments of a video that are compared, ten hours at five a second: a damaged file may state a billion seconds. Chosen, not
measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moments:
    """Even moments of a video.

    Attributes:
        step: Seconds from one moment to the next.
        frames: Number of the frame that is shown at each moment (S,), from time 0; -1 where none is.
        end: Seconds at which the video ends.
        lead: Share of a step by which a stretch begins before its first moment, on average: half a step for instants, 0 for
            rows, each of which is a second.
    """

    step: float
    frames: IntArray
    end: float
    lead: float = 0.5

    @property
    def shown(self) -> IntArray:
        """Moments (K,) at which a frame is shown."""
        return np.flatnonzero(self.frames >= 0)


def sample_moments(spans: Float64Array, step: float, *, lead: float = 0.5) -> Moments:
    """Return the moments of frames with some spans (N, 2) in seconds, those after `MAX_SAMPLED_MOMENTS` left unused."""
    end = min(float(spans[:, 1].max()), MAX_SAMPLED_MOMENTS * step)
    frames = np.full(max(1, int(np.ceil(end / step - 1e-3))), -1, np.int64)
    firsts, lasts = (np.ceil(np.minimum(spans[:, side], end) / step - 1e-3).astype(np.int64) for side in (0, 1))
    for number, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
        frames[first : max(last, first + 1)] = number
    return Moments(step=step, frames=frames, end=end, lead=lead)


@dataclass(frozen=True, kw_only=True, eq=False)
class Agreement:
    """Agreement, 0..1, of the moments of two videos.

    Attributes:
        values: Agreement of the frames.
        query: Moments (S,) of the query.
        reference: Moments (T,) of the reference.
    """

    values: FrameValues
    query: Moments
    reference: Moments
    _known: Float32Array | None = field(default=None, repr=False)

    @property
    def is_dense(self) -> bool:
        """True if all pairs of moments are compared."""
        return len(self.query.frames) * len(self.reference.frames) <= MAX_MOMENT_PAIRS

    @cached_property
    def matrix(self) -> Float32Array:
        """All values (S, T); 0 where a video shows nothing."""
        if self._known is not None:
            return self._known
        query, reference = self.query.frames, self.reference.frames
        values = self.values.matrix()[np.maximum(query, 0)][:, np.maximum(reference, 0)]
        values[query < 0] = 0
        values[:, reference < 0] = 0
        return values

    def at(self, query: IntArray, reference: IntArray) -> Float32Array:
        """Return the values at pairs of moments (N,); 0 outside of the videos."""
        inside = (query >= 0) & (query < len(self.query.frames))
        inside &= (reference >= 0) & (reference < len(self.reference.frames))
        values = np.zeros(query.shape, np.float32)
        if self.is_dense:
            values[inside] = self.matrix[query[inside], reference[inside]]
            return values
        own, other = self.query.frames[query[inside]], self.reference.frames[reference[inside]]
        shown = (own >= 0) & (other >= 0)
        found = np.zeros(len(own), np.float32)
        found[shown] = self.values.pairs(own[shown], other[shown])
        values[inside] = found
        return values

    @cached_property
    def _changes(self) -> tuple[Float32Array, Float32Array]:
        own, other = self.values.changes()
        return _spread(own, self.query.frames), _spread(other, self.reference.frames)

    @property
    def change_matrix(self) -> Float32Array:
        """Change of the frames around each pair of moments (S, T), 0..1: that of the side that changes less."""
        return np.minimum.outer(*self._changes)

    def change_at(self, query: IntArray, reference: IntArray) -> Float32Array:
        """Return the same at pairs of moments (N,)."""
        own, other = self._changes
        return np.minimum(own[np.clip(query, 0, len(own) - 1)], other[np.clip(reference, 0, len(other) - 1)])

    def swapped(self) -> "Agreement":
        """Return the agreement seen from the reference."""
        known = self.matrix.T if self.is_dense else None
        return Agreement(values=self.values.swapped(), query=self.reference, reference=self.query, _known=known)


def _spread(changes: Float32Array, frames: IntArray) -> Float32Array:
    """Return how much the frame changes around each moment (S,): the mean of before and after."""
    if not len(changes) or len(frames) < 2:
        return np.zeros(len(frames), np.float32)
    shown = np.maximum(frames, 0)
    between = np.where(shown[1:] == shown[:-1], np.float32(0), changes[np.clip(shown[1:] - 1, 0, len(changes) - 1)])
    padded = np.concatenate((between[:1], between, between[-1:]))
    return np.asarray((padded[:-1] + padded[1:]) / 2, np.float32)
