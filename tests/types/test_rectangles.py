"""Rectangles with straight edges: images on pages, on other images, in collages and between bars."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from mediafp.types.geometry import Box
from mediafp.types.media import Pixels
from mediafp.types.rectangles import MAX_CLEAR_RECTANGLES, MAX_RECTANGLES, find_clear_rectangles, find_rectangles


def iou(a: Box, b: Box) -> float:
    """Intersection over union."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    intersection = max(0, width) * max(0, height)
    return intersection / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - intersection)


def best_iou(box: Box, image: Pixels) -> float:
    """The best overlap of a box with any rectangle of an image."""
    return max(iou(box, rectangle) for rectangle in find_rectangles(image))


def paste(background: Pixels, photo: Pixels, left: int, top: int, longest_side: int) -> tuple[Pixels, Box]:
    """The background with a photograph on it, and the box of the photograph."""
    image = Image.fromarray(photo)
    image = ImageOps.scale(image, longest_side / max(image.size), Image.Resampling.LANCZOS)
    page = Image.fromarray(background)
    page.paste(image, (left, top))
    return np.asarray(page), (left, top, left + image.width, top + image.height)


def flat_page(grey: int = 245) -> Pixels:
    return np.full((1000, 640, 3), grey, np.uint8)


@pytest.mark.parametrize("grey", [255, 200, 22])
def test_image_on_a_page_is_a_rectangle(photos: dict[str, np.ndarray], grey: int) -> None:
    assert len(photos) == 8
    for name, photo in photos.items():
        page, box = paste(flat_page(grey), photo, 60, 300, 420)
        assert best_iou(box, page) > 0.85, name


def test_image_on_another_image_is_a_rectangle(photos: dict[str, np.ndarray]) -> None:
    image, box = paste(photos["temple"], photos["cat"], 70, 40, 160)
    assert best_iou(box, image) > 0.85


def test_each_tile_of_a_collage_is_a_rectangle(photos: dict[str, np.ndarray]) -> None:
    tiles = [np.asarray(ImageOps.fit(Image.fromarray(photo), (300, 300))) for photo in list(photos.values())[:4]]
    collage = np.vstack((np.hstack(tiles[:2]), np.hstack(tiles[2:])))
    for left, top in ((0, 0), (300, 0), (0, 300), (300, 300)):
        assert best_iou((left, top, left + 300, top + 300), collage) > 0.85


@pytest.mark.parametrize("grey", [0, 255])
def test_area_between_bars_is_a_rectangle(photos: dict[str, np.ndarray], grey: int) -> None:
    photo = photos["temple"]
    height, width = photo.shape[:2]
    boxed = np.pad(photo, ((height // 4, height // 3), (0, 0), (0, 0)), constant_values=grey)
    assert best_iou((0, height // 4, width, height // 4 + height), boxed) > 0.9


def test_rectangles_are_inside_the_image_and_few(photos: dict[str, np.ndarray]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    graph_paper = flat_page()  # its lines combine to many rectangles
    graph_paper[::50], graph_paper[:, ::50] = 0, 0
    odd = [noise, noise[:1, :1], noise[:1], noise[:, :2], noise // 255, flat_page(), graph_paper]
    images = [*photos.values(), *odd]
    assert len(images) == 15
    counts = []
    for image in images:
        rectangles = find_rectangles(image)
        height, width = image.shape[:2]
        counts.append(len(rectangles))
        for left, top, right, bottom in rectangles:
            assert 0 <= left < right <= width and 0 <= top < bottom <= height
    assert max(counts) == MAX_RECTANGLES
    assert find_rectangles(flat_page()) == []


@pytest.mark.parametrize("grey", [255, 22])
def test_image_on_a_page_is_a_clear_rectangle(photos: dict[str, np.ndarray], grey: int) -> None:
    for name, photo in photos.items():
        page, box = paste(flat_page(grey), photo, 60, 300, 420)
        assert max((iou(box, found) for found in find_clear_rectangles(page)), default=0) > 0.85, name


def test_clear_rectangles_are_the_first_of_the_rectangles_that_are_clear(photos: dict[str, np.ndarray]) -> None:
    collage = np.tile(np.asarray(ImageOps.fit(Image.fromarray(photos["cat"]), (200, 200))), (3, 3, 1))
    clear, rectangles = find_clear_rectangles(collage), find_rectangles(collage)
    assert len(clear) == MAX_CLEAR_RECTANGLES < len(rectangles)
    assert clear == [box for box in rectangles if box in clear]


def test_flat_rectangles_and_bars_along_one_side_are_not_clear(photos: dict[str, np.ndarray]) -> None:
    card = flat_page()
    card[300:600, 100:500] = 235
    assert find_rectangles(card)[0] not in find_clear_rectangles(card)
    barred = np.pad(photos["temple"], ((80, 0), (0, 0), (0, 0)), constant_values=255)
    height, width = barred.shape[:2]
    assert max(iou((0, 80, width, height), box) for box in find_rectangles(barred)) > 0.9
    assert all(iou((0, 80, width, height), box) < 0.9 for box in find_clear_rectangles(barred))


def test_most_photographs_have_no_clear_rectangles(photos: dict[str, np.ndarray]) -> None:
    assert sum(bool(find_clear_rectangles(photo)) for photo in photos.values()) <= len(photos) // 3
