"""Placement of an image of which keypoints are few by its middle: of a part that resembles a reference, and of a drawing.

The middle is sought in the reference as a small crop (`template_search`). What lies around it is compared under the same map.
"""

from collections.abc import Iterator

import numpy as np

from mediafp.matching.images.dense_comparison import BLOCK_SIDE, FULL_AGREEMENT, DenseComparison
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.images.template_search import (
    MIN_AGREEING_BLOCKS,
    MIN_FINE_NCC,
    Template,
    compare_under,
    fit_blocks,
    from_grey,
    place_roughly,
    seek_map,
    to_grey,
)
from mediafp.matching.local_features import LocalFeatures
from mediafp.types.geometry import Box, Homography, from_pixel_centres, to_pixel_centres
from mediafp.types.media import GreyPixels

PART_MIDDLE = 0.65
"""Sides of the middle of a part, divided by those of the part: the part is a half of each side of the image, and what was cut out
may be round. Of 4 copies on another background that keypoints do not place, 3 are placed with .65 and with .5, 1 with .8."""
MIN_DRAWN_BLOCKS = 60.0
"""Content, in blocks, that two drawings must have: 32 copies of maps of flat shapes have 68 at least, one disc and the edges of
three stripes 46 at most."""
MIN_EDGE_RATIO = 0.1
"""Least share of the strength of the edges along their main direction that those across it must have, so that a place is known
both ways. Chosen, not measured."""
ALIGNMENT_ROUNDS, ALIGNMENT_CHANGE = 50, 1e-4
"""Most rounds of the alignment of two drawings, and the rise of their correlation below which it ends. Chosen, not measured."""

MIN_DETERMINANT = 1e-3
"""Least determinant of a map that is inverted: a smaller one shrinks an image to less than a thirtieth. Chosen, not measured."""


def place_part(query: LocalFeatures, box: Box, reference: LocalFeatures) -> PlacementFit | None:
    """Return the placement of an image of which only a part is that of the reference, or None; takes 5 to 40 ms.

    A cut-out on another background may have few keypoints, as one of a wall or a face out of focus has. The middle of the part is
    sought as a small crop; what lies around it under the same map is compared then.

    Args:
        query: The image.
        box: The part that most resembles the reference, in pixels of the image.
        reference: The other image.
    """
    part, to_part = _middle_of(query, box)
    if part is None:
        return None
    both = (place_roughly(Template(part, mirrored=mirrored), reference) for mirrored in (False, True))
    found = next((one for one in both if one), None)
    if found is None:
        return None
    homography, dense = found
    # The map that was refined on so small a part may be far off at the edges of the image, the other one in its middle.
    maps = homography @ np.linalg.inv(from_grey(part)), to_grey(reference) @ dense.query_to_reference
    wholes = [one for to_reference in maps if (one := compare_under(to_reference @ to_part, query, reference))]
    whole = max(wholes, key=lambda one: one.solid_blocks, default=None)
    if whole is None or whole.solid_blocks < MIN_AGREEING_BLOCKS:
        return None
    return fit_blocks(whole, whole.surrounded, query, reference)


def place_drawing(query: LocalFeatures, reference: LocalFeatures) -> PlacementFit | None:
    """Return the placement of a drawing that resembles nearly all of another one, or None; takes 20 to 90 ms.

    A map or a diagram of flat shapes has few keypoints, and circles of one size have the same ones. The whole is laid on the
    whole, and its middle where it is found as a small crop, and the map is aligned. The placement is verified if all that both
    show agrees then; else it shows that they differ.

    Args:
        query: The image.
        reference: The other image.
    """
    if not _is_fixed_both_ways(query.grey):
        return None
    best: DenseComparison | None = None
    for start in _rough_maps(query, reference):
        aligned = _align(start, query, reference)
        whole = compare_under(aligned, query, reference) if aligned is not None else None
        best = max((one for one in (best, whole) if one), key=lambda one: one.agreement, default=None)
        if best and best.agreement >= FULL_AGREEMENT:
            break
    if best is None or best.total_content < MIN_DRAWN_BLOCKS:
        return None
    return fit_blocks(best, best.same_blocks, query, reference) if best.same_blocks.any() else None


def _rough_maps(query: LocalFeatures, reference: LocalFeatures) -> Iterator[Homography]:
    """Yield maps in pixels of `grey` under which two drawings may agree: of the wholes, and of the middle as a small crop."""
    (height, width), (reference_height, reference_width) = query.grey.shape, reference.grey.shape
    x, y = reference_width / width, reference_height / height
    yield np.array([[x, 0, 0], [0, y, 0], [0, 0, 1]], np.float64)
    yield np.array([[-x, 0, reference_width], [0, y, 0], [0, 0, 1]], np.float64)
    part, to_part = _middle_of(query, (0, 0, query.image.shape[1], query.image.shape[0]))
    if part is None:
        return
    for mirrored in (False, True):
        homography = seek_map(Template(part, mirrored=mirrored), reference, closely=False)
        if homography is not None:
            yield homography @ np.linalg.inv(from_grey(part)) @ to_part


def _middle_of(query: LocalFeatures, box: Box) -> tuple[LocalFeatures | None, Homography]:
    """Return the middle of a part of an image, None if it is too small, and the map to its pixels from those of `grey`."""
    left, top, right, bottom = box
    across, down = (round((1 - PART_MIDDLE) / 2 * side) for side in (right - left, bottom - top))
    corner = left + across, top + down
    middle = np.ascontiguousarray(query.image[corner[1] : bottom - down, corner[0] : right - across])
    to_part = np.array([[1, 0, -corner[0]], [0, 1, -corner[1]], [0, 0, 1]], np.float64) @ from_grey(query)
    return (LocalFeatures(middle, middle.shape[1::-1]) if min(middle.shape[:2]) >= BLOCK_SIDE else None), to_part


def _align(homography: Homography, query: LocalFeatures, reference: LocalFeatures) -> Homography | None:
    """Return a map in pixels of `grey` made exact by light and dark (affine ECC; Evangelidis and Psarakis, 2008), or None.

    There is none where the images differ too much.
    """
    import cv2

    # ECC maps pixel centres of the reference to those of the query.
    start = to_pixel_centres(np.linalg.inv(homography))[:2].astype(np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ALIGNMENT_ROUNDS, ALIGNMENT_CHANGE)
    try:
        correlation, found = cv2.findTransformECC(reference.grey, query.grey, start, cv2.MOTION_AFFINE, criteria)
    except cv2.error:
        # It does not converge.
        return None
    to_query = np.vstack((found, (0, 0, 1)))
    if correlation < MIN_FINE_NCC or abs(np.linalg.det(to_query)) < MIN_DETERMINANT:
        return None
    return from_pixel_centres(np.linalg.inv(to_query))


def _is_fixed_both_ways(grey: GreyPixels) -> bool:
    """Return True if an image looks different when it is shifted, whatever the direction; stripes do not (structure tensor)."""
    import cv2

    across, down = (cv2.Sobel(grey, cv2.CV_32F, *order, ksize=3) for order in ((1, 0), (0, 1)))
    xx, yy, xy = (float((one * other).mean()) for one, other in ((across, across), (down, down), (across, down)))
    smaller, larger = np.linalg.eigvalsh([[xx, xy], [xy, yy]])
    return bool(smaller >= MIN_EDGE_RATIO * larger > 0)
