"""Matches of a video with the videos and the pictures of a shelf."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.evidence import Match, Relation, Segment
from mediafp.matching import judge
from mediafp.matching.align import Stretch, align, share
from mediafp.matching.closeup import look
from mediafp.matching.place import Fit, Sketch, place
from mediafp.matching.search import Candidate, Vectors, background_level, distance_between, rank
from mediafp.matching.shelf import Shelf
from mediafp.matching.stills import still_runs

NEIGHBOURS = 60
"""Rows sought for each kept frame."""
VOTE_AT = 0.12
"""Normalised likeness with which a frame votes for a reference."""
ALIKE_AT = 0.1
"""Normalised likeness of two frames from which they may belong to one stretch."""
ALIGNED = 40
"""Candidates that are aligned."""
PLACED = 3
"""Frame pairs of a video pair that are placed."""
LEAST_SECONDS = 1.5
"""Shorter stretches are left out unless they are the whole of a side."""
WHOLE = 0.7
"""Share of a video that counts as the whole of it."""
SIDE_SCORE = 0.5
"""A further stretch must reach this share of the best one's score."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoQuery:
    """A video that is asked about: embeddings (N, 512), quality (N,), PDQ (N, 32), spans (N, 2), frames."""

    rows: Vectors
    quality: npt.NDArray[np.float32]
    pdq: npt.NDArray[np.uint8]
    spans: npt.NDArray[np.float64]
    sketch: Callable[[int], Sketch | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """Two frames, or a frame and a picture, looked at closely: PDQ's distance, bits, and how likely they are the same."""

    fit: Fit | None
    distance: int
    features: judge.PictureFeatures
    likely: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """A candidate that was looked at closely."""

    candidate: Candidate
    features: judge.VideoFeatures | judge.PictureFeatures
    score: float
    """Mean normalised likeness of the rows in step."""
    stretches: list[Stretch]
    looks: list[Look]
    coverage: tuple[float, float]
    """As of a `Match`."""


def match_video(query: VideoQuery, shelf: Shelf, *, without: str | None = None) -> list[Match]:
    """Matches by falling probability, unlikely ones included; `without` names an asset to leave out, the query itself."""
    return sorted(
        (_match(pair, shelf) for pair in compare(query, shelf, without=without)),
        key=lambda m: (-m.probability, m.sha256),
    )


def compare(query: VideoQuery, shelf: Shelf, *, without: str | None = None) -> list[Pair]:
    """The candidates with all that is measured of each pair."""
    if not len(query.rows):
        return []
    rows, scores = shelf.search(query.rows, NEIGHBOURS)
    levels = background_level(query.rows, shelf.background)
    found = rank(rows, scores, levels, shelf.owner, shelf.assets, shelf.row, vote_at=VOTE_AT, without=without)
    by_votes = sorted((c for c in found if c.votes), key=lambda c: (-c.votes * max(c.score, 0.01), c.sha256))
    pairs = (_compare(candidate, query, levels, shelf) for candidate in by_votes[:ALIGNED])
    return [pair for pair in pairs if pair]


def _compare(candidate: Candidate, query: VideoQuery, levels: npt.NDArray[np.float32], shelf: Shelf) -> Pair | None:
    sha256 = candidate.sha256
    likeness = query.rows.astype(np.float32) @ shelf.embeddings(sha256).astype(np.float32).T - levels[:, None]
    if shelf.kind(sha256) == "image":
        return _compare_still(candidate, query, likeness.max(axis=1), shelf)
    stretches = _worthwhile(align(likeness, query.spans, shelf.spans(sha256), at_least=ALIKE_AT))
    if not stretches:
        return None
    looks = [_look(pair, float(likeness[pair]), query, sha256, shelf) for pair in _tell_tale(stretches, likeness)]
    coverage = (
        share([s.query for s in stretches], query.spans),
        share([s.reference for s in stretches], shelf.spans(sha256)),
    )
    pairs = {pair for stretch in stretches for pair in stretch.rows}
    score = float(np.mean([likeness[pair] for pair in pairs]))
    moments = float(np.log1p(min(len({pair[side] for pair in pairs}) for side in (0, 1))))
    frames = float(np.mean([look.likely for look in looks]))
    agreement = [max(0.0, look.fit.agreement) for look in looks if look.fit and look.fit.firm]
    features = judge.VideoFeatures(
        frames=frames,
        moments=frames * moments,
        agreement=float(np.median(agreement)) * moments if agreement else 0.0,
    )
    return Pair(
        candidate=candidate, features=features, score=score, stretches=stretches, looks=looks, coverage=coverage
    )


def _compare_still(candidate: Candidate, query: VideoQuery, likeness: npt.NDArray[np.float32], shelf: Shelf) -> Pair:
    """A picture of the shelf against the query's frames, judged as two pictures are."""
    sha256, at = candidate.sha256, int(likeness.argmax())
    stretches = [
        Stretch(
            query=times,
            reference=(0.0, 0.0),
            speed=1.0,
            score=float(likeness[rows].max()),
            rows=tuple((row, 0) for row in range(rows.start, rows.stop)),
        )
        for times, rows in still_runs(likeness, query.spans)
    ]
    score = float(likeness[at])
    seen = _look((at, 0), score, query, sha256, shelf)
    fit = seen.fit if seen.fit and seen.fit.firm else None
    return Pair(
        candidate=candidate,
        features=seen.features,
        score=score,
        stretches=stretches,
        looks=[seen],
        coverage=(share([s.query for s in stretches], query.spans), fit.placement.covered if fit else 1.0),
    )


def _worthwhile(stretches: list[Stretch]) -> list[Stretch]:
    """The best stretch, and those beside it that are long and alike enough."""
    if not stretches:
        return []
    best = stretches[0]
    return [best] + [
        s for s in stretches[1:] if s.score >= SIDE_SCORE * best.score and s.query[1] - s.query[0] >= LEAST_SECONDS
    ]


def _tell_tale(stretches: list[Stretch], likeness: npt.NDArray[np.float32]) -> list[tuple[int, int]]:
    """The frame pairs that are most alike, from the best stretches."""
    pairs = sorted((p for s in stretches for p in s.rows), key=lambda p: -float(likeness[p]))
    spread = pairs[:: max(1, len(pairs) // (2 * PLACED))]
    return spread[:PLACED]


def _look(pair: tuple[int, int], score: float, query: VideoQuery, sha256: str, shelf: Shelf) -> Look:
    """What two rows show when they are placed and judged as two pictures are; `score` is their normalised likeness."""
    mine, theirs = query.sketch(pair[0]), shelf.sketch(sha256, pair[1])
    fit, close = None, 0.0
    if mine and theirs and (fit := place(mine, theirs)):
        close = look(mine, theirs, fit, shelf.embed_fully)
    distance = distance_between(query.pdq[pair[0] : pair[0] + 1], shelf.pdq(sha256)[pair[1] : pair[1] + 1])
    score *= min(float(query.quality[pair[0]]), float(shelf.quality(sha256)[pair[1]]))
    features = judge.picture_features(score, distance, fit, close)
    return Look(fit=fit, distance=distance, features=features, likely=judge.probability(features))


def _relation(coverage: tuple[float, float], still: bool) -> Relation:
    if still:
        return "image_in_video"
    if min(coverage) >= WHOLE:
        return "same_video"
    if max(coverage) >= WHOLE:
        return "contained_in" if coverage[0] >= WHOLE else "contains"
    return "shares_footage"


def _match(pair: Pair, shelf: Shelf) -> Match:
    sha256 = pair.candidate.sha256
    likely, score, still = judge.probability(pair.features), pair.score, shelf.kind(sha256) == "image"
    fits = [look.fit for look in pair.looks if look.fit and look.fit.firm]
    fit = max(fits, key=lambda f: f.placement.inliers, default=None)
    mirrored = sum(f.placement.mirrored for f in fits) * 2 > len(fits)
    if still:
        verdict = judge.picture_verdict(likely, score, fit, pair.looks[0].distance)
        reasons = judge.picture_reasons(pair.looks[0].fit, pair.looks[0].distance, score)
    else:
        verdict = judge.verdict(likely, score, proven=bool(fits) or len(pair.stretches[0].rows) > 1)
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


def _reasons(pair: Pair, fit: Fit | None) -> list[str]:
    seconds, count = sum(s.query[1] - s.query[0] for s in pair.stretches), len(pair.stretches)
    shares = "{:.0f} % of the query and {:.0f} % of the reference are explained"
    reasons = [
        f"{seconds:.0f} s in {count} stretch{'es' if count > 1 else ''} run in step",
        shares.format(*(100 * part for part in pair.coverage)),
    ]
    if fit:
        reasons += judge.placement_reasons(fit.placement)
    speeds = {s.speed for s in pair.stretches} - {1.0}
    if speeds:
        reasons.append("played at " + ", ".join(f"{speed:g}×" for speed in sorted(speeds)))
    reasons.append(f"frames are {pair.score:+.2f} above the level of unrelated pictures")
    return reasons
