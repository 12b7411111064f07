"""Matches of a picture with the pictures and the video frames of a shelf."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mediafp.matching import calibration, verdicts
from mediafp.matching.candidates import (
    Candidate,
    Vectors,
    background_level,
    min_hamming_distance,
    rank_candidates,
    shortlist,
)
from mediafp.matching.images import scoring
from mediafp.matching.images.local_features import Box, LocalFeatures, has_enough_keypoints
from mediafp.matching.images.placement import PlacementFit, is_conclusive, place_all_copies, place_small_crop
from mediafp.matching.images.region_similarity import compute_region_similarity
from mediafp.matching.images.shared_layout import shows_different_inset
from mediafp.matching.references import References
from mediafp.matching.time_spans import covered_share, find_runs
from mediafp.types.matches import Match, Segment

NEIGHBOURS_PER_CROP = 50
"""Rows sought for each view."""
MAX_PLACED = 14
"""Candidates that are placed while none is sure; `shortlist` says how often the true one is among so many."""
MIN_PLACED = 3
PLACE_SCORE = 0.15
"""Normalised likeness from which a candidate is placed whatever was found before: unrelated pictures reach it
in 0.5 % of the pairs that a query's 14 best make."""
MAX_FINE_PLACED = 3
"""Candidates that are looked at closely where few points place them or none: a small crop, or a clear sky, has few."""
FEW_INLIERS = 12
"""Points below which a placement may lie askew."""
FINE_PLACE_SCORE = 0.09
"""Normalised likeness from which they are: the best candidate of one stranger in twenty reaches it, the true one of five in
eight crops to 15 % of the area that were not placed."""
PROMISING_CROP = 0.4
"""The same of the likeness to a crop of the reference: of the 14 best unrelated ones .7 % at most reach it, whatever the
edit, and more than nine tenths of the crops of 15 %."""
SHORTLIST_SIZE = 60
"""A picture that everybody posts has more copies than anybody looks at one by one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageQuery:
    """A picture that is asked about: embeddings (V, 512) of its views, as `views.views_of` has them, PDQ forms (8, 32).

    `boxes` (V) are where in the picture of `sketch` the views are, `clear` how many of the first are the clear ones;
    `quality` is 0..1, low for a plain picture; `pdq` has no rows where it is too plain for that.
    """

    embeddings: Vectors
    boxes: tuple[Box | None, ...]
    distinct_crops: int
    quality: float
    pdq: npt.NDArray[np.uint8]
    sketch: LocalFeatures


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImagePair:
    """A candidate that was looked at closely; `score` is its normalised likeness, as far as neither picture is plain.

    `more`: the fits of further copies of the reference in the query.
    """

    candidate: Candidate
    score: float
    features: calibration.ImagePairFeatures
    fit: PlacementFit | None
    further_fits: tuple[PlacementFit, ...]
    distance: int


def match_image(query: ImageQuery, shelf: References, *, exclude: str | None = None) -> list[Match]:
    """Matches by falling probability, unlikely ones included; `without` names an asset to leave out, the query itself."""
    return sorted(
        (_match(pair, query, shelf) for pair in compare_images(query, shelf, exclude=exclude)),
        key=lambda m: (-m.probability, m.sha256),
    )


def compare_images(query: ImageQuery, shelf: References, *, exclude: str | None = None) -> list[ImagePair]:
    """The candidates with all that is measured of each pair."""
    neighbours = shelf.search(query.embeddings, NEIGHBOURS_PER_CROP)
    levels = background_level(query.embeddings, shelf.background)
    found = rank_candidates(
        neighbours,
        levels,
        vote_at=verdicts.MIN_SCENE_SCORE,
        clear=query.distinct_crops,
        exclude=exclude,
    )
    whole = float(levels[0])
    crops: dict[str, float] = {}
    for near, level in zip(
        shelf.search_crops(query.embeddings[: query.distinct_crops], NEIGHBOURS_PER_CROP), levels, strict=False
    ):
        for sha256, raw in near.items():
            if sha256 != exclude:
                crops[sha256] = max(crops.get(sha256, -1.0), raw - float(level))
    found = found + _unknown(found, {(sha256, 0) for sha256 in crops}, query, whole, shelf)
    hashed = {h for h in shelf.search_hashes(query.pdq, scoring.MAX_PDQ_MATCH_DISTANCE) if h[0] != exclude}
    # A turned or flipped picture may look new to SSCD: what the hashes name comes first.
    found = _unknown(found, hashed, query, whole, shelf) + found
    pairs: list[ImagePair] = []
    sure = False
    for number, candidate in enumerate(shortlist(found, crops, SHORTLIST_SIZE)):
        promising = (
            candidate.score >= PLACE_SCORE
            or crops.get(candidate.sha256, -1.0) >= PROMISING_CROP
            or (candidate.sha256, candidate.row) in hashed
        )
        if not promising and number >= (MIN_PLACED if sure else MAX_PLACED):
            continue
        reference = shelf.local_features(candidate.sha256, candidate.row)
        fits = place_all_copies(query.sketch, reference, query.boxes[candidate.query_row]) if reference else []
        sure = sure or any(is_conclusive(fit) for fit in fits)
        pairs.append(_pair(candidate, reference, fits, query, shelf))
    shaky = [
        pair
        for pair in pairs
        if _points(pair.fit) < FEW_INLIERS
        and (pair.candidate.score >= FINE_PLACE_SCORE or crops.get(pair.candidate.sha256, -1.0) >= PROMISING_CROP)
    ]
    again = sorted(shaky, key=lambda pair: -max(pair.candidate.score, crops.get(pair.candidate.sha256, -1.0)))[
        :MAX_FINE_PLACED
    ]
    return [_closer(pair, query, shelf) if pair in again else pair for pair in pairs]


def _pair(
    candidate: Candidate,
    reference: LocalFeatures | None,
    fits: list[PlacementFit],
    query: ImageQuery,
    shelf: References,
) -> ImagePair:
    """What the two show, placed by the first of the fits if there is one."""
    fit = fits[0] if fits else None
    boxes = [box for box in query.boxes[: query.distinct_crops] if box]
    if fit and reference and fit.is_verified and shows_different_inset(query.sketch, reference, fit, boxes):
        fit = replace(fit, different_inset=True)
    close = (
        compute_region_similarity(query.sketch, reference, fit, shelf.embed_with_full_model)
        if reference and fit
        else 0.0
    )
    distance = min_hamming_distance(query.pdq, shelf.pdq(candidate.sha256))
    # All plain pictures are alike, and none is a copy of another for that.
    score = candidate.score * min(query.quality, float(shelf.quality(candidate.sha256)[candidate.row]))
    missed = fit is None and reference is not None and has_enough_keypoints(query.sketch, reference)
    features = scoring.image_features(score, distance, fit, close, missed=missed)
    return ImagePair(
        candidate=candidate, score=score, features=features, fit=fit, further_fits=tuple(fits[1:]), distance=distance
    )


def _closer(pair: ImagePair, query: ImageQuery, shelf: References) -> ImagePair:
    """The pair as a closer look shows it."""
    reference = shelf.local_features(pair.candidate.sha256, pair.candidate.row)
    fit = place_small_crop(query.sketch, reference) if reference else None
    return _pair(pair.candidate, reference, [fit], query, shelf) if fit and _points(fit) > _points(pair.fit) else pair


def _points(fit: PlacementFit | None) -> int:
    return fit.placement.inliers if fit else 0


def _unknown(
    found: list[Candidate], named: set[tuple[str, int]], query: ImageQuery, level: float, shelf: References
) -> list[Candidate]:
    """Candidates of the assets and rows that are named, one an asset that is not among those found."""
    known = {candidate.sha256 for candidate in found}
    added = []
    for sha256, row in sorted(named):
        if sha256 not in known:
            known.add(sha256)
            raw = float(query.embeddings[0].astype(np.float32) @ shelf.embeddings(sha256)[row].astype(np.float32))
            score = raw - level
            added.append(
                Candidate(sha256=sha256, score=score, similarity=raw, distinct_score=score, query_row=0, row=row)
            )
    return added


def _match(pair: ImagePair, query: ImageQuery, shelf: References) -> Match:
    sha256 = pair.candidate.sha256
    fit = pair.fit if pair.fit and pair.fit.is_verified else None
    likely = calibration.probability(pair.features)
    in_video = shelf.kind(sha256) == "video"
    segments = tuple(_segments(pair, query, shelf)) if in_video else ()
    more = tuple(other.placement for other in pair.further_fits)
    shown, covered = (fit.placement.shown, fit.placement.covered) if fit else (1.0, 1.0)
    shown = round(min(1.0, shown + sum(other.shown for other in more)), 4)
    if in_video:
        covered = covered_share([segment.reference for segment in segments], shelf.spans(sha256))
    return Match(
        sha256=sha256,
        uris=shelf.uris(sha256),
        kind=shelf.kind(sha256),
        relation="image_in_video" if in_video else "copy",
        verdict=scoring.image_verdict(likely, pair.score, fit, pair.distance),
        probability=likely,
        coverage=(shown, covered),
        placement=fit.placement if fit else None,
        segments=segments,
        why=tuple(scoring.image_reasons(pair.fit, pair.distance, pair.score, copies=1 + len(more))),
        more_placements=more,
    )


def _segments(pair: ImagePair, query: ImageQuery, shelf: References) -> Iterator[Segment]:
    """The stretches of the video in which the still stands."""
    sha256, candidate = pair.candidate.sha256, pair.candidate
    raw = shelf.embeddings(sha256).astype(np.float32) @ query.embeddings[candidate.query_row].astype(np.float32)
    similarity = raw - (candidate.similarity - candidate.score)
    for times, rows in find_runs(similarity, shelf.spans(sha256)):
        yield Segment(
            channel="picture",
            query=None,
            reference=times,
            speed=1.0,
            mirrored=bool(pair.fit and pair.fit.placement.mirrored),
            score=round(float(similarity[rows].max()), 3),
        )
