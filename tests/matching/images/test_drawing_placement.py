"""Drawings of flat shapes, which have few keypoints or those of one another, placed as wholes by what they show."""

import cv2
import numpy as np
import pytest
from fake_references import FakeAsset, FakeReferences, even_spans, random_embeddings, random_hashes
from PIL import Image, ImageDraw

from mediafp.matching.images.compare import match_image
from mediafp.matching.images.dense_grid import compare_densely
from mediafp.matching.images.part_placement import place_drawing
from mediafp.matching.images.placement import place_image
from mediafp.matching.images.search import ImageQuery
from mediafp.matching.local_features import LocalFeatures, query_features
from mediafp.types.matches import Match

SIZE = 800, 600
SEEDS = range(6)


def draw_map(land: int, places: int, radius: int = 26) -> np.ndarray:
    """Return a map of a land, of one colour, with nine round places of some radius on it; both are drawn by a seed."""
    image = Image.new("RGB", SIZE, "#f4f1ea")
    draw = ImageDraw.Draw(image)
    rng = np.random.default_rng(land)
    corners = [(150, 120), (400, 80), (660, 140), (700, 330), (620, 500), (380, 540), (170, 470), (90, 300)]
    draw.polygon([tuple(np.add(corner, rng.integers(-60, 60, 2)).tolist()) for corner in corners], "#d8d0b8", "#777777")
    rng = np.random.default_rng((land, places))
    for _ in range(9):
        (x, y), r = rng.integers((160, 140), (640, 480)).tolist(), int(rng.integers(6, radius))
        draw.ellipse((x - r, y - r, x + r, y + r), "#1f77b4")
    return np.asarray(image)


def smaller(image: np.ndarray) -> np.ndarray:
    """Return a smaller JPEG of an image."""
    small = cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 60])
    return np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR))


def changed(image: np.ndarray, seed: int) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """Return a smaller JPEG of an image of which a few percent are cut off on each side, and the box of what is left."""
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    left, top = int(rng.uniform(0, 0.06) * width), int(rng.uniform(0, 0.06) * height)
    right, bottom = int(rng.uniform(0.94, 1) * width), int(rng.uniform(0.94, 1) * height)
    return smaller(image[top:bottom, left:right]), (left, top, right, bottom)


def as_query(image: np.ndarray) -> LocalFeatures:
    return query_features(image, image.shape[1::-1])


def as_reference(image: np.ndarray) -> LocalFeatures:
    return LocalFeatures(image, image.shape[1::-1])


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_map_of_flat_shapes_is_placed_exactly(seed: int, *, mirrored: bool) -> None:
    reference = draw_map(seed, 1)
    query, (left, top, right, bottom) = changed(reference, seed)
    fit = place_drawing(as_query(np.ascontiguousarray(query[:, ::-1]) if mirrored else query), as_reference(reference))
    assert fit and fit.is_verified and fit.by_blocks and fit.placement.mirrored == mirrored
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    expected = corners[[1, 0, 3, 2]] if mirrored else corners
    assert np.abs(np.array(fit.placement.quad) - expected).max() < 2.5


@pytest.mark.parametrize("seed", SEEDS)
def test_map_of_the_same_land_with_other_places_is_not_verified(seed: int) -> None:
    query, _ = changed(draw_map(seed, 2), seed)
    fit = place_drawing(as_query(query), as_reference(draw_map(seed, 1)))
    assert fit is None or not fit.is_verified


def stripes(*colours: str, upright: bool) -> np.ndarray:
    """Return a flag of three stripes."""
    flag = Image.new("RGB", (3, 1) if upright else (1, 3))
    for n, colour in enumerate(colours):
        flag.paste(colour, (n, 0, n + 1, 1) if upright else (0, n, 1, n + 1))
    return np.asarray(flag.resize((600, 600), Image.Resampling.NEAREST))


def ruled(lines: int) -> np.ndarray:
    """Return a sheet of ruled paper."""
    sheet = Image.new("RGB", (600, 800), "white")
    draw = ImageDraw.Draw(sheet)
    for n in range(lines):
        draw.line((0, 30 + 40 * n, 600, 30 + 40 * n), "#335577", 4)
    return np.asarray(sheet)


def disc(colour: str) -> np.ndarray:
    """Return a flag with a disc in its middle."""
    flag = Image.new("RGB", (900, 600), "white")
    ImageDraw.Draw(flag).ellipse((270, 120, 630, 480), colour)
    return np.asarray(flag)


@pytest.mark.parametrize(
    ("query", "reference"),
    [
        (stripes("#0055a4", "white", "#ef4135", upright=True), stripes("#009246", "white", "#ce2b37", upright=True)),
        (stripes("#169b62", "white", "#ff883e", upright=True), stripes("#009246", "white", "#ce2b37", upright=True)),
        (stripes("#c8102e", "white", "#006847", upright=False), stripes("#ae1c28", "white", "#21468b", upright=False)),
        (ruled(17), ruled(19)),
        (disc("#bc002d"), disc("#0047a0")),
    ],
    ids=["stripes-blue-green", "stripes-green", "stripes-lying", "ruled-paper", "disc"],
)
def test_shapes_that_many_pictures_have_prove_nothing(query: np.ndarray, reference: np.ndarray) -> None:
    assert place_drawing(as_query(query), as_reference(reference)) is None


def test_picture_too_small_or_flat_is_not_placed() -> None:
    flat = np.full((300, 400, 3), 77, np.uint8)
    tiny = np.ascontiguousarray(draw_map(1, 1)[:12, :12])
    for query, reference in ((flat, draw_map(1, 1)), (tiny, draw_map(1, 1)), (draw_map(1, 1), flat)):
        assert place_drawing(as_query(query), as_reference(reference)) is None


def test_maps_that_few_keypoints_place_agree_where_they_are() -> None:
    placed = 0
    for seed in SEEDS:
        reference = draw_map(seed, 1)
        sides = as_query(changed(reference, seed)[0]), as_reference(reference)
        fit = place_image(*sides)
        if fit and fit.is_aligned:
            placed += 1
            dense = compare_densely(*sides, fit.placement)
            assert dense and dense.steady_agreement > 0.97, seed
    assert placed >= 3


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (40, 30), (300, 200)])
def test_any_two_images_can_be_compared_as_drawings(photos: dict[str, np.ndarray], size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*size[::-1], 3), np.uint8)
    ramp = np.ascontiguousarray(
        np.broadcast_to(np.linspace(0, 255, size[0]).astype(np.uint8)[None, :, None], noise.shape)
    )
    others = [noise, ramp, np.ascontiguousarray(noise[:, ::-1]), photos["cat"], draw_map(1, 1)]
    for query in (noise, ramp):
        for reference in others:
            fit = place_drawing(as_query(query), as_reference(reference))
            assert fit is None or (np.isfinite(fit.placement.quad).all() and np.isfinite(fit.reprojection_error))


def match_maps(query: np.ndarray, drawings: dict[int, np.ndarray], pdq: dict[int, np.ndarray]) -> dict[str, Match]:
    """Return the matches of a map, whose hash is `pdq[0]`, with drawings and their hashes."""
    references = FakeReferences(
        {
            str(places): FakeAsset("image", random_embeddings(1, 1), pdq[places], even_spans(1), {0: drawing})
            for places, drawing in drawings.items()
        }
    )
    image_query = ImageQuery(
        embeddings=random_embeddings(1, 1),
        boxes=(None,),
        primary_crops=1,
        rectangles=(),
        quality=1.0,
        pdq=np.repeat(pdq[0], 8, axis=0),
        local_features=as_query(query),
    )
    return {match.sha256: match for match in match_image(image_query, references)}


def test_match_of_a_map_without_keypoints_is_a_copy_and_that_of_one_with_other_places_is_not() -> None:
    drawings = {places: draw_map(4, places) for places in (1, 2)}
    found = match_maps(changed(drawings[1], 4)[0], drawings, {n: random_hashes(1, n) for n in range(3)})
    assert found["1"].verdict == "copy" and found["1"].probability > 0.9
    assert "blocks of the image agree on one placement" in found["1"].why[0]
    assert found["2"].verdict != "copy" and found["2"].probability < 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_equal_hashes_of_two_maps_prove_nothing_as_what_they_show_differs(seed: int) -> None:
    drawings = {places: draw_map(seed, places, radius=10) for places in (1, 2)}
    found = match_maps(smaller(drawings[1]), drawings, {n: random_hashes(1, 1) for n in range(3)})
    assert found["1"].verdict == "copy" and found["1"].probability > 0.9
    assert found["2"].verdict != "copy" and found["2"].probability < 0.2
    assert "differs, as in two pictures of one layout" in found["2"].why[0]
