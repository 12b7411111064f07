"""Placement against edits whose geometry is known."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from mediafp.matching.place import Sketch, place, query_sketch


def sketch(picture: np.ndarray) -> Sketch:
    return Sketch(picture, (picture.shape[1], picture.shape[0]))


@pytest.mark.parametrize("name", ["portrait", "cat", "temple", "motorcycle"])
def test_a_crop_lies_where_it_was_cut(photos: dict[str, np.ndarray], name: str) -> None:
    reference = photos[name]
    height, width = reference.shape[:2]
    left, top, right, bottom = width // 8, 0, width, height * 4 // 5
    fit = place(query_sketch(np.ascontiguousarray(reference[top:bottom, left:right])), sketch(reference))
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
    fit = place(query_sketch(np.ascontiguousarray(reference[:, ::-1])), sketch(reference))
    assert fit is not None and fit.placement.mirrored
    assert np.abs(np.array(fit.placement.quad) - [(width, 0), (0, 0), (0, height), (width, height)]).max() < 8
    assert abs(fit.placement.rotation) < 1


def test_a_turn_and_a_scale_are_told(photos: dict[str, np.ndarray]) -> None:
    reference = photos["temple"]
    turned = Image.fromarray(reference).rotate(20, expand=True)
    half = np.asarray(turned.resize((turned.width // 2, turned.height // 2), Image.Resampling.LANCZOS))
    fit = place(query_sketch(half), sketch(reference))
    assert fit is not None
    assert fit.placement.rotation == pytest.approx(20, abs=1)
    assert fit.placement.scale == pytest.approx(2, abs=0.05)


def test_different_photographs_have_no_placement(photos: dict[str, np.ndarray]) -> None:
    names = sorted(photos)
    for a, b in pairwise(names):
        assert place(query_sketch(photos[a]), sketch(photos[b])) is None, (a, b)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (64, 64, 3)])
def test_plain_pictures_have_no_placement(photos: dict[str, np.ndarray], shape: tuple[int, ...]) -> None:
    plain = np.full(shape, 90, np.uint8)
    assert place(query_sketch(plain), sketch(plain)) is None
    assert place(query_sketch(plain), sketch(photos["cat"])) is None
