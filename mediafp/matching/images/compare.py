"""Comparison of an image with the images and the video frames of a store.

The path of a query: nearest neighbours of its crops, candidates, placement of the best ones, features, probability.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np

from mediafp.matching import calibration
from mediafp.matching.candidates import NO_SCORE, Candidate, min_hamming_distance, shortlist
from mediafp.matching.images import scoring
from mediafp.matching.images.change_evidence import with_changes
from mediafp.matching.images.changes import find_changes
from mediafp.matching.images.dense_grid import REFINE_BELOW, compare_densely
from mediafp.matching.images.part_placement import place_drawing, place_part
from mediafp.matching.images.placement import place_all_occurrences, place_image, place_small_crop
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.region_similarity import compute_region_similarity
from mediafp.matching.images.search import SHORTLIST_SIZE, ImageQuery, find_near_hashes, search_candidates
from mediafp.matching.images.shared_layout import shows_different_inset
from mediafp.matching.images.stated_fit import state_fit
from mediafp.matching.images.still_rows import rows_of_image
from mediafp.matching.images.template_search import Template, place_template, resembles_whole
from mediafp.matching.local_features import LocalFeatures
from mediafp.matching.references import PairReferences, References
from mediafp.matching.time_spans import covered_share, find_runs
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.ground_pictures import find_image_parts
from mediafp.types.matches import Match, Segment, by_probability

MAX_PLACED = 14
"""Largest number of possible candidates that are placed while no fit is conclusive; `shortlist` states how often the true one is
among them."""
MIN_PLACED = 3
"""Number of the first candidates that are placed even once a fit is conclusive, or below `MIN_PLACE_SCORE`. Chosen, not
measured."""
MIN_PLACE_SCORE = 0.1
"""Score, or score against a reference crop, below which only the first candidates are placed. Of 342 pairs of 406 queries with
standard and hard edits that reach a probability of .15, the least has .18; it saves a third of the placements."""
PLACE_SCORE = 0.15
"""Score from which a candidate is placed in any case: unrelated images reach it in 0.5 % of the pairs of a query with its 14 best
candidates."""
PLACE_CROP_SCORE = 0.4
"""Score against a reference crop from which a candidate is placed in any case. For every edit, at most 0.7 % of the 14 best
unrelated candidates reach it, and over 90 % of the crops to 15 % of the area."""
MAX_FINE_PLACED = 3
"""Largest number of candidates with few inliers or none that are placed again with fine keypoints: a small crop, or a clear sky,
has few."""
ALIGNED_AGREEMENT = 0.6
"""Agreement from which two images are aligned, though what they show may differ, as in two charts. Chosen, not measured."""
MAX_TEMPLATES = 40
"""Largest number of candidates with which a query is compared pixel by pixel. Of 80 crops to 5 % of the area, 71 have the true
one among them."""
MAX_MIRRORED_TEMPLATES = 14
"""Largest number of candidates in which its mirror image is sought too. Chosen, not measured."""
MIN_PART_SCORE = 0.2
"""Score from which a candidate that resembles a part of the query is placed by that part, if nothing else places it. Chosen, not
measured."""
MIN_DRAWING_SCORE = 0.5
"""Score from which a candidate that resembles the whole query is placed as a drawing, if nothing else places it. Of 24 copies of
maps of flat shapes the least has .64."""
MAX_PARTS_PLACED = 5
"""Largest number of such candidates of one query. Chosen, not measured."""
FEW_INLIERS = 12
"""Inliers below which a placement may be inexact. Chosen, not measured."""
FINE_PLACE_SCORE = 0.09
"""Score from which a candidate is placed again with fine keypoints while no fit is conclusive. 5 % of queries without a
copy have a candidate that reaches it; 5 of 8 crops to 15 % of the area that were not placed do."""
FURTHER_FINE_PLACE_SCORE = 0.25
"""The same once a fit is conclusive. Of 80 further candidates of .15 to .25, half of them in a store with many edits of each
image, none was placed by it (development set)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImagePair:
    """A candidate with its measurements.

    Attributes:
        candidate: Reference and best pair of rows.
        weighted_score: Score of the candidate, multiplied by the lower quality of the two images: it is lower if one of them
            is flat.
        features: Features of the pair, from which its probability follows.
        fit: Placement of the query in the reference, verified or not.
        further_fits: Placements of further occurrences of the reference in the query, all conclusive with
            `MIN_OCCURRENCE_INLIERS`.
        distance: Hamming distance of the PDQ hashes in bits.
    """

    candidate: Candidate
    weighted_score: float
    features: calibration.ImagePairFeatures
    fit: PlacementFit | None
    further_fits: tuple[PlacementFit, ...]
    distance: int

    @property
    def inliers(self) -> int:
        """Inliers of the placement; 0 without one."""
        return self.fit.placement.inliers if self.fit else 0

    @property
    def probability(self) -> float:
        """Calibrated probability of the pair."""
        return calibration.probability(self.features)

    @property
    def is_settled(self) -> bool:
        """True if all that both images show agrees, so that no better placement is sought."""
        return bool(self.fit and self.fit.is_verified and self.fit.dense and self.fit.dense.agreement >= REFINE_BELOW)

    @property
    def is_explained(self) -> bool:
        """True if the images are aligned, so that more keypoints would tell no more, whether they show the same or not."""
        return bool(
            self.fit and self.fit.dense and self.fit.is_aligned and self.fit.dense.agreement >= ALIGNED_AGREEMENT
        )


def match_image(query: ImageQuery, references: References) -> list[Match]:
    """Return the matches of an image by falling probability, improbable ones included.

    Args:
        query: Image to match.
        references: References to compare with.
    """
    pairs = compare_images(query, references)
    return sorted((_to_match(pair, query, references) for pair in pairs), key=by_probability)


def match_candidate(query: ImageQuery, candidate: Candidate, references: PairReferences, *, thoroughly: bool) -> Match:
    """Return the match of an image with one candidate, however improbable.

    Args:
        query: Image to match.
        candidate: Reference to compare it with.
        references: References that contain it.
        thoroughly: Place a candidate with few inliers again, with fine keypoints and as a small crop, which takes 100 ms.
    """
    reference = references.local_features(candidate.sha256, candidate.row)
    crop = query.boxes[candidate.query_row]
    fits = place_all_occurrences(query.features_at(candidate.query_row), reference, crop) if reference else []
    pair = _measure_pair(candidate, reference, fits, query, references)
    if thoroughly and pair.inliers < FEW_INLIERS:
        pair = _place_again(pair, query, references)
    if thoroughly and reference and pair.inliers < FEW_INLIERS and not pair.is_settled:
        fit = _place_crop(_as_crops(query.features_at(candidate.query_row)), reference)
        pair = _measure_pair(candidate, reference, [fit], query, references) if fit else pair
    if (thoroughly and _may_share_part(pair, query)) or _has_hash_alone(pair):
        pair = _place_part(pair, query, references)
    return _to_match(pair, query, references)


def compare_images(query: ImageQuery, references: References) -> list[ImagePair]:
    """Return the candidates for which a placement was sought, with their measurements; arguments as in `match_image`."""
    search = search_candidates(query, references)
    pairs: list[ImagePair] = []
    has_conclusive_fit = is_mirrored = False
    candidates = shortlist(search.candidates, search.crop_scores, SHORTLIST_SIZE)
    for rank, candidate in enumerate(candidates):
        is_promising = (
            candidate.score >= PLACE_SCORE
            or search.crop_score(candidate) >= PLACE_CROP_SCORE
            or (candidate.sha256, candidate.row) in search.hash_matches
        )
        is_possible = max(candidate.score, search.crop_score(candidate)) >= MIN_PLACE_SCORE
        if not is_promising and rank >= (MAX_PLACED if is_possible and not has_conclusive_fit else MIN_PLACED):
            continue
        reference = references.local_features(candidate.sha256, candidate.row)
        crop = query.boxes[candidate.query_row]
        features = query.features_at(candidate.query_row)
        fits = place_all_occurrences(features, reference, crop, mirrored_first=is_mirrored) if reference else []
        if fits and fits[0].is_conclusive:
            is_mirrored = fits[0].placement.mirrored
        pair = _measure_pair(candidate, reference, fits, query, references)
        if (
            reference
            and not pair.is_settled
            and search.rectangle_scores.get(candidate.sha256, NO_SCORE) >= PLACE_CROP_SCORE
        ):
            pair = _place_in_parts(pair, reference, query, references)
        pairs.append(pair)
        has_conclusive_fit = has_conclusive_fit or pairs[-1].is_settled or any(fit.is_conclusive for fit in fits)
    if query.sections:
        return pairs
    pairs = [_place_part(pair, query, references) if _has_hash_alone(pair) else pair for pair in pairs]
    if not has_conclusive_fit:
        near = find_near_hashes(query, candidates, references)
        rest = [candidate for candidate in candidates if candidate not in near]
        pairs = _place_by_pixels(pairs, near + rest, query, references)
        pairs = _place_parts_of_query(pairs, query, references)
        has_conclusive_fit = any(pair.is_settled for pair in pairs)
    doubtful = [
        pair
        for pair in pairs
        if pair.inliers < FEW_INLIERS
        and not pair.is_explained
        and (
            pair.candidate.score >= (FURTHER_FINE_PLACE_SCORE if has_conclusive_fit else FINE_PLACE_SCORE)
            or search.crop_score(pair.candidate) >= PLACE_CROP_SCORE
        )
    ]
    doubtful.sort(key=lambda pair: -max(pair.candidate.score, search.crop_score(pair.candidate)))
    to_retry = doubtful[:MAX_FINE_PLACED]
    return [_place_again(pair, query, references) if pair in to_retry else pair for pair in pairs]


def _place_by_pixels(
    pairs: list[ImagePair], candidates: list[Candidate], query: ImageQuery, references: References
) -> list[ImagePair]:
    """Return pairs, measured anew or added where the query is a small crop of the reference, or shows it through another image.

    Args:
        pairs: The pairs for which keypoints were sought.
        candidates: All candidates, the best first.
        query: Image to match.
        references: References to compare with.
    """
    by_asset = {pair.candidate.sha256: pair for pair in pairs}
    crops: dict[bool, list[Template]] = {}
    sought = 0
    for candidate in candidates[:MAX_TEMPLATES]:
        known = by_asset.get(candidate.sha256)
        if known and (known.inliers >= FEW_INLIERS or known.is_settled):
            continue
        sought += 1
        reference = references.local_features(candidate.sha256, candidate.row)
        features, is_negative = query.features_at(candidate.query_row), query.is_negative(candidate.query_row)
        if reference is None:
            continue
        if is_negative not in crops:
            crops[is_negative] = _as_crops(features)
        fit = place_image(features, reference) if not known and resembles_whole(features, reference) else None
        orientations = 2 if sought <= MAX_MIRRORED_TEMPLATES else 1
        fit = fit or _place_crop(crops[is_negative][:orientations], reference)
        if fit:
            pair = _measure_pair(candidate, reference, [fit], query, references)
            by_asset[candidate.sha256] = pair
    return list(by_asset.values())


def _place_parts_of_query(pairs: list[ImagePair], query: ImageQuery, references: References) -> list[ImagePair]:
    """Return pairs, the best of those that resemble a part of the query placed by that part if it is more probable so."""
    similar = [pair for pair in pairs if _may_share_part(pair, query)]
    similar.sort(key=lambda pair: -pair.candidate.score)
    placed = {pair.candidate.sha256: _place_part(pair, query, references) for pair in similar[:MAX_PARTS_PLACED]}
    return [placed.get(pair.candidate.sha256, pair) for pair in pairs]


def _may_share_part(pair: ImagePair, query: ImageQuery) -> bool:
    """Return True if a reference that nothing else makes probable resembles a part of the query, or much of all of it."""
    is_part = query.boxes[pair.candidate.query_row] is not None
    is_similar = pair.candidate.score >= (MIN_PART_SCORE if is_part else MIN_DRAWING_SCORE)
    return is_similar and pair.probability < DEFAULT_MIN_PROBABILITY


def _has_hash_alone(pair: ImagePair) -> bool:
    """Return True if only the hashes match: what the images show may still differ, as in two maps of one land."""
    return pair.fit is None and pair.distance <= scoring.MAX_PDQ_MATCH_DISTANCE


def _place_part(pair: ImagePair, query: ImageQuery, references: PairReferences) -> ImagePair:
    """Return a pair measured again by the part of the query that resembles the reference, or as a drawing, or the pair itself.

    The more probable one is returned, but for a pair that had no placement and whose images differ where there is one now.
    """
    candidate = pair.candidate
    reference, box = references.local_features(candidate.sha256, candidate.row), query.boxes[candidate.query_row]
    features = query.features_at(candidate.query_row)
    if reference is None:
        return pair
    # A hash is that of the whole image, whichever part of it has the most similar embedding.
    part = None if _has_hash_alone(pair) else box
    fit = place_part(features, part, reference) if part else place_drawing(features, reference)
    if fit is None:
        return pair
    other = _measure_pair(candidate, reference, [fit], query, references)
    if _has_hash_alone(pair) and scoring.contradicts_copy(other.fit, other.distance):
        return other
    return max(pair, other, key=attrgetter("probability"))


def _as_crops(query: LocalFeatures) -> list[Template]:
    """Return an image as a small crop that is sought: upright, and mirrored."""
    return [Template(query, mirrored=False), Template(query, mirrored=True)]


def _place_crop(crops: list[Template], reference: LocalFeatures) -> PlacementFit | None:
    """Return the first placement of the crops in the reference, or None."""
    return next((fit for crop in crops if (fit := place_template(crop, reference))), None)


def _measure_pair(
    candidate: Candidate,
    reference: LocalFeatures | None,
    fits: list[PlacementFit],
    query: ImageQuery,
    references: PairReferences,
) -> ImagePair:
    """Return a candidate with its measurements, which are computed from the first fit if there is one.

    Args:
        candidate: Reference and best pair of rows.
        reference: Local features of the reference's row; None without a thumbnail.
        fits: Placements of the occurrences of the reference in the query.
        query: Image to match.
        references: References to compare with.
    """
    features = query.features_at(candidate.query_row)
    fit = fits[0] if fits else None
    if fit and reference:
        fit = replace(fit, dense=compare_densely(features, reference, fit.placement))
    if (
        fit
        and reference
        and fit.is_verified
        and not (fit.dense and fit.dense.shows_photograph)
        and shows_different_inset(features, reference, fit, query.rectangles)
    ):
        fit = replace(fit, different_inset=True)
    region_similarity = (
        compute_region_similarity(features, reference, fit, references.embed_with_full_model)
        if reference and fit
        else 0.0
    )
    distance = min_hamming_distance(query.pdq, references.pdq(candidate.sha256))
    # Flat images have similar embeddings, which is no evidence for a copy.
    weighted_score = candidate.score * min(query.quality, float(references.quality(candidate.sha256)[candidate.row]))
    return ImagePair(
        candidate=candidate,
        weighted_score=weighted_score,
        features=scoring.image_features(weighted_score, distance, fit, region_similarity),
        fit=fit,
        further_fits=tuple(fits[1:]),
        distance=distance,
    )


def _place_again(pair: ImagePair, query: ImageQuery, references: PairReferences) -> ImagePair:
    """Return a pair measured again with fine keypoints if that gives more inliers, else the pair itself."""
    reference = references.local_features(pair.candidate.sha256, pair.candidate.row)
    fit = place_small_crop(query.features_at(pair.candidate.query_row), reference) if reference else None
    if fit is None or fit.placement.inliers <= pair.inliers:
        return pair
    return _measure_pair(pair.candidate, reference, [fit], query, references)


def _place_in_parts(
    pair: ImagePair, reference: LocalFeatures, query: ImageQuery, references: PairReferences
) -> ImagePair:
    """Return a pair measured again with the part of the reference that the query shows, if that is more probable, or the pair."""
    for part in find_image_parts(reference.image):
        focused = replace(reference, focus=part)
        fit = place_image(query.features_at(pair.candidate.query_row), focused)
        if fit is not None:
            other = _measure_pair(pair.candidate, focused, [fit], query, references)
            pair = max(pair, other, key=attrgetter("probability"))
    return pair


def _to_match(pair: ImagePair, query: ImageQuery, references: PairReferences) -> Match:
    """Return the match of a pair."""
    sha256 = pair.candidate.sha256
    fit = pair.fit if pair.fit and pair.fit.is_verified else None
    features = query.features_at(pair.candidate.query_row)
    reference = references.local_features(sha256, pair.candidate.row) if fit else None
    stated = state_fit(fit, features, reference) if fit and reference else fit
    probability = pair.probability
    in_video = references.kind(sha256) == "video"
    placed = stated or pair.fit
    mirrored = bool(placed and placed.placement.mirrored)
    segments = tuple(_find_segments(pair, query, references, mirrored=mirrored)) if in_video else ()
    more_placements = tuple(
        state_fit(further, features, reference).placement if reference else further.placement
        for further in pair.further_fits
    )
    # Two images without a verified placement are taken as wholes.
    shown, covered = (stated.placement.shown, stated.placement.covered) if stated else (1.0, 1.0)
    shown = round(min(1.0, shown + sum(placement.shown for placement in more_placements)), 4)
    if in_video:
        covered = covered_share([segment.reference for segment in segments], references.spans(sha256))
    match = Match(
        sha256=sha256,
        uris=references.uris(sha256),
        kind=references.kind(sha256),
        relation="image_in_video" if in_video else "copy",
        verdict=scoring.image_verdict(probability, pair.weighted_score, fit, pair.distance),
        probability=probability,
        coverage=(shown, covered),
        placement=stated.placement if stated else None,
        segments=segments,
        why=tuple(
            scoring.image_reasons(
                pair.fit,
                pair.distance,
                pair.weighted_score,
                stated=stated,
                occurrences=1 + len(more_placements),
                negative=query.is_negative(pair.candidate.query_row),
            )
        ),
        more_placements=more_placements,
        rows=(query.row, 0 if in_video else pair.candidate.row),
        score=round(pair.weighted_score, 4),
    )
    if match.verdict != "copy" or in_video or more_placements or not (reference and stated and stated.dense):
        return match
    return with_changes(match, find_changes(features, reference, stated.dense))


def _find_segments(
    pair: ImagePair, query: ImageQuery, references: PairReferences, *, mirrored: bool
) -> Iterator[Segment]:
    """Yield the segments of a video that show the image, mirrored or not."""
    sha256, candidate = pair.candidate.sha256, pair.candidate
    query_embedding = query.embeddings[candidate.query_row].astype(np.float32)
    similarities = references.embeddings(sha256).astype(np.float32) @ query_embedding
    scores = similarities - (candidate.similarity - candidate.score)
    if pair.fit and pair.fit.is_verified:
        runs = find_runs(scores, references.spans(sha256))
        rows = np.concatenate([np.arange(part.start, part.stop) for _, part in runs])
        shown = rows_of_image(rows, query.local_features, pair.fit.placement, sha256, references)
        scores[np.setdiff1d(rows, shown)] = NO_SCORE
    for interval, run in find_runs(scores, references.spans(sha256)):
        yield Segment(
            channel="picture",
            query=None,
            reference=interval,
            speed=1.0,
            mirrored=mirrored,
            score=round(float(scores[run].max()), 3),
        )
