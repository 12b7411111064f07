"""Matches of a picture with the pictures and the video frames of a shelf."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mediafp.evidence import Match, Segment
from mediafp.matching import judge
from mediafp.matching.align import share
from mediafp.matching.closeup import look
from mediafp.matching.framed import holds_another
from mediafp.matching.place import Box, Fit, Sketch, is_sure, place_all, place_closely, should_join
from mediafp.matching.search import Candidate, Vectors, background_level, distance_between, rank, shortlist
from mediafp.matching.shelf import Shelf
from mediafp.matching.stills import still_runs

NEIGHBOURS = 50
"""Rows sought for each view."""
PLACED = 14
"""Candidates that are placed while none is sure; `shortlist` says how often the true one is among so many."""
ALWAYS_PLACED = 3
PROMISING = 0.15
"""Normalised likeness from which a candidate is placed whatever was found before: unrelated pictures reach it
in 0.5 % of the pairs that a query's 14 best make."""
CLOSELY = 3
"""Candidates that are looked at closely where few points place them or none: a small crop, or a clear sky, has few."""
FEW_POINTS = 12
"""Points below which a placement may lie askew."""
CLOSELY_AT = 0.09
"""Normalised likeness from which they are: the best candidate of one stranger in twenty reaches it, the true one of five in
eight crops to 15 % of the area that were not placed."""
PROMISING_CROP = 0.4
"""The same of the likeness to a crop of the reference: of the 14 best unrelated ones .7 % at most reach it, whatever the
edit, and more than nine tenths of the crops of 15 %."""
MOST_PLACED = 60
"""A picture that everybody posts has more copies than anybody looks at one by one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureQuery:
    """A picture that is asked about: embeddings (V, 512) of its views, as `views.views_of` has them, PDQ forms (8, 32).

    `boxes` (V) are where in the picture of `sketch` the views are, `clear` how many of the first are the clear ones;
    `quality` is 0..1, low for a plain picture; `pdq` has no rows where it is too plain for that.
    """

    views: Vectors
    boxes: tuple[Box | None, ...]
    clear: int
    quality: float
    pdq: npt.NDArray[np.uint8]
    sketch: Sketch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """A candidate that was looked at closely; `score` is its normalised likeness, as far as neither picture is plain.

    `more`: the fits of further copies of the reference in the query.
    """

    candidate: Candidate
    score: float
    features: judge.PictureFeatures
    fit: Fit | None
    more: tuple[Fit, ...]
    distance: int


def match_picture(query: PictureQuery, shelf: Shelf, *, without: str | None = None) -> list[Match]:
    """Matches by falling probability, unlikely ones included; `without` names an asset to leave out, the query itself."""
    return sorted(
        (_match(pair, query, shelf) for pair in compare(query, shelf, without=without)),
        key=lambda m: (-m.probability, m.sha256),
    )


def compare(query: PictureQuery, shelf: Shelf, *, without: str | None = None) -> list[Pair]:
    """The candidates with all that is measured of each pair."""
    rows, scores = shelf.search(query.views, NEIGHBOURS)
    levels = background_level(query.views, shelf.background)
    found = rank(
        rows,
        scores,
        levels,
        shelf.owner,
        shelf.assets,
        shelf.row,
        vote_at=judge.SCENE_AT,
        clear=query.clear,
        without=without,
    )
    whole = float(levels[0])
    crops: dict[str, float] = {}
    for near, level in zip(shelf.near_crops(query.views[: query.clear], NEIGHBOURS), levels, strict=False):
        for sha256, raw in near.items():
            if sha256 != without:
                crops[sha256] = max(crops.get(sha256, -1.0), raw - float(level))
    found = found + _unknown(found, {(sha256, 0) for sha256 in crops}, query, whole, shelf)
    hashed = {h for h in shelf.near_hashes(query.pdq, judge.SURE_PDQ) if h[0] != without}
    # A turned or flipped picture may look new to SSCD: what the hashes name comes first.
    found = _unknown(found, hashed, query, whole, shelf) + found
    pairs: list[Pair] = []
    sure = False
    for number, candidate in enumerate(shortlist(found, crops, MOST_PLACED)):
        promising = (
            candidate.score >= PROMISING
            or crops.get(candidate.sha256, -1.0) >= PROMISING_CROP
            or (candidate.sha256, candidate.row) in hashed
        )
        if not promising and number >= (ALWAYS_PLACED if sure else PLACED):
            continue
        reference = shelf.sketch(candidate.sha256, candidate.row)
        fits = place_all(query.sketch, reference, query.boxes[candidate.view]) if reference else []
        sure = sure or any(is_sure(fit) for fit in fits)
        pairs.append(_pair(candidate, reference, fits, query, shelf))
    shaky = [
        pair
        for pair in pairs
        if _points(pair.fit) < FEW_POINTS
        and (pair.candidate.score >= CLOSELY_AT or crops.get(pair.candidate.sha256, -1.0) >= PROMISING_CROP)
    ]
    again = sorted(shaky, key=lambda pair: -max(pair.candidate.score, crops.get(pair.candidate.sha256, -1.0)))[:CLOSELY]
    return [_closer(pair, query, shelf) if pair in again else pair for pair in pairs]


def _pair(candidate: Candidate, reference: Sketch | None, fits: list[Fit], query: PictureQuery, shelf: Shelf) -> Pair:
    """What the two show, placed by the first of the fits if there is one."""
    fit = fits[0] if fits else None
    boxes = [box for box in query.boxes[: query.clear] if box]
    if fit and reference and fit.firm and holds_another(query.sketch, reference, fit, boxes):
        fit = replace(fit, other_content=True)
    close = look(query.sketch, reference, fit, shelf.embed_fully) if reference and fit else 0.0
    distance = distance_between(query.pdq, shelf.pdq(candidate.sha256))
    # All plain pictures are alike, and none is a copy of another for that.
    score = candidate.score * min(query.quality, float(shelf.quality(candidate.sha256)[candidate.row]))
    missed = fit is None and reference is not None and should_join(query.sketch, reference)
    features = judge.picture_features(score, distance, fit, close, missed=missed)
    return Pair(candidate=candidate, score=score, features=features, fit=fit, more=tuple(fits[1:]), distance=distance)


def _closer(pair: Pair, query: PictureQuery, shelf: Shelf) -> Pair:
    """The pair as a closer look shows it."""
    reference = shelf.sketch(pair.candidate.sha256, pair.candidate.row)
    fit = place_closely(query.sketch, reference) if reference else None
    return _pair(pair.candidate, reference, [fit], query, shelf) if fit and _points(fit) > _points(pair.fit) else pair


def _points(fit: Fit | None) -> int:
    return fit.placement.inliers if fit else 0


def _unknown(
    found: list[Candidate], named: set[tuple[str, int]], query: PictureQuery, level: float, shelf: Shelf
) -> list[Candidate]:
    """Candidates of the assets and rows that are named, one an asset that is not among those found."""
    known = {candidate.sha256 for candidate in found}
    added = []
    for sha256, row in sorted(named):
        if sha256 not in known:
            known.add(sha256)
            raw = float(query.views[0].astype(np.float32) @ shelf.embeddings(sha256)[row].astype(np.float32))
            score = raw - level
            added.append(Candidate(sha256=sha256, score=score, raw=raw, clear=score, view=0, row=row))
    return added


def _match(pair: Pair, query: PictureQuery, shelf: Shelf) -> Match:
    sha256 = pair.candidate.sha256
    fit = pair.fit if pair.fit and pair.fit.firm else None
    likely = judge.probability(pair.features)
    in_video = shelf.kind(sha256) == "video"
    segments = tuple(_segments(pair, query, shelf)) if in_video else ()
    more = tuple(other.placement for other in pair.more)
    shown, covered = (fit.placement.shown, fit.placement.covered) if fit else (1.0, 1.0)
    shown = round(min(1.0, shown + sum(other.shown for other in more)), 4)
    if in_video:
        covered = share([segment.reference for segment in segments], shelf.spans(sha256))
    return Match(
        sha256=sha256,
        uris=shelf.uris(sha256),
        kind=shelf.kind(sha256),
        relation="image_in_video" if in_video else "copy",
        verdict=judge.picture_verdict(likely, pair.score, fit, pair.distance),
        probability=likely,
        coverage=(shown, covered),
        placement=fit.placement if fit else None,
        segments=segments,
        why=tuple(judge.picture_reasons(pair.fit, pair.distance, pair.score, copies=1 + len(more))),
        more_placements=more,
    )


def _segments(pair: Pair, query: PictureQuery, shelf: Shelf) -> Iterator[Segment]:
    """The stretches of the video in which the still stands."""
    sha256, candidate = pair.candidate.sha256, pair.candidate
    raw = shelf.embeddings(sha256).astype(np.float32) @ query.views[candidate.view].astype(np.float32)
    likeness = raw - (candidate.raw - candidate.score)
    for times, rows in still_runs(likeness, shelf.spans(sha256)):
        yield Segment(
            channel="picture",
            query=None,
            reference=times,
            speed=1.0,
            mirrored=bool(pair.fit and pair.fit.placement.mirrored),
            score=round(float(likeness[rows].max()), 3),
        )
