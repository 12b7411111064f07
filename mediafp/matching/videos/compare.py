"""Comparison of a video with the videos and the images of a store.

The path of a query: nearest neighbours of its frames, candidates by votes, temporal alignment, placement of a few frame pairs,
features, probability, relation by coverage.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mediafp.matching import calibration, verdicts
from mediafp.matching.candidates import NO_SCORE, Candidate, Vectors, background_level, rank_candidates
from mediafp.matching.images import scoring
from mediafp.matching.references import PairReferences, References
from mediafp.matching.reversal import reverse_match
from mediafp.matching.time_spans import covered_share, find_runs, round_span
from mediafp.matching.videos.alignment import AlignedSegment
from mediafp.matching.videos.directions import QueryAsReference, as_asset, is_first, reference_as_query
from mediafp.matching.videos.footage import find_shared_footage
from mediafp.matching.videos.frames import FrameComparison, VideoQuery, compare_frames
from mediafp.matching.videos.insets import MIN_INSET_SCORE, view_inset
from mediafp.matching.videos.motion import Motion
from mediafp.matching.videos.relations import choose_relation, is_proven, video_reasons
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.matches import Match, Segment
from mediafp.types.media import FrameTrack

NEIGHBOURS_PER_FRAME = 60
"""Nearest rows searched for each frame. Chosen, not measured."""
MIN_VOTE_SCORE = 0.12
"""Score from which a frame votes for a reference. Chosen, not measured."""
MIN_RANKING_SCORE = 0.01
"""Smallest score by which the votes for a reference are weighted. Chosen, not measured."""
MAX_ALIGNED = 40
"""Largest number of candidates that are aligned. Chosen, not measured."""
MAX_ROW_PAIRS = 4_000 * 4_000
"""Pairs of rows of two videos that are compared, at 12 bytes each; of longer videos only each second, third … row is compared.
Two videos of 67 minutes whose frames all differ have so many. Chosen, not measured."""
CERTAIN_PROBABILITY = 0.95
"""Probability by the frames from which two videos are not compared by their insets too. Chosen, not measured."""
CHANCE_AGREEMENT = 0.5
"""Agreement of moments that unrelated videos reach. Chosen, not measured."""
FEW_ROWS = 100
"""Rows of a video, or of an animation, that are all compared. Chosen, not measured."""


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
        is_reversed: True if the reference was compared as the query, which all but `candidate` then means.
    """

    candidate: Candidate
    features: calibration.VideoPairFeatures | calibration.FramePairFeatures
    score: float
    segments: list[AlignedSegment]
    motions: list[Motion]
    frame_comparisons: list[FrameComparison]
    coverage: tuple[float, float]
    is_reversed: bool = False


def match_video(query: VideoQuery, references: References) -> list[Match]:
    """Return the matches of a video by falling probability, improbable ones included.

    Args:
        query: Video to match.
        references: References to compare with.
    """
    pairs = compare_videos(query, references)
    return sorted(
        (_to_query_match(pair, query, references) for pair in pairs), key=lambda m: (-m.probability, m.sha256)
    )


def match_candidate(query: VideoQuery, candidate: Candidate, references: PairReferences) -> Match | None:
    """Return the match of a video with one candidate, however improbable; None if the two do not align."""
    levels = background_level(query.embeddings, references.background)
    pair = _measure_with_insets(candidate, query, levels, references)
    return _to_query_match(pair, query, references) if pair else None


def compare_videos(query: VideoQuery, references: References) -> list[VideoPair]:
    """Return the candidates that align, with their measurements; arguments as in `match_video`."""
    if not len(query.embeddings):
        return []
    levels = background_level(query.embeddings, references.background)
    pairs = (
        _measure_candidate(candidate, query, levels, references)
        for candidate in _find_candidates(query, levels, references)[:MAX_ALIGNED]
    )
    return [pair for pair in pairs if pair]


def _find_candidates(query: VideoQuery, levels: Float32Array, references: References) -> list[Candidate]:
    """Return the candidates by the votes of frames, and of insets of either side, the best first."""
    frames, insets = query.embeddings, query.insets
    found = [
        rank_candidates(references.search(frames, NEIGHBOURS_PER_FRAME), levels, min_vote_score=MIN_VOTE_SCORE),
        rank_candidates(references.search_insets(frames, NEIGHBOURS_PER_FRAME), levels, min_vote_score=MIN_INSET_SCORE),
    ]
    if insets is not None:
        vectors: Vectors = insets.vectors  # type: ignore[assignment]
        inset_levels = background_level(vectors, references.background)
        near = references.search(vectors, NEIGHBOURS_PER_FRAME)
        found.append(rank_candidates(near, inset_levels, min_vote_score=MIN_INSET_SCORE))
    merged: dict[str, Candidate] = {}
    for candidate in (one for candidates in found for one in candidates if one.votes):
        # The rows of a candidate are numbers of frames, and an image has no insets.
        known = merged.get(candidate.sha256)
        votes, score = (known.votes, known.score) if known else (0, NO_SCORE)
        merged[candidate.sha256] = replace(
            known or candidate, votes=votes + candidate.votes, score=max(score, candidate.score)
        )
    return sorted(merged.values(), key=lambda c: (-c.votes * max(c.score, MIN_RANKING_SCORE), c.sha256))


def _measure_candidate(
    candidate: Candidate, query: VideoQuery, levels: Float32Array, references: PairReferences
) -> VideoPair | None:
    """Return a candidate with its measurements, made with the video of fewer rows as the query; arguments as below."""
    sha256 = candidate.sha256
    if references.kind(sha256) == "image" or not is_first(
        len(references.embeddings(sha256)), sha256, len(query.embeddings), query.sha256
    ):
        return _measure_with_insets(candidate, query, levels, references)
    first = reference_as_query(sha256, references)
    turned = replace(candidate, sha256=query.sha256, query_row=candidate.row, row=candidate.query_row)
    first_levels = background_level(first.embeddings, references.background)
    pair = _measure_with_insets(turned, first, first_levels, QueryAsReference(query, references))
    return pair and replace(pair, candidate=candidate, is_reversed=not pair.is_reversed)


def _measure_with_insets(
    candidate: Candidate, query: VideoQuery, levels: Float32Array, references: PairReferences
) -> VideoPair | None:
    """Return a candidate with its measurements, by the frames or, if that proves more, by an inset; arguments as below."""
    whole = _measure_pair(candidate, query, levels, references)
    sha256 = candidate.sha256
    if references.kind(sha256) == "image" or (whole and _probability(whole) >= CERTAIN_PROBABILITY):
        return whole
    turned = replace(candidate, sha256=query.sha256, query_row=candidate.row, row=candidate.query_row)
    own = _measure_inset(candidate, query, references)
    other = _measure_inset(turned, reference_as_query(sha256, references), QueryAsReference(query, references))
    pairs = (whole, own, other and replace(other, candidate=candidate, is_reversed=True))
    return max(filter(None, pairs), key=_probability, default=None)


def _probability(pair: VideoPair) -> float:
    return calibration.probability(pair.features)


def _measure_inset(candidate: Candidate, query: VideoQuery, references: PairReferences) -> VideoPair | None:
    """Return a candidate as the inset of the query that resembles it most; None without one, or if it does not align."""
    if query.insets is None:
        return None
    vectors: Vectors = query.insets.vectors  # type: ignore[assignment]
    scores = vectors.astype(np.float32) @ references.embeddings(candidate.sha256).astype(np.float32).T
    view = view_inset(query, scores - background_level(vectors, references.background)[:, None])
    if view is None:
        return None
    return _measure_pair(candidate, view, background_level(view.embeddings, references.background), references)


def _to_query_match(pair: VideoPair, query: VideoQuery, references: PairReferences) -> Match:
    """Return the match of a pair seen from the query, whichever of the two was compared as the query."""
    if not pair.is_reversed:
        return _to_match(pair, references)
    reference = reference_as_query(pair.candidate.sha256, references)
    turned = replace(pair, candidate=replace(pair.candidate, sha256=query.sha256))
    match = _to_match(turned, QueryAsReference(query, references))
    return reverse_match(match, as_asset(reference), as_asset(query), references.uris(reference.sha256))


def _measure_pair(
    candidate: Candidate, query: VideoQuery, levels: Float32Array, references: PairReferences
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
        return _measure_image_pair(candidate, query, scores, references)
    shared = find_shared_footage(query, sha256, scores, (query_step, reference_step), references)
    if shared is None:
        return None
    segments = shared.segments
    telling = sum(motion.telling for motion in shared.motions)
    moving = sum(motion.agreement * motion.telling for motion in shared.motions)
    frame_probability = float(np.mean([comparison.probability for comparison in shared.comparisons]))
    features = calibration.VideoPairFeatures(
        frame_probability=frame_probability if telling else 0.0,
        moment_evidence=frame_probability * float(np.log1p(telling)),
        motion=float(np.log1p(moving)),
        presence=_presence(segments) * float(np.log1p(telling)),
    )
    return VideoPair(
        candidate=candidate,
        features=features,
        score=float(np.mean([comparison.score for comparison in shared.comparisons])),
        segments=segments,
        motions=shared.motions,
        frame_comparisons=shared.comparisons,
        coverage=(
            covered_share([segment.query for segment in segments], _shown_spans(query.track, query.spans)),
            covered_share(
                [segment.reference for segment in segments], _shown_spans(references.track(sha256), reference_spans)
            ),
        ),
    )


def _presence(segments: Sequence[AlignedSegment]) -> float:
    """Return by how much segments agree better than unrelated moments, 0..1: the mean over their time."""
    weights = [segment.seconds for segment in segments]
    return max(0.0, float(np.average([segment.agreement for segment in segments], weights=weights)) - CHANCE_AGREEMENT)


def _shown_spans(track: FrameTrack | None, spans: Float64Array) -> Float64Array:
    """Return the spans (N, 2) in which a video shows anything."""
    return track.spans if track is not None and len(track.spans) else spans


def _choose_steps(query_count: int, reference_count: int) -> tuple[int, int]:
    """Return the steps in which the rows of a query and of a reference are compared: 1 and 1 unless there are too many pairs."""
    if reference_count <= FEW_ROWS or query_count * reference_count <= MAX_ROW_PAIRS:
        return 1, 1
    excess = query_count * reference_count / MAX_ROW_PAIRS
    if query_count <= FEW_ROWS:
        return 1, math.ceil(excess)
    return math.ceil(math.sqrt(excess)), math.ceil(math.sqrt(excess))


def _measure_image_pair(
    candidate: Candidate, query: VideoQuery, scores: Float32Array, references: PairReferences
) -> VideoPair:
    """Return a candidate that is an image, its best page compared with the query's best frame as two images are.

    `scores` (N, M) are those of the query's rows and the image's pages.
    """
    best_row, page = (int(number) for number in np.unravel_index(int(scores.argmax()), scores.shape))
    scores = scores[:, page]
    segments = [
        AlignedSegment(
            query=interval,
            reference=(0.0, 0.0),
            speed=1.0,
            agreement=float(scores[rows].max()),
            gain=float(scores[rows].sum()),
            moments=np.arange(rows.start, rows.stop),
            places=np.zeros(rows.stop - rows.start, np.int64),
            weakest=(interval[0], 0.0),
        )
        for interval, rows in find_runs(scores, query.spans)
    ]
    score = float(scores[best_row])
    comparison = compare_frames((best_row, page), score, query, candidate.sha256, references)
    fit = comparison.fit if comparison.fit and comparison.fit.is_verified else None
    return VideoPair(
        candidate=replace(candidate, row=page),
        features=comparison.features,
        score=score,
        segments=segments,
        motions=[],
        frame_comparisons=[comparison],
        coverage=(
            covered_share([segment.query for segment in segments], query.spans),
            fit.placement.covered if fit else 1.0,
        ),
    )


def _to_match(pair: VideoPair, references: PairReferences) -> Match:
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
        is_placed = bool(fits) or any(c.distance <= scoring.MAX_PDQ_MATCH_DISTANCE for c in pair.frame_comparisons)
        proven = is_proven(pair.motions, placed=is_placed)
        verdict = verdicts.verdict(probability, pair.score, proven=proven)
        reasons = video_reasons(pair.segments, pair.motions, pair.coverage, fit, pair.score)
    return Match(
        sha256=sha256,
        uris=references.uris(sha256),
        kind=references.kind(sha256),
        relation="image_in_video" if is_image else choose_relation(pair.segments, pair.motions, pair.coverage),
        verdict=verdict,
        probability=probability,
        coverage=pair.coverage,
        placement=fit.placement if fit else None,
        segments=tuple(
            _to_segment(segment, mirrored=mirrored) for segment in sorted(pair.segments, key=lambda s: s.query)
        ),
        why=tuple(reasons),
        rows=(0, pair.candidate.row) if is_image else (0, 0),
    )


def _to_segment(segment: AlignedSegment, *, mirrored: bool) -> Segment:
    """Return an aligned segment with rounded numbers."""
    return Segment(
        channel="picture",
        query=round_span(segment.query),
        reference=round_span(segment.reference),
        speed=round(segment.speed, 3),
        mirrored=mirrored,
        score=round(segment.agreement, 3),
        weakest=round_span(segment.weakest),
    )
