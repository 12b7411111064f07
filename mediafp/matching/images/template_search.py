"""Comparison of an image with a candidate pixel by pixel: as a small crop of it, and as a whole.

A crop of skin, sky or a wall has few keypoints or none, but it is found by template matching.

The query is sought in the reference at many sizes by normalised cross-correlation (NCC; Lewis, Fast normalized
cross-correlation, 1995), upright or mirrored: at all sizes in a tiny image, at the best of them in a small one, then around the
best place at full detail. What decides is the dense comparison there: only a photograph that agrees in nearly all blocks is
placed.
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from mediafp.matching.images.dense_comparison import BLOCK_SIDE, SAME_NCC, DenseComparison
from mediafp.matching.images.dense_grid import compare_densely
from mediafp.matching.images.placement import place_by_map
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.transform import Transform
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.arrays import Float32Array
from mediafp.types.geometry import Homography, transform_points
from mediafp.types.matches import Placement
from mediafp.types.media import GreyPixels
from mediafp.types.scaled_images import scaled_size

TINY_SIDE = 64
"""Longest side, in pixels, of the reference in which the query is sought at all sizes: .9 ms, a third of what it takes at
`COARSE_SIDE`."""
COARSE_SIZES = 4
"""Sizes, those with the highest NCC, at which it is sought in the larger image then: of 380 crops to 4 to 20 % of the area the
best size there is among them for 98.7 %, among 3 for 98.4 %."""
COARSE_SIDE = 128
"""Longest side, in pixels, of the larger image. Of 130 crops to 5 and 15 % of the area all are found at 128 pixels, at 96 pixels
all but 2."""
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
MIN_FINE_NCC = 0.85
"""NCC at full detail from which the images are compared densely there. Of 40 placed crops with heavy edits 1 has less, of 8,000
other pairs that reach `MIN_COARSE_NCC` 85 % have (development set)."""
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
    return any(correlation(view, reference_whole) >= MIN_WHOLE_NCC for view in (query_whole, query_whole[:, ::-1]))


class Template:
    """An image that is sought as a small crop of others, with what does not depend on them."""

    def __init__(self, features: LocalFeatures, *, mirrored: bool) -> None:
        """Take the crop, neither rotated nor stretched, upright or mirrored."""
        self.features, self.mirrored = features, mirrored

    @cached_property
    def grey(self) -> GreyPixels:
        """The crop in grey at its full size."""
        grey = self.features.full_grey
        return np.ascontiguousarray(grey[:, ::-1]) if self.mirrored else grey

    @cached_property
    def tiny(self) -> list[GreyPixels]:
        """The crop at all sizes at which it is sought in an image of `TINY_SIDE`, the largest first."""
        return self._at_sizes(TINY_SIDE)

    @cached_property
    def coarse(self) -> list[GreyPixels]:
        """The same for an image of `COARSE_SIDE`."""
        return self._at_sizes(COARSE_SIDE)

    def _at_sizes(self, side: int) -> list[GreyPixels]:
        sizes, shrunk = [], self.grey
        steps = round(np.log(GREATEST_SHARE / LEAST_SHARE) / np.log(SIZE_STEP)) + 1
        for share in np.geomspace(GREATEST_SHARE, LEAST_SHARE, steps).tolist():
            # The next smaller size is made from this one while it has detail enough.
            zoom = side * share / max(shrunk.shape)
            if zoom <= 0.4:
                shrunk = _resize(shrunk, 0.5)
                zoom *= 2
            sizes.append(_resize(shrunk, zoom))
        return sizes


def place_template(template: Template, reference: LocalFeatures) -> PlacementFit | None:
    """Return the placement of a small crop of a photograph in the reference, or None; takes 2 to 15 ms.

    Args:
        template: The crop.
        reference: The image that it may be a part of.
    """
    found = place_roughly(template, reference)
    if found is None:
        return None
    dense = found[1]
    return fit_blocks(dense, dense.same_blocks, template.features, reference)


def place_roughly(template: Template, reference: LocalFeatures) -> tuple[Homography, DenseComparison] | None:
    """Return where a crop is found, and what agrees there, if it is nearly all of a photograph; else None.

    The map is from pixels of `grey` of the crop to those of the reference, without rotation or perspective.
    """
    homography = seek_map(template, reference)
    if homography is None:
        return None
    dense = compare_under(homography, template.features, reference)
    if dense is None or dense.steady_agreement < MIN_AGREEMENT or dense.photographic_blocks < MIN_AGREEING_BLOCKS:
        return None
    return homography, dense


def seek_map(template: Template, reference: LocalFeatures, *, closely: bool = True) -> Homography | None:
    """Return the map, without rotation or perspective, from pixels of `grey` of a crop to those of the reference, or None.

    Args:
        template: The crop.
        reference: The image that it may be a part of.
        closely: Seek it at full detail too, which takes most of the time.
    """
    query, reference_grey = template.features, reference.full_grey
    place = _seek(template, reference_grey)
    if place and closely:
        place = _seek_closely(template.grey, reference_grey, place)
    if place is None:
        return None
    height, width = query.grey.shape
    left, top, columns, rows = (side * max(reference.grey.shape) / max(reference_grey.shape) for side in place)
    homography = np.array([[columns / width, 0, left], [0, rows / height, top], [0, 0, 1]], np.float64)
    if template.mirrored:
        homography = homography @ np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1]], np.float64)
    return homography


def compare_under(homography: Homography, query: LocalFeatures, reference: LocalFeatures) -> DenseComparison | None:
    """Return the dense comparison under a map in pixels of `grey`; None if the images hardly overlap or show nothing there."""
    rough = place_under(homography, query, reference)
    return compare_densely(query, reference, rough) if rough else None


def place_under(homography: Homography, query: LocalFeatures, reference: LocalFeatures) -> Placement | None:
    """Return the placement, without inliers, that a map in pixels of `grey` gives; None if the images hardly overlap."""
    none = np.empty((0, 2), np.float32)
    return place_by_map(Transform(homography=homography, query_inliers=none, reference_inliers=none), query, reference)


def fit_blocks(
    dense: DenseComparison, agreeing: npt.NDArray[np.bool_], query: LocalFeatures, reference: LocalFeatures
) -> PlacementFit | None:
    """Return the placement by the map of a dense comparison, with the blocks (R, C) that agree as inliers."""
    placement = place_by_map(_from_blocks(dense, agreeing, query, reference), query, reference)
    if placement is None:
        return None
    with_content = dense.content > 0
    return PlacementFit(
        placement=placement,
        median_ncc=float(np.median(dense.ncc[with_content])),
        matching_blocks=float((dense.ncc[with_content] >= SAME_NCC).mean()),
        support=dense.steady_agreement,
        # The displacements are in pixels of the grid.
        reprojection_error=float(dense.displacement[agreeing].mean() * abs(dense.to_reference[0, 0]) / reference.scale),
        dense=dense,
        by_blocks=True,
    )


def _seek(template: Template, reference: GreyPixels) -> tuple[float, float, float, float] | None:
    """Return left, top, width and height, in pixels of a reference in grey, at which it roughly resembles a crop, or None."""
    small = _resize(reference, COARSE_SIDE / max(reference.shape))
    tiny = _resize(small, TINY_SIDE / max(small.shape))
    by_size = [_best_place(tiny, one)[0] if _fits(one, tiny, MIN_TEMPLATE_SIDE // 2) else -1.0 for one in template.tiny]
    likeliest = np.argsort(by_size)[::-1][:COARSE_SIZES]
    places = [
        (*_best_place(small, one), *one.shape[::-1])
        for one in (template.coarse[size] for size in likeliest.tolist())
        if _fits(one, small, MIN_TEMPLATE_SIDE)
    ]
    ncc, *place = max(places, default=(-1.0,))
    if ncc <= MIN_COARSE_NCC:
        return None
    zoom = max(reference.shape) / COARSE_SIDE
    left, top, width, height = (side * zoom for side in place)
    return left, top, width, height


def _fits(template: GreyPixels, image: GreyPixels, least_side: int) -> bool:
    """Return True if a template is large enough to be sought in an image, and smaller than it."""
    return min(template.shape) >= least_side and bool(np.less(template.shape, image.shape).all())


def _seek_closely(
    query: GreyPixels, reference: GreyPixels, place: tuple[float, float, float, float]
) -> tuple[float, float, float, float] | None:
    """Return the place at full detail around one that `_seek` found."""
    left, top, width, height = place
    best, found = MIN_FINE_NCC, None
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


def _best_place(image: GreyPixels, template: GreyPixels) -> tuple[float, int, int]:
    """Return the highest NCC of a template in an image, and the left and top of its place."""
    import cv2

    _, ncc, _, (left, top) = cv2.minMaxLoc(cv2.matchTemplate(image, template, cv2.TM_CCOEFF_NORMED))
    return float(ncc), left, top


def _as_whole(grey: GreyPixels) -> Float32Array:
    """Return an image (`WHOLE_SIDE`, `WHOLE_SIDE`) without its shading."""
    import cv2

    small = cv2.resize(grey, (WHOLE_SIDE, WHOLE_SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(small - cv2.GaussianBlur(small, (0, 0), WHOLE_SHADING), np.float32)


def correlation(image: Float32Array | GreyPixels, other: Float32Array | GreyPixels) -> float:
    """Return the NCC of two images, or of as many pixels of both; 0 if one is flat."""
    deviation = float(image.std() * other.std())
    return float(((image - image.mean()) * (other - other.mean())).mean()) / deviation if deviation > 0 else 0.0


def _from_blocks(
    dense: DenseComparison, agreeing: npt.NDArray[np.bool_], query: LocalFeatures, reference: LocalFeatures
) -> Transform:
    """Return the map of a dense comparison, in pixels of `grey`, with the middles of the blocks that agree as its inliers."""
    reference_to_grey = to_grey(reference)
    homography = reference_to_grey @ dense.query_to_reference @ from_grey(query)
    rows, columns = np.nonzero(agreeing)
    middles = (np.column_stack((columns, rows)) + 0.5) * BLOCK_SIDE
    in_reference = transform_points(reference_to_grey @ dense.to_reference, middles)
    in_query = transform_points(np.linalg.inv(homography), in_reference)
    return Transform(
        homography=homography,
        query_inliers=in_query.astype(np.float32),
        reference_inliers=in_reference.astype(np.float32),
    )


def from_grey(features: LocalFeatures) -> Homography:
    """Return the map from pixels of `grey` to those of the image."""
    zoom = max(features.image.shape[:2]) / max(features.grey.shape)
    return np.diag((zoom, zoom, 1.0))


def to_grey(features: LocalFeatures) -> Homography:
    """Return the map from pixels of the original to those of `grey`."""
    return np.diag((1 / features.scale, 1 / features.scale, 1.0))


def _resize(image: GreyPixels, zoom: float) -> GreyPixels:
    """Return an image in another size, at least one pixel each way."""
    import cv2

    size = scaled_size(image.shape[1], image.shape[0], zoom)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR), np.uint8)
