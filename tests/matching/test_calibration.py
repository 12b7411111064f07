"""Calibrated probabilities: each feature only ever raises the probability of a copy."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from mediafp.matching import calibration
from mediafp.matching.calibration import ImagePairFeatures, VideoPairFeatures
from mediafp.types import model_files

FEATURE_TYPES = {"images": ImagePairFeatures, "videos": VideoPairFeatures}
CALIBRATION = json.loads(model_files.model_path("calibration").read_text(encoding="utf-8"))
FEATURES = [(kind, feature) for kind in FEATURE_TYPES for feature in CALIBRATION[kind]["features"]]


def shifted_mean(kind: str, deviations: float) -> ImagePairFeatures | VideoPairFeatures:
    """Features that are all this many standard deviations from their mean."""
    fitted = CALIBRATION[kind]
    values = dict.fromkeys((field.name for field in fields(FEATURE_TYPES[kind])), 0.0)
    for name, mean, scale in zip(fitted["features"], fitted["mean"], fitted["scale"], strict=True):
        values[name] = mean + deviations * scale
    features: ImagePairFeatures | VideoPairFeatures = FEATURE_TYPES[kind](**values)
    return features


@pytest.mark.parametrize("kind", FEATURE_TYPES)
def test_calibration_file_names_existing_features(kind: str) -> None:
    fitted = CALIBRATION[kind]
    assert set(fitted["features"]) <= {field.name for field in fields(FEATURE_TYPES[kind])}
    assert len({len(fitted[key]) for key in ("features", "mean", "scale", "coefficients")}) == 1
    assert min(fitted["scale"]) > 0 and np.isfinite([*fitted["mean"], fitted["intercept"]]).all()
    assert 0 <= fitted["held_out_calibration_error"] < 0.05


@pytest.mark.parametrize(("kind", "feature"), FEATURES)
def test_calibration_file_has_no_negative_coefficient(kind: str, feature: str) -> None:
    fitted = CALIBRATION[kind]
    assert fitted["coefficients"][fitted["features"].index(feature)] >= 0


@pytest.mark.parametrize(("kind", "feature"), FEATURES)
def test_probability_never_falls_as_a_feature_rises(kind: str, feature: str) -> None:
    scale = CALIBRATION[kind]["scale"][CALIBRATION[kind]["features"].index(feature)]
    for deviations in (-1.0, 0.0, 1.0):
        features = shifted_mean(kind, deviations)
        value = getattr(features, feature)
        probabilities = [
            calibration.probability(replace(features, **{feature: value + step * scale}))
            for step in np.linspace(-2, 2, 9)
        ]
        assert probabilities == sorted(probabilities), (deviations, probabilities)


@pytest.mark.parametrize("kind", FEATURE_TYPES)
def test_probability_is_in_range_and_separates_strong_from_weak_evidence(kind: str) -> None:
    for deviations in (-1e6, -3.0, 0.0, 3.0, 1e6):
        assert 0 <= calibration.probability(shifted_mean(kind, deviations)) <= 1
    assert calibration.probability(shifted_mean(kind, 3)) > 0.99
    assert calibration.probability(shifted_mean(kind, -2)) < 0.1


def test_probability_of_a_transcript_never_falls_with_more_words_or_more_agreement() -> None:
    for agreement in (0.4, 0.7, 1.0):
        probabilities = [
            calibration.probability(
                calibration.TranscriptPairFeatures(words=words, agreement=agreement, product=words * agreement)
            )
            for words in np.log1p([1, 4, 8, 12, 30, 100])
        ]
        assert probabilities == sorted(probabilities)
