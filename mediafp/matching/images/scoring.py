"""Features, verdict and reasons of a pair of images."""

from math import log1p

from mediafp.matching.calibration import ImagePairFeatures
from mediafp.matching.images.placement import MAX_REPROJECTION_ERROR, PlacementFit
from mediafp.matching.verdicts import MIN_SCENE_SCORE, verdict
from mediafp.types.matches import Placement, Verdict

MAX_PDQ_MATCH_DISTANCE = 31
"""Hamming distance within which two PDQ hashes match (ThreatExchange's default)."""
PDQ_CHANCE_DISTANCE = 48
"""Hamming distance from which two PDQ hashes say nothing: within it, all of 451 pairs were copies (development set)."""
MIN_REPORTED_CUT = 0.03
"""Share of a side that must be missing before it is put into words."""


def image_features(
    score: float, distance: int, fit: PlacementFit | None, close: float, *, missed: bool = False
) -> ImagePairFeatures:
    """The features of a pair of pictures: `score` normalised, `distance` of PDQ in bits, `close` by `closeup.look`.

    Where points agree loosely, the likeness is that of the scene, and as much as any scene's is taken; and so it is where
    none agree though they should if it were a copy (`missed`), as of two pages of text.
    """
    hashes = max(0.0, 1 - distance / PDQ_CHANCE_DISTANCE)
    if fit is None or not fit.is_verified:
        alike = is_unverified(fit, distance) or (missed and distance > MAX_PDQ_MATCH_DISTANCE)
        unplaced = min(score, MIN_SCENE_SCORE) if alike else score
        return ImagePairFeatures(unplaced_score=unplaced, hash_similarity=hashes, support=0.0, geometry=0.0)
    geometry = (fit.support * max(0.0, 1 - fit.reprojection_error) * max(0.0, close)) ** (1 / 3) * log1p(
        fit.placement.inliers
    )
    return ImagePairFeatures(unplaced_score=0.0, hash_similarity=hashes, support=fit.support, geometry=geometry)


def is_unverified(fit: PlacementFit | None, distance: int) -> bool:
    """Whether points agree, but as those of two photographs of one scene, or of one logo on both, do."""
    return fit is not None and not fit.is_verified and distance > MAX_PDQ_MATCH_DISTANCE


def image_verdict(likely: float, score: float, fit: PlacementFit | None, distance: int) -> Verdict:
    """The verdict on two pictures, `score` normalised, `distance` of PDQ in bits."""
    return verdict(likely, score, proven=(fit is not None and fit.is_verified) or distance <= MAX_PDQ_MATCH_DISTANCE)


def placement_reasons(placement: Placement) -> list[str]:
    """A placement in words."""
    reasons = [f"{placement.inliers} points agree on one placement"]
    for side, share in zip(("left", "top", "right", "bottom"), placement.removed, strict=True):
        if share >= MIN_REPORTED_CUT:
            reasons.append(f"{side} {share:.0%} of the reference is missing from the query".replace("%", " %"))
    if placement.mirrored:
        reasons.append("the query is mirrored")
    if abs(placement.rotation) >= 2:
        reasons.append(f"the query is turned by {placement.rotation:.0f} degrees")
    return reasons


def image_reasons(fit: PlacementFit | None, distance: int, score: float, *, copies: int = 1) -> list[str]:
    """What speaks for and against two pictures, in words; `distance` of PDQ in bits, `score` normalised.

    `copies`: how often the reference stands in the query.
    """
    if fit and fit.is_verified:
        reasons = placement_reasons(fit.placement)
        if copies > 1:
            reasons.insert(0, f"the reference stands {copies} times in the query")
    elif fit and is_unverified(fit, distance):
        if fit.different_inset:
            how = "on a page or a layout that both have, with another picture in it"
        elif fit.reprojection_error >= MAX_REPROJECTION_ERROR:
            how = "only loosely, as in two photographs of one scene"
        else:
            how = "on a small part alone, as on a logo that both bear"
        reasons = [f"points agree {how}"]
    else:
        reasons = ["no placement joins the two pictures"]
    if distance <= MAX_PDQ_MATCH_DISTANCE:
        reasons.append(f"the PDQ hashes differ in {distance} of 256 bits")
    reasons.append(f"the embeddings are {score:+.2f} above the level of unrelated pictures")
    return reasons
