"""A second look at a placed pair: the area in which the points agree, through the full SSCD."""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from mediafp.matching.candidates import Vectors
from mediafp.matching.images.local_features import LocalFeatures
from mediafp.matching.images.placement import PlacementFit, is_conclusive
from mediafp.types.geometry import (
    Homography,
    homography_from_corners,
    image_corners,
    jacobian_at,
    to_pixel_centres,
    transform_points,
)
from mediafp.types.media import Pixels

MODEL_INPUT_SIDE = 224
"""Side, pixels, of the square on which both are looked at: the model's input."""
REGION_MARGIN = 0.15
"""Share of the points' bounding box that is added on each side, so that what lies around them has a say."""
MIN_MARGIN = 8.0
"""Pixels of the reference's thumbnail that are added at least."""
CONCLUSIVE_SIMILARITY = 0.7
"""What is taken for a fit beyond doubt, which is not looked at again: the median of true copies in doubt.

Development set, hard edits: of the placed pairs in doubt, true copies lie at .42 to .85 (5 % and 95 %), other
photographs of one person at .38 at most; the distilled model mixes the two.
"""
CONCLUSIVE_MATCHING_BLOCKS = 0.85
"""Share of the blocks that must agree so that a fit is not looked at again. Below it something was laid over a copy, or a
page holds another picture: the likeness of the one is .3 to .75, of the other .1 to .5 (development set)."""
Embedder = Callable[[list[Pixels]], tuple[Vectors, npt.NDArray[np.float32]]]
"""Pictures to their unit vectors (N, 512) and their likeness (N,) to unrelated pictures."""


def compute_region_similarity(
    query: LocalFeatures, reference: LocalFeatures, fit: PlacementFit, embed: Embedder
) -> float:
    """How alike the two pictures are where their points agree: normalised cosine.

    SURE_LIKENESS where the fit is beyond doubt, 0 where it is loose.
    """
    if not fit.is_verified:
        return 0.0
    if is_conclusive(fit) and fit.matching_blocks >= CONCLUSIVE_MATCHING_BLOCKS:
        return CONCLUSIVE_SIMILARITY
    vectors, levels = embed(list(align_regions(query, reference, fit)))
    return float(vectors[0].astype(np.float32) @ vectors[1].astype(np.float32) - levels.max())


def align_regions(query: LocalFeatures, reference: LocalFeatures, fit: PlacementFit) -> tuple[Pixels, Pixels]:
    """The area around the agreeing points, of the query and of the reference, both SIDE x SIDE on the reference's grid."""
    height, width = reference.image.shape[:2]
    zoom = max(height, width) / max(reference.size)
    points = np.array([there for _, there in fit.placement.correspondences]) * zoom
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.maximum((high - low) * REGION_MARGIN, MIN_MARGIN)
    overlap = np.array(fit.placement.overlap) * zoom
    start = np.maximum(low - margin, overlap.min(axis=0)).clip(0, (width - 1, height - 1)).astype(int)
    end = np.ceil(np.minimum(high + margin, overlap.max(axis=0))).clip(start + 1, (width, height)).astype(int)
    (left, top), (right, bottom) = start, end
    theirs = cv2.resize(
        reference.image[top:bottom, left:right], (MODEL_INPUT_SIDE, MODEL_INPUT_SIDE), interpolation=cv2.INTER_AREA
    )

    tall, wide = query.image.shape[:2]
    target = (np.array(fit.placement.quad) * zoom - start) * (MODEL_INPUT_SIDE / (end - start))
    return _warped(query.image, homography_from_corners(image_corners(wide, tall), target)), np.asarray(
        theirs, np.uint8
    )


def _warped(image: Pixels, matrix: Homography) -> Pixels:
    """SIDE x SIDE pixels of a picture under a map of its pixels, area-averaged first where it shrinks."""
    middle = transform_points(np.linalg.inv(matrix), np.array([[MODEL_INPUT_SIDE / 2, MODEL_INPUT_SIDE / 2]]))[0]
    shrink = float(np.linalg.norm(jacobian_at(matrix, middle), axis=0).max())
    if shrink < 0.5:
        height, width = image.shape[:2]
        size = (max(1, round(width * 2 * shrink)), max(1, round(height * 2 * shrink)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix @ np.diag((width / size[0], height / size[1], 1))
    matrix, side = to_pixel_centres(matrix), (MODEL_INPUT_SIDE, MODEL_INPUT_SIDE)
    flat = cv2.warpPerspective(image, matrix, side, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, np.uint8)
