"""Matches of a video with the videos and the pictures of a shelf."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.evidence import Match, Placement, Relation, Segment
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
    """A video that is asked about: embeddings (N, 512), PDQ (N, 32), spans (N, 2), frames for placement."""

    sha256: str
    rows: Vectors
    pdq: npt.NDArray[np.uint8]
    spans: npt.NDArray[np.float64]
    sketch: Callable[[int], Sketch | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """A candidate that was looked at closely."""

    candidate: Candidate
    features: judge.VideoFeatures | judge.PictureFeatures
    stretches: list[Stretch]
    fits: list[Fit]
    coverage: tuple[float, float]
    """As of a `Match`."""
    distance: int | None = None
    """Of the PDQ hashes, bits, where the reference is a picture."""


def match_video(query: VideoQuery, shelf: Shelf) -> list[Match]:
    """Matches by falling probability, unlikely ones included."""
    return sorted((_match(pair, shelf) for pair in compare(query, shelf)), key=lambda m: (-m.probability, m.sha256))


def compare(query: VideoQuery, shelf: Shelf) -> list[Pair]:
    """The candidates with all that is measured of each pair."""
    if not len(query.rows):
        return []
    rows, scores = shelf.search(query.rows, NEIGHBOURS)
    levels = background_level(query.rows, shelf.background)
    found = rank(rows, scores, levels, shelf.owner, shelf.assets, shelf.row, vote_at=VOTE_AT, without=query.sha256)
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
    told = _tell_tale(stretches, likeness)
    looks = [seen for pair in told if (seen := _look(pair, query, sha256, shelf)) and seen[0].firm]
    fits = [fit for fit, _ in looks]
    coverage = (
        share([s.query for s in stretches], query.spans),
        share([s.reference for s in stretches], shelf.spans(sha256)),
    )
    pairs = {pair for stretch in stretches for pair in stretch.rows}
    features = judge.VideoFeatures(
        score=float(np.mean([likeness[pair] for pair in pairs])),
        rows=float(np.log1p(min(len({pair[side] for pair in pairs}) for side in (0, 1)))),
        inliers=float(np.log1p(np.median([f.placement.inliers for f in fits]))) if fits else 0.0,
        agreement=float(np.median([max(0.0, f.agreement) for f in fits])) if fits else 0.0,
        placed=len(looks) / len(told),
        close=float(np.median([close for _, close in looks])) if looks else 0.0,
    )
    return Pair(candidate=candidate, features=features, stretches=stretches, fits=fits, coverage=coverage)


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
    fit, close = _look((at, 0), query, sha256, shelf) or (None, 0.0)
    score = float(likeness[at])
    distance = distance_between(query.pdq[at : at + 1], shelf.pdq(sha256))
    return Pair(
        candidate=candidate,
        features=judge.picture_features(score, score, distance, fit, close),
        stretches=stretches,
        fits=[fit] if fit else [],
        coverage=(share([s.query for s in stretches], query.spans), fit.placement.covered if fit else 1.0),
        distance=distance,
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


def _look(pair: tuple[int, int], query: VideoQuery, sha256: str, shelf: Shelf) -> tuple[Fit, float] | None:
    """The placement of two frames, and how alike they are where they are placed; None where nothing places them."""
    mine, theirs = query.sketch(pair[0]), shelf.sketch(sha256, pair[1])
    fit = place(mine, theirs) if mine and theirs else None
    return (fit, look(mine, theirs, fit, shelf.embed_fully)) if mine and theirs and fit else None


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
    likely = judge.probability(pair.features)
    fits = [fit for fit in pair.fits if fit.firm]
    fit = max(fits, key=lambda f: f.placement.inliers, default=None)
    mirrored = sum(f.placement.mirrored for f in fits) * 2 > len(fits)
    score = pair.features.score
    if pair.distance is None:
        verdict = judge.verdict(likely, score, proven=bool(fits) or len(pair.stretches[0].rows) > 1)
    else:
        verdict = judge.picture_verdict(likely, score, fit, pair.distance)
    still = shelf.kind(sha256) == "image"
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
    placement = fit.placement if fit else None
    return Match(
        sha256=sha256,
        uris=shelf.uris(sha256),
        kind=shelf.kind(sha256),
        relation=_relation(pair.coverage, still),
        verdict=verdict,
        probability=likely,
        coverage=pair.coverage,
        placement=placement,
        segments=segments,
        why=tuple(_reasons(pair, placement)),
    )


def _reasons(pair: Pair, placement: Placement | None) -> list[str]:
    if pair.distance is not None:
        return judge.picture_reasons(pair.fits[0] if pair.fits else None, pair.distance, pair.features.score)
    seconds = sum(s.query[1] - s.query[0] for s in pair.stretches)
    count = len(pair.stretches)
    reasons = [f"{seconds:.0f} s in {count} stretch{'es' if count > 1 else ''} run in step"]
    reasons.append(
        f"{pair.coverage[0]:.0%} of the query and {pair.coverage[1]:.0%} of the reference are explained".replace(
            "%", " %"
        )
    )
    if placement:
        reasons += judge.placement_reasons(placement)
    speeds = {s.speed for s in pair.stretches} - {1.0}
    if speeds:
        reasons.append("played at " + ", ".join(f"{speed:g}×" for speed in sorted(speeds)))
    reasons.append(f"frames are {pair.features.score:+.2f} above the level of unrelated pictures")
    return reasons
