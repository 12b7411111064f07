"""The shared footage of two videos: where frames lie, which stretches agree, and what moves in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mediafp.matching.references import PairReferences
from mediafp.matching.videos.agreement import Agreement, sample_moments
from mediafp.matching.videos.alignment import (
    USED_SHARE,
    AlignedSegment,
    align_mapped,
    align_moments,
    bridge_gaps,
    used_share,
)
from mediafp.matching.videos.frames import FrameComparison, VideoQuery, compare_frames
from mediafp.matching.videos.lines import Line, find_lines
from mediafp.matching.videos.mapped_frames import FrameMap, map_frames
from mediafp.matching.videos.motion import Motion, measure_motion
from mediafp.matching.videos.placing import Size, best_maps, candidate_maps, choose_row_pairs, make_probe, moving_map
from mediafp.matching.videos.row_lines import find_row_lines
from mediafp.matching.videos.row_scores import NEUTRAL_SCORE, ROW_SCALE, RowScores
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.media import FrameTrack, TimeSpan

TRACK_STEP = 0.2
"""Seconds from one tiny frame to the next."""
ROW_STEP = 1.0
"""Seconds from one moment to the next of a video without tiny frames."""
MIN_SECONDS = 0.7
"""Duration below which a segment is dropped unless it is the only one. Chosen, not measured."""

CERTAIN_AGREEMENT = 0.93
"""Agreement of a segment from which no other map of the frames is tried; below it, frames are placed along the best segment,
as the query may zoom. Chosen, not measured."""
WORSE_AGREEMENT = 0.01
"""Agreement by which their best segment may be worse. Chosen, not measured."""
CLEARLY_BETTER, LESS_GAIN = 0.03, 1.15
"""Agreement by which their best segment may be better instead, and the factor by which they then may gain less."""
END_PART = 20
"""Part of a segment from whose ends rows are placed. Chosen, not measured."""
BETTER_GAIN = 1.03
"""Factor by which other maps must gain more to be taken. Chosen, not measured."""

RowPair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SharedFootage:
    """Footage that two videos share.

    Attributes:
        segments: Aligned segments in order of the query's time, at least one.
        motions: Motion in each of them.
        comparisons: Comparisons of the frames that were placed, at least one.
    """

    segments: list[AlignedSegment]
    motions: list[Motion]
    comparisons: list[FrameComparison]


def find_shared_footage(
    query: VideoQuery, sha256: str, scores: Float32Array, steps: tuple[int, int], references: PairReferences
) -> SharedFootage | None:
    """Return what a query shares with a reference; None if they do not align.

    Args:
        query: The query.
        sha256: SHA-256 of the reference.
        scores: Scores (N, M) of every `steps[0]`th row of the query and every `steps[1]`th of the reference.
        steps: These steps.
        references: The references.
    """
    query_step, reference_step = steps
    query_spans, reference_spans = query.spans[::query_step], references.spans(sha256)[::reference_step]

    def compare(rows: RowPair) -> tuple[float, FrameComparison]:
        own, other = rows[0] * query_step, rows[1] * reference_step
        return float(query_spans[rows[0]].mean()), compare_frames(
            (own, other), float(scores[rows]), query, sha256, references
        )

    own_track, other_track = query.track, references.track(sha256)
    chosen = choose_row_pairs(scores, query_spans)
    compared = {rows: compare(rows) for rows in chosen}
    if own_track is None or other_track is None or not len(own_track.spans) or not len(other_track.spans):
        quality = query.quality[::query_step, None], references.quality(sha256)[None, ::reference_step]
        sharp = scores * np.minimum(*quality)
        return _share_by_rows(sharp, query_spans, reference_spans, [one for _, one in compared.values()])
    tracks = own_track, other_track
    sizes = _size_of(query, references, sha256, chosen)
    near = _near_lines(tracks, scores, query_spans, reference_spans)

    def maps_of(compared: Mapping[RowPair, tuple[float, FrameComparison]]) -> list[FrameMap]:
        spans = [(_span_of(query_spans, own), _span_of(reference_spans, other)) for own, other in compared]
        return best_maps(candidate_maps(list(compared.values()), *sizes, query.part), make_probe(*tracks, spans))

    moving = moving_map([one for one in compared.values() if one[1].fit and one[1].fit.is_verified], sizes[1])
    found = _align(tracks, [*maps_of(compared), *([moving] if moving else [])], near)
    if not found:
        return None
    if not found[0].is_certain:
        ends = _extended(found[0].best, found[0].agreement)
        compared = {
            rows: one for rows, one in compared.items() if _is_along(rows, [ends], query_spans, reference_spans)
        }
        for rows in _rows_along(ends, query_spans, reference_spans):
            compared[rows] = compared.get(rows) or compare(rows)
        maps = [moving_map(list(compared.values()), sizes[1]), *maps_of(compared)[:1]]
        again = _align(tracks, [one for one in maps if one], near)
        if again and again[0].is_better_than(found[0]):
            found = again
    segments, motions = _join(found)
    along_all = [one for rows, (_, one) in compared.items() if _is_along(rows, segments, query_spans, reference_spans)]
    if not any(one.fit and one.fit.is_verified for one in along_all):
        best = max(segments, key=lambda segment: segment.gain)
        pairs = _rows_along(best, query_spans, reference_spans)
        along_all += [compare(pair)[1] for pair in pairs[:2] if pair not in compared]
    if not along_all:
        along_all = [one for _, one in compared.values()]
    return SharedFootage(segments=segments, motions=motions, comparisons=along_all)


def _span_of(spans: Float64Array, row: int) -> TimeSpan:
    return float(spans[row, 0]), float(spans[row, 1])


def _size_of(query: VideoQuery, references: PairReferences, sha256: str, chosen: list[RowPair]) -> tuple[Size, Size]:
    """Return the width and height of the query and of the reference; 1 and 1 if there are no thumbnails."""
    own = next((found.size for row, _ in chosen if (found := query.local_features(row))), (1, 1))
    other = next((found.size for _, row in chosen if (found := references.local_features(sha256, row))), (1, 1))
    return own, other


def _near_lines(
    tracks: tuple[FrameTrack, FrameTrack],
    scores: Float32Array,
    query_spans: Float64Array,
    reference_spans: Float64Array,
) -> list[Line]:
    """Return lines on which rows resemble each other, if the videos are too long to compare all moments."""
    own, other = (sample_moments(track.spans, TRACK_STEP) for track in tracks)
    if len(own.frames) * len(other.frames) <= 1_000_000:
        return []
    return find_row_lines(scores, query_spans, reference_spans, threshold=NEUTRAL_SCORE, step=TRACK_STEP)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Aligned:
    """Segments under one map of the frames, at least one, each with its motion."""

    parts: list[tuple[AlignedSegment, Motion]]
    agreement: Agreement
    is_certain: bool

    def is_better_than(self, other: "_Aligned") -> bool:
        """Return True if more agrees and not less well, or hardly less agrees and clearly better."""
        difference = self.best.agreement - other.best.agreement
        if difference >= CLEARLY_BETTER:
            return self.gain >= other.gain / LESS_GAIN
        return difference >= -WORSE_AGREEMENT and self.gain > BETTER_GAIN * other.gain

    @property
    def best(self) -> AlignedSegment:
        return max((segment for segment, _ in self.parts), key=lambda segment: segment.gain)

    @property
    def gain(self) -> float:
        return sum(segment.gain for segment, _ in self.parts)


def _align(tracks: tuple[FrameTrack, FrameTrack], maps: Sequence[FrameMap], near: Sequence[Line]) -> list[_Aligned]:
    """Return the segments under each map that gives some, the best map first; in none do the videos move differently."""
    query, reference = tracks
    moments = [sample_moments(track.spans, TRACK_STEP) for track in tracks]
    found = []
    for frame_map in maps:
        mapped = map_frames(query.pixels, query.spans[:, 0], reference.pixels, frame_map)
        if mapped is None:
            continue
        alignment = align_mapped(mapped, moments[0], moments[1], near)
        measured = [
            (segment, measure_motion(mapped, *_frames_of(segment, alignment.agreement)))
            for segment in bridge_gaps(alignment, mapped)
        ]
        parts = [(segment, motion) for segment, motion in measured if not motion.contradicts]
        if not parts:
            continue
        highest = max(segment.agreement for segment, _ in parts)
        is_certain = alignment.is_whole and highest >= CERTAIN_AGREEMENT
        found.append(_Aligned(parts=parts, agreement=alignment.agreement, is_certain=is_certain))
        if is_certain:
            break
    for number in range(1, len(found)):
        if found[number].is_better_than(found[0]):
            found.insert(0, found.pop(number))
    return found


def _extended(segment: AlignedSegment, agreement: Agreement) -> AlignedSegment:
    """Return a segment that goes on along its line as far as both videos do."""
    moments = np.arange(len(agreement.query.frames))
    middle = len(segment.moments) // 2
    places = np.rint(segment.places[middle] + segment.speed * (moments - segment.moments[middle])).astype(np.int64)
    inside = (places >= 0) & (places < len(agreement.reference.frames))
    return replace(segment, moments=moments[inside], places=places[inside])


def _rows_along(best: AlignedSegment, query_spans: Float64Array, reference_spans: Float64Array) -> list[RowPair]:
    """Return pairs of rows in the middle, at the start and at the end of a segment."""
    count = len(best.moments)
    pairs = []
    for number in dict.fromkeys((count // 2, count // END_PART, count - 1 - count // END_PART)):
        own = _row_at(float(best.moments[number]) * TRACK_STEP, query_spans)
        other = _row_at(float(best.places[number]) * TRACK_STEP, reference_spans)
        pairs.append((own, other))
    return list(dict.fromkeys(pairs))


def _row_at(seconds: float, spans: Float64Array) -> int:
    """Return the row that is shown at a time, else the nearest one."""
    return int(np.maximum(spans[:, 0] - seconds, seconds - spans[:, 1]).argmin())


def _is_along(
    rows: RowPair, segments: Sequence[AlignedSegment], query_spans: Float64Array, reference_spans: Float64Array
) -> bool:
    """Return True if some moment of a segment shows both rows."""
    own, other = query_spans[rows[0]], reference_spans[rows[1]]
    for segment in segments:
        times, places = segment.moments * TRACK_STEP, segment.places * TRACK_STEP
        both = (times >= own[0] - 0.1) & (times <= own[1]) & (places >= other[0] - 0.1) & (places <= other[1])
        if both.any():
            return True
    return False


def _join(found: Sequence[_Aligned]) -> tuple[list[AlignedSegment], list[Motion]]:
    """Return the segments of all maps, and their motion, without those that only repeat what is still."""
    kept: list[tuple[AlignedSegment, Motion]] = []
    for rank, aligned in enumerate(found):
        for segment, motion in sorted(aligned.parts, key=lambda part: -part[0].gain):
            own = max((used_share(segment.query, one.query) for one, _ in kept), default=0.0)
            other = max((used_share(segment.reference, one.reference) for one, _ in kept), default=0.0)
            # Under a further map, only what the first one does not explain; of still pictures, nothing twice.
            repeats = min(own, other) > USED_SHARE or (max(own, other) > USED_SHARE and (rank > 0 or motion.is_still))
            if not kept or not (repeats or segment.seconds < MIN_SECONDS):
                kept.append((segment, motion))
    kept.sort(key=lambda each: (each[0].query, each[0].reference))
    return [segment for segment, _ in kept], [motion for _, motion in kept]


def _frames_of(segment: AlignedSegment, agreement: Agreement) -> tuple[np.ndarray, np.ndarray]:
    own, other = agreement.query.frames[segment.moments], agreement.reference.frames[segment.places]
    shown = (own >= 0) & (other >= 0)
    return own[shown], other[shown]


def _share_by_rows(
    scores: Float32Array, query_spans: Float64Array, reference_spans: Float64Array, comparisons: list[FrameComparison]
) -> SharedFootage | None:
    """Return what two videos share by their rows alone, for lack of tiny frames."""
    moments = [sample_moments(spans, ROW_STEP, lead=0) for spans in (query_spans, reference_spans)]
    agreement = Agreement(values=RowScores(scores=scores), query=moments[0], reference=moments[1])
    if agreement.is_dense:
        lines = find_lines(agreement, ROW_SCALE)
    else:
        lines = find_row_lines(scores, query_spans, reference_spans, threshold=NEUTRAL_SCORE, step=ROW_STEP)
    segments = align_moments(agreement, lines, ROW_SCALE)
    if not segments:
        return None
    motions = [
        Motion(amount=0.0, agreement=segment.agreement, moments=distinct, telling=distinct)
        for segment in segments
        for distinct in [min(len(np.unique(rows)) for rows in _frames_of(segment, agreement))]
    ]
    return SharedFootage(segments=segments, motions=motions, comparisons=comparisons)
