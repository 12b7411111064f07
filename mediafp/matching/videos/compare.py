"""Comparison of a video with the videos and the images of a store.

The path of a query: nearest neighbours of its frames, candidates by votes, temporal alignment, placement of a few frame pairs,
features, probability, relation by coverage.
"""

import math
from dataclasses import dataclass

import numpy as np

from mediafp.matching import calibration, verdicts
from mediafp.matching.candidates import Candidate, background_level, rank_candidates
from mediafp.matching.images import scoring
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.references import References
from mediafp.matching.time_spans import covered_share, find_runs
from mediafp.matching.videos.alignment import AlignedSegment, align_frames
from mediafp.matching.videos.frames import FrameComparison, VideoQuery, compare_frames
from mediafp.types.arrays import Float32Array
from mediafp.types.matches import Match, Relation, Segment

NEIGHBOURS_PER_FRAME = 60
"""Nearest rows searched for each frame. Chosen, not measured."""
MIN_VOTE_SCORE = 0.12
"""Score from which a frame votes for a reference. Chosen, not measured."""
MIN_RANKING_SCORE = 0.01
"""Smallest score by which the votes for a reference are weighted. Chosen, not measured."""
MIN_FRAME_SCORE = 0.1
"""Score from which two frames may belong to one segment. Chosen, not measured."""
MAX_ALIGNED = 40
"""Largest number of candidates that are aligned. Chosen, not measured."""
MAX_PLACED_FRAMES = 3
"""Largest number of frame pairs of two videos that are placed. Chosen, not measured."""
MAX_ROW_PAIRS = 4_000 * 4_000
"""Pairs of rows of two videos that are compared, at 12 bytes each; of longer videos only each second, third … row is compared.
Two videos of 67 minutes whose frames all differ have so many. Chosen, not measured."""
FEW_ROWS = 100
"""Rows of a video, or of an animation, that are all compared. Chosen, not measured."""
MIN_SEGMENT_SECONDS = 1.5
"""Duration of the query below which a segment is dropped, unless it is the best one. Chosen, not measured."""
MIN_RELATIVE_SCORE = 0.5
"""Share of the best segment's score that a further segment must reach. Chosen, not measured."""
MIN_FULL_COVERAGE = 0.7
"""Coverage from which a video counts as fully covered. Chosen, not measured."""
MIN_PROOF_ROWS = 2
"""Aligned pairs of rows in the best segment that prove a copy of a video, even if no frame pair has a verified placement.
Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoPair:
    """A candidate with its measurements.

    Attributes:
        candidate: Reference and best pair of rows.
        features: Features of the pair, from which its probability follows; those of two images if the reference is one.
        score: Mean score of the aligned rows.
        segments: Aligned segments, at least one; the best first if the reference is a video, in order of time if it is an
            image.
        frame_comparisons: The frame pairs that were placed; at least one.
        coverage: Share of the query and of the reference that the segments cover.
    """

    candidate: Candidate
    features: calibration.VideoPairFeatures | calibration.ImagePairFeatures
    score: float
    segments: list[AlignedSegment]
    frame_comparisons: list[FrameComparison]
    coverage: tuple[float, float]


def match_video(query: VideoQuery, references: References) -> list[Match]:
    """Return the matches of a video by falling probability, improbable ones included.

    Args:
        query: Video to match.
        references: References to compare with.
    """
    pairs = compare_videos(query, references)
    return sorted((_to_match(pair, references) for pair in pairs), key=lambda m: (-m.probability, m.sha256))


def match_candidate(query: VideoQuery, candidate: Candidate, references: References) -> Match | None:
    """Return the match of a video with one candidate, however improbable; None if the two do not align."""
    levels = background_level(query.embeddings, references.background)
    pair = _measure_pair(candidate, query, levels, references)
    return _to_match(pair, references) if pair else None


def compare_videos(query: VideoQuery, references: References) -> list[VideoPair]:
    """Return the candidates that align, with their measurements; arguments as in `match_video`."""
    if not len(query.embeddings):
        return []
    neighbours = references.search(query.embeddings, NEIGHBOURS_PER_FRAME)
    levels = background_level(query.embeddings, references.background)
    candidates = rank_candidates(neighbours, levels, min_vote_score=MIN_VOTE_SCORE)
    by_votes = sorted(
        (c for c in candidates if c.votes), key=lambda c: (-c.votes * max(c.score, MIN_RANKING_SCORE), c.sha256)
    )
    pairs = (_measure_pair(candidate, query, levels, references) for candidate in by_votes[:MAX_ALIGNED])
    return [pair for pair in pairs if pair]


def _measure_pair(
    candidate: Candidate, query: VideoQuery, levels: Float32Array, references: References
) -> VideoPair | None:
    """Return a candidate with its measurements; None if it does not align.

    Args:
        candidate: Reference and best pair of rows.
        query: Video to match.
        levels: Background levels (N,) of the query's rows.
        references: References to compare with.
    """
    sha256 = candidate.sha256
    reference_embeddings, reference_spans = references.embeddings(sha256), references.spans(sha256)
    query_step, reference_step = _choose_steps(len(query.embeddings), len(reference_embeddings))
    scores = (
        query.embeddings[::query_step].astype(np.float32) @ reference_embeddings[::reference_step].astype(np.float32).T
    )
    scores -= levels[::query_step, None]
    if references.kind(sha256) == "image":
        return _measure_image_pair(candidate, query, scores.max(axis=1), references)
    segments = _keep_significant(
        align_frames(scores, query.spans[::query_step], reference_spans[::reference_step], threshold=MIN_FRAME_SCORE)
    )
    if not segments:
        return None
    comparisons = [
        compare_frames((rows[0] * query_step, rows[1] * reference_step), float(scores[rows]), query, sha256, references)
        for rows in _select_frame_pairs(segments, scores)
    ]
    aligned = {rows for segment in segments for rows in segment.rows}
    distinct_rows = min(len({rows[side] for rows in aligned}) for side in (0, 1))
    log_rows = float(np.log1p(distinct_rows))
    frame_probability = float(np.mean([comparison.probability for comparison in comparisons]))
    correlations = [max(0.0, c.fit.median_ncc) for c in comparisons if c.fit and c.fit.is_verified]
    return VideoPair(
        candidate=candidate,
        features=calibration.VideoPairFeatures(
            frame_probability=frame_probability,
            moment_evidence=frame_probability * log_rows,
            agreement=float(np.median(correlations)) * log_rows if correlations else 0.0,
        ),
        score=float(np.mean([scores[rows] for rows in aligned])),
        segments=segments,
        frame_comparisons=comparisons,
        coverage=(
            covered_share([segment.query for segment in segments], query.spans),
            covered_share([segment.reference for segment in segments], reference_spans),
        ),
    )


def _choose_steps(query_count: int, reference_count: int) -> tuple[int, int]:
    """Return the steps in which the rows of a query and of a reference are compared: 1 and 1 unless there are too many pairs."""
    if reference_count <= FEW_ROWS or query_count * reference_count <= MAX_ROW_PAIRS:
        return 1, 1
    excess = query_count * reference_count / MAX_ROW_PAIRS
    if query_count <= FEW_ROWS:
        return 1, math.ceil(excess)
    return math.ceil(math.sqrt(excess)), math.ceil(math.sqrt(excess))


def _measure_image_pair(
    candidate: Candidate, query: VideoQuery, scores: Float32Array, references: References
) -> VideoPair:
    """Return a candidate that is an image, compared with the query's best frame as two images are.

    `scores` (N,) are those of the query's rows.
    """
    best_row = int(scores.argmax())
    segments = [
        AlignedSegment(
            query=interval,
            reference=(0.0, 0.0),
            speed=1.0,
            score=float(scores[rows].max()),
            rows=tuple((row, 0) for row in range(rows.start, rows.stop)),
        )
        for interval, rows in find_runs(scores, query.spans)
    ]
    score = float(scores[best_row])
    comparison = compare_frames((best_row, 0), score, query, candidate.sha256, references)
    fit = comparison.fit if comparison.fit and comparison.fit.is_verified else None
    return VideoPair(
        candidate=candidate,
        features=comparison.features,
        score=score,
        segments=segments,
        frame_comparisons=[comparison],
        coverage=(
            covered_share([segment.query for segment in segments], query.spans),
            fit.placement.covered if fit else 1.0,
        ),
    )


def _keep_significant(segments: list[AlignedSegment]) -> list[AlignedSegment]:
    """Return the best segment, and the others that are long enough and score high enough."""
    if not segments:
        return []
    best = segments[0]
    return [best] + [
        segment
        for segment in segments[1:]
        if segment.score >= MIN_RELATIVE_SCORE * best.score
        and segment.query[1] - segment.query[0] >= MIN_SEGMENT_SECONDS
    ]


def _select_frame_pairs(segments: list[AlignedSegment], scores: Float32Array) -> list[tuple[int, int]]:
    """Return the row pairs to place: spread over the better half of all aligned pairs."""
    pairs = sorted((rows for segment in segments for rows in segment.rows), key=lambda rows: -float(scores[rows]))
    spread = pairs[:: max(1, len(pairs) // (2 * MAX_PLACED_FRAMES))]
    return spread[:MAX_PLACED_FRAMES]


def _choose_relation(coverage: tuple[float, float]) -> Relation:
    """Return the relation of two videos, given the shares of query and reference that the match covers."""
    query_share, reference_share = coverage
    if query_share >= MIN_FULL_COVERAGE and reference_share >= MIN_FULL_COVERAGE:
        return "same_video"
    if query_share >= MIN_FULL_COVERAGE:
        return "contained_in"
    if reference_share >= MIN_FULL_COVERAGE:
        return "contains"
    return "shares_footage"


def _to_match(pair: VideoPair, references: References) -> Match:
    """Return the match of a pair."""
    sha256 = pair.candidate.sha256
    probability, is_image = calibration.probability(pair.features), references.kind(sha256) == "image"
    fits = [comparison.fit for comparison in pair.frame_comparisons if comparison.fit and comparison.fit.is_verified]
    fit = max(fits, key=lambda f: f.placement.inliers, default=None)
    mirrored = sum(f.placement.mirrored for f in fits) * 2 > len(fits)
    if is_image:
        (comparison,) = pair.frame_comparisons
        verdict = scoring.image_verdict(probability, pair.score, fit, comparison.distance)
        reasons = scoring.image_reasons(comparison.fit, comparison.distance, pair.score)
    else:
        proven = bool(fits) or len(pair.segments[0].rows) >= MIN_PROOF_ROWS
        verdict = verdicts.verdict(probability, pair.score, proven=proven)
        reasons = _reasons(pair, fit)
    return Match(
        sha256=sha256,
        uris=references.uris(sha256),
        kind=references.kind(sha256),
        relation="image_in_video" if is_image else _choose_relation(pair.coverage),
        verdict=verdict,
        probability=probability,
        coverage=pair.coverage,
        placement=fit.placement if fit else None,
        segments=tuple(
            _to_segment(segment, mirrored=mirrored) for segment in sorted(pair.segments, key=lambda s: s.query)
        ),
        why=tuple(reasons),
    )


def _to_segment(segment: AlignedSegment, *, mirrored: bool) -> Segment:
    """Return an aligned segment with rounded times and score."""
    return Segment(
        channel="picture",
        query=(round(segment.query[0], 3), round(segment.query[1], 3)),
        reference=(round(segment.reference[0], 3), round(segment.reference[1], 3)),
        speed=segment.speed,
        mirrored=mirrored,
        score=round(segment.score, 3),
    )


def _reasons(pair: VideoPair, fit: PlacementFit | None) -> list[str]:
    """Return the measurements for and against a copy of two videos, one sentence each."""
    seconds, count = sum(s.query[1] - s.query[0] for s in pair.segments), len(pair.segments)
    query_share, reference_share = pair.coverage
    reasons = [
        f"{seconds:.0f} s of the query align with the reference in {count} segment{'s' if count > 1 else ''}",
        f"{scoring.format_percent(query_share)} of the query and {scoring.format_percent(reference_share)} of the reference are"
        " covered",
    ]
    if fit:
        reasons += scoring.placement_reasons(fit.placement)
    speeds = {segment.speed for segment in pair.segments} - {1.0}
    if speeds:
        reasons.append("the query plays at " + ", ".join(f"{speed:g}×" for speed in sorted(speeds)) + " speed")
    reasons.append(f"the frames score {pair.score:+.2f} against the level of unrelated images")
    return reasons
