"""Changed regions of a copy: what was added, removed or replaced in an otherwise same picture.

The two placed images are equalised (`equalised_pair`). A pixel differs as far as its value is outside those around its place in
the other image, so that what the map is off by, and what recompression changes, is no difference. Connected differences are
a change if they are large, and if structure differs in them, which no edit of light, colour or sharpness makes. Most copies are
done with sooner: on a coarse grid, brightness and contrast alone leave no difference.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.matching.images.dense_comparison import DenseComparison
from mediafp.matching.images.dense_grid import SOFT_GRADIENTS
from mediafp.matching.images.equalised_pair import (
    EDGE,
    EqualisedPair,
    GridPair,
    Mask,
    equalise_colours,
    equalise_contrast,
    is_flat,
    show_on_grid,
)
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float32Array
from mediafp.types.geometry import box_corners, rounded_points, transform_points
from mediafp.types.matches import Change, ChangeKind, ChangeType

SEED_SIDE: Final = 7
"""Side of the square, in pixels of the grid, whose mean difference makes a change. Chosen, not measured."""
COARSE_SIDE: Final = 128
"""Longest side, in pixels, of the grid on which two images are compared first, at a third of the cost. Chosen, not measured."""
COARSE_SEED_SIDE: Final = 4
"""Side of the square on that grid: about that of `SEED_SIDE`."""
MIN_COARSE_DIFFERENCE: Final = 5.0
"""Mean difference of such a square, in grey levels, below which nothing is changed, if brightness and contrast alone are
equalised. Of 653 matches with a change the smallest is 7.7; 68 % of 248 without one are below
(scripts/bench/altered_pictures.py)."""
LIMITS: Final = ((10.0, 0.85), (25.0, 0.95), (45.0, 1.01))
"""Mean difference of a square in grey levels from which it is part of a change, if the normalised cross-correlation in its region
is below the second number: the less structure differs, the more light and colour must. Of 399 copies that nothing was altered
in, recompressed ones reach 7, edits of light 8 below that correlation, and sharpened ones 19 at a correlation of .93 and more
(scripts/bench/altered_pictures.py)."""
EDGE_DIFFERENCE: Final = 5.0
"""Mean difference of 3 × 3 pixels from which a pixel belongs to a change. Chosen, not measured."""
EDGE_SHARE: Final = 0.15
"""The same as a share of the change's largest mean difference: what blur and compression spread around it is none of it."""
COLOUR_BLUR: Final = 1.5
"""Standard deviation, in pixels of the grid, of the further blur of colour. Chosen, not measured."""
COLOUR_WEIGHT: Final = 1.0
"""Weight of a difference of colour against one of light. Chosen, not measured."""
NOISE_FACTOR: Final = 4.0
"""Factor on the third quartile of the mean differences that both limits exceed at least: noise and moiré. Chosen, not
measured."""
CLIPPED_TOLERANCE: Final = 25.0
"""Grey levels by which a channel may differ more where one image is black or white in it: that may be clipped."""
CLIPPED: Final = (4, 251)
"""Values of a channel up to which, and from which, it is black or white."""
JOIN_SHARES: Final = (0.06, 0.03)
"""Shares of the grid's longest side up to which two differences are parts of one change, side by side and one below the other:
words of a line. Chosen, not measured."""
MIN_AREA: Final = 0.0015
"""Share of the overlap that a change covers at least. Chosen, not measured."""
MAX_AREA: Final = 0.5
"""Share of the overlap from which its changes together are none: the two show different things. Chosen, not measured."""
MAX_DIFFERING: Final = 0.4
"""Share of the blocks that differ from which the picture has another background, or another picture lies over it, and no changes
are stated: of 653 matches with a change the largest is .31, of 46 copies on another background the smallest .47."""
MIN_EXPLAINED: Final = 0.05
"""Area of the changes, divided by that of the blocks that differ, below which they do not explain the difference, and none is
stated. Of the same matches 1 is below."""
MAX_CHANGES: Final = 8
"""Number of changes above which none is reported: noise differs everywhere. Chosen, not measured."""
MARGIN_SIDES: Final = 2
"""Sides of the overlap at which a flat region is a border: a corner, or a whole side. Chosen, not measured."""
RIM: Final = 8
"""Width, in pixels of the grid, of the rim of what is compared: what differs in it alone is the edge of one image, of which the
other shows a little more, and its box may be that of the whole. Chosen, not measured."""
MAX_BESIDE_RIM: Final = 0.1
"""Share of a region beside the rim up to which it is one of the rim. Chosen, not measured."""
FLAT_SHARE: Final = 0.5
"""Share of the structure of one image below which the other has nothing in the place. Chosen, not measured."""
FLAT_PIXELS: Final = 0.3
"""Share of the pixels without a gradient from which a region may be drawn. Chosen, not measured."""
DRAWN_SHARE: Final = 0.45
"""Share of the pixels with gradients of photographs below which a region is drawn. Chosen, not measured."""


def find_changes(query: LocalFeatures, reference: LocalFeatures, dense: DenseComparison) -> tuple[Change, ...]:
    """Return the changes of two placed images, the largest first; boxes are in pixels of the reference.

    Args:
        query: The query.
        reference: The reference.
        dense: Their dense comparison.
    """
    if dense.differing_share > MAX_DIFFERING:
        return ()
    coarse = show_on_grid(query, reference, dense, COARSE_SIDE)
    if coarse and float(_difference(equalise_contrast(coarse), COARSE_SEED_SIDE)[1].max()) < MIN_COARSE_DIFFERENCE:
        return ()
    shown = show_on_grid(query, reference, dense)
    if shown is None:
        return ()
    pair = equalise_colours(shown)
    regions = _find_regions(pair)
    area = sum(int(region.sum()) for region in regions)
    shown_area = int(shown.inside.sum())
    if (
        len(regions) > MAX_CHANGES
        or not MIN_EXPLAINED * dense.differing_share * shown_area <= area <= MAX_AREA * shown_area
    ):
        return ()
    regions.sort(key=lambda region: -int(region.sum()))
    return tuple(_describe(region, pair) for region in regions)


def _find_regions(pair: EqualisedPair) -> list[Mask]:
    """Return the masks of the changes."""
    import cv2

    (difference, mean), inside = _difference(pair, SEED_SIDE), pair.shown.inside
    noise = NOISE_FACTOR * float(np.percentile(mean[inside], 75))
    seed_limit, edge_limit = max(LIMITS[0][0], noise), max(EDGE_DIFFERENCE, noise)
    if float(mean.max()) < seed_limit:
        return []
    near = cv2.blur(difference, (3, 3))
    differs = (near > edge_limit) & pair.shown.inside
    across, down = (2 * round(share * max(differs.shape) / 2) + 1 for share in JOIN_SHARES)
    joined = cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((down, across), np.uint8))
    middle = cv2.erode(
        pair.shown.inside.astype(np.uint8), _around(RIM), borderType=cv2.BORDER_CONSTANT, borderValue=0
    ).astype(np.bool_)
    count, labels = cv2.connectedComponents(joined)
    regions = []
    for label in range(1, count):
        region = np.asarray((labels == label) & pair.shown.inside)
        strongest = float(mean[region].max(initial=0.0))
        if strongest < seed_limit or _box_area(region & differs) < MIN_AREA * pair.shown.inside.sum():
            continue
        altered = region & (near > max(edge_limit, EDGE_SHARE * strongest))
        if (altered & middle).sum() <= MAX_BESIDE_RIM * altered.sum() or _is_margin(altered, pair):
            continue
        ncc = _ncc(pair, region)
        if any(strongest >= difference and ncc < same for difference, same in LIMITS):
            regions.append(altered)
    return regions


def _is_margin(region: Mask, pair: EqualisedPair) -> bool:
    """Return True if a region is flat, and in a corner or along a side: a border, the corner of a round picture."""
    left, top, right, bottom = _box_of(region)
    height, width = region.shape
    sides = sum(gap <= EDGE + 2 for gap in (left, top, width - right, height - bottom))
    around = np.s_[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1]
    is_outer = sides >= MARGIN_SIDES or (
        min(left, top, width - right, height - bottom) > EDGE + 2 and not pair.shown.inside[around].all()
    )
    return is_outer and any(is_flat(image[region]) for image in (pair.shown.query, pair.shown.reference))


def _difference(pair: EqualisedPair, side: int) -> tuple[Float32Array, Float32Array]:
    """Return how far each pixel (H, W) of one image is outside the values around its place in the other, in grey levels.

    The second is the mean of the square of that side around each pixel.
    """
    import cv2

    query, reference = (
        np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb), np.float32) for image in (pair.query, pair.reference)
    )
    tolerance = CLIPPED_TOLERANCE * cv2.dilate(_is_clipped(pair.shown).astype(np.uint8), _around(1))
    light = _outside(query[..., 0], reference[..., 0], 1)
    # JPEG stores colour at half the resolution, so that it bleeds over edges.
    blurred = [
        np.asarray(cv2.GaussianBlur(image[..., 1:], (0, 0), COLOUR_BLUR), np.float32) for image in (query, reference)
    ]
    colours = _outside(blurred[0], blurred[1], 2)
    # Faster than a reduction over so short an axis.
    colour = COLOUR_WEIGHT * np.maximum(colours[..., 0], colours[..., 1])
    difference = np.asarray(np.maximum(np.maximum(light, colour) - tolerance, 0) * pair.shown.inside, np.float32)
    return difference, np.asarray(cv2.blur(difference, (side, side)), np.float32)


def _is_clipped(shown: GridPair) -> Mask:
    """Return True for each pixel (H, W) that may be clipped in a channel of an image."""
    both = [(image < CLIPPED[0]) | (image > CLIPPED[1]) for image in (shown.query, shown.reference)]
    channels = [clipped[..., channel] for clipped in both for channel in range(3)]
    return np.asarray(np.logical_or.reduce(channels), np.bool_)


def _outside(query: Float32Array, reference: Float32Array, radius: int) -> Float32Array:
    """Return how far values are outside the range of those within a radius in the other image."""
    import cv2

    around = _around(radius)
    both = [
        np.maximum(one - cv2.dilate(other, around), cv2.erode(other, around) - one)
        for one, other in ((query, reference), (reference, query))
    ]
    return np.asarray(np.maximum(*both), np.float32)


def _around(radius: int) -> npt.NDArray[np.uint8]:
    return np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)


def _box_of(region: Mask) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a mask."""
    ys, xs = np.nonzero(region)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def _box_area(region: Mask) -> int:
    if not region.any():
        return 0
    left, top, right, bottom = _box_of(region)
    return (right - left) * (bottom - top)


def _ncc(pair: EqualisedPair, region: Mask) -> float:
    """Return the normalised cross-correlation of the two images in the box of a region."""
    left, top, right, bottom = _box_of(region)
    shown = np.s_[max(0, top - 2) : bottom + 2, max(0, left - 2) : right + 2]
    inside = pair.shown.inside[shown]
    query, reference = (image[shown].mean(axis=2)[inside] for image in (pair.query, pair.reference))
    query, reference = query - query.mean(), reference - reference.mean()
    norm = float(np.linalg.norm(query) * np.linalg.norm(reference))
    return float(query @ reference) / norm if norm > 0 else 0.0


def _describe(region: Mask, pair: EqualisedPair) -> Change:
    """Return a change with its box, and what was done there."""
    box = _box_of(region)
    corners = transform_points(pair.shown.to_reference, box_corners(tuple(float(side) for side in box)))  # type: ignore[arg-type]
    what, kind = _classify(region, pair)
    return Change(box=rounded_points(corners), what=what, kind=kind)


def _classify(region: Mask, pair: EqualisedPair) -> tuple[ChangeType, ChangeKind]:
    """Return if something was added, removed or replaced in a region, and if it lies over the picture."""
    query, reference = (_gradients(image, region) for image in (pair.query, pair.reference))
    drawn = [_is_drawn(image, region) for image in (pair.shown.query, pair.shown.reference)]
    kind: ChangeKind = "overlay" if drawn[0] != drawn[1] else "object"
    structure = float(query.mean()), float(reference.mean())
    if kind == "overlay" and drawn[0]:
        return "added", kind
    if kind == "overlay":
        return "removed", kind
    if structure[1] < FLAT_SHARE * structure[0]:
        return "added", kind
    if structure[0] < FLAT_SHARE * structure[1]:
        return "removed", kind
    return "changed", kind


def _gradients(image: Float32Array, region: Mask) -> Float32Array:
    """Return the gradients (N,) of the pixels of a region, in grey levels per pixel."""
    import cv2

    left, top, right, bottom = _box_of(region)
    grey = np.ascontiguousarray(image[top:bottom, left:right].mean(axis=2))
    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    return np.asarray(np.hypot(across, down)[region[top:bottom, left:right]], np.float32)


def _is_drawn(image: Float32Array, region: Mask) -> bool:
    """Return True if a region is flat in parts, with hard edges, and has few of the gradients of photographs."""
    gradients = _gradients(image, region)
    soft = float(((gradients > SOFT_GRADIENTS[0]) & (gradients < SOFT_GRADIENTS[1])).mean())
    flat = float((gradients <= SOFT_GRADIENTS[0]).mean())
    return soft < DRAWN_SHARE and flat > FLAT_PIXELS and float(gradients.max()) > SOFT_GRADIENTS[1]
