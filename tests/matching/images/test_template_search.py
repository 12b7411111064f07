"""Crops without keypoints, and photographs that show through another one, compared pixel by pixel."""

from itertools import permutations

import cv2
import numpy as np
import pytest
from fake_references import FakeAsset, FakeReferences, even_spans, random_embeddings, random_hashes
from PIL import Image, ImageDraw, ImageFont

from mediafp.matching.images.compare import match_image
from mediafp.matching.images.part_placement import place_part
from mediafp.matching.images.placement import place_image, place_small_crop
from mediafp.matching.images.search import ImageQuery
from mediafp.matching.images.template_search import Template, place_template, resembles_whole
from mediafp.matching.local_features import LocalFeatures, query_features
from mediafp.types.geometry import box_corners, homography_from_corners, image_corners, transform_points

SMOOTH = 7.0
"""Standard deviation, in pixels, of a blur after which a quarter of a photograph has too few keypoints to be placed."""


def smooth(photo: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(photo, (0, 0), SMOOTH), np.uint8)


def middle(photo: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return the middle of an image, a sixteenth of its area, and its corners, clockwise from the left top."""
    height, width = photo.shape[:2]
    left, top, right, bottom = width * 3 // 8, height * 3 // 8, width * 5 // 8, height * 5 // 8
    return np.ascontiguousarray(photo[top:bottom, left:right]), [
        (left, top),
        (right, top),
        (right, bottom),
        (left, bottom),
    ]


def recompressed(pixels: np.ndarray, quality: int = 80) -> np.ndarray:
    _, jpeg = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1])


def as_query(pixels: np.ndarray) -> LocalFeatures:
    return query_features(pixels, pixels.shape[1::-1])


def as_reference(pixels: np.ndarray) -> LocalFeatures:
    return LocalFeatures(pixels, pixels.shape[1::-1])


def is_placed_by_keypoints(query: LocalFeatures, reference: LocalFeatures) -> bool:
    return any(fit and fit.is_verified for fit in (place_image(query, reference), place_small_crop(query, reference)))


@pytest.mark.parametrize("mirrored", [False, True])
def test_crop_without_keypoints_is_placed_to_the_pixel(photos: dict[str, np.ndarray], *, mirrored: bool) -> None:
    placed = by_keypoints = 0
    for name, photo in photos.items():
        reference = smooth(photo)
        crop, corners = middle(reference)
        brighter = np.clip(crop.astype(np.float32) * 0.9 + 20, 0, 255).astype(np.uint8)
        query = as_query(recompressed(np.ascontiguousarray(brighter[:, ::-1]) if mirrored else brighter))
        by_keypoints += is_placed_by_keypoints(query, as_reference(reference))
        fit = place_template(Template(query, mirrored=mirrored), as_reference(reference))
        if fit is None:
            continue
        placed += 1
        assert fit.is_verified and fit.by_blocks and fit.placement.mirrored == mirrored, name
        true = [corners[n] for n in ((1, 0, 3, 2) if mirrored else (0, 1, 2, 3))]
        assert np.abs(np.array(fit.placement.quad) - true).max() < 0.01 * max(photo.shape), name
        assert fit.placement.shown > 0.97 and fit.placement.covered == pytest.approx(1 / 16, abs=0.005), name
    assert placed >= 7 and by_keypoints < placed - 2


def test_crop_in_another_size_is_placed(photos: dict[str, np.ndarray]) -> None:
    for zoom in (0.5, 0.83, 1.7):
        crop, corners = middle(photos["portrait"])
        query = as_query(cv2.resize(crop, None, fx=zoom, fy=zoom))
        fit = place_template(Template(query, mirrored=False), as_reference(photos["portrait"]))
        assert fit is not None, zoom
        assert np.abs(np.array(fit.placement.quad) - corners).max() < 4, zoom


def test_crop_is_not_placed_in_another_photograph(photos: dict[str, np.ndarray]) -> None:
    for a, b in permutations(sorted(photos), 2):
        for edit in (smooth, np.asarray):
            crop, _ = middle(edit(photos[a]))
            for mirrored in (False, True):
                assert (
                    place_template(Template(as_query(crop), mirrored=mirrored), as_reference(edit(photos[b]))) is None
                ), (a, b)


def test_part_of_a_drawing_is_not_placed() -> None:
    """Parts of charts and pages of one make are the same pixel by pixel, and prove nothing."""
    pages = []
    for title in ("Exports of steel", "Visitors by month"):
        page = Image.new("RGB", (640, 480), "white")
        draw = ImageDraw.Draw(page)
        draw.text((30, 20), title, "black", ImageFont.load_default(30))
        for n in range(9):
            draw.text((30, 90 + 40 * n), f"Province {n + 1}", "black", ImageFont.load_default(22))
            draw.rectangle((200, 92 + 40 * n, 300 + 30 * n, 112 + 40 * n), "#1f77b4")
        pages.append(np.asarray(page))
    part = np.ascontiguousarray(pages[0][200:400, 20:300])
    assert place_template(Template(as_query(part), mirrored=False), as_reference(pages[1])) is None


def test_photograph_that_shows_through_another_one_resembles_it(photos: dict[str, np.ndarray]) -> None:
    for a, b in permutations(sorted(photos), 2):
        size = photos[a].shape[1::-1]
        other = cv2.resize(photos[b], size)
        blended = cv2.addWeighted(photos[a], 0.65, other, 0.35, 0)
        assert resembles_whole(as_query(blended), as_reference(photos[a])), (a, b)
        assert resembles_whole(as_query(np.ascontiguousarray(blended[:, ::-1])), as_reference(photos[a])), (a, b)
        assert not resembles_whole(as_query(photos[b]), as_reference(photos[a])), (a, b)


def test_flat_image_resembles_nothing(photos: dict[str, np.ndarray]) -> None:
    flat = as_query(np.full((90, 120, 3), 77, np.uint8))
    assert not resembles_whole(flat, as_reference(photos["cat"]))
    assert place_template(Template(flat, mirrored=False), as_reference(photos["cat"])) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (7, 5)])
def test_image_of_any_size_can_be_sought(photos: dict[str, np.ndarray], size: tuple[int, int]) -> None:
    tiny = np.ascontiguousarray(photos["cat"][: size[1], : size[0]])
    for query, reference in ((tiny, photos["cat"]), (photos["cat"], tiny), (tiny, tiny)):
        place_template(Template(as_query(query), mirrored=False), as_reference(reference))
        resembles_whole(as_query(query), as_reference(reference))


def test_match_states_the_blocks_of_a_crop_without_keypoints(photos: dict[str, np.ndarray]) -> None:
    reference = smooth(photos["temple"])
    crop, _ = middle(reference)
    asset = FakeAsset("image", random_embeddings(1, 1), random_hashes(1, 1), even_spans(1), {0: reference})
    query = ImageQuery(
        embeddings=random_embeddings(1, 2),
        boxes=(None,),
        primary_crops=1,
        rectangles=(),
        quality=1.0,
        pdq=random_hashes(8, 2),
        local_features=as_query(recompressed(crop)),
    )
    best = match_image(query, FakeReferences({"temple": asset}))[0]
    assert best.verdict == "copy" and best.probability > 0.9 and best.placement is not None
    assert best.why[0] == f"{best.placement.inliers} blocks of the image agree on one placement"
    assert any("of the reference is missing from the query" in reason for reason in best.why)


def cut_out(photo: np.ndarray, ground: np.ndarray) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Return the middle of a photograph, an ellipse, on another one, and the box of the part that shows it."""
    height, width = photo.shape[:2]
    shape = np.zeros((height, width, 1), np.uint8)
    cv2.ellipse(shape, (width // 2, height // 2), (width * 3 // 10, height * 3 // 10), 0, 0, 360, 1, -1)
    composed = np.where(shape > 0, photo, cv2.resize(ground, (width, height), interpolation=cv2.INTER_AREA))
    return recompressed(composed), (width // 4, height // 4, width * 3 // 4, height * 3 // 4)


@pytest.mark.parametrize("mirrored", [False, True])
def test_cut_out_without_keypoints_is_placed_on_another_ground(
    photos: dict[str, np.ndarray], *, mirrored: bool
) -> None:
    placed = by_keypoints = 0
    for name, photo in photos.items():
        reference = smooth(photo)
        image, box = cut_out(reference, photos["coffee" if name != "coffee" else "cat"])
        height, width = image.shape[:2]
        query = as_query(np.ascontiguousarray(image[:, ::-1]) if mirrored else image)
        by_keypoints += is_placed_by_keypoints(query, as_reference(reference))
        fit = place_part(query, box, as_reference(reference))
        if fit is None:
            continue
        placed += 1
        assert fit.is_verified and fit.by_blocks and fit.placement.mirrored == mirrored, name
        # Where the part lies: far from it, the corners of the image are less exact.
        to_reference = homography_from_corners(image_corners(width, height), np.array(fit.placement.quad))
        shown = box_corners(box)
        true = shown * (-1, 1) + (width, 0) if mirrored else shown
        assert np.abs(transform_points(to_reference, shown) - true).max() < 0.02 * max(photo.shape), name
    assert placed > by_keypoints and placed >= 3


def test_part_of_another_photograph_is_not_placed(photos: dict[str, np.ndarray]) -> None:
    for name, other in permutations(photos, 2):
        image, box = cut_out(smooth(photos[name]), photos[name])
        assert place_part(as_query(image), box, as_reference(smooth(photos[other]))) is None, (name, other)


def test_part_too_small_to_show_anything_is_not_placed(photos: dict[str, np.ndarray]) -> None:
    assert place_part(as_query(photos["cat"]), (10, 10, 20, 20), as_reference(photos["cat"])) is None
