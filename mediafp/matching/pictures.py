"""Matches of a picture with the pictures and the video frames of a shelf."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.evidence import Match, Segment
from mediafp.matching import judge
from mediafp.matching.place import Fit, Sketch, place
from mediafp.matching.search import Candidate, Vectors, background_level, distances, rank, shortlist
from mediafp.matching.shelf import Shelf

NEIGHBOURS = 50
"""Rows sought for each view."""
PLACED = 14
"""Candidates that are placed; true reference among 10 in 98 % of the hard edits of the development set."""
SURE_PDQ = 31
"""Hamming distance within which two PDQ hashes match (ThreatExchange's default)."""
RUN_DROP = 0.12
"""How far below its best frame a still's run in a video may fall, cosine."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PictureQuery:
    """A picture that is asked about: embeddings (V, 512) of its views (0 is the whole), PDQ forms (8, 32)."""

    sha256: str
    views: Vectors
    pdq: npt.NDArray[np.uint8]
    sketch: Sketch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pair:
    """A candidate that was looked at closely."""

    candidate: Candidate
    features: judge.PictureFeatures
    fit: Fit | None
    distance: int


def match_picture(query: PictureQuery, shelf: Shelf) -> list[Match]:
    """Matches by falling probability, unlikely ones included."""
    return sorted(
        (_match(pair, query, shelf) for pair in compare(query, shelf)), key=lambda m: (-m.probability, m.sha256)
    )


def compare(query: PictureQuery, shelf: Shelf) -> list[Pair]:
    """The candidates with all that is measured of each pair."""
    rows, scores = shelf.search(query.views, NEIGHBOURS)
    levels = background_level(query.views, shelf.background)
    found = rank(
        rows, scores, levels, shelf.owner, shelf.assets, shelf.row, vote_at=judge.SCENE_AT, without=query.sha256
    )
    chosen = shortlist(found, PLACED)
    far = distances(query.pdq, {c.sha256: shelf.pdq(c.sha256) for c in chosen})
    pairs = []
    for candidate in chosen:
        reference = shelf.sketch(candidate.sha256, candidate.row)
        fit = place(query.sketch, reference) if reference else None
        distance = far.get(candidate.sha256, 256)
        features = judge.picture_features(candidate.score, max(candidate.full, -0.5), distance, fit)
        pairs.append(Pair(candidate=candidate, features=features, fit=fit, distance=distance))
    return pairs


def _match(pair: Pair, query: PictureQuery, shelf: Shelf) -> Match:
    sha256, fit = pair.candidate.sha256, pair.fit
    likely = judge.probability(pair.features)
    in_video = shelf.kind(sha256) == "video"
    return Match(
        sha256=sha256,
        uris=shelf.uris(sha256),
        kind=shelf.kind(sha256),
        relation="image_in_video" if in_video else "copy",
        verdict=judge.verdict(likely, pair.candidate.score, fit),
        probability=likely,
        placement=fit.placement if fit else None,
        segments=(_run(pair, query, shelf),) if in_video else (),
        why=tuple(_reasons(pair)),
    )


def _run(pair: Pair, query: PictureQuery, shelf: Shelf) -> Segment:
    """The stretch around the best frame in which the still stands."""
    sha256, at = pair.candidate.sha256, pair.candidate.row
    likeness = shelf.embeddings(sha256).astype(np.float32) @ query.views[pair.candidate.view].astype(np.float32)
    spans, enough = shelf.spans(sha256), likeness >= pair.candidate.raw - RUN_DROP
    first = last = at
    while first > 0 and enough[first - 1]:
        first -= 1
    while last + 1 < len(enough) and enough[last + 1]:
        last += 1
    return Segment(
        channel="picture",
        query=None,
        reference=(round(float(spans[first, 0]), 3), round(float(spans[last, 1]), 3)),
        speed=1.0,
        mirrored=bool(pair.fit and pair.fit.placement.mirrored),
        score=round(pair.candidate.score, 3),
    )


def _reasons(pair: Pair) -> list[str]:
    reasons = judge.placement_reasons(pair.fit.placement) if pair.fit else ["no placement joins the two pictures"]
    if pair.distance <= SURE_PDQ:
        reasons.append(f"the PDQ hashes differ in {pair.distance} of 256 bits")
    reasons.append(f"the embeddings are {pair.candidate.score:+.2f} above the level of unrelated pictures")
    return reasons
