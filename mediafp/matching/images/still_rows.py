"""Which still pages of a video show an image: pages of one layout are alike as a whole, and differ in a few words."""

from typing import Final

import numpy as np
import numpy.typing as npt

from mediafp.matching.local_features import LocalFeatures
from mediafp.matching.references import PairReferences
from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import homography_from_corners, image_corners
from mediafp.types.matches import Placement
from mediafp.types.media import FrameTrack

MIN_STILL_SHARE: Final = 0.7
"""Share of a row's span during which the frame track does not change from which the row is a still page. Chosen, not measured."""
BLOCK_SIDE: Final = 16
"""Pixels of a side of the blocks of a thumbnail whose differences are compared: about a word. Chosen, not measured."""
MAX_BLOCK_RATIO: Final = 1.4
"""Factor on the difference of the page that fits best up to which another one shows the image too. Chosen, not measured."""
MAX_EQUAL_LEVELS: Final = 4.0
"""Grey levels (0..255) of a difference that recompression explains. Chosen, not measured."""


def rows_of_image(
    rows: npt.NDArray[np.int64], query: LocalFeatures, placement: Placement, sha256: str, references: PairReferences
) -> npt.NDArray[np.int64]:
    """Return those of some rows of a video that show an image; of still pages, the ones that differ least from it.

    Args:
        rows: Rows whose embeddings resemble the image.
        query: The image.
        placement: Its position in one of the rows, which it has in all pages of a layout.
        sha256: SHA-256 of the video.
        references: The references.
    """
    track = references.track(sha256)
    if track is None or len(rows) < 2:
        return rows
    still = _are_still(references.spans(sha256)[rows], track)
    differences = np.array(
        [_difference(query, references.local_features(sha256, int(row)), placement) for row in rows[still]]
    )
    if len(differences) < 2 or not np.isfinite(differences).any():
        return rows
    limit = max(MAX_EQUAL_LEVELS, MAX_BLOCK_RATIO * float(differences.min()))
    kept = ~still
    kept[still] = differences <= limit
    return rows[kept]


def _are_still(spans: Float64Array, track: FrameTrack) -> npt.NDArray[np.bool_]:
    """Return which spans (N, 2) one row of a frame track fills for the most part."""
    overlaps = np.minimum(spans[:, None, 1], track.spans[None, :, 1]) - np.maximum(
        spans[:, None, 0], track.spans[None, :, 0]
    )
    return np.asarray(overlaps.max(axis=1) >= MIN_STILL_SHARE * (spans[:, 1] - spans[:, 0]))


def _difference(query: LocalFeatures, page: LocalFeatures | None, placement: Placement) -> float:
    """Return the greatest difference of a block of a page from the image mapped onto it, grey levels, however light they are."""
    import cv2

    if page is None:
        return float("inf")
    height, width = page.image.shape[:2]
    scale = np.array([width / page.size[0], height / page.size[1]])
    quad = np.array(placement.quad) * scale
    # Shrunk by areas first: text that is only sampled has other grey levels.
    sides = np.ptp(quad, axis=0).astype(int)
    own_size = int(np.clip(sides[0], 1, query.image.shape[1])), int(np.clip(sides[1], 1, query.image.shape[0]))
    shrunk = cv2.resize(query.full_grey, own_size, interpolation=cv2.INTER_AREA)
    to_page = homography_from_corners(image_corners(*own_size), quad)
    mapped = cv2.warpPerspective(shrunk, to_page, (width, height))
    inside = cv2.warpPerspective(np.full_like(shrunk, 255), to_page, (width, height)) == 255
    if not inside.any():
        return float("inf")
    own, other = mapped.astype(np.float32), page.full_grey.astype(np.float32)
    gain = (other[inside].std() + 1) / (own[inside].std() + 1)
    levels = np.where(inside, np.abs((own - own[inside].mean()) * gain - (other - other[inside].mean())), 0)
    size = (max(1, round(width / BLOCK_SIDE)), max(1, round(height / BLOCK_SIDE)))
    return float(cv2.resize(levels.astype(np.float32), size, interpolation=cv2.INTER_AREA).max())
