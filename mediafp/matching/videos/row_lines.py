"""Lines of constant speed on which the rows of two long videos resemble each other, by votes on a list of speeds.

The lines are off by up to a second; `alignment.refine_lines` makes them exact.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.matching.videos.agreement import IntArray
from mediafp.matching.videos.lines import Line
from mediafp.types.arrays import Float32Array, Float64Array

SPEEDS = tuple(
    sign * speed
    for sign in (1, -1)
    for speed in (1.0, 0.5, 0.57, 0.66, 0.75, 0.8, 0.85, 0.9, 0.95, 1.05, 1.1, 1.15, 1.2, 1.25, 1.33, 1.5, 1.75, 2.0)
)
"""Speeds that are tried, in reference seconds per query second. Chosen, not measured."""
UNIT_SPEED_BONUS = 1.08
"""Factor on the votes for speed 1: a scene without motion fits every speed. Chosen, not measured."""
ROW_TOLERANCE = 1.0
"""Largest distance of a pair of rows from its line, in samples: one second for videos of up to two hours, which are sampled once
a second. Chosen, not measured."""
MAX_SAMPLE_STEP = 3
"""Largest step from one sample on a line to the next. Chosen, not measured."""
MAX_ROW_LINES = 12
"""Largest number of lines of two videos. Chosen, not measured."""
MAX_SAMPLES = 7200
"""Largest number of samples of a video, two hours at one a second; a longer video is sampled less often. Chosen, not measured."""
MAX_VOTES = 200_000
"""Pairs of samples that vote for a line. More are found only in videos of hundreds of equal images, whose query is sampled less
often for the vote. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Samples:
    """Samples of a video at even steps: times (S,) in seconds, and rows (S,)."""

    times: Float64Array
    rows: npt.NDArray[np.int64]


def find_row_lines(
    scores: Float32Array,
    query_spans: Float64Array,
    reference_spans: Float64Array,
    *,
    threshold: float,
    step: float,
) -> list[Line]:
    """Return the lines of two videos in moments, the best first.

    Args:
        scores: Scores (N, M) of the query's rows against the reference's rows.
        query_spans: Time spans (N, 2) of the query's rows in seconds.
        reference_spans: Time spans (M, 2) of the reference's rows in seconds.
        threshold: Score from which two rows resemble each other.
        step: Seconds from one moment to the next.
    """
    sample_step = float(max(1.0, np.ptp(query_spans) / MAX_SAMPLES, np.ptp(reference_spans) / MAX_SAMPLES))
    query, reference = _sample(query_spans, sample_step), _sample(reference_spans, sample_step)
    margins = scores[np.ix_(query.rows, reference.rows)] - threshold
    lines: list[Line] = []
    similar: tuple[IntArray, IntArray] = np.nonzero(margins > 0)  # type: ignore[assignment]
    while len(lines) < MAX_ROW_LINES:
        voted = _best_voted(margins, similar, query.times, reference.times, sample_step)
        if voted is None:
            break
        speed, offset = voted
        run = _follow(margins, query.times, reference.times, speed, offset, sample_step)
        if not len(run):
            break
        first, last = query.times[run[0, 0]], query.times[run[-1, 0]] + sample_step
        lines.append(Line(speed=speed, offset=offset / step, first=first / step, last=last / step))
        # The pairs near the run are used up, and not its samples: a loop shows them again.
        for sample in range(run[0, 0], run[-1, 0] + 1):
            margins[sample, np.abs(reference.times - speed * query.times[sample] - offset) <= 2 * sample_step] = -1
        left = margins[similar] > 0
        similar = similar[0][left], similar[1][left]
    return lines


def _sample(spans: Float64Array, step: float) -> _Samples:
    """Return samples at every step inside the spans, at least one of each row."""
    times, rows = [], []
    for row, (start, end) in enumerate(spans):
        count = max(1, round((end - start) / step))
        times.append(start + np.arange(count) * step)
        rows.append(np.full(count, row))
    return _Samples(times=np.concatenate(times), rows=np.concatenate(rows))


def _best_voted(
    margins: Float32Array,
    similar: tuple[IntArray, IntArray],
    query_times: Float64Array,
    reference_times: Float64Array,
    step: float,
) -> tuple[float, float] | None:
    """Return the speed and the offset, in seconds, with most votes of the similar pairs of samples; None without such pairs."""
    query_samples, reference_samples = similar
    stride = len(query_samples) // MAX_VOTES + 1
    if stride > 1:
        voting = query_samples % stride == 0
        query_samples, reference_samples = query_samples[voting], reference_samples[voting]
    if not len(query_samples):
        return None
    weights = margins[query_samples, reference_samples]
    best: tuple[float, float, float] | None = None
    for speed in SPEEDS:
        offsets = reference_times[reference_samples] - speed * query_times[query_samples]
        lowest = float(offsets.min())
        bins = np.floor((offsets - lowest) / step + 0.5).astype(np.int64)
        votes = np.convolve(np.bincount(bins, weights), (0.5, 1, 0.5), "same")
        top = int(votes.argmax())
        total = float(votes[top]) * (UNIT_SPEED_BONUS if abs(speed) == 1 else 1)
        if best is None or total > best[0] * 1.0001:
            near = np.abs(bins - top) <= 1
            best = total, speed, float(np.average(offsets[near], weights=weights[near]))
    return best and best[1:]


def _follow(
    margins: Float32Array,
    query_times: Float64Array,
    reference_times: Float64Array,
    speed: float,
    offset: float,
    step: float,
) -> npt.NDArray[np.int64]:
    """Return the pairs of samples (K, 2) of the best run along a line; empty if no similar rows are near it."""
    runs: list[list[tuple[int, int, float]]] = []
    order = np.argsort(reference_times, kind="stable")
    ordered = reference_times[order]
    places, reach = speed * query_times + offset, ROW_TOLERANCE * step
    lows, highs = np.searchsorted(ordered, places - reach - 1e-6), np.searchsorted(ordered, places + reach + 1e-6)
    for sample in np.flatnonzero(lows < highs).tolist():
        near = order[lows[sample] : highs[sample]]
        other = int(near[margins[sample, near].argmax()])
        margin = float(margins[sample, other])
        if margin <= 0:
            continue
        if not runs or sample - runs[-1][-1][0] > MAX_SAMPLE_STEP:
            runs.append([])
        runs[-1].append((sample, other, margin))
    best = max(runs, key=lambda run: sum(margin for _, _, margin in run), default=[])
    return np.array([pair[:2] for pair in best], np.int64).reshape(-1, 2)
