"""Two placed images on one grid, with the light, colour and sharpness of one brought to those of the other."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from mediafp.matching.images.dense_comparison import DenseComparison, warp_to_grid
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.geometry import Homography, image_corners, jacobian_at, transform_points

LONGEST_SIDE = 256
"""Longest side of the grid, in pixels: an object of 2 % of the area has 36. Chosen, not measured."""
MIN_SIDE = 48
"""Shorter side of the grid, in pixels, below which no change is sought. Chosen, not measured."""
EDGE = 3
"""Pixels at the edge of the overlap that are not compared: borders, and what the map is off by. Chosen, not measured."""
FIT_STEP = 4
"""Pixels of the grid that are averaged, on each side, for the fit of light and colour. Chosen, not measured."""
FIT_ROUNDS = 4
"""Rounds of the fit, in each of which pixels far from the last result count less. Chosen, not measured."""
CLIPPED = (6, 249)
"""Values of a channel up to which, and from which, a pixel may be black or white by clipping. Chosen, not measured."""
CLIPPED_WEIGHT = 0.02
"""Weight of such a pixel in the fit, against 1 of another one. Chosen, not measured."""
RIDGE = 1e-3
"""Regularisation of the fit. Chosen, not measured."""
MIN_INSIDE = 0.99
"""Share of the averaged pixels that must be inside the overlap for the fit."""
MIN_SPREAD = 2.0
"""Grey levels of the smallest spread of the fit: below, every pixel counts in full. Chosen, not measured."""
BASE_BLUR = 1.0
"""Standard deviation, in pixels of the grid, of the blur of both images: it removes the noise of compression. Chosen, not
measured."""
MORE_BLUR = (0.0, 0.8, 1.3, 2.0, 3.0)
"""Standard deviations of the blur that the sharper image may need to be as blurred as the other one. Chosen, not measured."""
BLUR_COST = 0.06
"""Share by which a further pixel of blur must lessen the difference. Chosen, not measured."""
LARGE_DIFFERENCE = 25.0
"""Grey levels from which a larger difference counts no more in the choice of the blur: it is what was changed. Chosen, not
measured."""

PLAUSIBLE_SPREAD = 20.0
"""Grey levels of the smallest spread of what brightness and contrast alone leave: an edit of colours leaves as much. Chosen, not
measured."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EqualisedPair:
    """Two images on a grid over their overlap, in RGB from 0 to 255.

    Attributes:
        query: The query, (H, W, 3).
        reference: The reference, (H, W, 3).
        inside: True where both show something that is compared.
        to_reference: Map from pixels of the grid to pixels of the reference.
        smooth_query: The query, equalised and smoothed.
        smooth_reference: The reference, equalised and smoothed.
    """

    query: Float32Array
    reference: Float32Array
    inside: Mask
    to_reference: Homography
    smooth_query: Float32Array
    smooth_reference: Float32Array


def equalise(query: LocalFeatures, reference: LocalFeatures, dense: DenseComparison) -> EqualisedPair | None:
    """Return two placed images on one grid, equalised; None if they share too small a part.

    Args:
        query: The query.
        reference: The reference.
        dense: Their dense comparison, whose map is the most exact one.
    """
    import cv2

    height, width = query.image.shape[:2]
    quad = transform_points(dense.query_to_reference, image_corners(width, height))
    low, high = np.maximum(quad.min(axis=0), 0), np.minimum(quad.max(axis=0), reference.size)
    extent = high - low
    if not np.isfinite(extent).all() or extent.min() < 1:
        return None
    detail = jacobian_at(np.linalg.inv(dense.query_to_reference), (low + high) / 2)
    zoom = max(reference.image.shape[:2]) / max(reference.size)
    scale = min(LONGEST_SIDE / float(extent.max()), zoom, float(np.linalg.norm(detail, axis=0).max()))
    columns, rows = (round(side * scale) for side in extent.tolist())
    if min(columns, rows) < MIN_SIDE:
        return None
    x, y = columns / extent[0], rows / extent[1]
    to_grid = np.array([[x, 0, -low[0] * x], [0, y, -low[1] * y], [0, 0, 1]], np.float64)
    size = (columns, rows)
    from_thumbnail = to_grid @ np.diag((1 / zoom, 1 / zoom, 1))
    shown_reference = warp_to_grid(reference.image, from_thumbnail, size).astype(np.float32)
    shown_query = warp_to_grid(query.image, to_grid @ dense.query_to_reference, size).astype(np.float32)
    mask = np.zeros((rows + 2 * EDGE, columns + 2 * EDGE), np.uint8)
    corners = transform_points(to_grid, quad).clip(-8 * LONGEST_SIDE, 8 * LONGEST_SIDE) + EDGE
    cv2.fillConvexPoly(mask[EDGE:-EDGE, EDGE:-EDGE], np.round((corners - EDGE) * 16).astype(np.int32), [1], shift=4)
    side = 2 * EDGE + 1
    inside = cv2.erode(mask, np.ones((side, side), np.uint8))[EDGE:-EDGE, EDGE:-EDGE] > 0
    if inside.sum() < MIN_SIDE**2:
        return None
    smooth = _equalise_light(shown_query, shown_reference, inside)
    smooth_query, smooth_reference = _equalise_sharpness(*smooth, inside)
    return EqualisedPair(
        query=shown_query,
        reference=shown_reference,
        inside=inside,
        to_reference=np.linalg.inv(to_grid),
        smooth_query=smooth_query,
        smooth_reference=smooth_reference,
    )


def _equalise_light(query: Float32Array, reference: Float32Array, inside: Mask) -> tuple[Float32Array, Float32Array]:
    """Return both images with one of them in the light and colour of the other.

    A grey image follows from a coloured one and not the other way round: the direction with the smaller error is used.
    """
    to_reference, reference_error = _fit_light(query, reference, inside)
    to_query, query_error = _fit_light(reference, query, inside)
    if reference_error <= query_error:
        return _apply_light(query, to_reference), reference
    return query, _apply_light(reference, to_query)


def _fit_light(source: Float32Array, target: Float32Array, inside: Mask) -> tuple[Float32Array, float]:
    """Return the coefficients (N, 3) that map an image to the light and colour of another one, and the mean error."""
    small, wanted = (_shrink(image) for image in (source, target))
    kept = _shrink(inside.astype(np.float32)[..., None])[..., 0].ravel() > MIN_INSIDE
    terms = _terms(small).reshape(-1, TERMS)[kept].astype(np.float64)
    values = wanted.reshape(-1, 3)[kept].astype(np.float64)
    # What is white or black in the target may have been any brighter or darker.
    is_free = (values > CLIPPED[0]) & (values < CLIPPED[1])
    plausible = _plausible_weights(terms[:, 1:4] * 255, values)
    weights = plausible
    coefficients, errors = np.zeros((TERMS, 3)), np.zeros(len(terms))
    for _ in range(FIT_ROUNDS):
        for channel in range(3):
            weighted = terms * (weights * (is_free[:, channel] + CLIPPED_WEIGHT))[:, None]
            normal = weighted.T @ terms + RIDGE * np.eye(TERMS)
            coefficients[:, channel] = np.linalg.solve(normal, weighted.T @ values[:, channel])
        errors = greatest_channel(np.abs(np.clip(terms @ coefficients, 0, 255) - values))
        weights = plausible * _robust_weights(errors, MIN_SPREAD)
    return coefficients.astype(np.float32), float(np.minimum(errors, LARGE_DIFFERENCE).mean())


def _plausible_weights(colours: Float64Array, values: Float64Array) -> Float64Array:
    """Return a weight (N,) of each pixel, small where brightness and contrast of each channel alone are far from explaining it.

    Products of colours could map the colour of a sticker, which occurs nowhere else, to what it covers.

    Args:
        colours: Colours (N, 3) of one image.
        values: Those of the other one.
    """
    weights = np.ones(len(colours))
    for _ in range(FIT_ROUNDS):
        total = max(float(weights.sum()), 1e-6)
        means = [weights @ each / total for each in (colours, values)]
        centred, wanted = colours - means[0], values - means[1]
        spread = np.maximum(weights @ centred**2, 1e-6)
        gain = (weights @ (centred * wanted)) / spread
        weights = _robust_weights(greatest_channel(np.abs(centred * gain - wanted)), PLAUSIBLE_SPREAD)
    return weights


def greatest_channel[Value: np.generic](channels: npt.NDArray[Value]) -> npt.NDArray[Value]:
    """Return the greatest of the three channels (..., 3) of each pixel, faster than by a reduction over so short an axis."""
    greatest: npt.NDArray[Value] = np.maximum(np.maximum(channels[..., 0], channels[..., 1]), channels[..., 2])
    return greatest


def _robust_weights(errors: Float64Array, min_spread: float) -> Float64Array:
    """Return weights (N,) that fall with the errors, measured by twice their median."""
    spread = max(min_spread, 2 * float(np.median(errors)))
    return np.asarray(1 / (1 + (errors / spread) ** 2) ** 2, np.float64)


TERMS = 15
"""Terms of the map of light and colour: the colours and their products, and the place, which a vignette needs."""


def _terms(image: Float32Array) -> Float32Array:
    """Return the terms (H, W, N) of each pixel."""
    height, width = image.shape[:2]
    red, green, blue = (image[..., channel] / 255 for channel in range(3))
    y = np.broadcast_to(np.linspace(-1, 1, height, dtype=np.float32)[:, None], (height, width))
    x = np.broadcast_to(np.linspace(-1, 1, width, dtype=np.float32), (height, width))
    grey, radius = (red + green + blue) / 3, x * x + y * y
    colours = (np.ones_like(red), red, green, blue, red * red, green * green, blue * blue)
    products = (red * green, red * blue, green * blue)
    return np.stack((*colours, *products, x, y, radius, radius * grey, grey**3), axis=-1, dtype=np.float32)


def _apply_light(image: Float32Array, coefficients: Float32Array) -> Float32Array:
    mapped = _terms(image).reshape(-1, TERMS) @ coefficients
    return np.asarray(np.clip(mapped, 0, 255).reshape(image.shape), np.float32)


def _shrink(image: Float32Array) -> Float32Array:
    import cv2

    height, width = image.shape[:2]
    size = (max(1, width // FIT_STEP), max(1, height // FIT_STEP))
    shrunk = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float32).reshape(size[1], size[0], -1)


def _equalise_sharpness(
    query: Float32Array, reference: Float32Array, inside: Mask
) -> tuple[Float32Array, Float32Array]:
    """Return both images smoothed, the sharper one so much more that they are alike."""
    import cv2

    to_grey = np.full((1, 3), 1 / 3, np.float32)
    greys = [np.asarray(cv2.transform(image, to_grey), np.float32) for image in (query, reference)]
    mask = inside.astype(np.uint8)

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
    return _blur(query, best[0]), _blur(reference, best[1])


def _blur(image: Float32Array, more: float) -> Float32Array:
    import cv2

    return np.asarray(cv2.GaussianBlur(image, (0, 0), float(np.hypot(BASE_BLUR, more))), np.float32)
