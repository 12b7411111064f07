"""Temporal alignment of two videos: segments of constant speed, with ends to a fraction of a second.

Lines of constant speed are found on which moments agree; each moment of the query, and each of the reference, then follows one of
them or none. The method is a Hough transform (Douze et al. 2010) and a sequence of labels (Viterbi) in place of its runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mediafp.matching.videos.agreement import MAX_MOMENT_PAIRS, Agreement, IntArray, Moments
from mediafp.matching.videos.labels import label_moments, runs_of
from mediafp.matching.videos.lines import MAX_SLACK, Line, Scale, best_run, find_lines, gains_on, refine, values_on
from mediafp.matching.videos.mapped_frames import MappedFrames
from mediafp.types.arrays import Float32Array
from mediafp.types.media import TimeSpan

NOISE_SHARE = 0.1
"""Share of the query's moments that are taken to be copies when the noise of copies is estimated. Chosen, not measured."""
TOLERANCE_FACTOR, TOLERANCE_OFFSET = 2.5, 0.05
"""Tolerance of a disagreement: so many times the noise of copies, and so much more. Chosen, not measured."""
MIN_TOLERANCE, MAX_TOLERANCE = 0.08, 0.42
"""Limits of the tolerance. Unrelated frames disagree by .5 to .9, moments of one static scene by .05 to .3."""
MIN_SEGMENT_GAIN = 0.5
"""Sum of the gains of a segment over its seconds below which it is dropped: half a second that agrees fully. Chosen, not
measured."""
LIMIT_SHARE, MIN_LIMIT = 0.6, 0.15
"""Share of the disagreement of unrelated moments from which a moment is no copy however much it moves; and the least limit.
Chosen, not measured."""
LIMIT_FACTOR = 1.8
"""The same limit at least, in times of the noise of copies: under captions the same scene disagrees as much as another moment.
Chosen, not measured."""
GOOD_BLOCKS = 0.75
"""Quantile of the agreement of blocks to which that of each block is compared. Chosen, not measured."""
COVERED_BLOCK, CLEAR_BLOCK = 0.45, 0.8
"""Share of this agreement up to which a block does not count, and from which it counts fully. Chosen, not measured."""
PIECE_MOMENTS = 300
"""Moments of a long video on which its lines are refined at once: a minute. Chosen, not measured."""
ROW_REACH = 8.0
"""Moments by which a line of rows may be off. Chosen, not measured."""
KNOWN_SHARE = 0.9
"""Share of the gain of a piece that the line of the piece before must reach to go on. Chosen, not measured."""
USED_SHARE = 0.5
"""Share of a segment that a better one may cover. Chosen, not measured."""
MIN_REPEAT_GAIN = 0.3
"""Mean gain of the moments of a segment that shows what another one shows, as a loop does. Chosen, not measured."""
WHOLE_SHARE = 0.9
"""Share of the moments of a video that are nearly all of it. Chosen, not measured."""
MIN_UNCOVERED = 0.15
"""Median share of the textured blocks that must agree in a gap that is bridged: beside insets .19 to .5, in other footage 0."""
SAME_SPEED = 0.03
"""Difference of the speeds of two segments of one line. Chosen, not measured."""
MERGED_MOMENTS = 2.5
"""Gap, in moments, up to which two runs on one line are one segment. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlignedSegment:
    """An interval of the query and one of the reference in seconds.

    Attributes:
        query: Interval of the query.
        reference: Interval of the reference.
        speed: Reference seconds per query second, negative if one of them runs backwards.
        agreement: Mean agreement of its moments, 0..1.
        gain: Sum of the gains of its moments.
        moments: Moments (N,) of the query in it.
        places: Places (N,) of these in the reference, in moments.
        weakest: Times in the query and in the reference at which the two agree least.
    """

    query: TimeSpan
    reference: TimeSpan
    speed: float
    agreement: float
    gain: float
    moments: IntArray
    places: IntArray
    weakest: tuple[float, float]

    @property
    def seconds(self) -> float:
        """Duration on the side on which it is shorter."""
        return min(self.query[1] - self.query[0], self.reference[1] - self.reference[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alignment:
    """Aligned segments of two videos, in order of the query's time, and the agreement in which they were found."""

    agreement: Agreement
    segments: list[AlignedSegment]

    @property
    def gain(self) -> float:
        """Sum of the gains of all segments."""
        return sum(segment.gain for segment in self.segments)

    @property
    def is_whole(self) -> bool:
        """True if one segment covers nearly all of one video."""
        longest = max(len(segment.moments) for segment in self.segments)
        places = max(int(np.ptp(segment.places)) + 1 for segment in self.segments)
        query, reference = len(self.agreement.query.shown), len(self.agreement.reference.shown)
        return longest >= WHOLE_SHARE * query or places >= WHOLE_SHARE * reference


def align_mapped(frames: MappedFrames, query: Moments, reference: Moments, near: Sequence[Line]) -> Alignment:
    """Return the alignment of two videos by their tiny frames.

    Args:
        frames: The frames on one grid.
        query: Moments of the query.
        reference: Moments of the reference.
        near: Lines on which rows resemble each other; they are read only if the videos are too long for all pairs.
    """
    if len(frames.query.blocks) * len(frames.reference.blocks) <= MAX_MOMENT_PAIRS:
        frames = frames.weighted(_weights(frames.best_of_blocks()))
    agreement = Agreement(values=frames, query=query, reference=reference)
    lines, scale = _lines_of(agreement, near)
    if lines:
        weights = _block_weights(frames, lines[0], agreement, scale)
        if weights.min() < 1:
            agreement = Agreement(values=frames.weighted(weights), query=query, reference=reference)
            lines, scale = _lines_of(agreement, near)
    return Alignment(agreement=agreement, segments=align_moments(agreement, lines, scale))


def _lines_of(agreement: Agreement, near: Sequence[Line]) -> tuple[list[Line], Scale]:
    """Return the lines of two videos, the best first, and the scale of gains by the noise on the best one."""
    if not agreement.is_dense:
        return refine_lines(near, agreement)
    scale = estimate_scale(agreement)
    lines = find_lines(agreement, scale)
    if not lines:
        return [], scale
    return lines, scale_of_line(lines[0], agreement, scale)


def refine_lines(near: Sequence[Line], agreement: Agreement) -> tuple[list[Line], Scale]:
    """Return lines near given ones, refined piece by piece, and the scale of gains; for long videos."""
    lines: list[Line] = []
    moments, noise = np.arange(len(agreement.query.frames)), 1.0
    loose = Scale(tolerance=MAX_TOLERANCE)
    for line in near:
        places = line.speed * moments + line.offset
        inside = moments[(places >= 0) & (places < len(agreement.reference.frames))]
        inside = inside[(inside >= line.first - ROW_REACH) & (inside <= line.last + ROW_REACH)]
        current: Line | None = None
        for start in range(0, len(inside), PIECE_MOMENTS):
            piece = inside[start : start + PIECE_MOMENTS]
            known = best_run(gains_on(replace(current, last=piece[-1]), agreement, loose, piece))[0] if current else 0.0
            refined = refine(replace(line, first=piece[0], last=piece[-1]), agreement, loose, piece, reach=ROW_REACH)
            gain, first, last = best_run(gains_on(refined, agreement, loose, piece))
            if gain * agreement.query.step < MIN_SEGMENT_GAIN:
                continue
            noise = min(noise, 1 - float(np.median(values_on(refined, agreement, piece[first : last + 1]))))
            if current and known >= KNOWN_SHARE * gain:
                current = lines[-1] = replace(current, last=float(piece[-1] + PIECE_MOMENTS))
                continue
            refined = refine(refined, agreement, loose, piece[first : last + 1])
            current = replace(refined, first=float(piece[0] - PIECE_MOMENTS), last=float(piece[-1] + PIECE_MOMENTS))
            lines.append(current)
    return lines, _scale(noise)


def _block_weights(frames: MappedFrames, line: Line, agreement: Agreement, scale: Scale) -> Float32Array:
    """Return the weight (B,) of each block: below 1 where the two disagree all along a line, as under a caption."""
    moments = np.arange(len(agreement.query.frames))
    _, first, last = best_run(gains_on(line, agreement, scale, moments))
    run = moments[first : last + 1]
    places = np.clip(np.rint(line.speed * run + line.offset), 0, len(agreement.reference.frames) - 1).astype(np.int64)
    own, other = agreement.query.frames[run], agreement.reference.frames[places]
    shown = (own >= 0) & (other >= 0)
    return _weights(frames.block_agreement(own[shown], other[shown]))


def _weights(means: Float32Array) -> Float32Array:
    relative = means / np.quantile(means, GOOD_BLOCKS)
    return np.asarray(np.clip((relative - COVERED_BLOCK) / (CLEAR_BLOCK - COVERED_BLOCK), 0, 1), np.float32)


def estimate_scale(agreement: Agreement) -> Scale:
    """Return the scale of gains of two videos, of which a part may be a copy."""
    matrix = agreement.matrix
    best = np.sort(matrix.max(axis=1)) if matrix.shape[0] <= matrix.shape[1] else np.sort(matrix.max(axis=0))
    noise = 1 - float(best[int((1 - NOISE_SHARE) * (len(best) - 1))])
    # Moments that have nothing to do with each other agree in what is still.
    limit = max(LIMIT_SHARE * (1 - float(np.median(matrix))), LIMIT_FACTOR * noise)
    return _scale(noise, float(np.clip(limit, MIN_LIMIT, MAX_SLACK)))


def _scale(noise: float, limit: float = MAX_SLACK) -> Scale:
    tolerance = float(np.clip(TOLERANCE_FACTOR * noise + TOLERANCE_OFFSET, MIN_TOLERANCE, min(MAX_TOLERANCE, limit)))
    return Scale(tolerance=tolerance, limit=limit)


def scale_of_line(line: Line, agreement: Agreement, scale: Scale) -> Scale:
    """Return the scale of gains by the noise along the best run of a line."""
    moments = np.arange(len(agreement.query.frames))
    values = values_on(line, agreement, moments)
    _, first, last = best_run(gains_on(line, agreement, scale, moments))
    return _scale(1 - float(np.median(values[first : last + 1])), scale.limit)


def align_moments(agreement: Agreement, lines: list[Line], scale: Scale) -> list[AlignedSegment]:
    """Return the segments of two videos in order of the query's time.

    A moment of the query belongs to several only if the reference shows it several times.

    Args:
        agreement: Agreement of their moments.
        lines: Lines that segments may follow.
        scale: Scale of gains.
    """
    if not lines:
        return []
    swapped = agreement.swapped()
    by_line: list[list[tuple[float, float]]] = [[] for _ in lines]
    moments = np.arange(len(agreement.query.frames))
    for line, first, last in runs_of(label_moments(_all_gains(lines, agreement, scale, moments), agreement.query.step)):
        by_line[line].append((first, last))
    inverse = [line.inverse() for line in lines]
    moments = np.arange(len(agreement.reference.frames))
    for line, first, last in runs_of(label_moments(_all_gains(inverse, swapped, scale, moments), agreement.query.step)):
        ends = inverse[line].speed * np.array([first, last]) + inverse[line].offset
        by_line[line].append((float(ends.min()), float(ends.max())))
    segments = [
        segment
        for line, intervals in zip(lines, by_line, strict=True)
        for first, last in _merge(intervals)
        if (segment := _segment(line, first, last, agreement, scale))
    ]
    return sorted(_without_repeats(segments), key=lambda segment: (segment.query, segment.reference))


def _without_repeats(segments: list[AlignedSegment]) -> list[AlignedSegment]:
    """Return the segments but for those that repeat a better one on both sides, or on one side without agreeing well."""
    kept: list[AlignedSegment] = []
    for segment in sorted(segments, key=lambda each: -each.gain):
        own = max((used_share(segment.query, one.query) for one in kept), default=0.0)
        other = max((used_share(segment.reference, one.reference) for one in kept), default=0.0)
        both = any(
            min(used_share(segment.query, one.query), used_share(segment.reference, one.reference)) > USED_SHARE
            for one in kept
        )
        agrees = segment.gain >= MIN_REPEAT_GAIN * len(segment.moments)
        if not both and (agrees or max(own, other) <= USED_SHARE):
            kept.append(segment)
    return kept


def used_share(interval: TimeSpan, other: TimeSpan) -> float:
    """Return the share of an interval that another one covers."""
    overlap = min(interval[1], other[1]) - max(interval[0], other[0])
    return max(0.0, overlap) / max(interval[1] - interval[0], 1e-6)


def _all_gains(lines: list[Line], agreement: Agreement, scale: Scale, moments: IntArray) -> Float32Array:
    return np.stack([gains_on(line, agreement, scale, moments) for line in lines])


def bridge_gaps(alignment: Alignment, frames: MappedFrames) -> list[AlignedSegment]:
    """Return the segments, two of one line joined if a part of the frame agrees between them, as beside an inset.

    Args:
        alignment: The alignment.
        frames: The frames it was made of, all blocks of which count.
    """
    agreement = alignment.agreement
    joined: list[AlignedSegment] = []
    for segment in alignment.segments:
        number = next((n for n, one in enumerate(joined) if _goes_on(one, segment, agreement, frames)), None)
        if number is None:
            joined.append(segment)
        else:
            joined[number] = _joined(joined[number], segment)
    return joined


def _goes_on(before: AlignedSegment, segment: AlignedSegment, agreement: Agreement, frames: MappedFrames) -> bool:
    """Return True if a segment continues one before it, with nothing or a partly covered frame between them."""
    if not _continues(before, segment, agreement.query.step):
        return False
    gap = np.arange(before.moments[-1] + 1, segment.moments[0])
    if not len(gap):
        return True
    places = np.interp(gap, (before.moments[-1], segment.moments[0]), (before.places[-1], segment.places[0]))
    own, other = agreement.query.frames[gap], agreement.reference.frames[np.rint(places).astype(np.int64)]
    if (own < 0).any() or (other < 0).any():
        return False
    return bool(np.median(frames.agreeing_share(own, other)) >= MIN_UNCOVERED)


def _continues(before: AlignedSegment, segment: AlignedSegment, step: float) -> bool:
    """Return True if a segment goes on along the line of the one before."""
    query_gap = segment.query[0] - before.query[1]
    if before.speed * segment.speed < 0 or query_gap < -MERGED_MOMENTS * step:
        return False
    forward = segment.speed > 0
    gap = segment.reference[0] - before.reference[1] if forward else before.reference[0] - segment.reference[1]
    expected = query_gap * abs(before.speed + segment.speed) / 2
    return abs(gap - expected) <= MERGED_MOMENTS * step and abs(before.speed - segment.speed) <= SAME_SPEED


def _joined(before: AlignedSegment, segment: AlignedSegment) -> AlignedSegment:
    """Return two segments of one line as one, whose moments are those of both."""
    counts = len(before.moments), len(segment.moments)
    later = segment.moments > before.moments[-1]
    return AlignedSegment(
        query=(before.query[0], segment.query[1]),
        reference=(min(before.reference[0], segment.reference[0]), max(before.reference[1], segment.reference[1])),
        speed=before.speed if counts[0] >= counts[1] else segment.speed,
        agreement=float(np.average((before.agreement, segment.agreement), weights=counts)),
        gain=before.gain + segment.gain,
        moments=np.concatenate((before.moments, segment.moments[later])),
        places=np.concatenate((before.places, segment.places[later])),
        weakest=min(before, segment, key=lambda each: each.agreement).weakest,
    )


def _merge(intervals: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the union of intervals on one line."""
    merged: list[tuple[float, float]] = []
    for first, last in sorted(intervals):
        if merged and first - merged[-1][1] <= MERGED_MOMENTS:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _segment(line: Line, first: float, last: float, agreement: Agreement, scale: Scale) -> AlignedSegment | None:
    """Return the segment of a run of moments; None if too little of it agrees."""
    step, query, reference = agreement.query.step, agreement.query, agreement.reference
    moments = np.arange(max(0, int(np.ceil(first - 1e-6))), min(len(query.frames) - 1, int(np.floor(last + 1e-6))) + 1)
    if not len(moments):
        return None
    values = values_on(line, agreement, moments)
    gain = float(gains_on(line, agreement, scale, moments).sum())
    if gain * step < MIN_SEGMENT_GAIN:
        return None
    # A run begins between the moment before it, which does not belong to it, and its first one.
    start = 0.0 if first <= 0 else (first - query.lead) * step
    end = query.end if last >= len(query.frames) - 1 else (last + 1 - query.lead) * step
    ends = np.array([start, end]) * line.speed + line.offset * step
    clipped = np.clip(ends, 0, reference.end)
    start, end = np.clip(np.array([start, end]) + (clipped - ends) / line.speed, 0, query.end).tolist()
    low, high = sorted(clipped.tolist())
    # A difference of a moment at the end of a video is how its frames are timed.
    if end <= start or high <= low:
        return None
    weakest = int(values.argmin())
    places = np.clip(np.rint(line.speed * moments + line.offset), 0, len(reference.frames) - 1).astype(np.int64)
    return AlignedSegment(
        query=(start, end),
        reference=(low, high),
        speed=line.speed,
        agreement=float(values.mean()),
        gain=gain,
        moments=moments,
        places=places,
        weakest=(float(moments[weakest] * step), float(places[weakest] * step)),
    )
