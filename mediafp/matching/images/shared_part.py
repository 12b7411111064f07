"""The part of two placed images that both show: a cropped picture on a page ends where the page begins.

A map says where one image lies in the other, not that each shows all that lies there. The images are compared around each pixel.
Along the sides of one of them, the box is sought in which most more agrees than differs (the rectangle with the largest sum;
Bentley, Programming pearls: algorithm design techniques, 1984). What differs beside it is no part of what both show.
"""

from dataclasses import replace
from itertools import product
from math import prod
from typing import Final

import numpy as np

from mediafp.matching.images.dense_comparison import BLOCK_SIDE, DenseComparison, agreement_of
from mediafp.matching.images.dense_grid import FULL_CONTENT, MIN_CONTENT, MIN_INSIDE, REFINE_BELOW
from mediafp.matching.images.equalised_pair import (
    BASE_BLUR,
    LONGEST_SIDE,
    GridPair,
    Mask,
    fill_polygon,
    is_flat,
    show_on_grid,
)
from mediafp.matching.images.placement import describe_map, points_inside, removed_shares
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.geometry import (
    Homography,
    box_corners,
    homography_from_corners,
    image_corners,
    jacobian_at,
    polygon_area,
    polygon_intersection,
    rounded_points,
    to_pixel_centres,
    transform_points,
)
from mediafp.types.matches import Placement

GridBox = tuple[int, int, int, int]
"""Left, top, right and bottom of a box in pixels of a grid."""
WINDOW_SIDE: Final = 9
"""Side of the square, in pixels of the grid, in which the images are compared around each pixel. Chosen, not measured."""
SHIFTS: Final = (-2, 0, 2)
"""Pixels of the grid by which the square may be displaced each way: what the map is off by. Chosen, not measured."""
MIN_DEVIATION: Final = 1.0
"""Standard deviation of a square, in grey levels, below which it agrees with none that shows something. Chosen, not measured."""
NEUTRAL_SCORE: Final = 0.02
"""Score of a pixel around which neither image shows anything, where it is .5 if all agrees: it belongs to what is beside it.
Chosen, not measured."""
MAX_TILT: Final = 0.03
"""Tangent of the angle between sides of the query and of the reference up to which they are parallel. Chosen, not measured."""
COARSE_STEP: Final = 4
"""Pixels of the grid that are summed, on each side, for the first search of the box. Chosen, not measured."""
EDGE_SEARCH: Final = 8
"""Pixels of the grid on each side of the box's edge in which its exact place is sought. Chosen, not measured."""
MIN_CUT: Final = 0.025
"""Share of the overlap's width or height that a strip beside the box has at least, so that it is no part of what both show.
Chosen, not measured."""
MAX_STRIP_AGREEMENT: Final = 0.45
"""Agreement of what a strip shows above which both show it. Chosen, not measured."""
MIN_STRIP_CONTENT: Final = 0.1
"""Mean content of the pixels of a strip, 0..1, below which it shows too little to differ. Chosen, not measured."""
MIN_INLIERS_INSIDE: Final = 0.8
"""Share of the correspondences that must lie in the part: of a wrong one few do. Chosen, not measured."""
MIN_SPREAD: Final = 0.6
"""Share of the length of a strip in which it differs at least: what a sticker covers is no strip. Chosen, not measured."""
MAX_COMMON_EDGE: Final = 0.02
"""Distance of the edges of the images, as a share of the overlap's width or height, up to which both end there: what differs
beside that edge lies over the picture, as a caption does, unless it is a bar of one colour in the query, or the query shows more
on another side, as a page does. Chosen, not measured."""
BAR_PERCENT: Final = 99
"""Percentage of the pixels of a bar that have its colour: of a caption fewer have. Chosen, not measured."""


def restrict_to_shared_part(fit: PlacementFit, query: LocalFeatures, reference: LocalFeatures) -> PlacementFit:
    """Return a fit whose overlap and dense comparison are of the part that both images show; takes 40 ms if any differs.

    Args:
        fit: Placement of the query in the reference, with its dense comparison.
        query: The query.
        reference: The reference.
    """
    dense = fit.dense
    if dense is None or dense.agreement >= REFINE_BELOW:
        return fit
    shared = _find_shared_part(dense, query, reference)
    placement = None if shared is None else _restrict(fit.placement, shared, query, reference)
    if placement is None or not _has_inliers(placement):
        return fit
    return replace(fit, placement=placement, dense=_restrict_blocks(dense, np.array(placement.overlap)))


def _find_shared_part(dense: DenseComparison, query: LocalFeatures, reference: LocalFeatures) -> Float64Array | None:
    """Return the polygon (N, 2) in pixels of the reference that both images show; None if it is all of the overlap."""
    shown = show_on_grid(query, reference, dense)
    if shown is None:
        return None
    height, width = query.image.shape[:2]
    outlines = (
        transform_points(dense.query_to_reference, image_corners(width, height)),
        image_corners(*reference.size),
    )
    # A crop has sides along those of the reference, of the query, or of both if it was rotated in between.
    views = [_View(pair, outlines) for pair in (shown, _turn_to_query(shown, dense.query_to_reference)) if pair]
    polygon: Float64Array | None = None
    for view in sorted(views, key=lambda view: -view.fit_of_box):
        box = view.find_part(polygon)
        if box is not None:
            polygon = box if polygon is None else polygon_intersection(polygon, box)
    return polygon if polygon is not None and len(polygon) else None


def _turn_to_query(shown: GridPair, query_to_reference: Homography) -> GridPair | None:
    """Return two images on a grid with the sides of the query; None if that of the reference has them."""
    import cv2

    to_query = np.linalg.inv(query_to_reference) @ shown.to_reference
    height, width = shown.inside.shape
    directions = jacobian_at(to_query, np.array([width / 2, height / 2]))
    lengths = np.sort(np.abs(directions), axis=0)
    if (lengths[0] <= MAX_TILT * lengths[1]).all():
        return None
    corners = transform_points(to_query, image_corners(width, height))
    low, extent = corners.min(axis=0), np.ptp(corners, axis=0)
    scale = LONGEST_SIDE / float(extent.max())
    turn = np.array([[scale, 0, -low[0] * scale], [0, scale, -low[1] * scale], [0, 0, 1]]) @ to_query
    columns, rows = np.ceil(extent * scale).astype(int).tolist()
    matrix, size = to_pixel_centres(turn), (max(columns, COARSE_STEP), max(rows, COARSE_STEP))
    inside = cv2.warpPerspective(shown.inside.astype(np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    query, reference = (
        np.asarray(cv2.warpPerspective(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.float32)
        for image in (shown.query, shown.reference)
    )
    return GridPair(
        query=query, reference=reference, inside=inside > 0, to_reference=shown.to_reference @ np.linalg.inv(turn)
    )


class _View:
    """Two images on a grid, with what both show around each of its pixels."""

    def __init__(self, pair: GridPair, outlines: tuple[Float64Array, Float64Array]) -> None:
        """Compare two images; `outlines` are the corners (4, 2) of the query and of the reference in pixels of the reference."""
        import cv2

        self.pair = pair
        self.to_grid = np.linalg.inv(pair.to_reference)
        self.outlines = [transform_points(self.to_grid, outline) for outline in outlines]
        self.greys = [
            np.asarray(cv2.GaussianBlur(image.mean(axis=2), (0, 0), BASE_BLUR), np.float32)
            for image in (pair.query, pair.reference)
        ]
        self.content, self.agreement = _compare(self.greys[0], self.greys[1], pair.inside)

    @property
    def fit_of_box(self) -> float:
        """Score of the best box, by the pixels of the overlap, 0..0.52: the views of two images have not the same size."""
        return self.best_box(self.pair.inside)[0] / max(1, int(self.pair.inside.sum()))

    def best_box(self, inside: Mask) -> tuple[float, GridBox]:
        """Return the box in which most more agrees than differs, as left, top, right and bottom, and how much more."""
        scores = (self.content * (self.agreement - 0.5) + NEUTRAL_SCORE) * inside
        return _largest_sum(scores.astype(np.float64))

    def find_part(self, polygon: Float64Array | None) -> Float64Array | None:
        """Return the corners (4, 2) in pixels of the reference of the box that both show; None if nothing beside it differs.

        Args:
            polygon: Polygon (N, 2) in pixels of the reference beside which nothing counts; None to count all.
        """
        inside = self.pair.inside
        if polygon is not None:
            inside = inside & fill_polygon(transform_points(self.to_grid, polygon), inside.shape)
        ys, xs = np.nonzero(inside)
        if not len(xs):
            return None
        bounds = int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1
        best = self.best_box(inside)[1]
        cut = [side for side in range(4) if self._ends_at(side, best, bounds, inside)]
        if not cut:
            return None
        # Its other sides are those of the grid, which shows all of the overlap.
        box = [0, 0, inside.shape[1], inside.shape[0]]
        for side in cut:
            box[side] = self._edge_near(side, best, inside)
        return transform_points(self.pair.to_reference, box_corners((box[0], box[1], box[2], box[3])))

    def _ends_at(self, side: int, best: GridBox, bounds: GridBox, inside: Mask) -> bool:
        """Return True if what both images show ends at a side of a box: left, top, right or bottom.

        Args:
            side: Number of the side.
            best: The box.
            bounds: Box of all that is compared.
            inside: True (H, W) where it is.
        """
        axis = side % 2
        extent = bounds[axis + 2] - bounds[axis]
        if (best[side] - bounds[side]) * (1 if side < 2 else -1) < MIN_CUT * extent:
            return False
        # The window blurs the edge of the picture into the strip beside it.
        start, end = (
            (bounds[side], best[side] - WINDOW_SIDE // 2) if side < 2 else (best[side] + WINDOW_SIDE // 2, bounds[side])
        )
        strip = np.zeros_like(inside)
        strip[(slice(start, end), slice(None)) if axis else (slice(None), slice(start, end))] = True
        strip &= inside
        content = self.content[strip]
        if not strip.any() or content.mean() < MIN_STRIP_CONTENT:
            return False
        if float((content * self.agreement[strip]).sum() / content.sum()) > MAX_STRIP_AGREEMENT:
            return False
        differing = np.where(strip, self.content * (0.5 - self.agreement), 0).sum(axis=1 - axis)
        if (differing[strip.any(axis=1 - axis)] > 0).mean() < MIN_SPREAD:
            return False
        beyond = [self._reach_of_query(one, bounds) for one in range(4)]
        if abs(beyond[side]) > MAX_COMMON_EDGE or max(beyond) > MAX_COMMON_EDGE:
            return True
        return is_flat(self.pair.query[strip], BAR_PERCENT)

    def _reach_of_query(self, side: int, bounds: GridBox) -> float:
        """Return how far the query reaches beyond the reference on a side, as a share of the width or height of the bounds."""
        axis = side % 2
        query, reference = (outline[:, axis].min() if side < 2 else outline[:, axis].max() for outline in self.outlines)
        return float((reference - query if side < 2 else query - reference) / (bounds[axis + 2] - bounds[axis]))

    def _edge_near(self, side: int, best: GridBox, inside: Mask) -> int:
        """Return the line near a side of a box from which on the lines of both images agree, each as a whole."""
        # The ends of the lines may lie beside the picture.
        start, end = best[1 - side % 2] + WINDOW_SIDE // 2, best[3 - side % 2] - WINDOW_SIDE // 2
        greys, lines = self.greys, inside
        if side % 2 == 0:
            greys, lines = [grey.T for grey in greys], inside.T
        within = np.s_[best[1] : best[3], best[0] : best[2]]
        gain = _gain(*(grey[within][inside[within]] for grey in self.greys))
        low = max(0, best[side] - EDGE_SEARCH)
        high = min(len(lines), best[side] + EDGE_SEARCH)
        scores = []
        for line in range(low, high):
            shown = lines[line, start:end]
            query, reference = (grey[line, start:end][shown] for grey in greys)
            deviation = max(float(query.std()), float(reference.std())) if shown.any() else 0.0
            content = min(1.0, deviation / FULL_CONTENT) if deviation >= MIN_CONTENT else 0.0
            scores.append(
                content * (_likeness(query, reference, gain) - 0.5) + NEUTRAL_SCORE if content else NEUTRAL_SCORE
            )
        sums = np.concatenate(([0.0], np.cumsum(scores)))
        return low + int(sums.argmin() if side < 2 else sums.argmax())


def _largest_sum(scores: Float64Array) -> tuple[float, GridBox]:
    """Return the largest sum of a box of an image (H, W), and its left, top, right and bottom."""
    height, width = scores.shape
    step = COARSE_STEP
    rows, columns = -(-height // step), -(-width // step)
    padded = np.zeros((rows * step, columns * step), np.float64)
    padded[:height, :width] = scores
    coarse = padded.reshape(rows, step, columns, step).sum(axis=(1, 3))
    total, box = _largest_box(coarse)
    left, top, right, bottom = (side * step for side in box)
    # Each side is moved to where it is best at full detail.
    left, right = _best_range(padded[top:bottom].sum(axis=0), left, right)
    top, bottom = _best_range(padded[:, left:right].sum(axis=1), top, bottom)
    return total, (left, top, min(right, width), min(bottom, height))


def _largest_box(scores: Float64Array) -> tuple[float, GridBox]:
    """Return the largest sum of a box of an image of few pixels, and its left, top, right and bottom."""
    rows = np.vstack((np.zeros(scores.shape[1]), scores.cumsum(axis=0)))
    best, box = 0.0, (0, 0, scores.shape[1], scores.shape[0])
    for top in range(len(scores)):
        # Sums of the columns from `top` to each lower row, and of all up to each column.
        sums = (rows[top + 1 :] - rows[top]).cumsum(axis=1)
        sums = np.hstack((np.zeros((len(sums), 1)), sums))
        gains = sums - np.minimum.accumulate(sums, axis=1)
        place = int(gains.argmax())
        if gains.flat[place] > best:
            best = float(gains.flat[place])
            row, right = divmod(place, gains.shape[1])
            left = int(sums[row, : right + 1].argmin())
            box = left, top, right, top + 1 + row
    return best, box


def _best_range(scores: Float64Array, start: int, end: int) -> tuple[int, int]:
    """Return a range of pixels whose ends are moved, by up to two steps, to where the sum of the scores is largest."""
    sums = np.concatenate(([0.0], scores.cumsum()))
    ends = [
        low + int(one(sums[low : side + 2 * COARSE_STEP + 1]))
        for side, one in ((start, np.argmin), (end, np.argmax))
        for low in (max(0, side - 2 * COARSE_STEP),)
    ]
    return ends[0], max(ends[1], ends[0] + 1)


def _compare(query: Float32Array, reference: Float32Array, inside: Mask) -> tuple[Float32Array, Float32Array]:
    """Return what either of two images in grey shows around each pixel (H, W), 0..1, and how far it agrees, 0..1."""
    import cv2

    def mean(image: Float32Array) -> Float32Array:
        return np.asarray(cv2.blur(image, (WINDOW_SIDE, WINDOW_SIDE)), np.float32)

    means = [mean(image) for image in (query, reference)]
    deviations = [
        np.sqrt(np.maximum(mean(image * image) - level * level, 0))
        for image, level in zip((query, reference), means, strict=True)
    ]
    best = np.zeros_like(query)
    for x, y in product(SHIFTS, SHIFTS):
        moved, level, deviation = (np.roll(one, (y, x), (0, 1)) for one in (query, means[0], deviations[0]))
        is_flat_there = np.minimum(deviation, deviations[1]) < MIN_DEVIATION
        ncc = (mean(moved * reference) - level * means[1]) / np.maximum(deviation * deviations[1], MIN_DEVIATION**2)
        best = np.maximum(best, np.where(is_flat_there, 0, ncc))
    deviation = np.maximum(*deviations)
    content = np.where(inside & (deviation >= MIN_CONTENT), np.minimum(deviation / FULL_CONTENT, 1), 0)
    return content.astype(np.float32), agreement_of(best)


def _gain(query: Float32Array, reference: Float32Array) -> float:
    """Return the contrast (standard deviation) of pixels (N,) of the query, divided by that of the reference."""
    deviations = [max(float(pixels.std()), MIN_DEVIATION) if pixels.size else 1.0 for pixels in (query, reference)]
    return deviations[0] / deviations[1]


def _likeness(query: Float32Array, reference: Float32Array, gain: float) -> float:
    """Return the covariance of two lines of pixels (N,), divided by the larger of their variances in one contrast, -1..1.

    What blur spreads beyond the edge of a picture has its correlation, not its contrast.
    """
    variance = max(float(query.var()) / gain, float(reference.var()) * gain, MIN_DEVIATION**2)
    return float(((query - query.mean()) * (reference - reference.mean())).mean()) / variance


def _restrict(
    placement: Placement, shared: Float64Array, query: LocalFeatures, reference: LocalFeatures
) -> Placement | None:
    """Return a placement whose overlap is that with a polygon (N, 2) in pixels of the reference; None without one."""
    overlap = polygon_intersection(np.array(placement.overlap), shared)
    if len(overlap) < 3:
        return None
    to_query = homography_from_corners(np.array(placement.quad), image_corners(*query.size))
    in_query = transform_points(to_query, overlap)
    mirrored, rotation, scale = describe_map(np.linalg.inv(to_query), in_query.mean(axis=0))
    return replace(
        placement,
        overlap=rounded_points(overlap),
        covered=round(min(1.0, polygon_area(overlap) / prod(reference.size)), 4),
        shown=round(min(1.0, polygon_area(in_query) / prod(query.size)), 4),
        mirrored=mirrored,
        rotation=rotation,
        scale=round(scale, 4),
        removed=removed_shares(overlap, reference.size),
    )


def _has_inliers(placement: Placement) -> bool:
    """Return True if nearly all correspondences of a placement lie in its overlap: what agrees by keypoints is shared."""
    points = np.array([point for _, point in placement.correspondences], np.float32).reshape(-1, 2)
    inside = points_inside(points, np.array(placement.overlap))
    return not len(points) or float(inside.mean()) >= MIN_INLIERS_INSIDE


def _restrict_blocks(dense: DenseComparison, shared: Float64Array) -> DenseComparison:
    """Return a dense comparison of the blocks in a polygon (N, 2) in pixels of the reference alone."""
    rows, columns = dense.content.shape
    polygon = transform_points(np.linalg.inv(dense.to_reference), shared)
    mask = fill_polygon(polygon, (rows * BLOCK_SIDE, columns * BLOCK_SIDE))
    inside = mask.reshape(rows, BLOCK_SIDE, columns, BLOCK_SIDE).mean(axis=(1, 3)) >= MIN_INSIDE
    return replace(dense, content=np.where(inside, dense.content, 0).astype(np.float32), shared=shared)
