"""When a still picture stands in a video: the runs of frames that are as like it as the best one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from mediafp.matching.videos.alignment import Spans
from mediafp.types.media import TimeSpan


def covered_share(parts: Sequence[TimeSpan], spans: Spans) -> float:
    """The share of a video that the union of the parts, seconds, covers; its dropped flat frames do not count.

    A video without length, of one frame, is covered as a whole.
    """
    whole = float((spans[:, 1] - spans[:, 0]).sum())
    covered, end = 0.0, -1.0
    for first, last in sorted(parts):
        covered += max(0.0, last - max(first, end))
        end = max(end, last)
    return round(min(1.0, covered / whole), 4) if whole > 0 else 1.0


RUN_DROP = 0.12
"""How far below its best frame a still's run in a video may fall, normalised cosine."""
RUN_SHARE = 0.5
"""Share of the best frame's likeness that every frame of a run must reach."""


def find_runs(similarity: npt.NDArray[np.float32], spans: npt.NDArray[np.float64]) -> list[tuple[TimeSpan, slice]]:
    """The stretches of a video, seconds and rows, in which the still stands, in order of time.

    `likeness` (N,): normalised, of the video's rows to the still; `spans` (N, 2): the rows' seconds. There is
    always one run, that around the best frame.
    """
    best = float(similarity.max())
    enough = similarity >= (max(best - RUN_DROP, best * RUN_SHARE) if best > 0 else best)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], enough.astype(np.int8), [0]))))
    return [
        ((round(float(spans[first, 0]), 3), round(float(spans[end - 1, 1]), 3)), slice(int(first), int(end)))
        for first, end in edges.reshape(-1, 2)
    ]
