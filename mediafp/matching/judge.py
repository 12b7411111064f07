"""How sure: from what was measured of a pair to a calibrated probability, a verdict and reasons in words."""

import json
from dataclasses import dataclass
from functools import cache
from math import log1p

import numpy as np

from mediafp import weights
from mediafp.evidence import Placement, Verdict
from mediafp.matching.place import Fit

COPY_AT = 0.8
"""Probability from which a match is called a copy."""
SCENE_AT = 0.15
"""Normalised likeness from which a pair without a sane placement is called the same scene, not chance."""
SURE_PDQ = 31
"""Hamming distance within which two PDQ hashes match (ThreatExchange's default)."""
CUT_AT = 0.03
"""Share of a side that must be missing before it is put into words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFeatures:
    """What was measured of two pictures, 0 where nothing places them.

    `pdq`: 1 - distance / 128 of 256 bits, `rigid`: 1 - the mean miss of the points; neither below 0.
    `close`: the likeness of the placed areas (`closeup.look`).
    """

    score: float
    full: float
    pdq: float
    inliers: float
    agreement: float
    spread: float
    support: float
    rigid: float
    close: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFeatures:
    """What was measured of two videos: the mean normalised likeness, and log(1 + distinct rows) that run in step.

    Of the frame pairs looked at closely, `placed` is the share with a placement that holds; `inliers`, `agreement` and
    `close` are medians over these.
    """

    score: float
    rows: float
    inliers: float
    agreement: float
    placed: float
    close: float


def picture_features(score: float, full: float, distance: int, fit: Fit | None, close: float) -> PictureFeatures:
    """The features of a pair of pictures, scores normalised, `distance` of PDQ in bits.

    Where points agree loosely, the likeness is that of the scene, and as much as any scene's is taken.
    """
    if is_loose(fit, distance):
        score, full = min(score, SCENE_AT), min(full, SCENE_AT)
    firm = fit if fit and fit.firm else None
    return PictureFeatures(
        score=score,
        full=full,
        pdq=max(0.0, 1 - distance / 128),
        inliers=log1p(firm.placement.inliers) if firm else 0.0,
        agreement=max(0.0, firm.agreement) if firm else 0.0,
        spread=firm.spread if firm else 0.0,
        support=firm.support if firm else 0.0,
        rigid=max(0.0, 1 - firm.miss) if firm else 0.0,
        close=close,
    )


def is_loose(fit: Fit | None, distance: int) -> bool:
    """Whether points agree, but as those of two photographs of one scene do."""
    return fit is not None and not fit.firm and distance > SURE_PDQ


@cache
def _model(name: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray, float]:
    fitted = json.loads(weights.find("calibration").read_text(encoding="utf-8"))[name]
    mean, scale, slope = (np.array(fitted[key]) for key in ("mean", "scale", "coefficients"))
    return tuple(fitted["features"]), mean, scale, slope, float(fitted["intercept"])


def probability(features: PictureFeatures | VideoFeatures) -> float:
    """The calibrated probability that the pair is the same media, by logistic regression."""
    name = "pictures" if isinstance(features, PictureFeatures) else "videos"
    names, mean, scale, slope, intercept = _model(name)
    values = np.array([getattr(features, feature) for feature in names])
    logit = float(((values - mean) / scale) @ slope + intercept)
    return float(round(1 / (1 + np.exp(-np.clip(logit, -30, 30))), 6))


def verdict(likely: float, score: float, *, proven: bool) -> Verdict:
    """By probability; a copy needs proof (a placement, equal hashes, frames in step), and without it is possible.

    `same_scene` where pictures are alike, nothing proves a copy, and it is unlikely.
    """
    if likely >= COPY_AT and proven:
        return "copy"
    return "same_scene" if not proven and score >= SCENE_AT and likely < 0.5 else "possible"


def picture_verdict(likely: float, score: float, fit: Fit | None, distance: int) -> Verdict:
    """The verdict on two pictures, `score` normalised, `distance` of PDQ in bits."""
    return verdict(likely, score, proven=(fit is not None and fit.firm) or distance <= SURE_PDQ)


def placement_reasons(placement: Placement) -> list[str]:
    """A placement in words."""
    reasons = [f"{placement.inliers} points agree on one placement"]
    for side, share in zip(("left", "top", "right", "bottom"), placement.removed, strict=True):
        if share >= CUT_AT:
            reasons.append(f"{side} {share:.0%} of the reference is missing from the query".replace("%", " %"))
    if placement.mirrored:
        reasons.append("the query is mirrored")
    if abs(placement.rotation) >= 2:
        reasons.append(f"the query is turned by {placement.rotation:.0f} degrees")
    return reasons


def picture_reasons(fit: Fit | None, distance: int, score: float) -> list[str]:
    """What speaks for and against two pictures, in words; `distance` of PDQ in bits, `score` normalised."""
    if fit and fit.firm:
        reasons = placement_reasons(fit.placement)
    elif is_loose(fit, distance):
        reasons = ["points agree only loosely, as in two photographs of one scene"]
    else:
        reasons = ["no placement joins the two pictures"]
    if distance <= SURE_PDQ:
        reasons.append(f"the PDQ hashes differ in {distance} of 256 bits")
    reasons.append(f"the embeddings are {score:+.2f} above the level of unrelated pictures")
    return reasons
