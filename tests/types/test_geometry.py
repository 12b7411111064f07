"""Homographies and areas of polygons."""

import numpy as np
import pytest

from mediafp.types.geometry import (
    box_corners,
    from_pixel_centres,
    homography_from_corners,
    image_corners,
    intersection_area,
    jacobian_at,
    polygon_area,
    polygon_intersection,
    projective_depths,
    reference_to_query,
    to_pixel_centres,
    transform_points,
)

QUAD = np.array([[10, 20], [200, 40], [180, 160], [5, 140]], float)


def test_homography_from_corners_maps_the_corners() -> None:
    matrix = homography_from_corners(image_corners(100, 50), QUAD)
    assert transform_points(matrix, image_corners(100, 50)) == pytest.approx(QUAD, abs=1e-3)


def test_jacobian_is_the_derivative_of_the_map() -> None:
    matrix = homography_from_corners(image_corners(100, 50), QUAD)
    point, step = np.array([30.0, 20.0]), 1e-4
    numeric = np.column_stack(
        [
            (transform_points(matrix, (point + offset)[None]) - transform_points(matrix, (point - offset)[None]))[0]
            / (2 * step)
            for offset in np.eye(2) * step
        ]
    )
    assert jacobian_at(matrix, point) == pytest.approx(numeric, abs=1e-4)


def test_projective_depths_are_one_for_an_affine_map() -> None:
    affine = np.array([[2, 0.5, 3], [-0.5, 1, 4], [0, 0, 1]])
    assert projective_depths(affine, QUAD).tolist() == [1, 1, 1, 1]


def test_reference_to_query_inverts_the_placement() -> None:
    quad = [(10.0, 20.0), (200.0, 40.0), (180.0, 160.0), (5.0, 140.0)]
    assert reference_to_query(quad, (100, 50), QUAD) == pytest.approx(image_corners(100, 50), abs=1e-3)


def test_from_pixel_centres_undoes_it() -> None:
    perspective = np.array([[1.1, 0.2, 5.0], [-0.1, 0.9, 3.0], [1e-4, 2e-4, 1.0]])
    assert np.allclose(from_pixel_centres(to_pixel_centres(perspective)), perspective)


def test_to_pixel_centres_shifts_both_images_by_half_a_pixel() -> None:
    doubled = np.diag([2.0, 2.0, 1.0])
    assert transform_points(to_pixel_centres(doubled), np.array([[0.0, 0.0]])).tolist() == [[0.5, 0.5]]


def test_areas_of_polygons() -> None:
    a, b, far = box_corners((0, 0, 4, 2)), box_corners((3, 1, 7, 9)), box_corners((10, 10, 11, 11))
    assert polygon_area(a) == 8 and intersection_area(a, b) == 1 and intersection_area(a, far) == 0
    shared = polygon_intersection(a, b)
    assert polygon_area(shared) == 1 and shared.min(axis=0).tolist() == [3, 1] and shared.max(axis=0).tolist() == [4, 2]
    assert polygon_intersection(a, far).shape == (0, 2)


@pytest.mark.parametrize("seed", range(5))
def test_intersection_of_polygons_with_nearly_equal_edges_is_whole(seed: int) -> None:
    """An image placed on itself is off by parts of a pixel: what both show is all of it."""
    rng = np.random.default_rng(seed)
    for _ in range(200):
        corners = image_corners(*rng.integers(3, 5000, 2).tolist())
        moved = corners + rng.choice((0, 1e-9, 1e-5, 1e-2)) * rng.normal(size=(4, 2))
        for other in (moved, moved[::-1], np.roll(moved, 2, axis=0)):
            area = intersection_area(other, corners)
            assert abs(area - polygon_area(corners)) <= 0.2 * corners.max() + 1e-6
            assert intersection_area(corners, other) == pytest.approx(area, abs=1e-3 * corners.max() + 1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_intersection_of_convex_polygons_is_that_of_a_raster(seed: int) -> None:
    import cv2

    rng = np.random.default_rng(seed)
    for _ in range(20):
        hulls = [
            cv2.convexHull(rng.uniform(0, 400, (rng.integers(3, 9), 2)).astype(np.float32)).reshape(-1, 2) for _ in "ab"
        ]
        raster = np.ones((400, 400), np.uint8)
        for hull in hulls:
            one = np.zeros_like(raster)
            cv2.fillConvexPoly(one, np.round(hull * 16 - 8).astype(np.int32), [1], shift=4)
            raster &= one
        assert intersection_area(*hulls) == pytest.approx(int(raster.sum()), abs=900)
