"""When in the video: stretches of constant speed and offset, voted for by alike frames (Hough)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.types.media import TimeSpan

Floats = npt.NDArray[np.float32]
Spans = npt.NDArray[np.float64]
Timeline = npt.NDArray[np.float64]
SPEEDS = (1.0, 0.75, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.25, 1.33, 1.5)
UNIT_SPEED_BONUS = 1.08
"""Another speed has to gather this much more likeness than speed 1: a still scene fits every speed."""
ALIGNMENT_TOLERANCE = 1.0
"""Seconds by which a frame may miss the line: both sides are sampled once a second."""
MAX_GAP_SAMPLES = 2
"""Most samples without support inside one segment (an overlay); dropped flat frames have no samples and do not count."""
MAX_SEGMENTS = 8
MAX_SAMPLES = 7200
"""Samples of a side at one a second; a longer video is looked at more coarsely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedSegment:
    """A stretch of the query and of the reference, seconds, with the rows that support it.

    `score` is the mean normalised similarity; `rows` are (query row, reference row) pairs in order of time.
    """

    query: TimeSpan
    reference: TimeSpan
    speed: float
    score: float
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """One video sampled evenly: the seconds of the samples, and the row that stands at each; `spans` of the rows."""

    times: Timeline
    rows: npt.NDArray[np.int64]
    spans: Spans


def align_frames(similarity: Floats, query: Spans, reference: Spans, *, threshold: float) -> list[AlignedSegment]:
    """The stretches, best first, on which `likeness` (N, M) of two videos' rows reaches `at_least`.

    `query` (N, 2) and `reference` (M, 2) are the rows' spans in seconds. Every second of the query is used once.
    """
    if not similarity.size:
        return []
    sample_seconds = max(1.0, np.ptp(query) / MAX_SAMPLES, np.ptp(reference) / MAX_SAMPLES)
    here, there = _sampled(query, sample_seconds), _sampled(reference, sample_seconds)
    grid = similarity[np.ix_(here.rows, there.rows)] - threshold
    free = np.ones(len(here.times), bool)
    found: list[AlignedSegment] = []
    while len(found) < MAX_SEGMENTS:
        line = _best_line(np.where(free[:, None], grid, -1), here.times, there.times, sample_seconds)
        if line is None:
            break
        used = _follow(grid, free, here.times, there.times, line, sample_seconds)
        if not len(used):
            break
        free[used[:, 0]] = False
        found.append(_stretch(grid, used, here, there, line[0], threshold))
    return sorted(found, key=lambda s: -s.score * (s.query[1] - s.query[0]))


def _sampled(spans: Spans, sample_seconds: float) -> _Side:
    """Samples at every step within the spans, one at least of each row."""
    times, rows = [], []
    for row, (start, end) in enumerate(spans):
        count = max(1, round((end - start) / sample_seconds))
        times.append(start + np.arange(count) * sample_seconds)
        rows.append(np.full(count, row))
    return _Side(times=np.concatenate(times), rows=np.concatenate(rows), spans=spans)


def _best_line(grid: Floats, times: Timeline, there: Timeline, sample_seconds: float) -> tuple[float, float] | None:
    """The (speed, offset) whose line gathers most likeness, each query sample counted once a line."""
    near, far = np.nonzero(grid > 0)
    if not len(near):
        return None
    weights = grid[near, far]
    best, winner = 0.0, None
    seconds = float(min(np.ptp(times), np.ptp(there))) + sample_seconds
    for speed in SPEEDS:
        if speed != 1 and abs(speed - 1) * seconds < ALIGNMENT_TOLERANCE * sample_seconds:
            continue  # too short for the speed to show
        offsets = there[far] - speed * times[near]
        low = offsets.min()
        bins = np.floor((offsets - low) / sample_seconds + 0.5).astype(np.int64)
        width = int(bins.max()) + 1
        votes = np.zeros(width)
        # A query sample gives a line its best frame only, so that a still scene does not outvote a moving one.
        order = np.lexsort((-weights, near, bins))
        _, first = np.unique(bins[order] * len(times) + near[order], return_index=True)
        np.add.at(votes, bins[order][first], weights[order][first])
        smooth = np.convolve(votes, [0.5, 1, 0.5], "same")
        place = int(smooth.argmax())
        total = float(smooth[place]) * (UNIT_SPEED_BONUS if speed == 1 else 1)
        if total > best * 1.0001:
            around = np.abs(bins - place) <= 1
            best, winner = total, (speed, float(np.average(offsets[around], weights=weights[around])))
    return winner


def _follow(
    grid: Floats,
    free: npt.NDArray[np.bool_],
    times: Timeline,
    there: Timeline,
    line: tuple[float, float],
    sample_seconds: float,
) -> npt.NDArray[np.int64]:
    """The samples (K, 2) of the best unbroken run along a line (speed, offset); none where nothing lies on it."""
    reach, (speed, offset) = ALIGNMENT_TOLERANCE * sample_seconds, line
    runs: list[list[tuple[int, int, float]]] = []
    for n in np.flatnonzero(free):
        near = np.flatnonzero(np.abs(there - speed * times[n] - offset) <= reach + 1e-6)
        if not len(near):
            continue
        m = near[grid[n, near].argmax()]
        if grid[n, m] <= 0:
            continue
        if not runs or n - runs[-1][-1][0] > MAX_GAP_SAMPLES:
            runs.append([])
        runs[-1].append((int(n), int(m), float(grid[n, m])))
    best = max(runs, key=lambda run: sum(weight for _, _, weight in run), default=[])
    return np.array([pair[:2] for pair in best], np.int64).reshape(-1, 2)


def _stretch(
    grid: Floats, used: npt.NDArray[np.int64], here: _Side, there: _Side, speed: float, at_least: float
) -> AlignedSegment:
    near, far = used.T
    weights = grid[near, far]
    # Both sides are sampled, so that the mean over the run tells the offset better than its ends do.
    offset = float(np.average(there.times[far] - speed * here.times[near], weights=weights))
    begin = float(here.times[near[0]])
    end = max(begin, min(float(here.times[near[-1]]) + 1.0, float(here.spans[here.rows[near[-1]], 1])))
    shown = there.spans[there.rows[far]]
    first, last = np.clip(speed * np.array([begin, end]) + offset, shown[:, 0].min(), shown[:, 1].max()).tolist()
    begin = max(begin, (first - offset) / speed)
    return AlignedSegment(
        query=(begin, max(begin, min(end, (last - offset) / speed))),
        reference=(first, last),
        speed=speed,
        score=float(weights.mean() + at_least),
        rows=tuple(dict.fromkeys(zip(here.rows[near].tolist(), there.rows[far].tolist(), strict=True))),
    )
