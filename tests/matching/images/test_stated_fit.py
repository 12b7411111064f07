"""What a verified placement states: the exact map, no mirroring of a symmetric drawing, and what both images show."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mediafp.matching.images.changes import find_changes
from mediafp.matching.images.dense_grid import compare_densely
from mediafp.matching.images.placement import place_all_occurrences, place_image
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.stated_fit import state_fit
from mediafp.matching.local_features import LocalFeatures, query_features
from mediafp.types.geometry import image_corners, transform_points
from mediafp.types.matches import Change
from mediafp.types.media import Pixels

SIZE = WIDTH, HEIGHT = 400, 300
CROP = LEFT, TOP, RIGHT, BOTTOM = 80, 60, 340, 260
"""Part of the photograph that is shown: .2, .2, .15 and .13 of its sides are missing."""
MISSING = (0.2, 0.2, 0.15, 0.1333)


@pytest.fixture(scope="module")
def photo(photos: dict[str, np.ndarray]) -> Pixels:
    return cv2.resize(photos["coffee"], SIZE, interpolation=cv2.INTER_AREA)


def recompressed(pixels: Pixels) -> Pixels:
    _, jpeg = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1])


def on_page(picture: Pixels, seed: int = 1) -> Pixels:
    """Return a page of lines of text with a picture in it, at (170, 220)."""
    page = np.full((700, 640, 3), 255, np.uint8)
    rng = np.random.default_rng(seed)
    for line in range(7):
        words = " ".join("abcdefghijklmnop"[n : n + 5] for n in rng.integers(0, 10, 9))
        cv2.putText(page, words, (12, 40 + 100 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (30, 30, 30), 2)
    height, width = picture.shape[:2]
    page[220 : 220 + height, 170 : 170 + width] = picture
    return page


def stated(query: Pixels, reference: Pixels) -> tuple[PlacementFit, PlacementFit, tuple[Change, ...]]:
    """Return the placement of a query in a reference, as found and as stated, and the changes of the latter."""
    sides = query_features(query, query.shape[1::-1]), LocalFeatures(reference, reference.shape[1::-1])
    fit = place_image(*sides)
    assert fit is not None
    fit = replace(fit, dense=compare_densely(*sides, fit.placement))
    assert fit.is_verified
    found = state_fit(fit, *sides)
    assert found.dense
    return fit, found, find_changes(*sides, found.dense)


def test_crop_on_a_page_ends_where_the_page_begins(photo: Pixels) -> None:
    query = recompressed(on_page(photo[TOP:BOTTOM, LEFT:RIGHT]))
    fit, found, changes = stated(query, photo)
    assert fit.placement.removed == (0, 0, 0, 0)
    assert found.placement.removed == pytest.approx(MISSING, abs=0.02)
    assert found.placement.covered == pytest.approx((RIGHT - LEFT) * (BOTTOM - TOP) / (WIDTH * HEIGHT), abs=0.02)
    assert found.placement.shown == pytest.approx((RIGHT - LEFT) * (BOTTOM - TOP) / (700 * 640), abs=0.01)
    assert found.placement.quad == fit.placement.quad and not changes


def test_picture_that_a_page_crops_ends_where_the_page_begins(photo: Pixels) -> None:
    """The same two images, asked about the other way round."""
    page = on_page(photo[TOP:BOTTOM, LEFT:RIGHT])
    found = stated(recompressed(photo), page)[1]
    assert found.placement.shown == pytest.approx((RIGHT - LEFT) * (BOTTOM - TOP) / (WIDTH * HEIGHT), abs=0.02)
    assert found.placement.removed == pytest.approx((170 / 640, 220 / 700, 210 / 640, 280 / 700), abs=0.02)


@pytest.mark.parametrize("degrees", [-25, 8, 40])
def test_rotated_crop_on_a_page_has_the_sides_of_the_crop(photo: Pixels, degrees: float) -> None:
    crop = photo[TOP:BOTTOM, LEFT:RIGHT]
    height, width = crop.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    turn[:, 2] += (320 - width / 2, 350 - height / 2)
    mask = cv2.warpAffine(np.full((height, width), 255, np.uint8), turn, (640, 700))
    page = on_page(crop[:1, :1])
    page[mask > 127] = cv2.warpAffine(crop, turn, (640, 700), flags=cv2.INTER_AREA)[mask > 127]
    assert stated(recompressed(page), photo)[1].placement.removed == pytest.approx(MISSING, abs=0.03)


def test_border_in_place_of_what_was_cropped_is_not_shown(photo: Pixels) -> None:
    query = cv2.copyMakeBorder(photo[TOP:, :], 30, 0, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    fit, found, _ = stated(recompressed(query), photo)
    assert fit.placement.removed[1] == pytest.approx(0.1, abs=0.01)
    assert found.placement.removed == pytest.approx((0, 0.2, 0, 0), abs=0.02)


def test_whole_picture_on_a_page_is_shown_whole(photo: Pixels) -> None:
    query = recompressed(on_page(photo))
    assert stated(query, photo)[1].placement.removed == (0, 0, 0, 0)


def test_caption_over_an_edge_that_both_have_is_a_change(photo: Pixels) -> None:
    query = photo.copy()
    query[250:] = 0
    cv2.putText(query, "BREAKING NEWS TODAY", (10, 285), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (255, 255, 255), 2)
    fit, found, changes = stated(recompressed(query), photo)
    assert found.placement == fit.placement
    assert len(changes) == 1 and np.mean(changes[0].box, axis=0)[1] > 250


def test_difference_in_the_middle_changes_no_side(photo: Pixels) -> None:
    query = photo.copy()
    query[40:260, 60:340] = np.random.default_rng(1).integers(0, 255, (220, 280, 3), np.uint8)
    fit, found, _ = stated(recompressed(query), photo)
    assert found.placement == fit.placement


def test_crop_at_an_angle_is_stated_by_what_the_images_show(photo: Pixels) -> None:
    """Its keypoints give an affine map: two frames of a camera that turns are joined by a perspective too."""
    width, corners = 340, np.array([[0, 0], [340, 12], [316, 282], [24, 300]], np.float32)
    to_query = cv2.getPerspectiveTransform(image_corners(width, HEIGHT).astype(np.float32), corners)
    crop = np.ascontiguousarray(photo[:, :width])
    query = cv2.warpPerspective(crop, to_query, (width, HEIGHT), flags=cv2.INTER_AREA, borderValue=(128, 128, 128))
    fit, found, _ = stated(recompressed(query), photo)
    true = transform_points(np.linalg.inv(to_query), image_corners(width, HEIGHT))
    errors = [np.linalg.norm(np.array(one.placement.quad) - true, axis=1).max() for one in (fit, found)]
    assert errors[0] > 40 and errors[1] < 10


def draw_symmetric() -> Pixels:
    """Return a drawing that is the same if its left and right sides, or its rows and columns, are exchanged."""
    image = np.full((360, 360, 3), 240, np.uint8)
    rng = np.random.default_rng(3)
    for _ in range(5):
        x, y = rng.integers(30, 150, 2).tolist()
        colour, radius = rng.integers(30, 200, 3).tolist(), int(rng.integers(12, 26))
        for a, b in ((x, y), (y, x)):
            for u, v in ((a, b), (359 - a, b), (a, 359 - b), (359 - a, 359 - b)):
                cv2.rectangle(image, (u - radius, v - radius), (u + radius, v + radius), colour, -1)
    return image


@pytest.mark.parametrize("turned", [False, True])
def test_symmetric_drawing_is_neither_mirrored_nor_rotated(*, turned: bool) -> None:
    drawing = draw_symmetric()
    query = np.ascontiguousarray(np.rot90(drawing[:, ::-1])) if turned else drawing
    sides = query_features(recompressed(query), query.shape[1::-1]), LocalFeatures(drawing, drawing.shape[1::-1])
    fit = place_image(*sides)
    assert fit is not None
    turned_quad = tuple(np.roll(np.array(fit.placement.quad)[::-1], 1, axis=0).tolist())
    other = replace(fit.placement, quad=turned_quad, mirrored=not fit.placement.mirrored, rotation=90.0)
    found = state_fit(replace(fit, placement=other), *sides).placement
    assert not found.mirrored and abs(found.rotation) < 1
    assert np.abs(np.array(found.quad) - image_corners(360, 360)).max() < 3


def test_crop_on_a_page_at_an_angle_keeps_its_other_sides(photo: Pixels) -> None:
    """Under a perspective points far beside the overlap have no place."""
    page = on_page(photo[TOP:BOTTOM, LEFT:])
    corners = np.array([[0, 0], [600, 50], [640, 640], [30, 700]], np.float32)
    to_query = cv2.getPerspectiveTransform(image_corners(640, 700).astype(np.float32), corners)
    query = cv2.warpPerspective(page, to_query, (640, 700), flags=cv2.INTER_AREA)
    found = stated(recompressed(query), photo)[1]
    assert found.placement.removed == pytest.approx((*MISSING[:2], 0, MISSING[3]), abs=0.04)


def test_mirrored_picture_beside_an_upright_one_stays_mirrored(photo: Pixels) -> None:
    """Turned as a whole, the query shows the other one in its place."""
    query = np.full((300, 820, 3), 255, np.uint8)
    query[:, :400], query[:, 420:] = photo[:, ::-1], photo
    sides = query_features(recompressed(query), (820, 300)), LocalFeatures(photo, SIZE)
    found = [state_fit(fit, *sides).placement for fit in place_all_occurrences(*sides)]
    assert sorted(one.mirrored for one in found) == [False, True]


def test_mirrored_photograph_stays_mirrored(photo: Pixels) -> None:
    found = stated(recompressed(np.ascontiguousarray(photo[:, ::-1])), photo)[1]
    assert found.placement.mirrored and abs(found.placement.rotation) < 1
