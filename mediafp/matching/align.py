"""When in the video: stretches of constant speed and offset, voted for by alike frames (Hough)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Spans = npt.NDArray[np.float64]

SPEEDS = (1.0, 0.75, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.25, 1.33, 1.5)
STEADY_BONUS = 1.03
"""Speed 1 wins ties: a still scene fits every speed."""
SLACK = 1.0
"""Seconds by which a frame may miss the line: both sides are sampled once a second."""
GAP = 2.5
"""Longest stretch without support, seconds, inside one segment (a dropped flat frame, an overlay)."""
MOST_SEGMENTS = 8
MOST_SAMPLES = 7200
"""Samples of a side at one a second; a longer video is looked at more coarsely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of the query and of the reference, seconds, with the rows that support it.

    `score` is the mean normalised similarity; `rows` are (query row, reference row) pairs in order of time.
    """

    query: tuple[float, float]
    reference: tuple[float, float]
    speed: float
    score: float
    rows: tuple[tuple[int, int], ...]


def align(likeness: Floats, query: Spans, reference: Spans, *, at_least: float) -> list[Stretch]:
    """The stretches, best first, on which `likeness` (N, M) of two videos' rows reaches `at_least`.

    `query` (N, 2) and `reference` (M, 2) are the rows' spans in seconds. Every second of the query is used once.
    """
    if not likeness.size:
        return []
    step = max(1.0, np.ptp(query) / MOST_SAMPLES, np.ptp(reference) / MOST_SAMPLES)
    times, rows = _samples(query, step)
    there, columns = _samples(reference, step)
    grid = likeness[np.ix_(rows, columns)] - at_least
    free = np.ones(len(times), bool)
    found: list[Stretch] = []
    while len(found) < MOST_SEGMENTS:
        best = _best_line(np.where(free[:, None], grid, -1), times, there, step)
        if best is None:
            break
        speed, offset = best
        stretch, used = _follow(grid, free, times, there, speed, offset, step)
        if stretch is None:
            break
        free[used[:, 0]] = False
        found.append(_stretch(grid, used, times, there, rows, columns, query, reference, speed, at_least))
    return sorted(found, key=lambda s: -s.score * (s.query[1] - s.query[0]))


def _samples(spans: Spans, step: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Times at every step within the spans, and the row that stands at each."""
    times, rows = [], []
    for row, (start, end) in enumerate(spans):
        count = max(1, round((end - start) / step))
        times.append(start + np.arange(count) * step)
        rows.append(np.full(count, row))
    return np.concatenate(times), np.concatenate(rows)


def _best_line(
    grid: Floats, times: npt.NDArray[np.float64], there: npt.NDArray[np.float64], step: float
) -> tuple[float, float] | None:
    """The (speed, offset) whose line gathers most likeness, each query sample counted once a line."""
    near, far = np.nonzero(grid > 0)
    if not len(near):
        return None
    weights = grid[near, far]
    best, winner = 0.0, None
    for speed in SPEEDS:
        offsets = there[far] - speed * times[near]
        low = offsets.min()
        bins = np.floor((offsets - low) / step + 0.5).astype(np.int64)
        width = int(bins.max()) + 1
        votes = np.zeros(width)
        # A query sample gives a line its best frame only, so that a still scene does not outvote a moving one.
        order = np.lexsort((-weights, near, bins))
        _, first = np.unique(bins[order] * len(times) + near[order], return_index=True)
        np.add.at(votes, bins[order][first], weights[order][first])
        smooth = np.convolve(votes, [0.5, 1, 0.5], "same")
        place = int(smooth.argmax())
        total = float(smooth[place]) * (STEADY_BONUS if speed == 1 else 1)
        if total > best * 1.0001:
            around = np.abs(bins - place) <= 1
            best, winner = total, (speed, float(np.average(offsets[around], weights=weights[around])))
    return winner


def _follow(
    grid: Floats,
    free: npt.NDArray[np.bool_],
    times: npt.NDArray[np.float64],
    there: npt.NDArray[np.float64],
    speed: float,
    offset: float,
    step: float,
) -> tuple[float | None, npt.NDArray[np.int64]]:
    """The samples (K, 2) of the best unbroken run along a line, and its gathered likeness."""
    reach = SLACK * step
    pairs: list[tuple[int, int, float]] = []
    for n in np.flatnonzero(free):
        near = np.flatnonzero(np.abs(there - speed * times[n] - offset) <= reach + 1e-6)
        if len(near):
            m = near[grid[n, near].argmax()]
            if grid[n, m] > 0:
                pairs.append((int(n), int(m), float(grid[n, m])))
    runs: list[list[tuple[int, int, float]]] = []
    for pair in pairs:
        if runs and times[pair[0]] - times[runs[-1][-1][0]] <= GAP * step:
            runs[-1].append(pair)
        else:
            runs.append([pair])
    if not runs:
        return None, np.empty((0, 2), np.int64)
    best = max(runs, key=lambda run: sum(weight for _, _, weight in run))
    return sum(weight for _, _, weight in best), np.array([pair[:2] for pair in best])


def _stretch(
    grid: Floats,
    used: npt.NDArray[np.int64],
    times: npt.NDArray[np.float64],
    there: npt.NDArray[np.float64],
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    query: Spans,
    reference: Spans,
    speed: float,
    at_least: float,
) -> Stretch:
    first, last = used[0], used[-1]
    ends = [min(t + 1.0, float(spans[row, 1])) for t, spans, row in
            ((times[last[0]], query, rows[last[0]]), (there[last[1]], reference, columns[last[1]]))]  # fmt: skip
    pairs = dict.fromkeys((int(rows[n]), int(columns[m])) for n, m in used)
    return Stretch(
        query=(float(times[first[0]]), max(ends[0], float(times[first[0]]))),
        reference=(float(there[used[:, 1]].min()), max(ends[1], float(there[used[:, 1]].min()))),
        speed=speed,
        score=float(grid[used[:, 0], used[:, 1]].mean() + at_least),
        rows=tuple(pairs),
    )
