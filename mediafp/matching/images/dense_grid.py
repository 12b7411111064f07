"""Dense comparison: what two placed images show in each block of their overlap, the same or something else.

Keypoints say that one map joins two images; they do not say what differs. Both images are sampled on one grid over their
overlap, at the resolution of the coarser one. Each block of the reference is sought in the query within a few pixels, by
normalised cross-correlation (NCC), which light and colour do not change.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mediafp.matching.images.dense_comparison import (
    BLOCK_SIDE,
    GRID_SIDE,
    MIN_BLOCK_AGREEMENT,
    SEARCH_SHIFT,
    DenseComparison,
    agreement_of,
)
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float32Array
from mediafp.types.geometry import (
    Homography,
    homography_from_corners,
    image_corners,
    jacobian_at,
    to_pixel_centres,
    transform_points,
)
from mediafp.types.matches import Placement
from mediafp.types.media import GreyPixels
from mediafp.types.scaled_images import scaled_size

FINE_GRID_SIDE = 448
"""Longest side of the grid, in pixels, of two images that hold no photograph: in a table of 800 pixels, other digits are the
only difference, and on the usual grid up to .99 of its content agrees."""
MIN_GRID_SIDE = 64
"""Smallest longest side of the grid: an image of 48 pixels is compared at about its own size. Chosen, not measured."""
SMOOTHING = 0.8
"""Standard deviation, in pixels of the grid, of the blur that removes what recompression changes. Chosen, not measured."""
SHADING = 6.0
"""Standard deviation, in pixels of the grid, of the blur that is subtracted from photographic blocks: two faces are shaded alike.
Chosen, not measured."""
MIN_CONTENT = 3.0
"""Standard deviation, in grey levels, from which a block shows something. Chosen, not measured."""
MIN_BLOCK_DEVIATION = 0.1
"""Standard deviation, in grey levels, of a block of the reference below which it has no NCC. Chosen, not measured."""
FULL_CONTENT = 20.0
"""Standard deviation, in grey levels, from which a block counts in full. Chosen, not measured."""
SOFT_GRADIENTS = (0.7, 30.0)
"""Gradients, in grey levels per pixel, that photographs have nearly everywhere, and drawn graphics only at their edges. Chosen,
not measured."""
MIN_SOFT_SHARE = 0.6
"""Share of the pixels of a block with such a gradient, in both images, from which it is photographic: `MIN_PHOTOGRAPHIC_AREA`
states the evidence."""
MIN_PHOTOGRAPHIC_SHARE = 0.3
"""Share of the blocks with content that must be photographic, or else the finer grid is used. Chosen, not measured."""
REFINE_BELOW = 0.97
"""Agreement below which the map between the images is refined by the displacements of larger blocks. Chosen, not measured."""
REFINE_FINE_FROM = 0.8
"""Agreement on the finer grid from which the map is refined on it too: of a thin line a pixel decides. Chosen, not measured."""
REFINEMENTS = ((32, 5), (24, 3))
"""Side and largest displacement, in pixels of the grid, of the blocks of each round. Chosen, not measured."""
REFINING_NCC, MIN_REFINING_BLOCKS, MIN_PERSPECTIVE_BLOCKS = 0.6, 6, 12
"""NCC from which a block takes part, and blocks that an affine and a perspective map need. Chosen, not measured."""
REFINING_ERROR = 2.0
"""Largest distance of an inlier from the map, in pixels of the grid. Chosen, not measured."""
MAX_REFINED_SHIFT = 0.15
"""Share of the grid's longest side by which a round may move a corner; more is no refinement. Chosen, not measured."""
MIN_INSIDE = 0.9
"""Share of a block that both images must show. Chosen, not measured."""


def compare_densely(query: LocalFeatures, reference: LocalFeatures, placement: Placement) -> DenseComparison | None:
    """Return the dense comparison of two placed images, or None if their overlap shows nothing.

    Args:
        query: The query.
        reference: The reference.
        placement: Position of the query in the reference, verified or not.
    """
    zoom = max(reference.image.shape[:2]) / max(reference.size)
    height, width = query.image.shape[:2]
    homography = homography_from_corners(image_corners(width, height), np.array(placement.quad) * zoom)
    grid = _Grid.over(query.full_grey, reference.full_grey, homography, GRID_SIDE)
    if grid is None:
        return None
    comparison = grid.compare()
    if comparison.agreement < REFINE_BELOW:
        refined = grid.refined_in_rounds()
        again = refined.compare()
        if again.steady_agreement > comparison.steady_agreement:
            grid, comparison = refined, again
    if _is_graphic(comparison) and (
        fine := _Grid.over(query.full_grey, reference.full_grey, grid.homography, FINE_GRID_SIDE)
    ):
        comparison = fine.compare()
        if comparison.agreement >= REFINE_FINE_FROM and comparison.steady_agreement < REFINE_BELOW:
            again = fine.refined_in_rounds().compare()
            comparison = max(comparison, again, key=lambda one: one.steady_agreement)
    if not comparison.has_content:
        return None
    to_full_size = np.diag((1 / zoom, 1 / zoom, 1))
    return replace(
        comparison,
        to_reference=to_full_size @ comparison.to_reference,
        query_to_reference=to_full_size @ comparison.query_to_reference,
    )


def measure_sharpness(query: LocalFeatures, reference: LocalFeatures, dense: DenseComparison) -> tuple[float, float]:
    """Return the mean absolute Laplacian of two compared images on their grid, where both are, in grey levels.

    Args:
        query: The query.
        reference: The reference.
        dense: Their dense comparison.
    """
    to_thumbnail = np.diag((*np.repeat(max(reference.image.shape[:2]) / max(reference.size), 2), 1))
    rows, columns = dense.content.shape
    grid = _Grid(
        query=query.full_grey,
        reference=reference.full_grey,
        homography=to_thumbnail @ dense.query_to_reference,
        to_grid=np.linalg.inv(to_thumbnail @ dense.to_reference),
        size=(columns * BLOCK_SIDE, rows * BLOCK_SIDE),
    )
    return grid.sharpness(grid.query_grey), grid.sharpness(grid.reference_grey)


def _is_graphic(comparison: DenseComparison) -> bool:
    """Return True if few of the blocks with content are photographic."""
    with_content = comparison.content > 0
    photographic = (comparison.photographic & with_content).sum()
    return bool(photographic < MIN_PHOTOGRAPHIC_SHARE * with_content.sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class _Grid:
    """Two images on the grid of their overlap.

    Attributes:
        query: The query in grey.
        reference: The reference in grey.
        homography: Map from query to reference pixels.
        to_grid: Map from reference pixels to the grid.
        size: Columns and rows of the grid, multiples of `BLOCK_SIDE`.
    """

    query: GreyPixels
    reference: GreyPixels
    homography: Homography
    to_grid: Homography
    size: tuple[int, int]

    @staticmethod
    def over(query: GreyPixels, reference: GreyPixels, homography: Homography, longest_side: int) -> "_Grid | None":
        """Return the grid over the bounding box of the overlap; None if the box is empty."""
        height, width = reference.shape[:2]
        quad = transform_points(homography, image_corners(query.shape[1], query.shape[0]))
        low, high = np.maximum(quad.min(axis=0), 0), np.minimum(quad.max(axis=0), (width, height))
        extent = high - low
        if not np.isfinite(extent).all() or extent.min() < 1:
            return None
        # Query pixels per reference pixel: the grid has no more detail than the coarser image.
        middle = ((low + high) / 2)[None]
        detail = float(np.linalg.norm(jacobian_at(np.linalg.inv(homography), middle[0]), axis=0).max())
        scale = max(min(longest_side / extent.max(), 1.0, detail), MIN_GRID_SIDE / extent.max())
        blocks = np.maximum(np.round(extent * scale / BLOCK_SIDE), 2)
        columns, rows = (int(count) * BLOCK_SIDE for count in blocks)
        x, y = np.array((columns, rows)) / extent
        to_grid = np.array([[x, 0, -low[0] * x], [0, y, -low[1] * y], [0, 0, 1]], np.float64)
        return _Grid(query=query, reference=reference, homography=homography, to_grid=to_grid, size=(columns, rows))

    @cached_property
    def reference_grey(self) -> Float32Array:
        """The reference in grey on the grid."""
        return warp_to_grid(self.reference, self.to_grid, self.size).astype(np.float32)

    @cached_property
    def query_grey(self) -> Float32Array:
        """The query in grey on the grid."""
        return warp_to_grid(self.query, self.to_grid @ self.homography, self.size).astype(np.float32)

    @cached_property
    def inside(self) -> npt.NDArray[np.uint8]:
        """1 on the pixels of the grid that the query shows, 0 elsewhere."""
        import cv2

        corners = image_corners(self.query.shape[1], self.query.shape[0])
        quad = transform_points(self.to_grid @ self.homography, corners)
        mask = np.zeros(self.size[::-1], np.uint8)
        limit = 8 * max(self.size)
        cv2.fillConvexPoly(mask, np.round(quad.clip(-limit, limit) * 16).astype(np.int32), [1], shift=4)
        return mask

    def compare(self) -> DenseComparison:
        """Return the comparison of the blocks."""
        columns, rows = self.size[0] // BLOCK_SIDE, self.size[1] // BLOCK_SIDE
        photographic = self._soft_share((columns, rows)) >= MIN_SOFT_SHARE
        # The wedges of a pie differ in nothing but their flat colours, two faces agree in nothing but their shading.
        images = [[_smooth(self.query_grey), _smooth(self.reference_grey)]]
        images.append([_without_shading(image) for image in images[0]])
        deviations = [np.maximum(*map(_block_deviation, pair)) for pair in images]
        deviation = np.where(photographic, deviations[1], deviations[0])
        content = np.minimum(1, deviation / FULL_CONTENT).astype(np.float32)
        content[(deviation < MIN_CONTENT) | (_block_mean(self.inside) < MIN_INSIDE)] = 0
        ncc, steady, displacement = (np.zeros((rows, columns), np.float32) for _ in range(3))
        for row, column in np.argwhere(content > 0).tolist():
            query, reference = images[int(photographic[row, column])]
            found = _find_block(query, reference, (column * BLOCK_SIDE, row * BLOCK_SIDE), BLOCK_SIDE, SEARCH_SHIFT)
            ncc[row, column], steady[row, column] = found[0], found[3]
            displacement[row, column] = np.hypot(found[1], found[2])
        return DenseComparison(
            to_reference=np.linalg.inv(self.to_grid),
            query_to_reference=self.homography,
            content=content,
            ncc=ncc,
            steady_ncc=steady,
            displacement=displacement,
            photographic=photographic,
            surrounded=_are_surrounded(content, steady),
        )

    def sharpness(self, grey: Float32Array) -> float:
        """Return the mean absolute Laplacian of an image on the grid, in grey levels, where both images are."""
        import cv2

        inside = self.inside > 0
        return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[inside].mean()) if inside.any() else 0.0

    def _soft_share(self, blocks: tuple[int, int]) -> Float32Array:
        """Return the lower share (R, C), of the two images, of soft pixels in each block.

        They are counted on the finest grid: small lines of text become as soft as a photograph if they are shrunk.
        """
        import cv2

        fine = _Grid.over(self.query, self.reference, self.homography, FINE_GRID_SIDE) or self
        shares = [_soft_pixels(grey) for grey in (fine.query_grey, fine.reference_grey)]
        query, reference = (cv2.resize(one, blocks, interpolation=cv2.INTER_AREA) for one in shares)
        return np.asarray(np.minimum(query, reference), np.float32)

    def refined_in_rounds(self) -> "_Grid":
        """Return the grid after all rounds of `REFINEMENTS`."""
        grid = self
        for side, shift in REFINEMENTS:
            grid = grid.refined(side, shift)
        return grid

    def refined(self, side: int, shift: int) -> "_Grid":
        """Return the grid with the map on which the displacements of larger blocks agree, or itself."""
        import cv2

        query, reference = (_without_shading(_smooth(grey)) for grey in (self.query_grey, self.reference_grey))
        step, found = side * 2 // 3, []
        for top in range(0, self.size[1] - side + 1, step):
            for left in range(0, self.size[0] - side + 1, step):
                if self.inside[top : top + side, left : left + side].mean() < MIN_INSIDE:
                    continue
                ncc, x, y, _ = _find_block(query, reference, (left, top), side, shift)
                if ncc > REFINING_NCC:
                    found.append((left + side / 2, top + side / 2, x, y))
        if len(found) < MIN_REFINING_BLOCKS:
            return self
        points = np.array(found, np.float32)
        centres, moved = points[:, :2].copy(), points[:, :2] + points[:, 2:]
        cv2.setRNGSeed(1)
        if len(found) >= MIN_PERSPECTIVE_BLOCKS:
            estimate, _ = cv2.findHomography(moved, centres, cv2.RANSAC, REFINING_ERROR)
        else:
            affine, _ = cv2.estimateAffine2D(moved, centres, method=cv2.RANSAC, ransacReprojThreshold=REFINING_ERROR)
            estimate = None if affine is None else np.vstack((affine, [0, 0, 1]))
        if estimate is None or not np.isfinite(estimate).all():
            return self
        step_map, corners = np.asarray(estimate, np.float64), image_corners(*self.size)
        if np.abs(transform_points(step_map, corners) - corners).max() > MAX_REFINED_SHIFT * max(self.size):
            return self
        homography = np.linalg.inv(self.to_grid) @ step_map @ self.to_grid @ self.homography
        return replace(self, homography=homography)


def _find_block(
    query: Float32Array, reference: Float32Array, corner: tuple[int, int], side: int, shift: int
) -> tuple[float, float, float, float]:
    """Return the NCC of a block of the reference where the query shows it best, the displacement there, and the NCC without one.

    Args:
        query: The query on the grid.
        reference: The reference on the grid.
        corner: Left and top of the block.
        side: Side of the block.
        shift: Largest displacement, by columns and by rows.
    """
    import cv2

    left, top = corner
    block = reference[top : top + side, left : left + side]
    up, back = min(shift, top), min(shift, left)
    window = query[top - up : top + side + shift, left - back : left + side + shift]
    # OpenCV gives 1 for a flat block, whatever the window shows.
    if cv2.meanStdDev(block)[1][0, 0] < MIN_BLOCK_DEVIATION:
        return 0.0, 0.0, 0.0, 0.0
    ncc = cv2.matchTemplate(window, block, cv2.TM_CCOEFF_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(ncc)
    return best, float(x - back), float(y - up), float(ncc[up, back])


def warp_to_grid(image: npt.NDArray[np.uint8], to_grid: Homography, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return an image, grey or in colour, on the grid; it is area-averaged first if it shrinks."""
    import cv2

    centre = np.asarray([[size[0] / 2, size[1] / 2]], np.float64)
    middle = transform_points(np.linalg.inv(to_grid), centre)[0]
    scale = float(np.linalg.norm(jacobian_at(to_grid, middle), axis=0).max())
    if scale < 0.75:
        height, width = image.shape[:2]
        shrunk = scaled_size(width, height, scale)
        image = np.asarray(cv2.resize(image, shrunk, interpolation=cv2.INTER_AREA), np.uint8)
        to_grid = to_grid @ np.diag((width / shrunk[0], height / shrunk[1], 1))
    warped = cv2.warpPerspective(
        image, to_pixel_centres(to_grid), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.uint8)


def _are_surrounded(content: Float32Array, steady_ncc: Float32Array) -> npt.NDArray[np.bool_]:
    """Return True (R, C) for the blocks that agree where they are, and next to which none does not; flat ones do not count."""
    import cv2

    differs = (content > 0) & (agreement_of(steady_ncc) < MIN_BLOCK_AGREEMENT)
    near = cv2.dilate(differs.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0)
    return np.asarray((content > 0) & (near == 0), np.bool_)


def _smooth(grey: Float32Array) -> Float32Array:
    """Return an image on the grid without what recompression changes."""
    import cv2

    return np.asarray(cv2.GaussianBlur(grey, (0, 0), SMOOTHING), np.float32)


def _without_shading(grey: Float32Array) -> Float32Array:
    """Return an image on the grid less its coarse brightness."""
    import cv2

    return np.asarray(grey - cv2.GaussianBlur(grey, (0, 0), SHADING), np.float32)


def _block_mean(grid: npt.NDArray[np.generic]) -> Float32Array:
    """Return the mean (R, C) of each block."""
    rows, columns = grid.shape[0] // BLOCK_SIDE, grid.shape[1] // BLOCK_SIDE
    blocks = grid.astype(np.float32).reshape(rows, BLOCK_SIDE, columns, BLOCK_SIDE)
    return np.asarray(blocks.mean(axis=(1, 3)), np.float32)


def _block_deviation(grid: Float32Array) -> Float32Array:
    """Return the standard deviation (R, C) of each block."""
    variance = _block_mean(np.square(grid)) - _block_mean(grid) ** 2
    return np.asarray(np.sqrt(np.maximum(variance, 0)), np.float32)


def _soft_pixels(grey: Float32Array) -> Float32Array:
    """Return 1 for each pixel whose gradient is one of `SOFT_GRADIENTS`, else 0."""
    import cv2

    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    # Squares, as `hypot` takes as long as all the rest.
    squared = across * across + down * down
    return ((squared > SOFT_GRADIENTS[0] ** 2) & (squared < SOFT_GRADIENTS[1] ** 2)).astype(np.float32)
