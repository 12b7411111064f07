"""Time spans of a video: runs of frames that show one still image, and the share of a video that segments cover."""

from collections.abc import Iterable, Sequence

import numpy as np

from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.media import TimeSpan

RUN_DROP = 0.12
"""Score by which the frames of a run may fall below the best frame of the video. Chosen, not measured."""
RUN_SHARE = 0.5
"""Share of the best frame's score that every frame of a run must reach. Chosen, not measured."""


def covered_share(parts: Sequence[TimeSpan], spans: Float64Array) -> float:
    """Return the share, 0..1, of a video's comparable time that the union of some intervals covers.

    Flat frames have no row, so their time does not count. A video without duration (one frame) is covered fully.

    Args:
        parts: Intervals in seconds, in any order; they may overlap.
        spans: Time spans (N, 2) of the video's rows in seconds.
    """
    duration = float((spans[:, 1] - spans[:, 0]).sum())
    covered = total_seconds(unite_spans(parts))
    return round(min(1.0, covered / duration), 4) if duration > 0 else 1.0


def unite_spans(spans: Iterable[TimeSpan]) -> list[TimeSpan]:
    """Return the union of some intervals, in any order, as intervals apart from each other in order of time."""
    united: list[TimeSpan] = []
    for start, end in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], end)
        else:
            united.append((start, end))
    return united


def intersect_spans(first: Sequence[TimeSpan], second: Sequence[TimeSpan]) -> list[TimeSpan]:
    """Return the times in both of two unions of intervals, each in order of time and apart, as `unite_spans` returns them."""
    parts: list[TimeSpan] = []
    one = other = 0
    while one < len(first) and other < len(second):
        start, end = max(first[one][0], second[other][0]), min(first[one][1], second[other][1])
        if start < end:
            parts.append((start, end))
        if first[one][1] < second[other][1]:
            one += 1
        else:
            other += 1
    return parts


def total_seconds(spans: Iterable[TimeSpan]) -> float:
    """Return the seconds of some intervals apart from each other."""
    return sum(end - start for start, end in spans)


def round_span(span: TimeSpan) -> TimeSpan:
    """Return an interval in whole milliseconds, as matches state it."""
    return round(span[0], 3), round(span[1], 3)


def find_runs(scores: Float32Array, spans: Float64Array) -> list[tuple[TimeSpan, slice]]:
    """Return the runs of consecutive frames that show a still image, in order of time.

    Args:
        scores: Scores (N,) of the video's rows against the still image; N is at least 1.
        spans: Time spans (N, 2) of the rows in seconds.

    Returns:
        Interval in seconds and rows of each run; at least one, the run of the best frame.
    """
    best = float(scores.max())
    in_run = scores >= (max(best - RUN_DROP, best * RUN_SHARE) if best > 0 else best)
    boundaries = np.flatnonzero(np.diff(np.concatenate(([0], in_run.astype(np.int8), [0]))))
    return [
        ((round(float(spans[first, 0]), 3), round(float(spans[end - 1, 1]), 3)), slice(int(first), int(end)))
        for first, end in boundaries.reshape(-1, 2)
    ]
