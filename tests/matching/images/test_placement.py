"""Placement of copies whose geometry is known, and of images that are no copies."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mediafp.case.case import Case
from mediafp.matching.images.placement import place_all_occurrences, place_image, place_small_crop
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.local_features import LocalFeatures, query_features
from mediafp.report import jsonl
from mediafp.types.geometry import homography_from_corners, image_corners, polygon_area, reference_to_query


def as_reference(pixels: np.ndarray) -> LocalFeatures:
    return LocalFeatures(pixels, (pixels.shape[1], pixels.shape[0]))


def as_query(pixels: np.ndarray) -> LocalFeatures:
    return query_features(pixels, (pixels.shape[1], pixels.shape[0]))


def pairs_of_photos(photos: dict[str, np.ndarray]) -> list[tuple[str, str]]:
    """Seven pairs of different photographs."""
    pairs = list(pairwise(sorted(photos)))
    assert len(pairs) == 7
    return pairs


@pytest.mark.parametrize("name", ["portrait", "cat", "temple", "motorcycle"])
def test_place_image_returns_the_position_of_a_crop(photos: dict[str, np.ndarray], name: str) -> None:
    reference = photos[name]
    height, width = reference.shape[:2]
    left, top, right, bottom = width // 8, 0, width, height * 4 // 5
    fit = place_image(as_query(np.ascontiguousarray(reference[top:bottom, left:right])), as_reference(reference))
    assert fit is not None
    true = [(left, top), (right, top), (right, bottom), (left, bottom)]
    assert np.abs(np.array(fit.placement.quad) - true).max() < 0.02 * max(width, height)
    assert fit.placement.removed[0] == pytest.approx(1 / 8, abs=0.02)
    assert fit.placement.removed[3] == pytest.approx(1 / 5, abs=0.02)
    assert fit.placement.covered == pytest.approx(7 / 8 * 4 / 5, abs=0.03)
    assert not fit.placement.mirrored


def test_quad_of_a_mirrored_image_has_exchanged_corners(photos: dict[str, np.ndarray]) -> None:
    reference = photos["cat"]
    height, width = reference.shape[:2]
    fit = place_image(as_query(np.ascontiguousarray(reference[:, ::-1])), as_reference(reference))
    assert fit is not None and fit.placement.mirrored
    assert np.abs(np.array(fit.placement.quad) - [(width, 0), (0, 0), (0, height), (width, height)]).max() < 8
    assert abs(fit.placement.rotation) < 1


def test_place_image_returns_rotation_and_scale(photos: dict[str, np.ndarray]) -> None:
    reference = photos["temple"]
    rotated = Image.fromarray(reference).rotate(20, expand=True)
    half = np.asarray(rotated.resize((rotated.width // 2, rotated.height // 2), Image.Resampling.LANCZOS))
    fit = place_image(as_query(half), as_reference(reference))
    assert fit is not None
    assert fit.placement.rotation == pytest.approx(20, abs=1)
    assert fit.placement.scale == pytest.approx(2, abs=0.05)


def test_place_image_returns_none_for_unrelated_images(photos: dict[str, np.ndarray]) -> None:
    for a, b in pairs_of_photos(photos):
        assert place_image(as_query(photos[a]), as_reference(photos[b])) is None, (a, b)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (64, 64, 3)])
def test_place_image_returns_none_for_flat_images(photos: dict[str, np.ndarray], shape: tuple[int, ...]) -> None:
    flat = np.full(shape, 90, np.uint8)
    assert place_image(as_query(flat), as_reference(flat)) is None
    assert place_image(as_query(flat), as_reference(photos["cat"])) is None


def test_place_image_finds_a_small_image_in_a_screenshot_by_a_crop(photos: dict[str, np.ndarray]) -> None:
    reference = photos["temple"]
    page = np.full((900, 700, 3), 245, np.uint8)
    small = np.asarray(Image.fromarray(reference).resize((160, 107), Image.Resampling.LANCZOS))
    page[60:167, 40:200] = small
    fit = place_image(as_query(page), as_reference(reference), (0, 0, 350, 450))
    assert fit is not None and not fit.placement.mirrored
    scale = reference.shape[1] / 160
    assert np.abs(np.array(fit.placement.quad[0]) - (-40 * scale, -60 * scale)).max() < 12
    assert fit.placement.covered > 0.95


def test_fit_of_a_copy_has_small_error_and_high_support(photos: dict[str, np.ndarray]) -> None:
    assert len(photos) == 8
    for name, photo in sorted(photos.items()):
        half = np.ascontiguousarray(photo[::2, ::2])
        fit = place_image(as_query(half), as_reference(photo))
        assert fit is not None, name
        assert fit.reprojection_error < 0.6 and fit.support > 0.2 and fit.median_ncc > 0.8, (
            name,
            fit.reprojection_error,
            fit.support,
        )


@pytest.mark.parametrize("degrees", [15, 45, 90, 120, 180])
@pytest.mark.parametrize("mirrored", [False, True])
def test_rotation_is_that_of_the_visible_content(photos: dict[str, np.ndarray], degrees: int, mirrored: bool) -> None:
    image = Image.fromarray(photos["coffee"])
    rotated = (ImageOps.mirror(image) if mirrored else image).rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    fit = place_image(as_query(np.asarray(rotated)), as_reference(photos["coffee"]))
    assert fit is not None and fit.is_verified
    assert fit.placement.mirrored == mirrored
    assert abs((fit.placement.rotation - degrees + 180) % 360 - 180) < 1
    assert fit.placement.covered > 0.98


# Perspective --------------------------------------------------------------------------------------


def in_perspective(pixels: np.ndarray, background: np.ndarray, corners: list[tuple[int, int]]) -> np.ndarray:
    """The background with an image pasted on it, its corners at the given points."""
    height, width = pixels.shape[:2]
    matrix = homography_from_corners(image_corners(width, height), np.array(corners))
    size = background.shape[1], background.shape[0]
    warped = cv2.warpPerspective(pixels, matrix, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, size)
    return np.where(mask[..., None] > 127, warped, background).astype(np.uint8)


def reference_corners_in_query(fit: PlacementFit, query: np.ndarray, reference: np.ndarray) -> np.ndarray:
    return reference_to_query(fit.placement.quad, query.shape[1::-1], image_corners(*reference.shape[1::-1]))


PASTED_CORNERS = [(120, 90), (520, 40), (530, 400), (110, 330)]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("name", ["cat", "temple", "motorcycle", "portrait"])
def test_place_image_finds_an_image_on_a_wall_in_perspective(
    photos: dict[str, np.ndarray], name: str, mirrored: bool
) -> None:
    reference = photos[name]
    background = np.asarray(Image.fromarray(photos["flower"]).resize((640, 440)))
    pasted = np.ascontiguousarray(reference[:, ::-1]) if mirrored else reference
    query = in_perspective(pasted, background, PASTED_CORNERS)
    fit = place_image(as_query(query), as_reference(reference))
    assert fit is not None and fit.is_verified
    assert fit.placement.mirrored == mirrored
    true = np.array(PASTED_CORNERS)[[1, 0, 3, 2]] if mirrored else np.array(PASTED_CORNERS)
    assert np.linalg.norm(reference_corners_in_query(fit, query, reference) - true, axis=1).max() < 8
    assert fit.placement.covered > 0.97
    assert fit.placement.shown == pytest.approx(polygon_area(np.array(PASTED_CORNERS)) / (640 * 440), abs=0.02)
    assert fit.placement.scale == pytest.approx(
        (np.prod(reference.shape[:2]) / polygon_area(np.array(PASTED_CORNERS))) ** 0.5, rel=0.35
    )


def test_place_image_finds_a_photograph_of_a_screen_in_perspective(photos: dict[str, np.ndarray]) -> None:
    """A part of the screen is cut off, so that each corner of the query is inside the reference."""
    reference = photos["temple"]
    height, width = reference.shape[:2]
    quad = np.array([(60, 80), (width - 30, 30), (width - 60, height - 20), (40, height - 70)], float)
    query = cv2.warpPerspective(
        reference, homography_from_corners(quad, image_corners(600, 400)), (600, 400), flags=cv2.INTER_AREA
    )
    fit = place_image(as_query(query), as_reference(reference))
    assert fit is not None and fit.is_verified
    assert np.abs(np.array(fit.placement.quad) - quad).max() < 4
    assert fit.placement.shown == pytest.approx(1, abs=0.01)


def test_flat_copy_gets_an_affine_quad(photos: dict[str, np.ndarray]) -> None:
    assert len(photos) == 8
    for name, photo in sorted(photos.items()):
        small = np.asarray(Image.fromarray(photo).reduce(3).resize((400, 300)))
        fit = place_image(as_query(small), as_reference(photo))
        assert fit is not None, name
        a, b, c, d = np.array(fit.placement.quad)
        assert np.abs(a + c - b - d).max() < 0.1, f"the quad of {name} is no parallelogram"


def test_camera_that_turned_gives_no_perspective_placement(photos: dict[str, np.ndarray]) -> None:
    """Each image shows an area that the other lacks, and one is at an angle: two photographs, and no copy."""
    whole = photos["temple"]
    left, right = np.ascontiguousarray(whole[:, :440]), np.ascontiguousarray(whole[:, 200:])
    height, width = right.shape[:2]
    tilt = homography_from_corners(
        np.array([(0, 40), (width, 0), (width, height), (0, height - 40)], float), image_corners(width, height)
    )
    fit = place_image(as_query(cv2.warpPerspective(right, tilt, (width, height))), as_reference(left))
    assert fit is not None
    a, b, c, d = np.array(fit.placement.quad)
    assert np.abs(a + c - b - d).max() < 0.1, "the quad is a parallelogram: the map is affine"
    assert not fit.is_conclusive


# Several copies -----------------------------------------------------------------------------------


def collage(images: list[Image.Image], columns: int, cell: tuple[int, int] = (300, 220)) -> np.ndarray:
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (cell[0] * columns, cell[1] * rows), "white")
    for n, image in enumerate(images):
        sheet.paste(
            ImageOps.contain(image, (cell[0] - 8, cell[1] - 8)), (n % columns * cell[0], n // columns * cell[1])
        )
    return np.asarray(sheet)


def test_place_all_occurrences_returns_every_occurrence_in_a_collage(photos: dict[str, np.ndarray]) -> None:
    cat, other = Image.fromarray(photos["cat"]), Image.fromarray(photos["coffee"])
    sheet = collage([cat, other, ImageOps.mirror(cat), other, cat, other], 2)
    fits = place_all_occurrences(as_query(sheet), as_reference(photos["cat"]))
    assert len(fits) == 3 and all(fit.is_verified for fit in fits)
    assert sorted(fit.placement.mirrored for fit in fits) == [False, False, True]
    centres = sorted(
        tuple(reference_corners_in_query(fit, sheet, photos["cat"]).mean(axis=0).round(-1)) for fit in fits
    )
    width, height = ImageOps.contain(cat, (292, 212)).size
    true = [(width / 2, height / 2 + 220 * row) for row in range(3)]
    assert np.abs(np.array(centres) - true).max() < 12
    assert min(fit.support for fit in fits) > 0.2, "each fit is measured by its own keypoints"


def test_place_all_occurrences_returns_a_single_occurrence_once(photos: dict[str, np.ndarray]) -> None:
    """Alone, beside other images, and if the reference itself is a repeated pattern."""
    assert len(photos) == 8
    for name, photo in sorted(photos.items()):
        others = [Image.fromarray(photos[other]) for other in sorted(photos) if other != name][:3]
        sheet = collage([Image.fromarray(photo), *others], 2)
        assert len(place_all_occurrences(as_query(photo), as_reference(photo))) == 1, name
        assert len(place_all_occurrences(as_query(sheet), as_reference(photo))) == 1, name
    tile = np.tile(np.asarray(Image.fromarray(photos["coffee"]).resize((80, 60))), (5, 5, 1))
    page = np.full((500, 700, 3), 245, np.uint8)
    page[50:350, 40:440] = tile
    assert len(place_all_occurrences(as_query(page), as_reference(tile))) <= 1


def test_match_of_a_collage_has_all_placements(case: Case, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    """Through ingest and match: each occurrence has its placement, in the reasons and in the contract's JSON object."""
    (tmp_path / "references").mkdir()
    for name in ("cat", "coffee"):
        Image.fromarray(photos[name]).save(tmp_path / "references" / f"{name}.png")
    assert [outcome.status for outcome in case.ingest([tmp_path / "references"])] == ["added", "added"]
    cat, other = Image.fromarray(photos["cat"]), Image.fromarray(photos["flower"])
    Image.fromarray(collage([cat, other, other, cat], 2)).save(tmp_path / "sheet.png")
    (result,) = case.match([tmp_path / "sheet.png"])
    match = result.matches[0]
    assert match.uris[0].endswith("cat.png") and match.verdict == "copy"
    assert match.placement is not None and len(match.more_placements) == 1
    assert "the query shows the reference 2 times" in match.why
    assert match.coverage[0] == pytest.approx(match.placement.shown + match.more_placements[0].shown, abs=1e-3)
    written = jsonl.match_to_json(match)
    assert [further["quad"] for further in written["more_placements"]] == [
        list(map(list, match.more_placements[0].quad))
    ]
    assert written["more_placements"][0].keys() == written["placement"].keys()


def test_place_all_occurrences_returns_none_for_unrelated_images(photos: dict[str, np.ndarray]) -> None:
    sheet = collage([Image.fromarray(photos[name]) for name in ("cat", "coffee", "temple", "flower")], 2)
    assert place_all_occurrences(as_query(sheet), as_reference(photos["motorcycle"])) == []


# Images that are no copies ------------------------------------------------------------------------


def add_logo(photo: np.ndarray, *, right: bool) -> np.ndarray:
    image = ImageOps.fit(Image.fromarray(photo), (480, 320))
    logo = Image.new("RGB", (240, 120), (10, 30, 120))
    draw = ImageDraw.Draw(logo)
    draw.text((14, 4), "LIVE TV", "white", ImageFont.load_default(56))
    draw.text((14, 72), "channel 24", "yellow", ImageFont.load_default(36))
    small = logo.resize((96, 48), Image.Resampling.LANCZOS)
    image.paste(small, (image.width - 104, image.height - 56) if right else (8, 8))
    return np.asarray(image)


@pytest.mark.parametrize("right", [False, True])
def test_logo_does_not_verify_two_photographs(photos: dict[str, np.ndarray], right: bool) -> None:
    for a, b in pairs_of_photos(photos):
        query, reference = add_logo(photos[a], right=right), add_logo(photos[b], right=True)
        fit = place_image(as_query(query), as_reference(reference))
        assert fit is None or not (fit.is_verified or fit.is_conclusive), (a, b)


def text_page(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    words = [
        "where",
        "water",
        "under",
        "a",
        "bridge",
        "ran",
        "high",
        "cold",
        "evening",
        "talking",
        "of",
        "old",
        "ships",
    ]
    page = Image.new("RGB", (480, 640), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(18)
    for y in range(10, 610, 25):
        draw.text((16, y), " ".join(rng.permutation(words)[:9]), "black", font)
    return np.asarray(page)


def test_two_pages_of_text_have_no_conclusive_fit() -> None:
    first, second = text_page(1), text_page(2)
    fit = place_image(as_query(first), as_reference(second))
    assert fit is None or not fit.is_conclusive
    part = np.ascontiguousarray(first[150:500, 30:400])
    fit = place_image(as_query(part), as_reference(first))
    assert fit is not None and fit.is_verified


def test_place_small_crop_finds_most_small_crops_and_no_unrelated_image(photos: dict[str, np.ndarray]) -> None:
    placed = 0
    assert len(photos) == 8
    for name, photo in sorted(photos.items()):
        height, width = photo.shape[:2]
        left, top, right, bottom = width * 3 // 8, height * 3 // 8, width * 5 // 8, height * 5 // 8
        crop = as_query(np.ascontiguousarray(photo[top:bottom, left:right]))
        fit = place_small_crop(crop, as_reference(photo))
        if fit and fit.is_verified:
            true = [(left, top), (right, top), (right, bottom), (left, bottom)]
            assert np.abs(np.array(fit.placement.quad) - true).max() < 0.03 * max(width, height), name
            placed += 1
    assert placed >= 5
    for a, b in pairs_of_photos(photos):
        assert place_small_crop(as_query(photos[a]), as_reference(photos[b])) is None, (a, b)
