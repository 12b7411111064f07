"""Probability, verdict and reasons: each measured feature only ever speaks for a copy, and a copy needs proof."""

import json
from dataclasses import fields, replace
from math import log1p

import numpy as np
import pytest

from mediafp.matching import calibration, verdicts
from mediafp.matching.calibration import ImagePairFeatures, VideoPairFeatures
from mediafp.matching.images import scoring
from mediafp.matching.images.placement import MAX_REPROJECTION_ERROR, PlacementFit
from mediafp.matching.images.scoring import MAX_PDQ_MATCH_DISTANCE
from mediafp.matching.verdicts import MIN_COPY_PROBABILITY, MIN_SCENE_SCORE
from mediafp.types import model_files
from mediafp.types.matches import Placement, Verdict

MODELS = {"images": ImagePairFeatures, "videos": VideoPairFeatures}
CALIBRATION = json.loads(model_files.model_path("calibration").read_text(encoding="utf-8"))
FEATURES = [(model, feature) for model in MODELS for feature in CALIBRATION[model]["features"]]
FAR = MAX_PDQ_MATCH_DISTANCE + 1


def placement(**changes: object) -> Placement:
    corners = ((0.0, 0.0), (100.0, 0.0), (100.0, 80.0), (0.0, 80.0))
    plain = Placement(
        quad=corners,
        overlap=corners,
        covered=1.0,
        shown=1.0,
        mirrored=False,
        rotation=0.0,
        scale=1.0,
        removed=(0.0, 0.0, 0.0, 0.0),
        inliers=40,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


FIRM = PlacementFit(placement=placement(), median_ncc=0.9, matching_blocks=0.9, support=0.5, reprojection_error=0.2)
LOOSE = replace(FIRM, reprojection_error=MAX_REPROJECTION_ERROR)
PARTIAL = replace(FIRM, matching_blocks=0.1)
CASES = [None, FIRM, LOOSE]


def typical(model: str, at: float) -> ImagePairFeatures | VideoPairFeatures:
    """Every feature `at` so many deviations from its mean."""
    fitted = CALIBRATION[model]
    told = zip(fitted["features"], fitted["mean"], fitted["scale"], strict=True)
    values = dict.fromkeys((field.name for field in fields(MODELS[model])), 0.0)
    made: ImagePairFeatures | VideoPairFeatures = MODELS[model](
        **values | {name: mean + at * scale for name, mean, scale in told}
    )
    return made


# Probability --------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_the_fitted_models_use_measured_features(model: str) -> None:
    fitted = CALIBRATION[model]
    assert set(fitted["features"]) <= {field.name for field in fields(MODELS[model])}
    assert len({len(fitted[key]) for key in ("features", "mean", "scale", "coefficients")}) == 1
    assert min(fitted["scale"]) > 0 and np.isfinite([*fitted["mean"], fitted["intercept"]]).all()
    assert 0 <= fitted["held_out_calibration_error"] < 0.05


@pytest.mark.parametrize(("model", "feature"), FEATURES)
def test_no_feature_speaks_against_a_copy(model: str, feature: str) -> None:
    fitted = CALIBRATION[model]
    assert fitted["coefficients"][fitted["features"].index(feature)] >= 0


@pytest.mark.parametrize(("model", "feature"), FEATURES)
def test_probability_never_falls_where_a_feature_rises(model: str, feature: str) -> None:
    for at in (-1.0, 0.0, 1.0):
        features = typical(model, at)
        steps = np.linspace(-2, 2, 9) * CALIBRATION[model]["scale"][CALIBRATION[model]["features"].index(feature)]
        likely = [
            calibration.probability(replace(features, **{feature: getattr(features, feature) + step})) for step in steps
        ]
        assert likely == sorted(likely), (at, likely)


@pytest.mark.parametrize("model", MODELS)
def test_probability_is_a_share_and_tells_a_strong_pair_from_a_weak_one(model: str) -> None:
    for at in (-1e6, -3.0, 0.0, 3.0, 1e6):
        assert 0 <= calibration.probability(typical(model, at)) <= 1
    assert calibration.probability(typical(model, 3)) > 0.99
    assert calibration.probability(typical(model, -2)) < 0.1


def test_a_plain_copy_is_likely_and_a_stranger_is_not() -> None:
    copy = scoring.image_features(0.75, 6, FIRM, 0.7)
    stranger = scoring.image_features(0.02, 120, None, 0.0)
    assert calibration.probability(copy) > 0.99 and calibration.probability(stranger) < 0.01


def test_another_picture_of_the_scene_is_no_copy() -> None:
    """As alike as a copy, and placed by the few points of what did not move."""
    scene = replace(FIRM, support=0.08, reprojection_error=0.4, median_ncc=0.9)
    assert calibration.probability(scoring.image_features(0.7, 60, scene, 0.55)) < 0.5
    assert calibration.probability(scoring.image_features(0.7, 60, FIRM, 0.7)) > 0.99


@pytest.mark.parametrize("distance", [0, 12, FAR, 64, 128, 200, 256])
@pytest.mark.parametrize("fit", CASES, ids=["nothing", "firm", "loose"])
def test_features_lie_in_their_ranges(fit: PlacementFit | None, distance: int) -> None:
    features = scoring.image_features(0.6, distance, fit, 0.3)
    assert features.hash_similarity == max(0.0, 1 - distance / scoring.PDQ_CHANCE_DISTANCE)
    if fit is FIRM:
        assert features.unplaced_score == 0
        assert features.support == 0.5
        assert features.geometry == pytest.approx((0.5 * 0.8 * 0.3) ** (1 / 3) * log1p(FIRM.placement.inliers))
    else:
        assert features.unplaced_score > 0
        assert features.support == features.geometry == 0


def test_loosely_agreeing_points_cap_the_likeness_at_a_scene_s() -> None:
    assert scoring.image_features(0.6, FAR, LOOSE, 0.0).unplaced_score == MIN_SCENE_SCORE
    assert scoring.image_features(0.6, MAX_PDQ_MATCH_DISTANCE, LOOSE, 0.0).unplaced_score == 0.6
    assert scoring.image_features(0.05, FAR, LOOSE, 0.0).unplaced_score == 0.05


def test_areas_that_are_less_alike_than_strangers_are_worth_nothing_rather_than_less() -> None:
    features = scoring.image_features(0.3, 100, replace(FIRM, reprojection_error=0.84), -0.2)
    assert features.geometry == 0.0


# Verdict ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("likely", "score", "proven", "expected"),
    [
        (1.0, 0.9, True, "copy"),
        (MIN_COPY_PROBABILITY, 0.0, True, "copy"),
        (MIN_COPY_PROBABILITY - 0.001, 0.9, True, "possible"),
        (0.01, 0.9, True, "same_scene"),  # points of what did not move place it, and yet it is unlikely
        (0.01, MIN_SCENE_SCORE - 0.001, True, "possible"),
        (1.0, 0.9, False, "possible"),  # a copy needs proof
        (0.5, 0.9, False, "possible"),
        (0.499, MIN_SCENE_SCORE, False, "same_scene"),
        (0.499, MIN_SCENE_SCORE - 0.001, False, "possible"),
        (0.0, 0.9, False, "same_scene"),
        (0.0, -0.2, False, "possible"),
    ],
)
def test_verdicts(likely: float, score: float, proven: bool, expected: Verdict) -> None:
    assert verdicts.verdict(likely, score, proven=proven) == expected


@pytest.mark.parametrize(
    ("fit", "distance", "expected"),
    [
        (FIRM, 256, "copy"),
        (None, MAX_PDQ_MATCH_DISTANCE, "copy"),
        (LOOSE, MAX_PDQ_MATCH_DISTANCE, "copy"),
        (None, FAR, "possible"),
        (LOOSE, FAR, "possible"),
    ],
)
def test_a_copy_of_a_picture_is_proven_by_a_placement_or_equal_hashes(
    fit: PlacementFit | None, distance: int, expected: Verdict
) -> None:
    assert scoring.image_verdict(0.95, 0.6, fit, distance) == expected


def test_another_photograph_of_a_scene_is_called_that() -> None:
    assert scoring.image_verdict(0.1, 0.4, LOOSE, FAR) == "same_scene"
    assert scoring.image_verdict(0.1, 0.4, None, 120) == "same_scene"
    assert scoring.image_verdict(0.1, 0.05, LOOSE, FAR) == "possible"


# Reasons ------------------------------------------------------------------------------------------


def test_a_placement_is_told_in_words() -> None:
    told = scoring.placement_reasons(
        placement(inliers=143, removed=(0.029, 0.0, 0.25, 0.12), mirrored=True, rotation=-12.4)
    )
    assert told == [
        "143 points agree on one placement",
        "right 25 % of the reference is missing from the query",
        "bottom 12 % of the reference is missing from the query",
        "the query is mirrored",
        "the query is turned by -12 degrees",
    ]


def test_what_does_not_hold_is_not_told() -> None:
    assert scoring.placement_reasons(placement(rotation=1.9, removed=(0.02, 0.0, 0.0, 0.029))) == [
        "40 points agree on one placement"
    ]


@pytest.mark.parametrize(
    ("fit", "distance", "first"),
    [
        (FIRM, 200, "40 points agree on one placement"),
        (LOOSE, 200, "points agree only loosely, as in two photographs of one scene"),
        (PARTIAL, 200, "points agree on a small part alone, as on a logo that both bear"),
        (LOOSE, 10, "no placement joins the two pictures"),
        (None, 200, "no placement joins the two pictures"),
    ],
)
def test_reasons_begin_with_the_placement(fit: PlacementFit | None, distance: int, first: str) -> None:
    told = scoring.image_reasons(fit, distance, 0.43)
    assert told[0] == first
    assert told[-1] == "the embeddings are +0.43 above the level of unrelated pictures"
    hashes = [reason for reason in told if "PDQ" in reason]
    assert hashes == (
        [f"the PDQ hashes differ in {distance} of 256 bits"] if distance <= MAX_PDQ_MATCH_DISTANCE else []
    )


def test_a_likeness_below_the_level_of_strangers_has_its_sign() -> None:
    assert scoring.image_reasons(None, 100, -0.051)[-1].startswith("the embeddings are -0.05")


def test_several_copies_are_told_first() -> None:
    told = scoring.image_reasons(FIRM, 200, 0.43, copies=3)
    assert told[:2] == ["the reference stands 3 times in the query", "40 points agree on one placement"]


def test_a_small_part_in_common_is_no_copy() -> None:
    corner = replace(FIRM, placement=placement(covered=0.15, shown=0.15))
    for fit in (PARTIAL, corner):
        assert not fit.is_verified
        likely = calibration.probability(scoring.image_features(0.1, 120, fit, 0.7))
        assert likely < 0.1
        assert scoring.image_verdict(likely, 0.1, fit, 120) == "possible"


def test_likeness_without_a_placement_is_no_proof_and_counts_less_where_one_should_be() -> None:
    """Two pages of text, and two flags of three stripes, are as alike as copies are."""
    plain = calibration.probability(scoring.image_features(0.78, 104, None, 0.0))
    missed = calibration.probability(scoring.image_features(0.78, 104, None, 0.0, missed=True))
    assert missed < plain < 0.5
    assert scoring.image_verdict(missed, 0.78, None, 104) == "same_scene"
    hashed = scoring.image_features(0.78, MAX_PDQ_MATCH_DISTANCE, None, 0.0, missed=True)
    assert hashed == scoring.image_features(0.78, MAX_PDQ_MATCH_DISTANCE, None, 0.0)
