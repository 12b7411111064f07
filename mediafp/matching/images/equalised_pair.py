"""Two placed images on one grid, with the light, colour and sharpness of one brought to those of the other."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from mediafp.matching.images.dense_comparison import DenseComparison
from mediafp.matching.images.dense_grid import warp_to_grid
from mediafp.matching.images.light_maps import LARGE_DIFFERENCE, MIN_GAIN, fit_colours, fit_contrast
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.geometry import Homography, image_corners, jacobian_at, polygon_intersection, transform_points

LONGEST_SIDE = 256
"""Longest side of the grid, in pixels: an object of 2 % of the area has 36. Chosen, not measured."""
MIN_SIDE = 48
"""Shorter side of the grid, in pixels, below which no change is sought. Chosen, not measured."""
EDGE = 3
"""Pixels at the edge of the overlap that are not compared: borders, and what the map is off by. Chosen, not measured."""
EDGE_OF_PART = 8
"""The same at the edge of a part of the overlap, of which the place is less exact. Chosen, not measured."""
FIT_STEP = 4
"""Pixels of the grid that are averaged, on each side, for the fit of light and colour. Chosen, not measured."""
MIN_INSIDE = 0.99
"""Share of the averaged pixels that must be inside the overlap for the fit."""
BASE_BLUR = 1.0
"""Standard deviation, in pixels of the grid, of the blur of both images: it removes the noise of compression. Chosen, not
measured."""
MORE_BLUR = (0.0, 0.8, 1.3, 2.0, 3.0)
"""Standard deviations of the blur that the sharper image may need to be as blurred as the other one. Chosen, not measured."""
BLUR_COST = 0.06
"""Share by which a further pixel of blur must lessen the difference. Chosen, not measured."""
FLAT_DEVIATION = 12.0
"""Grey levels by which the pixels of a border differ from its colour at most. Chosen, not measured."""
FLAT_PERCENT = 80
"""Percentage of the pixels of which that must hold: the others are its soft edge. Chosen, not measured."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridPair:
    """Two images on a grid over their overlap, in RGB from 0 to 255.

    Attributes:
        query: The query, (H, W, 3).
        reference: The reference, (H, W, 3).
        inside: True where both show something that is compared.
        to_reference: Map from pixels of the grid to pixels of the reference.
    """

    query: Float32Array
    reference: Float32Array
    inside: Mask
    to_reference: Homography


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EqualisedPair:
    """Two images on a grid, as they are and equalised.

    Attributes:
        shown: The images as they are.
        query: The query, (H, W, 3), equalised and smoothed.
        reference: The reference, (H, W, 3), equalised and smoothed.
    """

    shown: GridPair
    query: Float32Array
    reference: Float32Array


def show_on_grid(
    query: LocalFeatures, reference: LocalFeatures, dense: DenseComparison, longest_side: int = LONGEST_SIDE
) -> GridPair | None:
    """Return two placed images on one grid; None if they share too small a part.

    Args:
        query: The query.
        reference: The reference.
        dense: Their dense comparison, whose map is the most exact one.
        longest_side: Longest side of the grid, in pixels.
    """
    import cv2

    height, width = query.image.shape[:2]
    quad = transform_points(dense.query_to_reference, image_corners(width, height))
    quad = quad if dense.shared is None else dense.shared
    low, high = np.maximum(quad.min(axis=0), 0), np.minimum(quad.max(axis=0), reference.size)
    extent = high - low
    if not np.isfinite(extent).all() or extent.min() < 1:
        return None
    detail = jacobian_at(np.linalg.inv(dense.query_to_reference), (low + high) / 2)
    zoom = max(reference.image.shape[:2]) / max(reference.size)
    scale = min(longest_side / float(extent.max()), zoom, float(np.linalg.norm(detail, axis=0).max()))
    columns, rows = (round(side * scale) for side in extent.tolist())
    if min(columns, rows) < MIN_SIDE:
        return None
    x, y = columns / extent[0], rows / extent[1]
    to_grid = np.array([[x, 0, -low[0] * x], [0, y, -low[1] * y], [0, 0, 1]], np.float64)
    size = (columns, rows)
    from_thumbnail = to_grid @ np.diag((1 / zoom, 1 / zoom, 1))
    shown_reference = warp_to_grid(reference.image, from_thumbnail, size).astype(np.float32)
    shown_query = warp_to_grid(query.image, to_grid @ dense.query_to_reference, size).astype(np.float32)
    edge = -(-(EDGE if dense.shared is None else EDGE_OF_PART) * longest_side // LONGEST_SIDE)
    mask = np.zeros((rows + 2 * edge, columns + 2 * edge), np.uint8)
    mask[edge:-edge, edge:-edge] = fill_polygon(transform_points(to_grid, quad), (rows, columns))
    side = 2 * edge + 1
    inside = cv2.erode(mask, np.ones((side, side), np.uint8))[edge:-edge, edge:-edge] > 0
    if inside.sum() < MIN_SIDE**2:
        return None
    return GridPair(query=shown_query, reference=shown_reference, inside=inside, to_reference=np.linalg.inv(to_grid))


def fill_polygon(polygon: Float64Array, shape: tuple[int, ...]) -> Mask:
    """Return a mask (H, W) of the pixels in a convex polygon (N, 2)."""
    import cv2

    mask = np.zeros(shape, np.uint8)
    # Cut first: corners may lie too far away for OpenCV.
    within = polygon_intersection(polygon, image_corners(shape[1], shape[0]))
    if len(within):
        cv2.fillConvexPoly(mask, np.round(within * 16).astype(np.int32), [1], shift=4)
    return mask > 0


def is_flat(pixels: Float32Array, percent: int = FLAT_PERCENT) -> bool:
    """Return True if that percentage of the pixels (N, 3) have one colour."""
    deviations = np.abs(pixels - np.median(pixels, axis=0)).max(axis=1)
    return float(np.percentile(deviations, percent)) < FLAT_DEVIATION


def equalise_contrast(shown: GridPair) -> EqualisedPair:
    """Return two images with their brightness and contrast equalised, at a sixth of the cost of `equalise_colours`.

    The image of more contrast gets that of the other one, so that noise is not amplified.
    """
    to_reference = fit_contrast(*_averaged(shown))
    if to_reference.gains.min() <= MIN_GAIN or to_reference.gains.mean() < 1:
        return _equalise_sharpness(shown, to_reference.apply(shown.query), shown.reference)
    return _equalise_sharpness(shown, shown.query, to_reference.inverse.apply(shown.reference))


def equalise_colours(shown: GridPair) -> EqualisedPair:
    """Return two images with their light and colours equalised.

    A grey image follows from a coloured one and not the other way round: the direction with the smaller error is used.
    """
    query, reference, kept = _averaged(shown)
    to_reference, to_query = fit_colours(query, reference, kept), fit_colours(reference, query, kept)
    if to_reference.error <= to_query.error:
        return _equalise_sharpness(shown, to_reference.apply(shown.query), shown.reference)
    return _equalise_sharpness(shown, shown.query, to_query.apply(shown.reference))


def _averaged(shown: GridPair) -> tuple[Float32Array, Float32Array, Mask]:
    """Return two images at the size of a fit, and a mask of the pixels that count."""
    kept = _shrink(shown.inside.astype(np.float32)) > MIN_INSIDE
    return _shrink(shown.query), _shrink(shown.reference), np.asarray(kept)


def _shrink(image: Float32Array) -> Float32Array:
    import cv2

    height, width = image.shape[:2]
    size = (max(1, width // FIT_STEP), max(1, height // FIT_STEP))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def _equalise_sharpness(shown: GridPair, query: Float32Array, reference: Float32Array) -> EqualisedPair:
    """Return two images in one light smoothed, the sharper one so much more that they are alike."""
    import cv2

    to_grey = np.full((1, 3), 1 / 3, np.float32)
    greys = [np.asarray(cv2.transform(image, to_grey), np.float32) for image in (query, reference)]
    mask = shown.inside.astype(np.uint8)

    @cache
    def blurred(image: int, blur: float) -> Float32Array:
        return _blur(greys[image], blur)

    def cost(query_blur: float, reference_blur: float) -> float:
        difference = cv2.absdiff(blurred(0, query_blur), blurred(1, reference_blur))
        mean = cv2.mean(np.minimum(difference, LARGE_DIFFERENCE), mask)[0]
        return mean * (1 + BLUR_COST * (query_blur + reference_blur))

    best = min(((0.0, blur) for blur in MORE_BLUR), key=lambda blurs: cost(*blurs))
    if not best[1]:
        best = min(((blur, 0.0) for blur in MORE_BLUR), key=lambda blurs: cost(*blurs))
    return EqualisedPair(shown=shown, query=_blur(query, best[0]), reference=_blur(reference, best[1]))


def _blur(image: Float32Array, more: float) -> Float32Array:
    import cv2

    return np.asarray(cv2.GaussianBlur(image, (0, 0), float(np.hypot(BASE_BLUR, more))), np.float32)
