"""Query crops: the whole image, its rectangles, its half-size crops."""

import numpy as np
from PIL import Image

from mediafp.matching.images.query_crops import half_size_boxes, make_query_crops
from mediafp.types.rectangles import find_rectangles


def test_query_crops_are_the_whole_then_rectangles_then_halves(photos: dict[str, np.ndarray]) -> None:
    page = Image.new("RGB", (640, 1000), (245, 245, 245))
    page.paste(Image.fromarray(photos["cat"]).resize((420, 280)), (60, 300))
    pixels = np.asarray(page)
    crops, primary = make_query_crops(pixels)
    assert crops[0].box is None and crops[0].pixels is pixels
    assert [crop.box for crop in crops[1:primary]] == find_rectangles(pixels) != []
    assert [crop.box for crop in crops[primary:]] == half_size_boxes(640, 1000)
    for crop in crops[1:]:
        assert crop.box is not None
        left, top, right, bottom = crop.box
        assert crop.pixels.shape == (bottom - top, right - left, 3)


def test_half_size_boxes_are_nine_overlapping_halves() -> None:
    boxes = half_size_boxes(400, 200)
    assert len(boxes) == 9
    assert boxes[0] == (0, 0, 200, 100) and boxes[1] == (100, 0, 300, 100) and boxes[8] == (200, 100, 400, 200)
    assert set(half_size_boxes(1, 1)) == {(0, 0, 1, 1)}
