"""Features, verdict and reasons of two images."""

from dataclasses import replace
from math import log1p

import numpy as np
import pytest
from dense_comparisons import even_comparison
from sample_matches import sample_placement

from mediafp.matching import calibration
from mediafp.matching.images import scoring
from mediafp.matching.images.placement_fit import CONTRADICTING_DISPLACEMENT, MAX_REPROJECTION_ERROR, PlacementFit
from mediafp.matching.images.scoring import MAX_PDQ_MATCH_DISTANCE
from mediafp.matching.verdicts import MIN_SCENE_SCORE
from mediafp.types.matches import Verdict

DIFFERENT_HASHES = MAX_PDQ_MATCH_DISTANCE + 1


VERIFIED = PlacementFit(
    placement=sample_placement(),
    median_ncc=0.9,
    matching_blocks=0.9,
    support=0.5,
    reprojection_error=0.2,
    dense=even_comparison(0.95),
)
INEXACT = replace(VERIFIED, reprojection_error=MAX_REPROJECTION_ERROR, dense=None)
FEW_BLOCKS = replace(VERIFIED, matching_blocks=0.1, dense=None)
OTHER_CONTENT = replace(VERIFIED, dense=even_comparison(0.5, photographic=False))
DISPLACED = replace(VERIFIED, dense=replace(even_comparison(0.95), displacement=np.full((8, 8), 2.0, np.float32)))
SMALL_OVERLAP = replace(VERIFIED, placement=sample_placement(covered=0.15, shown=0.15))
OTHER_INSET = replace(VERIFIED, different_inset=True)


# Features -----------------------------------------------------------------------------------------


def test_probability_separates_a_copy_from_an_unrelated_image() -> None:
    copy = scoring.image_features(0.75, 6, VERIFIED, 0.7)
    unrelated = scoring.image_features(0.02, 120, None, 0.0)
    assert calibration.probability(copy) > 0.99 and calibration.probability(unrelated) < 0.01


def test_probability_of_another_photograph_of_the_scene_is_low() -> None:
    """Its embedding is as similar as a copy's, and the few keypoints of the background place it."""
    scene = replace(VERIFIED, support=0.08, reprojection_error=0.4, median_ncc=0.9, dense=even_comparison(0.55))
    assert calibration.probability(scoring.image_features(0.7, 60, scene, 0.55)) < 0.5
    assert calibration.probability(scoring.image_features(0.7, 60, VERIFIED, 0.7)) > 0.99


def test_tables_with_other_numbers_are_not_one_drawing() -> None:
    """Of two tables with the same title and labels, up to .964 of the content agrees, on most of their area."""
    table, copy = even_comparison(0.4, photographic=False), even_comparison(0.95, photographic=False)
    agreeing = np.full((8, 8), 0.786, np.float32)
    other = replace(table, ncc=agreeing, steady_ncc=agreeing)
    assert 0.96 < other.agreement < 0.97
    assert not replace(VERIFIED, dense=other).is_verified and replace(VERIFIED, dense=copy).is_verified


def test_blocks_around_exact_keypoints_can_contradict_them() -> None:
    """Seven keypoints around the eyes fit two photographs of one man, and the faces are moved by two pixels."""
    assert not DISPLACED.is_aligned and not DISPLACED.is_verified
    slightly = replace(VERIFIED, dense=replace(even_comparison(0.95), displacement=np.full((8, 8), 1.8, np.float32)))
    assert slightly.is_aligned and slightly.is_verified
    assert not replace(slightly, reprojection_error=MAX_REPROJECTION_ERROR).is_aligned


@pytest.mark.parametrize("distance", [0, 12, DIFFERENT_HASHES, 64, 128, 200, 256])
@pytest.mark.parametrize("fit", [None, VERIFIED, INEXACT], ids=["none", "verified", "inexact"])
def test_image_features_are_in_their_ranges(fit: PlacementFit | None, distance: int) -> None:
    features = scoring.image_features(0.6, distance, fit, 0.3)
    contradicted = fit is INEXACT and distance >= DIFFERENT_HASHES
    similarity = max(0.0, 1 - distance / scoring.PDQ_CHANCE_DISTANCE)
    assert features.hash_similarity == (min(0.2, similarity) if contradicted else similarity)
    if fit is VERIFIED:
        assert features.support == 0.5 and features.agreement == 1
        assert features.amount == features.photographic == features.alignment == pytest.approx(log1p(64))
        assert features.geometry == pytest.approx((0.5 * 0.8 * 0.3) ** (1 / 3) * log1p(VERIFIED.placement.inliers))
    else:
        assert features.support == features.geometry == features.agreement == features.amount == features.alignment == 0


def test_equal_hashes_that_the_images_contradict_are_little_evidence() -> None:
    """Two pie charts of one make have equal hashes, and other slices."""
    assert scoring.image_features(0.6, 0, OTHER_CONTENT, 0.3).hash_similarity == 0.2
    assert calibration.probability(scoring.image_features(0.6, 0, OTHER_CONTENT, 0.3)) < 0.1
    assert scoring.image_features(0.6, 0, None, 0.3).hash_similarity == 1


def test_what_two_photographs_of_one_room_share_is_not_where_the_map_has_it() -> None:
    """A third of the content agrees in both cases: the cut-out person exactly, the wall of the room by a pixel and a half."""

    def shared_third(displacement: float) -> PlacementFit:
        ncc = np.where(np.arange(64).reshape(8, 8) % 3 == 0, 0.95, 0.2).astype(np.float32)
        moved = np.full((8, 8), displacement, np.float32)
        return replace(
            VERIFIED, support=0.1, dense=replace(even_comparison(0.95), ncc=ncc, steady_ncc=ncc, displacement=moved)
        )

    exact, displaced = (scoring.image_features(0.6, 60, shared_third(pixels), 0.1) for pixels in (0.0, 1.5))
    assert displaced.alignment == pytest.approx(exact.alignment * (1 - 1.5 / CONTRADICTING_DISPLACEMENT))
    assert calibration.probability(displaced) < 0.5 < calibration.probability(exact)


def test_unverified_fit_caps_the_score_at_that_of_a_scene() -> None:
    assert scoring.frame_features(0.6, DIFFERENT_HASHES, INEXACT, 0.0).unplaced_score == MIN_SCENE_SCORE
    assert scoring.frame_features(0.6, MAX_PDQ_MATCH_DISTANCE, INEXACT, 0.0).unplaced_score == 0.6
    assert scoring.frame_features(0.05, DIFFERENT_HASHES, INEXACT, 0.0).unplaced_score == 0.05


def test_negative_region_similarity_gives_zero_geometry() -> None:
    features = scoring.image_features(0.3, 100, replace(VERIFIED, reprojection_error=0.84), -0.2)
    assert features.geometry == 0.0


def test_small_common_part_is_no_copy() -> None:
    for fit in (FEW_BLOCKS, SMALL_OVERLAP, OTHER_CONTENT):
        assert not fit.is_verified
        probability = calibration.probability(scoring.image_features(0.1, 120, fit, 0.7))
        assert probability < 0.1
        assert scoring.image_verdict(probability, 0.1, fit, 120) == "possible"


def test_embeddings_without_a_placement_are_no_proof() -> None:
    """Two pages of text, or two flags of three stripes, have embeddings as similar as copies have."""
    unplaced = calibration.probability(scoring.image_features(0.78, 104, None, 0.0))
    assert unplaced < 0.1
    assert scoring.image_verdict(unplaced, 0.78, None, 104) == "same_scene"


def test_inexact_keypoints_are_excused_by_blocks_that_lie_where_they_should() -> None:
    coarse = replace(VERIFIED, reprojection_error=MAX_REPROJECTION_ERROR)
    assert coarse.is_verified
    displaced = replace(even_comparison(0.95), displacement=np.full((8, 8), 2.2, np.float32))
    assert not replace(coarse, dense=displaced).is_verified


# Verdict ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fit", "distance", "expected"),
    [
        (VERIFIED, 256, "copy"),
        (None, MAX_PDQ_MATCH_DISTANCE, "copy"),
        (INEXACT, MAX_PDQ_MATCH_DISTANCE, "copy"),
        (OTHER_CONTENT, MAX_PDQ_MATCH_DISTANCE, "possible"),
        (None, DIFFERENT_HASHES, "possible"),
        (INEXACT, DIFFERENT_HASHES, "possible"),
    ],
)
def test_copy_is_proven_by_a_verified_fit_or_matching_hashes(
    fit: PlacementFit | None, distance: int, expected: Verdict
) -> None:
    assert scoring.image_verdict(0.95, 0.6, fit, distance) == expected


def test_other_photograph_of_a_scene_is_same_scene() -> None:
    assert scoring.image_verdict(0.1, 0.4, INEXACT, DIFFERENT_HASHES) == "same_scene"
    assert scoring.image_verdict(0.1, 0.4, None, 120) == "same_scene"
    assert scoring.image_verdict(0.1, 0.05, INEXACT, DIFFERENT_HASHES) == "possible"


# Reasons ------------------------------------------------------------------------------------------


def test_placement_reasons_name_inliers_cuts_and_orientation() -> None:
    reasons = scoring.placement_reasons(
        sample_placement(inliers=143, removed=(0.029, 0.0, 0.25, 0.12), mirrored=True, rotation=-12.4)
    )
    assert reasons == [
        "143 keypoints agree on one placement",
        "right 25 % of the reference is missing from the query",
        "bottom 12 % of the reference is missing from the query",
        "the query is mirrored",
        "the query is rotated by -12 degrees",
    ]


def test_placement_reasons_skip_small_cuts_and_rotations() -> None:
    assert scoring.placement_reasons(sample_placement(rotation=1.9, removed=(0.02, 0.0, 0.0, 0.029))) == [
        "40 keypoints agree on one placement"
    ]


@pytest.mark.parametrize(
    ("fit", "distance", "first"),
    [
        (VERIFIED, 200, "40 keypoints agree on one placement"),
        (
            INEXACT,
            200,
            "40 keypoints agree, but with a mean error of 0.85 pixels (copies: below 0.85),"
            " as in two photographs of one scene",
        ),
        (
            FEW_BLOCKS,
            200,
            "40 keypoints agree, but the images match on 10 % of the overlap (copies: at least 25 %),"
            " as with one logo on two photographs",
        ),
        (
            DISPLACED,
            200,
            "40 keypoints agree, but what lies around them is displaced by 2.0 pixels in the mean,"
            " as in two photographs of one scene",
        ),
        (
            SMALL_OVERLAP,
            200,
            "40 keypoints agree, but the overlap is 15 % of an image (copies: at least 20 %),"
            " as with one logo on two photographs",
        ),
        (
            OTHER_CONTENT,
            200,
            "40 keypoints agree, but 75 % of what the overlap shows differs, as in two pictures of one layout",
        ),
        (OTHER_INSET, 200, "40 keypoints agree, but the images share only a layout, with different images in it"),
        (INEXACT, 10, "no placement joins the two images"),
        (None, 200, "no placement joins the two images"),
    ],
)
def test_image_reasons_begin_with_the_placement(fit: PlacementFit | None, distance: int, first: str) -> None:
    reasons = scoring.image_reasons(fit, distance, 0.43)
    assert reasons[0] == first
    assert reasons[-1] == "the embeddings score +0.43 against the level of unrelated images"
    assert [reason for reason in reasons if "PDQ" in reason] == (
        [f"the PDQ hashes differ in {distance} of 256 bits"] if distance <= MAX_PDQ_MATCH_DISTANCE else []
    )


@pytest.mark.parametrize(("rows", "stated"), [(5, ["62 % of what the overlap shows differs"]), (3, [])])
def test_reasons_of_a_copy_name_how_much_differs_if_it_is_much(rows: int, stated: list[str]) -> None:
    """Another background, or a page with the photograph of another one in its header."""
    blocks = np.full((8, 8), 0.95, np.float32)
    blocks[:rows] = 0.0
    fit = replace(VERIFIED, dense=replace(even_comparison(0.95), ncc=blocks, steady_ncc=blocks))
    assert fit.is_verified
    assert [reason for reason in scoring.image_reasons(fit, 200, 0.43) if "differs" in reason] == stated


def test_image_reasons_state_the_sign_of_the_score() -> None:
    assert scoring.image_reasons(None, 100, -0.051)[-1].startswith("the embeddings score -0.05")


def test_image_reasons_begin_with_the_number_of_occurrences() -> None:
    reasons = scoring.image_reasons(VERIFIED, 200, 0.43, occurrences=3)
    assert reasons[:2] == ["the query shows the reference 3 times", "40 keypoints agree on one placement"]
