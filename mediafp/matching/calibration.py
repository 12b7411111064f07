"""How sure: from what was measured of a pair to a calibrated probability, a verdict and reasons in words."""

import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from mediafp.types import model_files


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


@cache
def _model(name: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray, np.ndarray, float]:
    fitted = json.loads(model_files.model_path("calibration").read_text(encoding="utf-8"))[name]
    mean, scale, slope = (np.array(fitted[key]) for key in ("mean", "scale", "coefficients"))
    return tuple(fitted["features"]), mean, scale, slope, float(fitted["intercept"])


def probability(features: Features) -> float:
    """The calibrated probability that the pair is the same media, or says the same, by logistic regression."""
    names, mean, scale, slope, intercept = _model(CALIBRATION_KEYS[type(features)])
    values = np.array([getattr(features, feature) for feature in names])
    logit = float(((values - mean) / scale) @ slope + intercept)
    return float(round(1 / (1 + np.exp(-np.clip(logit, -30, 30))), 6))
