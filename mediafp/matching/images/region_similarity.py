"""Region similarity: the score of the two regions that a placement aligns, under the full SSCD (Pizzi et al. 2022)."""

from collections.abc import Callable

import numpy as np

from mediafp.matching.candidates import Vectors
from mediafp.matching.images.placement_fit import PlacementFit
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
from mediafp.types.media import Pixels
from mediafp.types.scaled_images import scaled_size

MODEL_INPUT_SIDE = 224
"""Side, in pixels, of the square to which both regions are resampled: the input of the model."""
REGION_MARGIN = 0.15
"""Share of the inliers' bounding box that is added on each side, so that its surroundings are compared too. Chosen, not
measured."""
MIN_REGION_MARGIN = 8.0
"""Smallest margin, in pixels of the reference's thumbnail. Chosen, not measured."""
CONCLUSIVE_SIMILARITY = 0.7
"""Region similarity assigned to conclusive fits without running the model: the median of true copies whose fit is inconclusive.

Development set, hard edits: of the pairs with an inconclusive fit, true copies have .42 to .85 (5th and 95th percentile), other
photographs of one person .38 at most; under the distilled model the two overlap.
"""
CONCLUSIVE_MATCHING_BLOCKS = 0.85
"""Share of matching blocks that a fit needs to skip the model. Below it, an overlay covers a part of a copy, or a page contains
another image: the region similarity of covered copies is .3 to .75, that of pages with another image .1 to .5 (development
set)."""
MIN_SHRINK_FACTOR = 0.5
"""Scale of a warp below which the image is area-averaged first, to avoid aliasing."""
Embedder = Callable[[list[Pixels]], tuple[Vectors, Float32Array]]
"""Function from N images to unit vectors (N, 512) and background levels (N,)."""


def compute_region_similarity(
    query: LocalFeatures, reference: LocalFeatures, fit: PlacementFit, embed: Embedder
) -> float:
    """Return the SSCD score of the two aligned regions, -1..1, after score normalisation.

    Unverified fits give 0; conclusive fits give `CONCLUSIVE_SIMILARITY` without running the model.
    """
    if not fit.is_verified:
        return 0.0
    if fit.is_conclusive and fit.matching_blocks >= CONCLUSIVE_MATCHING_BLOCKS:
        return CONCLUSIVE_SIMILARITY
    vectors, levels = embed(list(align_regions(query, reference, fit)))
    return float(vectors[0].astype(np.float32) @ vectors[1].astype(np.float32) - levels.max())


def align_regions(query: LocalFeatures, reference: LocalFeatures, fit: PlacementFit) -> tuple[Pixels, Pixels]:
    """Return the regions around the inliers, of the query and of the reference, on the pixel grid of the reference.

    Both have `MODEL_INPUT_SIDE` pixels on each side.
    """
    import cv2

    height, width = reference.image.shape[:2]
    zoom = max(height, width) / max(reference.size)
    inliers = np.array([reference_point for _, reference_point in fit.placement.correspondences]) * zoom
    low, high = inliers.min(axis=0), inliers.max(axis=0)
    margin = np.maximum((high - low) * REGION_MARGIN, MIN_REGION_MARGIN)
    overlap = np.array(fit.placement.overlap) * zoom
    start = np.maximum(low - margin, overlap.min(axis=0)).clip(0, (width - 1, height - 1)).astype(int)
    end = np.ceil(np.minimum(high + margin, overlap.max(axis=0))).clip(start + 1, (width, height)).astype(int)
    (left, top), (right, bottom) = start, end
    reference_region = cv2.resize(
        reference.image[top:bottom, left:right], (MODEL_INPUT_SIDE, MODEL_INPUT_SIDE), interpolation=cv2.INTER_AREA
    )

    query_height, query_width = query.image.shape[:2]
    quad_in_region = (np.array(fit.placement.quad) * zoom - start) * (MODEL_INPUT_SIDE / (end - start))
    query_to_region = homography_from_corners(image_corners(query_width, query_height), quad_in_region)
    return _warp_to_input(query.image, query_to_region), np.asarray(reference_region, np.uint8)


def _warp_to_input(image: Pixels, homography: Homography) -> Pixels:
    """Return an image under a homography, as a square of `MODEL_INPUT_SIDE` pixels."""
    import cv2

    centre = np.array([[MODEL_INPUT_SIDE / 2, MODEL_INPUT_SIDE / 2]])
    image_centre = transform_points(np.linalg.inv(homography), centre)[0]
    scale = float(np.linalg.norm(jacobian_at(homography, image_centre), axis=0).max())
    if scale < MIN_SHRINK_FACTOR:
        height, width = image.shape[:2]
        size = scaled_size(width, height, 2 * scale)
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        homography = homography @ np.diag((width / size[0], height / size[1], 1))
    warped = cv2.warpPerspective(
        image,
        to_pixel_centres(homography),
        (MODEL_INPUT_SIDE, MODEL_INPUT_SIDE),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.uint8)
