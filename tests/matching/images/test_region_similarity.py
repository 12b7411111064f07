"""Region similarity: both regions on one pixel grid, and the full model only where a fit is inconclusive."""

import io
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from mediafp.matching.images.placement import place_image
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.region_similarity import (
    CONCLUSIVE_SIMILARITY,
    MODEL_INPUT_SIDE,
    align_regions,
    compute_region_similarity,
)
from mediafp.matching.local_features import DETECTION_SIDE, LocalFeatures, query_features
from mediafp.types.geometry import homography_from_corners, image_corners

NAMES = ["portrait", "cat", "temple", "motorcycle", "officer"]


def reference_features(image: np.ndarray) -> LocalFeatures:
    return LocalFeatures(image, (image.shape[1], image.shape[0]))


def make_copy(photo: np.ndarray, *, mirrored: bool = True, zoom: float = 2 / 3, quality: int = 80) -> np.ndarray:
    """A copy that is mirrored, cropped, scaled and recompressed."""
    image = Image.fromarray(photo)
    image = ImageOps.mirror(image) if mirrored else image
    width, height = image.size
    image = image.crop((width // 10, height // 8, width * 9 // 10, height))
    image = image.resize((round(image.width * zoom), round(image.height * zoom)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out))


def placed(image: np.ndarray, reference: LocalFeatures) -> tuple[LocalFeatures, PlacementFit]:
    """The features of a query and its verified fit."""
    query = query_features(image, (image.shape[1], image.shape[0]))
    fit = place_image(query, reference)
    assert fit is not None and fit.is_verified
    return query, fit


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(a.astype(float) - b).mean())


# Regions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("zoom", [1.4, 2 / 3, 1 / 4])
@pytest.mark.parametrize("name", NAMES)
def test_align_regions_returns_the_same_content_of_both_images(
    photos: dict[str, np.ndarray], name: str, zoom: float, mirrored: bool
) -> None:
    reference = reference_features(photos[name])
    query, fit = placed(make_copy(photos[name], mirrored=mirrored, zoom=zoom), reference)
    query_region, reference_region = align_regions(query, reference, fit)
    assert query_region.shape == reference_region.shape == (MODEL_INPUT_SIDE, MODEL_INPUT_SIDE, 3)
    assert query_region.dtype == reference_region.dtype == np.uint8
    assert reference_region.std() > 20, "the region is not flat"
    assert difference(query_region, reference_region) < min(
        20, difference(query_region[:, ::-1], reference_region) / 2.5
    )


def test_align_regions_works_on_the_thumbnail_of_a_reference(photos: dict[str, np.ndarray]) -> None:
    photo = photos["motorcycle"]
    thumbnail = Image.fromarray(photo)
    thumbnail.thumbnail((320, 320), Image.Resampling.LANCZOS)
    reference = LocalFeatures(np.asarray(thumbnail), (photo.shape[1], photo.shape[0]))
    query, fit = placed(make_copy(photo), reference)
    query_region, reference_region = align_regions(query, reference, fit)
    assert difference(query_region, reference_region) < min(
        20, difference(query_region[:, ::-1], reference_region) / 2.5
    )


def test_align_regions_undoes_a_rotation(photos: dict[str, np.ndarray]) -> None:
    reference = reference_features(photos["temple"])
    rotated = Image.fromarray(photos["temple"]).rotate(17, Image.Resampling.BICUBIC, expand=True)
    query, fit = placed(np.asarray(rotated), reference)
    query_region, reference_region = align_regions(query, reference, fit)
    inside = query_region.max(axis=2) > 0  # the rotation left black corners, which are not compared
    assert inside.mean() > 0.9
    assert np.abs(query_region.astype(float) - reference_region)[inside].mean() < 20


def test_align_regions_undoes_a_perspective(photos: dict[str, np.ndarray]) -> None:
    photo = photos["temple"]
    height, width = photo.shape[:2]
    corners = np.array([(120, 90), (520, 40), (530, 400), (110, 330)], float)
    matrix = homography_from_corners(image_corners(width, height), corners)
    reference = reference_features(photo)
    query, fit = placed(cv2.warpPerspective(photo, matrix, (640, 440), flags=cv2.INTER_AREA), reference)
    query_region, reference_region = align_regions(query, reference, fit)
    assert difference(query_region, reference_region) < min(
        20, difference(query_region[:, ::-1], reference_region) / 2.5
    )


def test_align_regions_excludes_the_page_around_a_small_image(photos: dict[str, np.ndarray]) -> None:
    photo = photos["cat"]
    page = np.full((900, 800, 3), 245, np.uint8)
    page[100 : 100 + photo.shape[0], 200 : 200 + photo.shape[1]] = photo
    for query_image, reference_image in ((page, photo), (photo, page)):
        reference = reference_features(reference_image)
        query, fit = placed(query_image, reference)
        query_region, reference_region = align_regions(query, reference, fit)
        for region in (query_region, reference_region):
            assert (region == 245).all(axis=2).mean() < 0.2
        assert difference(query_region, reference_region) < 20


def test_align_regions_is_as_exact_for_a_mirrored_copy(photos: dict[str, np.ndarray]) -> None:
    errors = {}
    assert len(photos) >= 5
    for mirrored in (False, True):
        differences = []
        for photo in photos.values():
            reference = reference_features(photo)
            query, fit = placed(make_copy(photo, mirrored=mirrored, zoom=1, quality=95), reference)
            differences.append(difference(*align_regions(query, reference, fit)))
        errors[mirrored] = np.mean(differences)
    assert errors[True] < 1.25 * errors[False], errors


def test_place_image_is_as_exact_for_a_mirrored_copy(photos: dict[str, np.ndarray]) -> None:
    """By the mean error of the corners' x, in pixels of the image on which keypoints are detected."""
    errors = {}
    assert len(photos) >= 5
    for mirrored in (False, True):
        differences = []
        for photo in photos.values():
            height, width = photo.shape[:2]
            copy = make_copy(photo, mirrored=mirrored, zoom=1, quality=95)
            _, fit = placed(copy, reference_features(photo))
            left, right = width // 10, width * 9 // 10
            true = [width - left, width - right] if mirrored else [left, right]
            (x0, _), (x1, _), (x2, _), (x3, _) = fit.placement.quad
            differences.append(
                np.mean([x0 - true[0], x1 - true[1], x2 - true[1], x3 - true[0]]) * DETECTION_SIDE / max(width, height)
            )
        errors[mirrored] = abs(np.mean(differences))
    assert errors[True] < errors[False] + 0.15, errors


# Use of the model ---------------------------------------------------------------------------------


class FakeEmbedder:
    """Two unit vectors at a known angle and given background levels, in place of a model."""

    def __init__(self, cosine: float, levels: tuple[float, float]) -> None:
        self.vectors = np.zeros((2, 512), np.float16)
        self.vectors[0, 0], self.vectors[1, :2] = 1, (cosine, np.sqrt(1 - cosine**2))
        self.levels = np.array(levels, np.float32)
        self.calls: list[list[np.ndarray]] = []

    def __call__(self, images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        self.calls.append(images)
        return self.vectors, self.levels


Pair = tuple[LocalFeatures, LocalFeatures, PlacementFit]


@pytest.fixture(scope="module")
def pair(photos: dict[str, np.ndarray]) -> Pair:
    """A copy, its original, and a conclusive fit."""
    reference = reference_features(photos["cat"])
    query, fit = placed(make_copy(photos["cat"]), reference)
    return query, reference, fit


def test_conclusive_fit_does_not_run_the_model(pair: Pair) -> None:
    query, reference, fit = pair
    embed = FakeEmbedder(0.1, (0.0, 0.0))
    assert fit.is_conclusive
    assert compute_region_similarity(query, reference, fit, embed) == CONCLUSIVE_SIMILARITY
    assert embed.calls == []


def test_unverified_fit_gives_zero_and_does_not_run_the_model(pair: Pair) -> None:
    query, reference, fit = pair
    embed = FakeEmbedder(0.9, (0.0, 0.0))
    unverified = replace(fit, reprojection_error=1.0)
    assert not unverified.is_verified
    assert compute_region_similarity(query, reference, unverified, embed) == 0.0
    assert embed.calls == []


@pytest.mark.parametrize(
    ("inliers", "median_ncc", "reprojection_error"), [(8, 0.9, 0.3), (100, 0.3, 0.3), (100, 0.9, 0.7)]
)
def test_inconclusive_fit_runs_the_model_once(
    pair: Pair, inliers: int, median_ncc: float, reprojection_error: float
) -> None:
    query, reference, fit = pair
    inconclusive = replace(
        fit,
        placement=replace(fit.placement, inliers=inliers),
        median_ncc=median_ncc,
        reprojection_error=reprojection_error,
    )
    assert inconclusive.is_verified and not inconclusive.is_conclusive
    embed = FakeEmbedder(0.8, (0.1, 0.25))
    assert compute_region_similarity(query, reference, inconclusive, embed) == pytest.approx(0.8 - 0.25, abs=2e-3)
    (images,) = embed.calls
    assert len(images) == 2
    for image, region in zip(images, align_regions(query, reference, inconclusive), strict=True):
        assert (image == region).all()


def test_full_model_separates_a_copy_from_another_photograph(photos: dict[str, np.ndarray], pair: Pair) -> None:
    """The region of the copy is similar; the same fit applied to another photograph is not."""
    from mediafp.fingerprints.registry import fingerprint_type

    def embed(images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        return fingerprint_type("sscd").extract(images)[0], np.zeros(2, np.float32)

    query, reference, fit = pair
    inconclusive = replace(fit, median_ncc=0.3)
    other = reference_features(np.asarray(Image.fromarray(photos["temple"]).resize(reference.size)))
    assert compute_region_similarity(query, reference, inconclusive, embed) > CONCLUSIVE_SIMILARITY
    assert compute_region_similarity(query, other, inconclusive, embed) < 0.3


def test_conclusive_fit_with_few_matching_blocks_runs_the_model(photos: dict[str, np.ndarray]) -> None:
    reference = reference_features(photos["motorcycle"])
    query, fit = placed(make_copy(photos["motorcycle"], mirrored=False, zoom=0.9), reference)
    assert fit.is_conclusive
    calls: list[int] = []

    def embed(images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        calls.append(len(images))
        return np.eye(2, 512, dtype=np.float16), np.zeros(2, np.float32)

    covered = replace(fit, matching_blocks=0.5)
    full = replace(fit, matching_blocks=1.0)
    assert compute_region_similarity(query, reference, full, embed) == CONCLUSIVE_SIMILARITY and not calls
    assert compute_region_similarity(query, reference, covered, embed) == 0.0 and calls == [2]
