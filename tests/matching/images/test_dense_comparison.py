"""Dense comparison of placed images: copies, changed copies, drawings of one make, other photographs."""

import random

import cv2
import numpy as np
import pytest
from dense_comparisons import even_comparison
from PIL import Image, ImageDraw, ImageFont

from mediafp.matching.images.dense_comparison import DenseComparison
from mediafp.matching.images.dense_grid import compare_densely
from mediafp.matching.images.placement import place_image
from mediafp.matching.local_features import LocalFeatures, query_features


def as_pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))


def recompressed(pixels: np.ndarray, scale: float, quality: int) -> np.ndarray:
    size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1])


def compare(query: np.ndarray, reference: np.ndarray) -> DenseComparison:
    """Return the dense comparison of two images, which their keypoints place."""
    sides = query_features(query, query.shape[1::-1]), LocalFeatures(reference, reference.shape[1::-1])
    fit = place_image(*sides)
    assert fit is not None
    comparison = compare_densely(*sides, fit.placement)
    assert comparison is not None
    return comparison


def bar_chart(seed: int) -> np.ndarray:
    """Return a chart of one make: its title, axes and years are always the same, its bars are not."""
    rng = random.Random(seed)
    chart = Image.new("RGB", (720, 480), "white")
    draw, font = ImageDraw.Draw(chart), ImageFont.load_default(18)
    draw.text((50, 14), "Exports of steel by province, million tonnes", "black", ImageFont.load_default(26))
    for n in range(6):
        draw.line((60, 80 + 66 * n, 700, 80 + 66 * n), "#999999")
        draw.text((14, 70 + 66 * n), str(100 - 20 * n), "black", font)
    for n in range(8):
        draw.rectangle((80 + 78 * n, 410 - rng.randint(20, 320), 125 + 78 * n, 410), "#1f77b4")
        draw.text((80 + 78 * n, 425), str(2013 + n), "black", font)
    return as_pixels(chart)


def pie_chart(seed: int) -> np.ndarray:
    """Return a pie chart of one make: other angles in the same colours."""
    rng = random.Random(seed)
    chart = Image.new("RGB", (640, 480), "white")
    draw, font = ImageDraw.Draw(chart), ImageFont.load_default(20)
    draw.text((40, 16), "Where the money of the ministry goes", "black", ImageFont.load_default(26))
    cuts = sorted(rng.sample(range(0, 360, 12), 4))
    for n, (start, end) in enumerate(zip([cuts[-1] - 360, *cuts], cuts, strict=False)):
        colour = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")[n]
        draw.pieslice((50, 90, 400, 440), start, end, colour)
        draw.rectangle((450, 120 + 50 * n, 475, 145 + 50 * n), colour)
        draw.text((490, 120 + 50 * n), ("schools", "roads", "police", "health")[n], "black", font)
    return as_pixels(chart)


def with_watermark(pixels: np.ndarray) -> np.ndarray:
    """Return an image of 480 × 360 pixels under the rows of a watermark."""
    marked = Image.fromarray(pixels)
    draw, font = ImageDraw.Draw(marked), ImageFont.load_default(22)
    for row in range(5):
        for left in range(-20 + row % 2 * 60, 480, 190):
            draw.text((left, 10 + 80 * row), "stock agency", (235, 235, 235), font)
    return np.asarray(marked)


@pytest.mark.parametrize("name", ["cat", "temple", "coffee"])
@pytest.mark.parametrize(("scale", "quality"), [(0.6, 60), (0.25, 30)])
def test_copy_of_a_photograph_agrees_wholly(
    photos: dict[str, np.ndarray], name: str, scale: float, quality: int
) -> None:
    comparison = compare(recompressed(photos[name], scale, quality), photos[name])
    assert comparison.agreement > 0.95 and comparison.steady_agreement > 0.9
    assert comparison.shows_one_image and comparison.shows_photograph
    assert comparison.mean_displacement < 1


def test_photograph_under_a_sticker_is_one_image_and_the_sticker_differs(photos: dict[str, np.ndarray]) -> None:
    covered = photos["temple"].copy()
    height, width = covered.shape[:2]
    box = slice(height // 4, height * 5 // 8), slice(width // 4, width * 5 // 8)
    covered[box] = (np.indices(covered[box].shape[:2]).sum(axis=0) // 12 % 2 * 255)[..., None]
    comparison = compare(recompressed(covered, 0.8, 80), photos["temple"])
    assert comparison.shows_photograph and 0.6 < comparison.agreement < 0.95
    rows, columns = comparison.content.shape
    different = (comparison.content > 0) & (comparison.ncc < 0.4)
    inner = different[rows * 5 // 16 : rows * 9 // 16, columns * 5 // 16 : columns * 9 // 16]
    assert inner.mean() > 0.9 and different.sum() < 1.3 * 0.375**2 * rows * columns


def test_blocks_of_a_photograph_on_another_ground_are_solid(photos: dict[str, np.ndarray]) -> None:
    cat, coffee = (cv2.resize(photos[name], (480, 360), interpolation=cv2.INTER_AREA) for name in ("cat", "coffee"))
    shape = np.zeros((360, 480), np.uint8)
    cv2.ellipse(shape, (240, 180), (140, 110), 0, 0, 360, 1, -1)
    comparison = compare(recompressed(np.where(shape[..., None] > 0, cat, coffee), 0.8, 80), cat)
    assert comparison.agreement < 0.5 and comparison.solid_blocks > 0.4 * comparison.photographic_blocks > 10


@pytest.mark.parametrize("names", [("cat", "coffee"), ("cat", "rocket"), ("coffee", "rocket")])
def test_blocks_along_the_strokes_of_one_watermark_are_not(
    photos: dict[str, np.ndarray], names: tuple[str, str]
) -> None:
    marked = [with_watermark(cv2.resize(photos[name], (480, 360), interpolation=cv2.INTER_AREA)) for name in names]
    sides = [LocalFeatures(pixels, (480, 360)) for pixels in marked]
    fit = place_image(sides[0], sides[0])
    assert fit is not None
    comparison = compare_densely(*sides, fit.placement)
    assert comparison is not None
    assert comparison.photographic_blocks > 4 and comparison.solid_blocks < 0.2 * comparison.photographic_blocks


@pytest.mark.parametrize("chart", [bar_chart, pie_chart])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_charts_of_one_make_are_not_one_image_and_their_copies_are(chart, seed: int) -> None:  # type: ignore[no-untyped-def]
    copy, other = recompressed(chart(seed), 0.7, 60), recompressed(chart(seed + 10), 0.7, 60)
    same, different = compare(copy, chart(seed)), compare(other, chart(seed))
    assert same.shows_one_image and same.agreement >= 0.97
    assert not different.shows_one_image and 0.3 < different.agreement < 0.95
    assert not same.shows_photograph and not different.shows_photograph


def table(seed: int) -> np.ndarray:
    """Return a table of 60 numbers of four digits, drawn by a seed, under one heading."""
    image, rng = Image.new("RGB", (700, 460), "white"), np.random.default_rng(seed)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(16)
    draw.text((20, 10), "Table 3. Results by region", "black", ImageFont.load_default(20))
    for row in range(11):
        draw.line((20, 50 + 36 * row, 680, 50 + 36 * row), "#b4b4b4")
        for column, title in enumerate(("Region", "North", "South", "East", "West", "Total")):
            text = str(rng.integers(1000, 10_000)) if row else title
            draw.text((28 + 110 * column, 59 + 36 * row), text, "black", font)
    return as_pixels(image)


@pytest.mark.parametrize("seed", range(5))
def test_tables_with_other_numbers_are_alike_and_not_one_image(seed: int) -> None:
    """In small digits in the same places 95 to 99 % of the content agree."""
    different = compare(table(seed + 10), table(seed))
    assert different.agreement > 0.9 and different.alike_share > 0.3 and not different.shows_one_image
    for scale, quality in ((1, 90), (0.5, 60), (1, 15)):
        same = compare(recompressed(table(seed), scale, quality), table(seed))
        assert same.alike_share < 0.04 and same.shows_one_image


def test_photograph_of_48_pixels_is_compared_at_its_own_size(photos: dict[str, np.ndarray]) -> None:
    side = min(photos["cat"].shape[:2])
    small = np.asarray(cv2.resize(photos["cat"][:side, :side], (48, 48), interpolation=cv2.INTER_AREA))
    comparison = compare(small, photos["cat"])
    assert comparison.content.size <= 36 and comparison.agreement > 0.95


@pytest.mark.parametrize(("side", "is_one"), [(4, True), (12, False)])
def test_few_blocks_that_are_alike_are_no_evidence_of_other_digits(side: int, *, is_one: bool) -> None:
    comparison = even_comparison(0.85, side=side, photographic=False)
    assert comparison.agreement == 1 and comparison.shows_one_image == is_one


def test_two_photographs_do_not_agree_wherever_they_are_laid(photos: dict[str, np.ndarray]) -> None:
    sides = [LocalFeatures(photos[name], photos[name].shape[1::-1]) for name in ("cat", "temple", "coffee", "rocket")]
    fit = place_image(sides[0], sides[0])
    assert fit is not None
    for other in sides[1:]:
        comparison = compare_densely(other, sides[0], fit.placement)
        assert comparison is None or (not comparison.shows_one_image and comparison.steady_agreement < 0.3)


def test_flat_overlap_is_not_compared() -> None:
    flat = LocalFeatures(np.full((200, 300, 3), 128, np.uint8), (300, 200))
    rng = np.random.default_rng(1)
    textured = rng.integers(0, 255, (200, 300, 3), np.uint8)
    fit = place_image(LocalFeatures(textured, (300, 200)), LocalFeatures(textured, (300, 200)))
    assert fit is not None
    assert compare_densely(flat, flat, fit.placement) is None
