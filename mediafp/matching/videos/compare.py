"""Matches of a video with the videos and the pictures of a shelf."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.matching import calibration, verdicts
from mediafp.matching.candidates import Candidate, Vectors, background_level, min_hamming_distance, rank_candidates
from mediafp.matching.images import scoring
from mediafp.matching.images.local_features import LocalFeatures
from mediafp.matching.images.placement import PlacementFit, place_image
from mediafp.matching.images.region_similarity import compute_region_similarity
from mediafp.matching.references import References
from mediafp.matching.time_spans import covered_share, find_runs
from mediafp.matching.videos.alignment import AlignedSegment, align_frames
from mediafp.types.matches import Match, Relation, Segment

NEIGHBOURS_PER_FRAME = 60
"""Rows sought for each kept frame."""
VOTE_AT = 0.12
"""Normalised likeness with which a frame votes for a reference."""
MIN_FRAME_SCORE = 0.1
"""Normalised likeness of two frames from which they may belong to one stretch."""
MAX_ALIGNED = 40
"""Candidates that are aligned."""
PLACED = 3
"""Frame pairs of a video pair that are placed."""
MIN_SEGMENT_SECONDS = 1.5
"""Shorter stretches are left out unless they are the whole of a side."""
MIN_FULL_COVERAGE = 0.7
"""Share of a video that counts as the whole of it."""
MIN_RELATIVE_SCORE = 0.5
"""A further stretch must reach this share of the best one's score."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoQuery:
    """A video that is asked about: embeddings (N, 512), quality (N,), PDQ (N, 32), spans (N, 2), frames."""

    embeddings: Vectors
    quality: npt.NDArray[np.float32]
    pdq: npt.NDArray[np.uint8]
    spans: npt.NDArray[np.float64]
    local_features: Callable[[int], LocalFeatures | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FrameComparison:
    """Two frames, or a frame and a picture, looked at closely: PDQ's distance, bits, and how likely they are the same."""

    fit: PlacementFit | None
    distance: int
    features: calibration.ImagePairFeatures
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoPair:
    """A candidate that was looked at closely."""

    candidate: Candidate
    features: calibration.VideoPairFeatures | calibration.ImagePairFeatures
    score: float
    """Mean normalised likeness of the rows in step."""
    stretches: list[AlignedSegment]
    frame_comparisons: list[FrameComparison]
    coverage: tuple[float, float]
    """As of a `Match`."""


def match_video(query: VideoQuery, shelf: References, *, exclude: str | None = None) -> list[Match]:
    """Matches by falling probability, unlikely ones included; `without` names an asset to leave out, the query itself."""
    return sorted(
        (_match(pair, shelf) for pair in compare_videos(query, shelf, exclude=exclude)),
        key=lambda m: (-m.probability, m.sha256),
    )


def compare_videos(query: VideoQuery, shelf: References, *, exclude: str | None = None) -> list[VideoPair]:
    """The candidates with all that is measured of each pair."""
    if not len(query.embeddings):
        return []
    neighbours = shelf.search(query.embeddings, NEIGHBOURS_PER_FRAME)
    levels = background_level(query.embeddings, shelf.background)
    found = rank_candidates(neighbours, levels, vote_at=VOTE_AT, exclude=exclude)
    by_votes = sorted((c for c in found if c.votes), key=lambda c: (-c.votes * max(c.score, 0.01), c.sha256))
    pairs = (_compare(candidate, query, levels, shelf) for candidate in by_votes[:MAX_ALIGNED])
    return [pair for pair in pairs if pair]


def _compare(
    candidate: Candidate, query: VideoQuery, levels: npt.NDArray[np.float32], shelf: References
) -> VideoPair | None:
    sha256 = candidate.sha256
    similarity = query.embeddings.astype(np.float32) @ shelf.embeddings(sha256).astype(np.float32).T - levels[:, None]
    if shelf.kind(sha256) == "image":
        return _compare_still(candidate, query, similarity.max(axis=1), shelf)
    stretches = _keep_significant(align_frames(similarity, query.spans, shelf.spans(sha256), threshold=MIN_FRAME_SCORE))
    if not stretches:
        return None
    looks = [
        _look(pair, float(similarity[pair]), query, sha256, shelf)
        for pair in _select_frame_pairs(stretches, similarity)
    ]
    coverage = (
        covered_share([s.query for s in stretches], query.spans),
        covered_share([s.reference for s in stretches], shelf.spans(sha256)),
    )
    pairs = {pair for stretch in stretches for pair in stretch.rows}
    score = float(np.mean([similarity[pair] for pair in pairs]))
    moments = float(np.log1p(min(len({pair[side] for pair in pairs}) for side in (0, 1))))
    frames = float(np.mean([look.probability for look in looks]))
    agreement = [max(0.0, look.fit.median_ncc) for look in looks if look.fit and look.fit.is_verified]
    features = calibration.VideoPairFeatures(
        frame_probability=frames,
        moment_evidence=frames * moments,
        agreement=float(np.median(agreement)) * moments if agreement else 0.0,
    )
    return VideoPair(
        candidate=candidate,
        features=features,
        score=score,
        stretches=stretches,
        frame_comparisons=looks,
        coverage=coverage,
    )


def _compare_still(
    candidate: Candidate, query: VideoQuery, similarity: npt.NDArray[np.float32], shelf: References
) -> VideoPair:
    """A picture of the shelf against the query's frames, judged as two pictures are."""
    sha256, at = candidate.sha256, int(similarity.argmax())
    stretches = [
        AlignedSegment(
            query=times,
            reference=(0.0, 0.0),
            speed=1.0,
            score=float(similarity[rows].max()),
            rows=tuple((row, 0) for row in range(rows.start, rows.stop)),
        )
        for times, rows in find_runs(similarity, query.spans)
    ]
    score = float(similarity[at])
    seen = _look((at, 0), score, query, sha256, shelf)
    fit = seen.fit if seen.fit and seen.fit.is_verified else None
    return VideoPair(
        candidate=candidate,
        features=seen.features,
        score=score,
        stretches=stretches,
        frame_comparisons=[seen],
        coverage=(covered_share([s.query for s in stretches], query.spans), fit.placement.covered if fit else 1.0),
    )


def _keep_significant(stretches: list[AlignedSegment]) -> list[AlignedSegment]:
    """The best stretch, and those beside it that are long and alike enough."""
    if not stretches:
        return []
    best = stretches[0]
    return [best] + [
        s
        for s in stretches[1:]
        if s.score >= MIN_RELATIVE_SCORE * best.score and s.query[1] - s.query[0] >= MIN_SEGMENT_SECONDS
    ]


def _select_frame_pairs(stretches: list[AlignedSegment], similarity: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """The frame pairs that are most alike, from the best stretches."""
    pairs = sorted((p for s in stretches for p in s.rows), key=lambda p: -float(similarity[p]))
    spread = pairs[:: max(1, len(pairs) // (2 * PLACED))]
    return spread[:PLACED]


def _look(pair: tuple[int, int], score: float, query: VideoQuery, sha256: str, shelf: References) -> FrameComparison:
    """What two rows show when they are placed and judged as two pictures are; `score` is their normalised likeness."""
    mine, theirs = query.local_features(pair[0]), shelf.local_features(sha256, pair[1])
    fit, close = None, 0.0
    if mine and theirs and (fit := place_image(mine, theirs)):
        close = compute_region_similarity(mine, theirs, fit, shelf.embed_with_full_model)
    distance = min_hamming_distance(query.pdq[pair[0] : pair[0] + 1], shelf.pdq(sha256)[pair[1] : pair[1] + 1])
    score *= min(float(query.quality[pair[0]]), float(shelf.quality(sha256)[pair[1]]))
    features = scoring.image_features(score, distance, fit, close)
    return FrameComparison(fit=fit, distance=distance, features=features, probability=calibration.probability(features))


def _relation(coverage: tuple[float, float], still: bool) -> Relation:
    if still:
        return "image_in_video"
    if min(coverage) >= MIN_FULL_COVERAGE:
        return "same_video"
    if max(coverage) >= MIN_FULL_COVERAGE:
        return "contained_in" if coverage[0] >= MIN_FULL_COVERAGE else "contains"
    return "shares_footage"


def _match(pair: VideoPair, shelf: References) -> Match:
    sha256 = pair.candidate.sha256
    likely, score, still = calibration.probability(pair.features), pair.score, shelf.kind(sha256) == "image"
    fits = [look.fit for look in pair.frame_comparisons if look.fit and look.fit.is_verified]
    fit = max(fits, key=lambda f: f.placement.inliers, default=None)
    mirrored = sum(f.placement.mirrored for f in fits) * 2 > len(fits)
    if still:
        verdict = scoring.image_verdict(likely, score, fit, pair.frame_comparisons[0].distance)
        reasons = scoring.image_reasons(pair.frame_comparisons[0].fit, pair.frame_comparisons[0].distance, score)
    else:
        verdict = verdicts.verdict(likely, score, proven=bool(fits) or len(pair.stretches[0].rows) > 1)
        reasons = _reasons(pair, fit)
    segments = tuple(
        Segment(
            channel="picture",
            query=(round(s.query[0], 3), round(s.query[1], 3)),
            reference=(round(s.reference[0], 3), round(s.reference[1], 3)),
            speed=s.speed,
            mirrored=mirrored,
            score=round(s.score, 3),
        )
        for s in sorted(pair.stretches, key=lambda s: s.query)
    )
    return Match(
        sha256=sha256,
        uris=shelf.uris(sha256),
        kind=shelf.kind(sha256),
        relation=_relation(pair.coverage, still),
        verdict=verdict,
        probability=likely,
        coverage=pair.coverage,
        placement=fit.placement if fit else None,
        segments=segments,
        why=tuple(reasons),
    )


def _reasons(pair: VideoPair, fit: PlacementFit | None) -> list[str]:
    seconds, count = sum(s.query[1] - s.query[0] for s in pair.stretches), len(pair.stretches)
    shares = "{:.0f} % of the query and {:.0f} % of the reference are explained"
    reasons = [
        f"{seconds:.0f} s in {count} stretch{'es' if count > 1 else ''} run in step",
        shares.format(*(100 * part for part in pair.coverage)),
    ]
    if fit:
        reasons += scoring.placement_reasons(fit.placement)
    speeds = {s.speed for s in pair.stretches} - {1.0}
    if speeds:
        reasons.append("played at " + ", ".join(f"{speed:g}×" for speed in sorted(speeds)))
    reasons.append(f"frames are {pair.score:+.2f} above the level of unrelated pictures")
    return reasons
