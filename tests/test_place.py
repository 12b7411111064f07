"""Placement against edits whose geometry is known."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from mediafp.case.case import Case
from mediafp.matching.images.local_features import LocalFeatures, has_enough_keypoints, query_features
from mediafp.matching.images.placement import (
    PlacementFit,
    is_conclusive,
    place_all_copies,
    place_image,
    place_small_crop,
)
from mediafp.report import jsonl
from mediafp.types.geometry import homography_from_corners, image_corners, polygon_area, reference_to_query


def sketch(picture: np.ndarray) -> LocalFeatures:
    return LocalFeatures(picture, (picture.shape[1], picture.shape[0]))


def query(picture: np.ndarray) -> LocalFeatures:
    return query_features(picture, (picture.shape[1], picture.shape[0]))


@pytest.mark.parametrize("name", ["portrait", "cat", "temple", "motorcycle"])
def test_a_crop_lies_where_it_was_cut(photos: dict[str, np.ndarray], name: str) -> None:
    reference = photos[name]
    height, width = reference.shape[:2]
    left, top, right, bottom = width // 8, 0, width, height * 4 // 5
    fit = place_image(query(np.ascontiguousarray(reference[top:bottom, left:right])), sketch(reference))
    assert fit is not None
    true = [(left, top), (right, top), (right, bottom), (left, bottom)]
    assert np.abs(np.array(fit.placement.quad) - true).max() < 0.02 * max(width, height)
    assert fit.placement.removed[0] == pytest.approx(1 / 8, abs=0.02)
    assert fit.placement.removed[3] == pytest.approx(1 / 5, abs=0.02)
    assert fit.placement.covered == pytest.approx(7 / 8 * 4 / 5, abs=0.03)
    assert not fit.placement.mirrored


def test_a_mirrored_picture_has_its_corners_exchanged(photos: dict[str, np.ndarray]) -> None:
    reference = photos["cat"]
    height, width = reference.shape[:2]
    fit = place_image(query(np.ascontiguousarray(reference[:, ::-1])), sketch(reference))
    assert fit is not None and fit.placement.mirrored
    assert np.abs(np.array(fit.placement.quad) - [(width, 0), (0, 0), (0, height), (width, height)]).max() < 8
    assert abs(fit.placement.rotation) < 1


def test_a_turn_and_a_scale_are_told(photos: dict[str, np.ndarray]) -> None:
    reference = photos["temple"]
    turned = Image.fromarray(reference).rotate(20, expand=True)
    half = np.asarray(turned.resize((turned.width // 2, turned.height // 2), Image.Resampling.LANCZOS))
    fit = place_image(query(half), sketch(reference))
    assert fit is not None
    assert fit.placement.rotation == pytest.approx(20, abs=1)
    assert fit.placement.scale == pytest.approx(2, abs=0.05)


def test_different_photographs_have_no_placement(photos: dict[str, np.ndarray]) -> None:
    names = sorted(photos)
    for a, b in pairwise(names):
        assert place_image(query(photos[a]), sketch(photos[b])) is None, (a, b)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (64, 64, 3)])
def test_plain_pictures_have_no_placement(photos: dict[str, np.ndarray], shape: tuple[int, ...]) -> None:
    plain = np.full(shape, 90, np.uint8)
    assert place_image(query(plain), sketch(plain)) is None
    assert place_image(query(plain), sketch(photos["cat"])) is None


def test_a_part_finds_a_small_picture_in_a_screenshot(photos: dict[str, np.ndarray]) -> None:
    reference = photos["temple"]
    page = np.full((900, 700, 3), 245, np.uint8)
    small = np.asarray(Image.fromarray(reference).resize((160, 107), Image.Resampling.LANCZOS))
    page[60:167, 40:200] = small
    fit = place_image(query(page), sketch(reference), (0, 0, 350, 450))
    assert fit is not None and not fit.placement.mirrored
    scale = reference.shape[1] / 160
    assert np.abs(np.array(fit.placement.quad[0]) - (-40 * scale, -60 * scale)).max() < 12
    assert fit.placement.covered > 0.95


def test_copies_are_rigid_and_well_supported(photos: dict[str, np.ndarray]) -> None:
    for name, picture in sorted(photos.items()):
        half = np.ascontiguousarray(picture[::2, ::2])
        fit = place_image(query(half), sketch(picture))
        assert fit is not None, name
        assert fit.reprojection_error < 0.6 and fit.support > 0.2 and fit.median_ncc > 0.8, (
            name,
            fit.reprojection_error,
            fit.support,
        )


@pytest.mark.parametrize("degrees", [15, 45, 90, 120, 180])
@pytest.mark.parametrize("mirrored", [False, True])
def test_any_turn_is_told_as_it_is_seen(photos: dict[str, np.ndarray], degrees: int, mirrored: bool) -> None:
    image = Image.fromarray(photos["coffee"])
    turned = (ImageOps.mirror(image) if mirrored else image).rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    fit = place_image(query(np.asarray(turned)), sketch(photos["coffee"]))
    assert fit is not None and fit.is_verified
    assert fit.placement.mirrored == mirrored
    assert abs((fit.placement.rotation - degrees + 180) % 360 - 180) < 1
    assert fit.placement.covered > 0.98


# In perspective -----------------------------------------------------------------------------------


def seen_from_aside(picture: np.ndarray, ground: np.ndarray, at: list[tuple[int, int]]) -> np.ndarray:
    """The picture with its corners laid at those points of another."""
    height, width = picture.shape[:2]
    matrix = homography_from_corners(image_corners(width, height), np.array(at))
    size = ground.shape[1], ground.shape[0]
    laid = cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_AREA)
    mask = cv2.warpPerspective(np.full((height, width), 255, np.uint8), matrix, size)
    return np.where(mask[..., None] > 127, laid, ground).astype(np.uint8)


def foot(fit: PlacementFit, picture: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Where the reference's corners fall in the query."""
    return reference_to_query(fit.placement.quad, picture.shape[1::-1], image_corners(*reference.shape[1::-1]))


LAID = [(120, 90), (520, 40), (530, 400), (110, 330)]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("name", ["cat", "temple", "motorcycle", "portrait"])
def test_a_picture_on_a_wall_is_placed_in_perspective(photos: dict[str, np.ndarray], name: str, mirrored: bool) -> None:
    reference = photos[name]
    ground = np.asarray(Image.fromarray(photos["flower"]).resize((640, 440)))
    laid = np.ascontiguousarray(reference[:, ::-1]) if mirrored else reference
    picture = seen_from_aside(laid, ground, LAID)
    fit = place_image(query(picture), sketch(reference))
    assert fit is not None and fit.is_verified
    assert fit.placement.mirrored == mirrored
    true = np.array(LAID)[[1, 0, 3, 2]] if mirrored else np.array(LAID)
    assert np.linalg.norm(foot(fit, picture, reference) - true, axis=1).max() < 8
    assert fit.placement.covered > 0.97
    assert fit.placement.shown == pytest.approx(polygon_area(np.array(LAID)) / (640 * 440), abs=0.02)
    assert fit.placement.scale == pytest.approx(
        (np.prod(reference.shape[:2]) / polygon_area(np.array(LAID))) ** 0.5, rel=0.35
    )


def test_a_photograph_of_a_screen_is_placed_in_perspective(photos: dict[str, np.ndarray]) -> None:
    """Part of the screen is cut off, so that each corner of the query lies in the picture."""
    reference = photos["temple"]
    height, width = reference.shape[:2]
    quad = np.array([(60, 80), (width - 30, 30), (width - 60, height - 20), (40, height - 70)], float)
    picture = cv2.warpPerspective(
        reference, homography_from_corners(quad, image_corners(600, 400)), (600, 400), flags=cv2.INTER_AREA
    )
    fit = place_image(query(picture), sketch(reference))
    assert fit is not None and fit.is_verified
    assert np.abs(np.array(fit.placement.quad) - quad).max() < 4
    assert fit.placement.shown == pytest.approx(1, abs=0.01)


def test_flat_copies_stay_flat(photos: dict[str, np.ndarray]) -> None:
    for name, picture in sorted(photos.items()):
        small = np.asarray(Image.fromarray(picture).reduce(3).resize((400, 300)))
        fit = place_image(query(small), sketch(picture))
        assert fit is not None, name
        a, b, c, d = np.array(fit.placement.quad)
        assert np.abs(a + c - b - d).max() < 0.1, name


def test_a_camera_that_turned_gives_no_placement_in_perspective(photos: dict[str, np.ndarray]) -> None:
    """Each picture shows what the other lacks, and one of them is seen at an angle: two photographs, and no copy."""
    whole = photos["temple"]
    left, right = np.ascontiguousarray(whole[:, :440]), np.ascontiguousarray(whole[:, 200:])
    height, width = right.shape[:2]
    bent = homography_from_corners(
        np.array([(0, 40), (width, 0), (width, height), (0, height - 40)], float), image_corners(width, height)
    )
    turned = cv2.warpPerspective(right, bent, (width, height))
    fit = place_image(query(turned), sketch(left))
    if fit is not None:
        a, b, c, d = np.array(fit.placement.quad)
        assert np.abs(a + c - b - d).max() < 0.1
        assert not is_conclusive(fit)


# Several copies -----------------------------------------------------------------------------------


def collage(pictures: list[Image.Image], columns: int, cell: tuple[int, int] = (300, 220)) -> np.ndarray:
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (cell[0] * columns, cell[1] * rows), "white")
    for n, picture in enumerate(pictures):
        sheet.paste(
            ImageOps.contain(picture, (cell[0] - 8, cell[1] - 8)), (n % columns * cell[0], n // columns * cell[1])
        )
    return np.asarray(sheet)


def test_every_copy_in_a_collage_is_placed(photos: dict[str, np.ndarray]) -> None:
    cat, other = Image.fromarray(photos["cat"]), Image.fromarray(photos["coffee"])
    sheet = collage([cat, other, ImageOps.mirror(cat), other, cat, other], 2)
    fits = place_all_copies(query(sheet), sketch(photos["cat"]))
    assert len(fits) == 3 and all(fit.is_verified for fit in fits)
    assert sorted(fit.placement.mirrored for fit in fits) == [False, False, True]
    middles = sorted(tuple(foot(fit, sheet, photos["cat"]).mean(axis=0).round(-1)) for fit in fits)
    wide, tall = ImageOps.contain(cat, (292, 212)).size
    true = [(wide / 2, tall / 2 + 220 * row) for row in range(3)]
    assert np.abs(np.array(middles) - true).max() < 12
    assert min(fit.support for fit in fits) > 0.2, "each is measured by its own points"


def test_a_single_copy_is_placed_once(photos: dict[str, np.ndarray]) -> None:
    """Alone, beside other pictures, and where the reference itself repeats."""
    for name, picture in sorted(photos.items()):
        image = Image.fromarray(picture)
        others = [Image.fromarray(photos[other]) for other in sorted(photos) if other != name][:3]
        assert len(place_all_copies(query(picture), sketch(picture))) == 1, name
        assert len(place_all_copies(query(collage([image, *others], 2)), sketch(picture))) <= 1, name
    tile = np.tile(np.asarray(Image.fromarray(photos["coffee"]).resize((80, 60))), (5, 5, 1))
    page = np.full((500, 700, 3), 245, np.uint8)
    page[50:350, 40:440] = tile
    assert len(place_all_copies(query(page), sketch(tile))) <= 1


def test_a_collage_is_told_of_as_a_whole(case: Case, photos: dict[str, np.ndarray], tmp_path: Path) -> None:
    """By the whole program: each copy with its placement, in words, and in the contract's object."""
    (tmp_path / "dump").mkdir()
    for name in ("cat", "coffee"):
        Image.fromarray(photos[name]).save(tmp_path / "dump" / f"{name}.png")
    for _ in case.ingest([tmp_path / "dump"]):
        pass
    cat, other = Image.fromarray(photos["cat"]), Image.fromarray(photos["flower"])
    Image.fromarray(collage([cat, other, other, cat], 2)).save(tmp_path / "sheet.png")
    (answer,) = case.match([tmp_path / "sheet.png"])
    match = answer.matches[0]
    assert match.uris[0].endswith("cat.png") and match.verdict == "copy"
    assert match.placement is not None and len(match.more_placements) == 1
    assert "the reference stands 2 times in the query" in match.why
    assert match.coverage[0] == pytest.approx(match.placement.shown + match.more_placements[0].shown, abs=1e-3)
    told = jsonl.match_to_json(match)
    assert [one["quad"] for one in told["more_placements"]] == [list(map(list, match.more_placements[0].quad))]
    assert told["more_placements"][0].keys() == told["placement"].keys()


def test_strangers_are_placed_nowhere(photos: dict[str, np.ndarray]) -> None:
    sheet = collage([Image.fromarray(photos[name]) for name in ("cat", "coffee", "temple", "flower")], 2)
    assert place_all_copies(query(sheet), sketch(photos["motorcycle"])) == []


# What is no copy ----------------------------------------------------------------------------------


def with_logo(picture: np.ndarray, *, right: bool) -> np.ndarray:
    image = ImageOps.fit(Image.fromarray(picture), (480, 320))
    logo = Image.new("RGB", (240, 120), (10, 30, 120))
    draw = ImageDraw.Draw(logo)
    draw.text((14, 4), "LIVE TV", "white", ImageFont.load_default(56))
    draw.text((14, 72), "channel 24", "yellow", ImageFont.load_default(36))
    small = logo.resize((96, 48), Image.Resampling.LANCZOS)
    image.paste(small, (image.width - 104, image.height - 56) if right else (8, 8))
    return np.asarray(image)


@pytest.mark.parametrize("right", [False, True])
def test_a_logo_does_not_make_two_photographs_one(photos: dict[str, np.ndarray], right: bool) -> None:
    names = sorted(photos)
    for a, b in pairwise(names):
        fit = place_image(query(with_logo(photos[a], right=right)), sketch(with_logo(photos[b], right=True)))
        assert fit is None or not (fit.is_verified or is_conclusive(fit)), (a, b)


def page_of_text(seed: int) -> np.ndarray:
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


def test_two_pages_of_text_should_join_and_do_not() -> None:
    first, second = page_of_text(1), page_of_text(2)
    assert has_enough_keypoints(query(first), sketch(second))
    fit = place_image(query(first), sketch(second))
    assert fit is None or not is_conclusive(fit)
    half = np.ascontiguousarray(first[150:500, 30:400])
    cut = place_image(query(half), sketch(first))
    assert cut is not None and cut.is_verified


def test_pictures_with_few_points_need_not_join(photos: dict[str, np.ndarray]) -> None:
    blurred = cv2.GaussianBlur(photos["rocket"], (0, 0), 9)
    assert not has_enough_keypoints(query(blurred), sketch(photos["rocket"]))


def test_a_small_crop_is_found_in_a_closer_look(photos: dict[str, np.ndarray]) -> None:
    found = 0
    for name, picture in sorted(photos.items()):
        height, width = picture.shape[:2]
        left, top, right, bottom = width * 3 // 8, height * 3 // 8, width * 5 // 8, height * 5 // 8
        crop = query(np.ascontiguousarray(picture[top:bottom, left:right]))
        fit = place_small_crop(crop, sketch(picture))
        if fit and fit.is_verified:
            true = [(left, top), (right, top), (right, bottom), (left, bottom)]
            assert np.abs(np.array(fit.placement.quad) - true).max() < 0.03 * max(width, height), name
            found += 1
    assert found >= 5
    names = sorted(photos)
    for a, b in pairwise(names):
        assert place_small_crop(query(photos[a]), sketch(photos[b])) is None, (a, b)
