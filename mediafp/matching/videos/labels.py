"""The line that each moment of a video follows: the best sequence, in which a change of the line has its price (Viterbi)."""

import itertools

import numpy as np

from mediafp.matching.videos.agreement import IntArray
from mediafp.types.arrays import Float32Array

CHANGE_COST = 0.25
"""Gain, in seconds that agree fully, that a change from one line to another, or to none, must bring. Chosen, not measured."""
NO_LINE = -1


def label_moments(gains: Float32Array, step: float) -> IntArray:
    """Return the line (S,) that each moment follows, `NO_LINE` for none.

    Args:
        gains: Gains (K, S) of the moments along each of K lines; following none gives 0.
        step: Seconds from one moment to the next.
    """
    lines, count = gains.shape
    scored = np.concatenate((gains, np.zeros((1, count), np.float32))).astype(np.float64)
    origins = np.empty((count, lines + 1), np.int64)
    totals = np.zeros(lines + 1)
    own = np.arange(lines + 1)
    for moment in range(count):
        best = int(totals.argmax())
        changed = totals[best] - CHANGE_COST / step
        stays = totals >= changed
        origins[moment] = np.where(stays, own, best)
        totals = np.where(stays, totals, changed) + scored[:, moment]
    labels = np.empty(count, np.int64)
    label = int(totals.argmax())
    for moment in range(count - 1, -1, -1):
        labels[moment] = label
        label = int(origins[moment, label])
    return np.where(labels == lines, NO_LINE, labels)


def runs_of(labels: IntArray) -> list[tuple[int, int, int]]:
    """Return the runs of moments that follow one line: the line, the first and the last moment."""
    bounds = np.flatnonzero(np.diff(labels, prepend=NO_LINE - 1, append=NO_LINE - 1))
    return [
        (int(labels[first]), int(first), int(end) - 1)
        for first, end in itertools.pairwise(bounds.tolist())
        if labels[first] != NO_LINE
    ]
