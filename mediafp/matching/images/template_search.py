"""Comparison of an image with a candidate pixel by pixel: as a small crop of it, and as a whole.

A crop of skin, sky or a wall has few keypoints or none, but it is found by template matching.

The query is sought in the reference at many sizes by normalised cross-correlation (NCC; Lewis, Fast normalized
cross-correlation, 1995), upright or mirrored, first in a small image, then around the best place at full detail. What decides is
the dense comparison there: only a photograph that agrees in nearly all blocks is placed.
"""

import numpy as np
import numpy.typing as npt

from mediafp.matching.images.dense_comparison import BLOCK_SIDE, SAME_NCC, DenseComparison, compare_densely
from mediafp.matching.images.placement import place_by_map
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.transform import Transform
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float32Array
from mediafp.types.geometry import transform_points
from mediafp.types.media import Pixels

COARSE_SIDE = 128
"""Longest side, in pixels, of the reference in which the query is sought first. Of 130 crops to 5 and 15 % of the area all are
found at 128 pixels in 4 ms, at 96 pixels all but 2."""
LEAST_SHARE, GREATEST_SHARE = 0.14, 0.7
"""Longest side of the query, as shares of that of the reference, between which it is sought. A larger crop has keypoints enough.
Chosen, not measured."""
SIZE_STEP = 1.1
"""Ratio of two sizes at which it is sought one after the other. A step of 1.06 finds no more, and takes twice the time."""
FINE_SIZES = np.linspace(0.94, 1.06, 13)
"""Factors on the best size that are tried at full detail: a little more than half of `SIZE_STEP` each way."""
FINE_MARGIN = 6
"""Pixels around the best place, besides 3 % of the query's size, in which it is sought at full detail. Chosen, not measured."""
MIN_COARSE_NCC = 0.7
"""NCC of the first search from which the place is compared in detail. Of 130 crops all reach it, 62 % of other images do not."""
MIN_AGREEMENT = 0.95
"""Share of the content that must agree where it is. Of 90 crops to 5 and 15 % of the area all reach .97; of 10,000 pairs of crops
of other photographs with their nearest references 2 reach it."""
MIN_AGREEING_BLOCKS = 7.0
"""Photographic blocks that must agree. 4 of 90 such crops have fewer, all smooth; of the 10,000 pairs those that reach
`MIN_AGREEMENT` have 5.1 at most."""
MIN_TEMPLATE_SIDE = 6
"""Shortest side of the query in the small image, in pixels. Chosen, not measured."""
WHOLE_SIDE = 64
"""Side, in pixels, at which two whole images are compared. Chosen, not measured."""
WHOLE_SHADING = 4.0
"""Standard deviation, in these pixels, of the blur that is subtracted first. Chosen, not measured."""
MIN_WHOLE_NCC = 0.28
"""NCC of two whole images from which one may show through the other. Of 80 photographs with another one blended over them all
reach .30; of 5,681 pairs with other candidates 3 reach .30, and .1 % .28."""


def resembles_whole(query: LocalFeatures, reference: LocalFeatures) -> bool:
    """Return True if two images, taken as a whole, have light and dark in the same places, upright or mirrored.

    Embeddings do not tell a photograph that another one was blended over; most of its edges are still where they were.
    """
    query_whole, reference_whole = _as_whole(query.grey), _as_whole(reference.grey)
    return any(_correlation(view, reference_whole) >= MIN_WHOLE_NCC for view in (query_whole, query_whole[:, ::-1]))


def place_template(query: LocalFeatures, reference: LocalFeatures, *, mirrored: bool = False) -> PlacementFit | None:
    """Return the placement of a small crop of a photograph in the reference, or None; takes 4 to 20 ms.

    Args:
        query: The crop, neither rotated nor stretched.
        reference: The image that it may be a part of.
        mirrored: True to seek the mirrored query.
    """
    query_grey, reference_grey = _grey(query.image), _grey(reference.image)
    if mirrored:
        query_grey = np.ascontiguousarray(query_grey[:, ::-1])
    found = _seek(query_grey, reference_grey)
    if found is None:
        return None
    # Pixels of `grey` of the query to those of the reference.
    height, width = query.grey.shape
    left, top, columns, rows = (side * max(reference.grey.shape) / max(reference_grey.shape) for side in found)
    homography = np.array([[columns / width, 0, left], [0, rows / height, top], [0, 0, 1]], np.float64)
    if mirrored:
        homography = homography @ np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1]], np.float64)
    none = np.empty((0, 2), np.float32)
    rough = place_by_map(Transform(homography=homography, query_inliers=none, reference_inliers=none), query, reference)
    dense = compare_densely(query, reference, rough) if rough else None
    if dense is None or dense.steady_agreement < MIN_AGREEMENT or dense.photographic_blocks < MIN_AGREEING_BLOCKS:
        return None
    transform = _from_blocks(dense, query, reference)
    placement = place_by_map(transform, query, reference)
    if placement is None:
        return None
    with_content = dense.content > 0
    return PlacementFit(
        placement=placement,
        median_ncc=float(np.median(dense.ncc[with_content])),
        matching_blocks=float((dense.ncc[with_content] >= SAME_NCC).mean()),
        support=dense.steady_agreement,
        # The displacements are in pixels of the grid.
        reprojection_error=dense.mean_displacement * float(abs(dense.to_reference[0, 0])) / reference.scale,
        dense=dense,
        by_blocks=True,
    )


def _seek(query: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8]) -> tuple[float, float, float, float] | None:
    """Return left, top, width and height, in pixels of the reference, at which it resembles the query most; None if nowhere.

    Args:
        query: The query in grey.
        reference: The reference in grey.
    """
    small = _resize(reference, COARSE_SIDE / max(reference.shape))
    shrunk = query
    best, place = MIN_COARSE_NCC, None
    steps = round(np.log(GREATEST_SHARE / LEAST_SHARE) / np.log(SIZE_STEP)) + 1
    for share in np.geomspace(GREATEST_SHARE, LEAST_SHARE, steps).tolist():
        # The next smaller size is made from this one while it has detail enough.
        zoom = COARSE_SIDE * share / max(shrunk.shape)
        if zoom <= 0.4:
            shrunk = _resize(shrunk, 0.5)
            zoom *= 2
        template = _resize(shrunk, zoom)
        if min(template.shape) < MIN_TEMPLATE_SIDE or any(np.greater_equal(template.shape, small.shape)):
            continue
        ncc, left, top = _best_place(small, template)
        if ncc > best:
            best, place = ncc, (left, top, template.shape[1], template.shape[0])
    return None if place is None else _seek_closely(query, reference, place, max(reference.shape) / COARSE_SIDE)


def _seek_closely(
    query: npt.NDArray[np.uint8], reference: npt.NDArray[np.uint8], place: tuple[int, int, int, int], zoom: float
) -> tuple[float, float, float, float] | None:
    """Return the place, as `_seek`, around one that was found in an image `zoom` times smaller than the reference."""
    left, top, width, height = (side * zoom for side in place)
    best, found = -1.0, None
    for factor in FINE_SIZES.tolist():
        template = _resize(query, factor * width / query.shape[1])
        rows, columns = template.shape
        margin = FINE_MARGIN + 0.03 * max(template.shape)
        x, y = left + width / 2 - columns / 2 - margin, top + height / 2 - rows / 2 - margin
        from_x, from_y = max(0, int(x)), max(0, int(y))
        window = reference[from_y : int(y + rows + 2 * margin) + 1, from_x : int(x + columns + 2 * margin) + 1]
        if window.shape[0] < rows or window.shape[1] < columns:
            continue
        ncc, at_x, at_y = _best_place(window, template)
        if ncc > best:
            best, found = ncc, (float(from_x + at_x), float(from_y + at_y), float(columns), float(rows))
    return found


def _best_place(image: npt.NDArray[np.uint8], template: npt.NDArray[np.uint8]) -> tuple[float, int, int]:
    """Return the highest NCC of a template in an image, and the left and top of its place."""
    import cv2

    _, ncc, _, (left, top) = cv2.minMaxLoc(cv2.matchTemplate(image, template, cv2.TM_CCOEFF_NORMED))
    return float(ncc), left, top


def _as_whole(grey: npt.NDArray[np.uint8]) -> Float32Array:
    """Return an image (`WHOLE_SIDE`, `WHOLE_SIDE`) without its shading."""
    import cv2

    small = cv2.resize(grey, (WHOLE_SIDE, WHOLE_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(small - cv2.GaussianBlur(small, (0, 0), WHOLE_SHADING), np.float32)


def _correlation(image: Float32Array, other: Float32Array) -> float:
    """Return the NCC of two images of one size; 0 if one is flat."""
    deviation = float(image.std() * other.std())
    return float(((image - image.mean()) * (other - other.mean())).mean()) / deviation if deviation > 0 else 0.0


def _from_blocks(dense: DenseComparison, query: LocalFeatures, reference: LocalFeatures) -> Transform:
    """Return the map of a dense comparison, in pixels of `grey`, with the middles of the blocks that agree as its inliers."""
    to_grey = np.diag((1 / reference.scale, 1 / reference.scale, 1))
    zoom = max(query.image.shape[:2]) / max(query.grey.shape)
    homography = to_grey @ dense.query_to_reference @ np.diag((zoom, zoom, 1))
    rows, columns = np.nonzero((dense.content > 0) & (dense.steady_ncc >= SAME_NCC))
    middles = (np.column_stack((columns, rows)) + 0.5) * BLOCK_SIDE
    in_reference = transform_points(to_grey @ dense.to_reference, middles)
    in_query = transform_points(np.linalg.inv(homography), in_reference)
    return Transform(
        homography=homography,
        query_inliers=in_query.astype(np.float32),
        reference_inliers=in_reference.astype(np.float32),
    )


def _grey(image: Pixels) -> npt.NDArray[np.uint8]:
    import cv2

    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def _resize(image: npt.NDArray[np.uint8], zoom: float) -> npt.NDArray[np.uint8]:
    """Return an image in another size, at least one pixel each way."""
    import cv2

    size = (max(1, round(image.shape[1] * zoom)), max(1, round(image.shape[0] * zoom)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR), np.uint8)
