"""How sure: from what was measured of a pair to a calibrated probability, a verdict and reasons in words."""

import json
from dataclasses import dataclass
from functools import cache
from math import log1p

import numpy as np

from mediafp import weights
from mediafp.evidence import Placement, Verdict
from mediafp.matching.place import MAX_REPROJECTION_ERROR, PlacementFit

MIN_COPY_PROBABILITY = 0.8
"""Probability from which a match is called a copy."""
MIN_SCENE_SCORE = 0.15
"""Normalised likeness from which a pair that is hardly a copy is called another picture of the scene, not chance."""
MAX_PDQ_MATCH_DISTANCE = 31
"""Hamming distance within which two PDQ hashes match (ThreatExchange's default)."""
PDQ_CHANCE_DISTANCE = 48
"""Hamming distance from which two PDQ hashes say nothing: within it, all of 451 pairs were copies (development set)."""
MIN_REPORTED_CUT = 0.03
"""Share of a side that must be missing before it is put into words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePairFeatures:
    """What was measured of two pictures, each rising with the likeness, 0 where there is none.

    `unplaced`: the normalised likeness where no placement joins them, and 0 where one does, since other pictures of one
    scene are as alike as copies; `hashes`: 1 for equal PDQ hashes, 0 from NEAR_PDQ bits; `support` as of a `Fit`;
    `geometry`: the geometric mean of support, of the points' closeness to the map and of the placed areas' likeness, times
    log(1 + points), since many points prove more than a few that agree as well.
    """

    unplaced_score: float
    hash_similarity: float
    support: float
    geometry: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPairFeatures:
    """What was measured of two videos, each rising with the likeness, 0 where there is none.

    `frames`: the mean probability, as of pictures, of the frame pairs that were looked at closely; `moments`: that times
    log(1 + distinct rows in step), since one moment alike proves little; `agreement`: their fits' median, times the same.
    """

    frame_probability: float
    moment_evidence: float
    agreement: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPairFeatures:
    """What was measured of two scripts' best stretch, each rising with the likeness, 0 where there is none.

    `words`: log(1 + the words that agree and count, less what lies between, over what chance gives scripts of such
    lengths); `agreement`: the share of its words that agree; `both`: their product.
    """

    words: float
    agreement: float
    product: float


Features = ImagePairFeatures | VideoPairFeatures | TranscriptPairFeatures
CALIBRATION_KEYS: dict[type, str] = {
    ImagePairFeatures: "images",
    VideoPairFeatures: "videos",
    TranscriptPairFeatures: "transcripts",
}
"""Where in models/calibration.json the numbers of each kind are."""


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


@cache
def _model(name: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray, float]:
    fitted = json.loads(weights.model_path("calibration").read_text(encoding="utf-8"))[name]
    mean, scale, slope = (np.array(fitted[key]) for key in ("mean", "scale", "coefficients"))
    return tuple(fitted["features"]), mean, scale, slope, float(fitted["intercept"])


def probability(features: Features) -> float:
    """The calibrated probability that the pair is the same media, or says the same, by logistic regression."""
    names, mean, scale, slope, intercept = _model(CALIBRATION_KEYS[type(features)])
    values = np.array([getattr(features, feature) for feature in names])
    logit = float(((values - mean) / scale) @ slope + intercept)
    return float(round(1 / (1 + np.exp(-np.clip(logit, -30, 30))), 6))


def verdict(likely: float, score: float, *, proven: bool) -> Verdict:
    """By probability; a copy needs proof (a placement, equal hashes, frames in step), and without it is possible.

    `same_scene` where pictures are alike, and yet unlikely to be copies.
    """
    if likely >= MIN_COPY_PROBABILITY and proven:
        return "copy"
    return "same_scene" if score >= MIN_SCENE_SCORE and likely < 0.5 else "possible"


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
