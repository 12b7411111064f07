"""Placement against edits whose geometry is known."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from mediafp.matching.place import Sketch, place, query_sketch


def sketch(picture: np.ndarray) -> Sketch:
    return Sketch(picture, (picture.shape[1], picture.shape[0]))


def query(picture: np.ndarray) -> Sketch:
    return query_sketch(picture, (picture.shape[1], picture.shape[0]))


@pytest.mark.parametrize("name", ["portrait", "cat", "temple", "motorcycle"])
def test_a_crop_lies_where_it_was_cut(photos: dict[str, np.ndarray], name: str) -> None:
    reference = photos[name]
    height, width = reference.shape[:2]
    left, top, right, bottom = width // 8, 0, width, height * 4 // 5
    fit = place(query(np.ascontiguousarray(reference[top:bottom, left:right])), sketch(reference))
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
    fit = place(query(np.ascontiguousarray(reference[:, ::-1])), sketch(reference))
    assert fit is not None and fit.placement.mirrored
    assert np.abs(np.array(fit.placement.quad) - [(width, 0), (0, 0), (0, height), (width, height)]).max() < 8
    assert abs(fit.placement.rotation) < 1


def test_a_turn_and_a_scale_are_told(photos: dict[str, np.ndarray]) -> None:
    reference = photos["temple"]
    turned = Image.fromarray(reference).rotate(20, expand=True)
    half = np.asarray(turned.resize((turned.width // 2, turned.height // 2), Image.Resampling.LANCZOS))
    fit = place(query(half), sketch(reference))
    assert fit is not None
    assert fit.placement.rotation == pytest.approx(20, abs=1)
    assert fit.placement.scale == pytest.approx(2, abs=0.05)


def test_different_photographs_have_no_placement(photos: dict[str, np.ndarray]) -> None:
    names = sorted(photos)
    for a, b in pairwise(names):
        assert place(query(photos[a]), sketch(photos[b])) is None, (a, b)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 300, 3), (64, 64, 3)])
def test_plain_pictures_have_no_placement(photos: dict[str, np.ndarray], shape: tuple[int, ...]) -> None:
    plain = np.full(shape, 90, np.uint8)
    assert place(query(plain), sketch(plain)) is None
    assert place(query(plain), sketch(photos["cat"])) is None


def test_a_part_finds_a_small_picture_in_a_screenshot(photos: dict[str, np.ndarray]) -> None:
    reference = photos["temple"]
    page = np.full((900, 700, 3), 245, np.uint8)
    small = np.asarray(Image.fromarray(reference).resize((160, 107), Image.Resampling.LANCZOS))
    page[60:167, 40:200] = small
    fit = place(query(page), sketch(reference), (0, 0, 350, 450))
    assert fit is not None and not fit.placement.mirrored
    scale = reference.shape[1] / 160
    assert np.abs(np.array(fit.placement.quad[0]) - (-40 * scale, -60 * scale)).max() < 12
    assert fit.placement.covered > 0.95


def test_copies_are_rigid_and_well_supported(photos: dict[str, np.ndarray]) -> None:
    for name, picture in sorted(photos.items()):
        half = np.ascontiguousarray(picture[::2, ::2])
        fit = place(query(half), sketch(picture))
        assert fit is not None, name
        assert fit.miss < 0.6 and fit.support > 0.2 and fit.agreement > 0.8, (name, fit.miss, fit.support)
