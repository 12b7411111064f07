"""The second look: both sides cut out on one grid, and the full model asked only where there is doubt."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from mediafp.matching.images import region_similarity
from mediafp.matching.images.local_features import DETECTION_SIDE, LocalFeatures, query_features
from mediafp.matching.images.placement import PlacementFit, is_conclusive, place_image
from mediafp.matching.images.region_similarity import CONCLUSIVE_SIMILARITY, align_regions, compute_region_similarity
from mediafp.types.geometry import homography_from_corners, image_corners

NAMES = ["portrait", "cat", "temple", "motorcycle", "officer"]


def sketch(picture: np.ndarray) -> LocalFeatures:
    return LocalFeatures(picture, (picture.shape[1], picture.shape[0]))


def edited(picture: np.ndarray, *, mirrored: bool = True, zoom: float = 2 / 3, quality: int = 80) -> np.ndarray:
    """A copy that is mirrored, cropped, scaled and compressed again."""
    image = Image.fromarray(picture)
    image = ImageOps.mirror(image) if mirrored else image
    width, height = image.size
    image = image.crop((width // 10, height // 8, width * 9 // 10, height))
    image = image.resize((round(image.width * zoom), round(image.height * zoom)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out))


def placed(query: np.ndarray, reference: LocalFeatures) -> tuple[LocalFeatures, PlacementFit]:
    mine = query_features(query, (query.shape[1], query.shape[0]))
    fit = place_image(mine, reference)
    assert fit is not None and fit.is_verified
    return mine, fit


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


# What is cut out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("zoom", [1.4, 2 / 3, 1 / 4])
@pytest.mark.parametrize("name", NAMES)
def test_both_sides_show_the_same_pixels(photos: dict[str, np.ndarray], name: str, zoom: float, mirrored: bool) -> None:
    reference = sketch(photos[name])
    query, fit = placed(edited(photos[name], mirrored=mirrored, zoom=zoom), reference)
    mine, theirs = align_regions(query, reference, fit)
    assert mine.shape == theirs.shape == (region_similarity.MODEL_INPUT_SIDE, region_similarity.MODEL_INPUT_SIDE, 3)
    assert mine.dtype == theirs.dtype == np.uint8
    assert theirs.std() > 20, "something is shown"
    assert difference(mine, theirs) < min(20, difference(mine[:, ::-1], theirs) / 2.5)


def test_a_reference_kept_as_a_thumbnail_gives_the_same_area(photos: dict[str, np.ndarray]) -> None:
    picture = photos["motorcycle"]
    small = Image.fromarray(picture)
    small.thumbnail((320, 320), Image.Resampling.LANCZOS)
    reference = LocalFeatures(np.asarray(small), (picture.shape[1], picture.shape[0]))
    query, fit = placed(edited(picture), reference)
    mine, theirs = align_regions(query, reference, fit)
    assert difference(mine, theirs) < min(20, difference(mine[:, ::-1], theirs) / 2.5)


def test_a_turned_copy_is_turned_back(photos: dict[str, np.ndarray]) -> None:
    picture = photos["temple"]
    turned = np.asarray(Image.fromarray(picture).rotate(17, Image.Resampling.BICUBIC, expand=True))
    query, fit = placed(turned, sketch(picture))
    mine, theirs = align_regions(query, sketch(picture), fit)
    inside = mine.max(axis=2) > 0  # the corners that the turn made black say nothing
    assert inside.mean() > 0.9
    assert np.abs(mine.astype(float) - theirs)[inside].mean() < 20


def test_a_picture_seen_at_an_angle_is_laid_flat(photos: dict[str, np.ndarray]) -> None:
    picture = photos["temple"]
    height, width = picture.shape[:2]
    corners = np.array([(120, 90), (520, 40), (530, 400), (110, 330)], float)
    matrix = homography_from_corners(image_corners(width, height), corners)
    query, fit = placed(cv2.warpPerspective(picture, matrix, (640, 440), flags=cv2.INTER_AREA), sketch(picture))
    mine, theirs = align_regions(query, sketch(picture), fit)
    assert difference(mine, theirs) < min(20, difference(mine[:, ::-1], theirs) / 2.5)


def test_only_the_area_of_the_points_is_shown(photos: dict[str, np.ndarray]) -> None:
    """A small picture on a page, seen in a reference: the page is left out on both sides."""
    picture = photos["cat"]
    page = np.full((900, 800, 3), 245, np.uint8)
    page[100 : 100 + picture.shape[0], 200 : 200 + picture.shape[1]] = picture
    for query_of, reference_of in ((page, picture), (picture, page)):
        query, fit = placed(query_of, sketch(reference_of))
        mine, theirs = align_regions(query, sketch(reference_of), fit)
        for side in (mine, theirs):
            assert (side == 245).all(axis=2).mean() < 0.2
        assert difference(mine, theirs) < 20


def test_a_mirrored_copy_is_cut_out_as_exactly_as_a_plain_one(photos: dict[str, np.ndarray]) -> None:
    missed = {}
    for mirrored in (False, True):
        cuts = []
        for picture in photos.values():
            query, fit = placed(edited(picture, mirrored=mirrored, zoom=1, quality=95), sketch(picture))
            cuts.append(difference(*align_regions(query, sketch(picture), fit)))
        missed[mirrored] = np.mean(cuts)
    assert missed[True] < 1.25 * missed[False], missed


def test_a_mirrored_copy_is_placed_as_exactly_as_a_plain_one(photos: dict[str, np.ndarray]) -> None:
    """By the mean error of the corners across, in pixels of the grid on which points are sought."""
    missed = {}
    for mirrored in (False, True):
        errors = []
        for picture in photos.values():
            height, width = picture.shape[:2]
            _, fit = placed(edited(picture, mirrored=mirrored, zoom=1, quality=95), sketch(picture))
            left, right = width // 10, width * 9 // 10
            true = [width - left, width - right] if mirrored else [left, right]
            (x0, _), (x1, _), (x2, _), (x3, _) = fit.placement.quad
            errors.append(
                np.mean([x0 - true[0], x1 - true[1], x2 - true[1], x3 - true[0]]) * DETECTION_SIDE / max(width, height)
            )
        missed[mirrored] = abs(np.mean(errors))
    assert missed[True] < missed[False] + 0.15, missed


# Who is asked -------------------------------------------------------------------------------------


class Embed:
    """A model that is no model: two unit vectors at a known angle, and the levels it was given."""

    def __init__(self, cosine: float, levels: tuple[float, float]) -> None:
        self.vectors = np.zeros((2, 512), np.float16)
        self.vectors[0, 0], self.vectors[1, :2] = 1, (cosine, np.sqrt(1 - cosine**2))
        self.levels = np.array(levels, np.float32)
        self.asked: list[list[np.ndarray]] = []

    def __call__(self, pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        self.asked.append(pictures)
        return self.vectors, self.levels


@pytest.fixture(scope="module")
def pair(photos: dict[str, np.ndarray]) -> tuple[LocalFeatures, LocalFeatures, PlacementFit]:
    """A copy, its original, and a fit beyond doubt."""
    reference = sketch(photos["cat"])
    query, fit = placed(edited(photos["cat"]), reference)
    return query, reference, fit


def test_a_sure_fit_is_not_looked_at_again(pair: tuple[LocalFeatures, LocalFeatures, PlacementFit]) -> None:
    query, reference, fit = pair
    embed = Embed(0.1, (0.0, 0.0))
    assert is_conclusive(fit)
    assert compute_region_similarity(query, reference, fit, embed) == CONCLUSIVE_SIMILARITY
    assert embed.asked == []


def test_a_loose_fit_is_worth_nothing_and_asks_nobody(pair: tuple[LocalFeatures, LocalFeatures, PlacementFit]) -> None:
    query, reference, fit = pair
    embed = Embed(0.9, (0.0, 0.0))
    loose = replace(fit, reprojection_error=1.0)
    assert not loose.is_verified
    assert compute_region_similarity(query, reference, loose, embed) == 0.0
    assert embed.asked == []


@pytest.mark.parametrize("doubt", [(8, 0.9, 0.3), (100, 0.3, 0.3), (100, 0.9, 0.7)])
def test_a_fit_in_doubt_is_shown_to_the_model_once(
    pair: tuple[LocalFeatures, LocalFeatures, PlacementFit], doubt: tuple[int, float, float]
) -> None:
    query, reference, fit = pair
    inliers, agreement, miss = doubt
    doubtful = replace(
        fit, placement=replace(fit.placement, inliers=inliers), median_ncc=agreement, reprojection_error=miss
    )
    assert doubtful.is_verified and not is_conclusive(doubtful)
    embed = Embed(0.8, (0.1, 0.25))
    assert compute_region_similarity(query, reference, doubtful, embed) == pytest.approx(0.8 - 0.25, abs=2e-3)
    (asked,) = embed.asked
    assert len(asked) == 2
    for shown, cut in zip(asked, align_regions(query, reference, doubtful), strict=True):
        assert (shown == cut).all()


def test_the_model_sees_a_copy_and_a_stranger_apart(
    photos: dict[str, np.ndarray], pair: tuple[LocalFeatures, LocalFeatures, PlacementFit]
) -> None:
    """With the real model: the copy's area is alike, and the same fit laid on another photograph is not."""
    from mediafp.fingerprints.registry import fingerprint_type

    def embed(pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        return fingerprint_type("sscd").extract(pictures)[0], np.zeros(2, np.float32)

    query, reference, fit = pair
    doubtful = replace(fit, median_ncc=0.3)
    other = np.asarray(Image.fromarray(photos["temple"]).resize(reference.size))
    assert compute_region_similarity(query, reference, doubtful, embed) > CONCLUSIVE_SIMILARITY
    assert compute_region_similarity(query, sketch(other), doubtful, embed) < 0.3


def test_a_sure_fit_is_looked_at_again_where_a_part_of_the_picture_differs(photos: dict[str, np.ndarray]) -> None:
    reference = sketch(photos["motorcycle"])
    query, fit = placed(edited(photos["motorcycle"], mirrored=False, zoom=0.9), reference)
    assert is_conclusive(fit)
    asked: list[int] = []

    def embed(pictures: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        asked.append(len(pictures))
        return np.eye(2, 512, dtype=np.float16), np.zeros(2, np.float32)

    assert (
        compute_region_similarity(query, reference, replace(fit, matching_blocks=1.0), embed) == CONCLUSIVE_SIMILARITY
        and not asked
    )
    assert compute_region_similarity(query, reference, replace(fit, matching_blocks=0.5), embed) == 0.0 and asked == [2]
