"""Temporal alignment of two videos: segments of constant speed and offset.

Similar frames vote for lines (speed, offset) in a Hough transform. The best run along the best line, whose samples follow each
other by at most `MAX_SAMPLE_STEP`, becomes a segment, and the search is repeated on the rest of the query.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.media import TimeSpan

SPEEDS = (1.0, 0.75, 0.8, 0.9, 0.95, 1.05, 1.1, 1.2, 1.25, 1.33, 1.5)
"""Speeds that are tried, in reference seconds per query second. Chosen, not measured."""
UNIT_SPEED_BONUS = 1.08
"""Factor on the votes for speed 1: a scene without motion fits every speed. Chosen, not measured."""
ALIGNMENT_TOLERANCE = 1.0
"""Largest distance of a frame pair from its line, in samples: one second for videos of up to two hours, which are sampled once
a second. Chosen, not measured."""
MAX_SAMPLE_STEP = 2
"""Largest step from one aligned sample to the next; 2 allows one sample without a similar frame, such as under an overlay. Flat
frames are not sampled, and do not count. Chosen, not measured."""
MAX_SEGMENTS = 8
"""Largest number of segments of two videos. Chosen, not measured."""
MAX_SAMPLES = 7200
"""Largest number of samples of a video, two hours at one a second; a longer video is sampled less often. Chosen, not measured."""
MAX_VOTES = 500_000
"""Pairs of samples that vote for a line. More are found only in videos of hundreds of equal images, whose query is sampled less
often for the vote: 2,000 equal images, 4 million pairs, cost 27 s and 500 MB. Chosen, not measured."""
VOTE_KERNEL = (0.5, 1, 0.5)
"""Smoothing of the votes over neighbouring offsets. Chosen, not measured."""
MIN_VOTE_GAIN = 1.0001
"""Factor by which a later speed must have more votes than the best one so far, so that rounding does not decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedSegment:
    """An interval of the query and one of the reference in seconds, and the rows that align.

    Attributes:
        query: Interval of the query.
        reference: Interval of the reference.
        speed: Reference seconds per query second.
        score: Mean score of the aligned frames, after score normalisation.
        rows: Pairs (query row, reference row), in order of time.
    """

    query: TimeSpan
    reference: TimeSpan
    speed: float
    score: float
    rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SampledVideo:
    """Samples of a video at even steps: times (S,) in seconds, rows (S,), and the spans (N, 2) of the rows."""

    times: Float64Array
    rows: npt.NDArray[np.int64]
    spans: Float64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Reference time = speed × query time + offset, in seconds."""

    speed: float
    offset: float


def align_frames(
    scores: Float32Array, query_spans: Float64Array, reference_spans: Float64Array, *, threshold: float
) -> list[AlignedSegment]:
    """Return the aligned segments of two videos, best first; each second of the query belongs to one at most.

    Args:
        scores: Scores (N, M) of the query's rows against the reference's rows.
        query_spans: Time spans (N, 2) of the query's rows in seconds.
        reference_spans: Time spans (M, 2) of the reference's rows in seconds.
        threshold: Score from which two rows may belong to one segment.
    """
    if not scores.size:
        return []
    step_seconds = float(max(1.0, np.ptp(query_spans) / MAX_SAMPLES, np.ptp(reference_spans) / MAX_SAMPLES))
    query, reference = _sample(query_spans, step_seconds), _sample(reference_spans, step_seconds)
    margins = scores[np.ix_(query.rows, reference.rows)] - threshold
    unused = np.ones(len(query.times), bool)
    segments: list[AlignedSegment] = []
    while len(segments) < MAX_SEGMENTS:
        line = _find_best_line(np.where(unused[:, None], margins, -1), query.times, reference.times, step_seconds)
        if line is None:
            break
        run = _follow_line(margins, unused, query.times, reference.times, line, step_seconds)
        if not len(run):
            break
        unused[run[:, 0]] = False
        segments.append(_to_segment(margins, run, query, reference, line.speed, threshold, step_seconds))
    return sorted(segments, key=lambda s: -s.score * (s.query[1] - s.query[0]))


def _sample(spans: Float64Array, step_seconds: float) -> _SampledVideo:
    """Return samples at every step inside the spans, at least one of each row."""
    times, rows = [], []
    for row, (start, end) in enumerate(spans):
        count = max(1, round((end - start) / step_seconds))
        times.append(start + np.arange(count) * step_seconds)
        rows.append(np.full(count, row))
    return _SampledVideo(times=np.concatenate(times), rows=np.concatenate(rows), spans=spans)


def _speeds(overlap_seconds: float, step_seconds: float) -> Iterator[float]:
    """Yield the speeds that differ from 1 by more than the tolerance over this time."""
    for speed in SPEEDS:
        if speed == 1 or abs(speed - 1) * overlap_seconds >= ALIGNMENT_TOLERANCE * step_seconds:
            yield speed


def _find_best_line(
    margins: Float32Array, query_times: Float64Array, reference_times: Float64Array, step_seconds: float
) -> _Line | None:
    """Return the line with the most votes, or None without similar frames.

    Args:
        margins: Scores (S, T) of the samples, less the threshold; positive ones vote with their value.
        query_times: Times (S,) of the query's samples in seconds.
        reference_times: Times (T,) of the reference's samples in seconds.
        step_seconds: Seconds from one sample to the next, and width of a bin of offsets.
    """
    stride = np.count_nonzero(margins > 0) // MAX_VOTES + 1
    query_samples, reference_samples = np.nonzero(margins[::stride] > 0)
    if not len(query_samples):
        return None
    query_samples = query_samples * stride
    weights = margins[query_samples, reference_samples]
    most_votes, best_line = 0.0, None
    overlap_seconds = float(min(np.ptp(query_times), np.ptp(reference_times))) + step_seconds
    for speed in _speeds(overlap_seconds, step_seconds):
        offsets = reference_times[reference_samples] - speed * query_times[query_samples]
        bins = np.floor((offsets - offsets.min()) / step_seconds + 0.5).astype(np.int64)
        votes = np.zeros(int(bins.max()) + 1)
        # A query sample votes for a line with its best frame only, so that a scene without motion does not outvote others.
        order = np.lexsort((-weights, query_samples, bins))
        _, first = np.unique(bins[order] * len(query_times) + query_samples[order], return_index=True)
        np.add.at(votes, bins[order][first], weights[order][first])
        smoothed = np.convolve(votes, VOTE_KERNEL, "same")
        best_bin = int(smoothed.argmax())
        total = float(smoothed[best_bin]) * (UNIT_SPEED_BONUS if speed == 1 else 1)
        if total > most_votes * MIN_VOTE_GAIN:
            near = np.abs(bins - best_bin) <= 1
            most_votes = total
            best_line = _Line(speed=speed, offset=float(np.average(offsets[near], weights=weights[near])))
    return best_line


def _follow_line(
    margins: Float32Array,
    unused: npt.NDArray[np.bool_],
    query_times: Float64Array,
    reference_times: Float64Array,
    line: _Line,
    step_seconds: float,
) -> npt.NDArray[np.int64]:
    """Return the sample pairs (K, 2) of the best run along a line; empty if no similar frames are near it.

    Samples of a run follow each other by at most `MAX_SAMPLE_STEP`, so that it may contain gaps of one sample.
    """
    tolerance = ALIGNMENT_TOLERANCE * step_seconds
    runs: list[list[tuple[int, int, float]]] = []
    for query_sample in np.flatnonzero(unused):
        distances = np.abs(reference_times - line.speed * query_times[query_sample] - line.offset)
        near = np.flatnonzero(distances <= tolerance + 1e-6)
        if not len(near):
            continue
        reference_sample = near[margins[query_sample, near].argmax()]
        margin = margins[query_sample, reference_sample]
        if margin <= 0:
            continue
        if not runs or query_sample - runs[-1][-1][0] > MAX_SAMPLE_STEP:
            runs.append([])
        runs[-1].append((int(query_sample), int(reference_sample), float(margin)))
    best = max(runs, key=lambda run: sum(margin for _, _, margin in run), default=[])
    return np.array([pair[:2] for pair in best], np.int64).reshape(-1, 2)


def _to_segment(
    margins: Float32Array,
    run: npt.NDArray[np.int64],
    query: _SampledVideo,
    reference: _SampledVideo,
    speed: float,
    threshold: float,
    step_seconds: float,
) -> AlignedSegment:
    """Return the segment of a run of sample pairs (K, 2)."""
    query_samples, reference_samples = run.T
    weights = margins[query_samples, reference_samples]
    # Sample times are coarse: the mean offset over the run is more exact than the offset at its ends.
    offset = float(np.average(reference.times[reference_samples] - speed * query.times[query_samples], weights=weights))
    query_start = float(query.times[query_samples[0]])
    last_row_end = float(query.spans[query.rows[query_samples[-1]], 1])
    query_end = max(query_start, min(float(query.times[query_samples[-1]]) + step_seconds, last_row_end))
    sampled_spans = reference.spans[reference.rows[reference_samples]]
    reference_start, reference_end = np.clip(
        speed * np.array([query_start, query_end]) + offset, sampled_spans[:, 0].min(), sampled_spans[:, 1].max()
    ).tolist()
    query_start = max(query_start, (reference_start - offset) / speed)
    query_end = max(query_start, min(query_end, (reference_end - offset) / speed))
    row_pairs = zip(query.rows[query_samples].tolist(), reference.rows[reference_samples].tolist(), strict=True)
    return AlignedSegment(
        query=(query_start, query_end),
        reference=(reference_start, reference_end),
        speed=speed,
        score=float(weights.mean() + threshold),
        rows=tuple(dict.fromkeys(row_pairs)),
    )
