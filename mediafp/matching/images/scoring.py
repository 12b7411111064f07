"""Features of a pair of images, from which its probability is computed, and the verdict and the reasons of its match."""

from math import log1p, sqrt

from mediafp.matching.calibration import FramePairFeatures, ImagePairFeatures
from mediafp.matching.images.dense_comparison import FULL_AGREEMENT, MAX_ALIKE_SHARE, DenseComparison
from mediafp.matching.images.placement_fit import (
    CONTRADICTING_DISPLACEMENT,
    MAX_REPROJECTION_ERROR,
    MIN_MATCHING_BLOCKS,
    MIN_OVERLAP_SHARE,
    PlacementFit,
)
from mediafp.matching.verdicts import MIN_SCENE_SCORE, verdict
from mediafp.types.matches import Placement, Verdict

MAX_PDQ_MATCH_DISTANCE = 31
"""Hamming distance, in bits of 256, up to which two PDQ hashes match (default of ThreatExchange)."""
PDQ_CHANCE_DISTANCE = 48
"""Hamming distance, in bits, from which two PDQ hashes are no evidence: below it, all of 451 pairs were copies (development
set)."""
CONTRADICTED_SIMILARITY = 0.2
"""Largest hash similarity of two images of which a placement that is not verified shows that they differ: of 12 such pairs with
nearly equal hashes 10 are no copies (development set). It still ranks a filtered copy before other images."""
MIN_STATED_DIFFERENCE = 0.4
"""Share of what the overlap shows that must differ to be named in the reasons of a copy. Chosen, not measured."""
NEGATIVE_REASON = "light and dark are exchanged, as in a negative or another theme"
"""Reason of a match with the negative of the query."""
MIN_REPORTED_CUT = 0.03
"""Share of a side that must be missing to be named in the reasons. Chosen, not measured."""
MIN_REPORTED_ROTATION = 2
"""Degrees from which a rotation is named in the reasons. Chosen, not measured."""


def image_features(
    score: float, distance: int, fit: PlacementFit | None, region_similarity: float
) -> ImagePairFeatures:
    """Return the features of a pair of images; arguments as of `frame_features`.

    A hash that what the images show contradicts is little evidence: two pie charts of one make can have equal ones.
    """
    frames = frame_features(score, distance, fit, region_similarity)
    similarity, dense = frames.hash_similarity, fit.dense if fit and fit.is_verified else None
    agreement = dense.steady_agreement if dense else 0.0
    alignment = 0.0
    if dense and dense.solid_blocks:
        exactness = max(0.0, 1 - dense.mean_displacement / CONTRADICTING_DISPLACEMENT)
        alignment = exactness * log1p(dense.solid_blocks) * sqrt(dense.solid_blocks / dense.photographic_blocks)
    return ImagePairFeatures(
        hash_similarity=min(CONTRADICTED_SIMILARITY, similarity) if contradicts_copy(fit, distance) else similarity,
        support=frames.support,
        geometry=frames.geometry,
        agreement=agreement,
        amount=agreement * log1p(dense.agreeing_blocks) if dense else 0.0,
        photographic=agreement * log1p(dense.photographic_blocks) if dense else 0.0,
        alignment=alignment,
    )


def frame_features(
    score: float, distance: int, fit: PlacementFit | None, region_similarity: float
) -> FramePairFeatures:
    """Return the features of a pair of frames, which are not compared densely.

    Args:
        score: Score of the embeddings, -1..1.
        distance: Hamming distance of the PDQ hashes in bits.
        fit: Placement of the query in the reference, verified or not.
        region_similarity: Score of the aligned regions, -1..1.
    """
    hash_similarity = max(0.0, 1 - distance / PDQ_CHANCE_DISTANCE)
    if fit is None or not fit.is_verified:
        unplaced_score = min(score, MIN_SCENE_SCORE) if contradicts_copy(fit, distance) else score
        return FramePairFeatures(
            unplaced_score=unplaced_score, hash_similarity=hash_similarity, support=0.0, geometry=0.0
        )
    mean = (fit.support * max(0.0, 1 - fit.reprojection_error) * max(0.0, region_similarity)) ** (1 / 3)
    return FramePairFeatures(
        unplaced_score=0.0,
        hash_similarity=hash_similarity,
        support=fit.support,
        geometry=mean * log1p(fit.placement.inliers),
    )


def contradicts_copy(fit: PlacementFit | None, distance: int) -> bool:
    """Return True if there is a fit that is not verified, and either the PDQ hashes differ, or what the images show does.

    Matching hashes prove a copy by themselves: a fit that is unverified for another reason is then no evidence against one.
    Two pie charts of one make can have equal hashes.
    """
    if fit is None or fit.is_verified:
        return False
    if fit.agrees_along is not None:
        return not fit.agrees_along
    return distance > MAX_PDQ_MATCH_DISTANCE or (fit.dense is not None and not fit.dense.shows_one_image)


def image_verdict(probability: float, score: float, fit: PlacementFit | None, distance: int) -> Verdict:
    """Return the verdict on two images: a verified placement proves a copy, or matching PDQ hashes that nothing contradicts."""
    hashes_match = distance <= MAX_PDQ_MATCH_DISTANCE and not contradicts_copy(fit, distance)
    proven = (fit is not None and fit.is_verified) or hashes_match
    return verdict(probability, score, proven=proven)


def placement_reasons(placement: Placement, *, by_blocks: bool = False) -> list[str]:
    """Return the reasons that a verified placement gives: keypoints or blocks that agree, missing parts, orientation."""
    reasons = [f"{_name_inliers(placement, by_blocks=by_blocks)} agree on one placement"]
    for side, share in zip(("left", "top", "right", "bottom"), placement.removed, strict=True):
        if share >= MIN_REPORTED_CUT:
            reasons.append(f"{side} {format_percent(share)} of the reference is missing from the query")
    if placement.mirrored:
        reasons.append("the query is mirrored")
    if abs(placement.rotation) >= MIN_REPORTED_ROTATION:
        reasons.append(f"the query is rotated by {placement.rotation:.0f} degrees")
    return reasons


def image_reasons(
    fit: PlacementFit | None,
    distance: int,
    score: float,
    *,
    stated: PlacementFit | None = None,
    occurrences: int = 1,
    negative: bool = False,
) -> list[str]:
    """Return the reasons for and against a copy.

    Args:
        fit: Placement of the query in the reference, verified or not.
        distance: Hamming distance of the PDQ hashes in bits.
        score: Score of the embeddings.
        stated: A verified fit as it is stated; the fit itself if it is None.
        occurrences: Number of times that the query shows the reference.
        negative: True if the negative of the query was compared.
    """
    if fit and fit.is_verified:
        stated = stated or fit
        reasons = placement_reasons(stated.placement, by_blocks=stated.by_blocks)
        if negative:
            reasons.append(NEGATIVE_REASON)
        if occurrences > 1:
            reasons.insert(0, f"the query shows the reference {occurrences} times")
        if stated.dense and 1 - stated.dense.agreement >= MIN_STATED_DIFFERENCE:
            # As with another background, and as with two pages that share the photograph in their header.
            reasons.append(_difference(stated.dense))
    elif fit and contradicts_copy(fit, distance):
        reasons = [_unverified_reason(fit)]
    else:
        reasons = ["no placement joins the two images"]
    if distance <= MAX_PDQ_MATCH_DISTANCE:
        reasons.append(f"the PDQ hashes differ in {distance} of 256 bits")
    reasons.append(f"the embeddings score {score:+.2f} against the level of unrelated images")
    return reasons


def _name_inliers(placement: Placement, *, by_blocks: bool) -> str:
    return f"{placement.inliers} {'blocks of the image' if by_blocks else 'keypoints'}"


def _unverified_reason(fit: PlacementFit) -> str:
    """Return the measurement for which a fit is not verified."""
    placement = fit.placement
    keypoints = f"{_name_inliers(placement, by_blocks=fit.by_blocks)} agree"
    if fit.different_inset:
        return f"{keypoints}, but the images share only a layout, with different images in it"
    if fit.dense and fit.agrees_along is False:
        return f"{keypoints}, but {_difference(fit.dense)}, as in two pages of one site, or with one photograph"
    if fit.dense and fit.agrees_along is None and not fit.dense.shows_one_image:
        return f"{keypoints}, but {_difference(fit.dense)}, as in two pictures of one layout"
    if fit.reprojection_error >= MAX_REPROJECTION_ERROR:
        error = f"{fit.reprojection_error:.2f} pixels (copies: below {MAX_REPROJECTION_ERROR:g})"
        return f"{keypoints}, but with a mean error of {error}, as in two photographs of one scene"
    if fit.dense and not fit.is_aligned:
        shift = f"{fit.dense.mean_displacement:.1f} pixels in the mean"
        return f"{keypoints}, but what lies around them is displaced by {shift}, as in two photographs of one scene"
    if fit.matching_blocks < MIN_MATCHING_BLOCKS:
        share, limit = format_percent(fit.matching_blocks), format_percent(MIN_MATCHING_BLOCKS)
        matching = f"{share} of the overlap (copies: at least {limit})"
        return f"{keypoints}, but the images match on {matching}, as with one logo on two photographs"
    share, limit = format_percent(max(placement.covered, placement.shown)), format_percent(MIN_OVERLAP_SHARE)
    overlap = f"{share} of an image (copies: at least {limit})"
    return f"{keypoints}, but the overlap is {overlap}, as with one logo on two photographs"


def _difference(dense: DenseComparison) -> str:
    """Return how much of what two placed images show differs, or is alike at best."""
    if dense.agreement >= FULL_AGREEMENT and dense.alike_share > MAX_ALIKE_SHARE:
        return f"{format_percent(dense.alike_share)} of what the overlap shows is alike and not equal"
    return f"{format_percent(1 - dense.agreement)} of what the overlap shows differs"


def format_percent(share: float) -> str:
    """Return a share in percent, with a space before the sign."""
    return f"{share:.0%}".replace("%", " %")
