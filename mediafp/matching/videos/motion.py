"""Evidence that two aligned stretches show the same motion, and not only the same things that stand still."""

from dataclasses import dataclass

import numpy as np

from mediafp.matching.videos.agreement import IntArray
from mediafp.matching.videos.mapped_frames import BLOCK_SIDE, GRID_SIDE, MIN_ENERGY, BlockFrames, MappedFrames
from mediafp.matching.videos.plain_frames import is_plain
from mediafp.types.arrays import Float32Array

MIN_MOTION = 2.5
"""Standard deviation over time, in grey levels of the tiny frames, below which nothing moves. Chosen, not measured."""
MIN_MOTION_AGREEMENT = 0.5
"""Share of the motion that must agree. Unrelated stretches with one graphic or room have .3 to .46, copies .6 and more."""
MIN_STILL_MOTION_AGREEMENT = 0.6
"""The same of a stretch that has one distinct moment, in which motion alone distinguishes two portraits in one studio: they
have .52."""
NEW_MOMENT = 0.12
"""Disagreement with the moment before from which a moment is a new one. Chosen, not measured."""
MAX_PLAIN_MOMENTS = 3
"""Plain moments, as of colour bars and of a title card, that are no evidence. Chosen, not measured."""
MAX_MOTION_FRAMES = 4_096
"""Frames of a stretch by which its motion is measured: 14 minutes; of a longer one each second, third … frame is. Chosen, not
measured."""
MAX_MOMENTS = 100
"""Distinct moments that are counted. Chosen, not measured."""
_BLOCKS = GRID_SIDE // BLOCK_SIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """Motion in a stretch, or in all of them.

    Attributes:
        amount: Motion that both videos have, in grey levels.
        agreement: Share of it that agrees, 0..1.
        moments: Distinct moments: 1 if neither video changes.
        telling: Those that are evidence: without the first plain ones.
    """

    amount: float
    agreement: float
    moments: int
    telling: int

    @property
    def is_moving(self) -> bool:
        """True if both videos move."""
        return self.amount >= MIN_MOTION

    @property
    def contradicts(self) -> bool:
        """True if both videos move, and differently: they share only what is still."""
        least = MIN_STILL_MOTION_AGREEMENT if self.is_still else MIN_MOTION_AGREEMENT
        return self.is_moving and self.agreement < least

    @property
    def is_still(self) -> bool:
        """True if nothing changes in all the time."""
        return self.moments <= 1


def measure_motion(frames: MappedFrames, query: IntArray, reference: IntArray) -> Motion:
    """Return the motion of an aligned stretch.

    Args:
        frames: The frames of both videos.
        query: Frames (N,) of the query, in order of time.
        reference: Frames (N,) of the reference that they are aligned with.
    """
    step = -(-len(query) // MAX_MOTION_FRAMES)
    query, reference = query[::step], reference[::step]
    own_cells, other_cells = frames.query_cells[query], frames.reference_cells[reference]
    a, b = _deviations(own_cells), _deviations(other_cells)
    products, own, other = (a * b).sum(axis=(0, 2)), (a * a).sum(axis=(0, 2)), (b * b).sum(axis=(0, 2))
    count = len(query) * BLOCK_SIDE**2
    correlations = products / np.sqrt((own + count) * (other + count))
    contrast = np.sqrt((own_cells.std(axis=(1, 2)).mean() + 1) / (other_cells.std(axis=(1, 2)).mean() + 1))
    weights = np.minimum(np.sqrt(own) / contrast, np.sqrt(other) * contrast)
    moments = min(
        _distinct_moments(frames.query.take(query)), _distinct_moments(frames.reference.take(reference)), key=len
    )
    return Motion(
        amount=float(np.sqrt((weights**2).mean() / count)),
        agreement=float((weights * np.maximum(correlations, 0)).sum() / (weights.sum() + 1e-6)),
        moments=len(moments),
        telling=len(moments) - min(int(is_plain(other_cells[moments]).sum()), MAX_PLAIN_MOMENTS),
    )


def _distinct_moments(frames: BlockFrames) -> IntArray:
    """Return the frames that differ from the last one of these, from the first one on, up to a limit."""
    found, flat, energy = [0], frames.blocks.reshape(len(frames.blocks), -1), frames.energy.sum(axis=1)
    while len(found) < MAX_MOMENTS:
        last = found[-1]
        agreements = flat[last + 1 :] @ flat[last] / ((energy[last + 1 :] + energy[last]) / 2 + MIN_ENERGY)
        new = np.flatnonzero(agreements < 1 - NEW_MOMENT)
        if not len(new):
            break
        found.append(last + 1 + int(new[0]))
    return np.array(found)


def _deviations(frames: Float32Array) -> Float32Array:
    """Return the deviation (N, 16, 36) of the blocks of frames from their mean over time, brightness left aside."""
    frames = frames - frames.mean(axis=(1, 2), keepdims=True)
    frames = frames - frames.mean(axis=0)
    grid = frames.reshape(-1, _BLOCKS, BLOCK_SIDE, _BLOCKS, BLOCK_SIDE).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(grid).reshape(len(frames), _BLOCKS**2, BLOCK_SIDE**2)
