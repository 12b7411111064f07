"""Features of a pair, and the calibrated probability that the two share media (logistic regression).

`scripts/calibrate.py` fits the coefficients on development sets and writes them to models/calibration.json.
"""

import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from mediafp.types import model_files
from mediafp.types.arrays import Float64Array
from mediafp.types.logistic import stated_probability


@dataclass(frozen=True, slots=True, kw_only=True)
class FramePairFeatures:
    """Features of two frames of videos. Each rises with the evidence for a copy and is 0 without evidence.

    Attributes:
        unplaced_score: Score of the embeddings if no verified placement joins the images, else 0: other photographs of
            one scene are as similar as copies, so the embeddings add nothing to a placement.
        hash_similarity: 1 for equal PDQ hashes, falling to 0 at `scoring.PDQ_CHANCE_DISTANCE` bits.
        support: Support of the placement fit, 0..1.
        geometry: Geometric mean of support, 1 - reprojection error, and region similarity, times log(1 + inliers): many
            inliers prove more than a few that agree equally well.
    """

    unplaced_score: float
    hash_similarity: float
    support: float
    geometry: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePairFeatures:
    """Features of two images, of which the overlap of a placement is compared densely. Each rises with the evidence for a copy.

    The embeddings only find a pair: of charts, forms and pages of one make they are as similar as of copies.

    Attributes:
        hash_similarity: As of `FramePairFeatures`.
        support: As of `FramePairFeatures`.
        geometry: As of `FramePairFeatures`.
        agreement: Share of the content of the overlap that agrees, 0..1, if the placement is verified, else 0.
        amount: `agreement` times log(1 + blocks with content that agree): a few blocks agree by chance.
        photographic: `agreement` times log(1 + photographic blocks that agree): one layout has many pictures, and a photograph
            is of one moment.
        alignment: log(1 + solid blocks), times the root of their share of the photographic blocks that agree, times how near
            blocks lie to where the map of the placement has them, 0..1. What two photographs of one room share is a little
            displaced, and beside the strokes of a watermark that they share everything differs; what a copy with another
            background shares is neither.
    """

    hash_similarity: float
    support: float
    geometry: float
    agreement: float
    amount: float
    photographic: float
    alignment: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPairFeatures:
    """Features of two videos. Each rises with the evidence for a copy and is 0 without evidence.

    Moments that differ from the one before are counted, without the first plain ones: one similar moment proves little, and
    colour bars and a title card prove nothing.

    Attributes:
        frame_probability: Mean probability of the frame pairs that were placed.
        moment_evidence: `frame_probability` times log(1 + moments).
        motion: log(1 + moments, each times the share of its motion that agrees).
        presence: Agreement of the aligned moments above that of unrelated ones, times log(1 + moments).
    """

    frame_probability: float
    moment_evidence: float
    motion: float
    presence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPairFeatures:
    """Features of the best aligned passage of two transcripts. Each rises with the evidence for the same words.

    Attributes:
        words: log(1 + net evidence of the passage in words, less what transcripts of such lengths share by chance).
        agreement: Share of the passage's words that agree, 0..1.
        product: `words` times `agreement`.
    """

    words: float
    agreement: float
    product: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundPairFeatures:
    """Features of the segments in which two sounds agree. Each rises with the evidence for the same recording.

    Attributes:
        strength: Strength of the strongest segment: its agreement above what chance and an even rhythm explain, times the root
            of the prints.
        agreement: Agreement of that segment above chance, 0..0.5: two voices over one music bed agree little, however long.
    """

    strength: float
    agreement: float


Features = FramePairFeatures | ImagePairFeatures | VideoPairFeatures | TranscriptPairFeatures | SoundPairFeatures
CALIBRATION_KEYS: dict[type, str] = {
    FramePairFeatures: "frames",
    ImagePairFeatures: "images",
    VideoPairFeatures: "videos",
    TranscriptPairFeatures: "transcripts",
    SoundPairFeatures: "sounds",
}
"""Key of the coefficients in models/calibration.json, by the type of the features."""


def probability(features: Features) -> float:
    """Return the calibrated probability, 0 to below 1, that a pair shares media or words: only equal bytes are certain."""
    names, mean, scale, coefficients, intercept = _load_coefficients(CALIBRATION_KEYS[type(features)])
    values = np.array([getattr(features, name) for name in names])
    logit = float(((values - mean) / scale) @ coefficients + intercept)
    return stated_probability(logit)


@cache
def _load_coefficients(key: str) -> tuple[tuple[str, ...], Float64Array, Float64Array, Float64Array, float]:
    """Return names, means, scales and coefficients of the features of one kind of pair, and the intercept."""
    fitted = json.loads(model_files.model_path("calibration").read_text(encoding="utf-8"))[key]
    mean, scale, coefficients = (np.array(fitted[name]) for name in ("mean", "scale", "coefficients"))
    return tuple(fitted["features"]), mean, scale, coefficients, float(fitted["intercept"])
