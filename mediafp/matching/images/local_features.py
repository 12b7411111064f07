"""SIFT keypoints and RootSIFT descriptors of an image."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from mediafp.types.media import Pixels

Floats = npt.NDArray[np.float32]
Keypoints = tuple[Floats, Floats]
"""Places (N, 2) in pixels of `Sketch.grey`, and RootSIFT descriptors (N, 128) of unit length."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom, pixels."""
DETECTION_SIDE = 256
"""Longest side, pixels, on which points are sought, of a reference as of a query and each part of it.

Development set, hard edits: 256 with one part places 98.9 % at 49 ms a query and 18 ms a reference; 640 in one piece
99.2 % at 198 ms; a reference at 512 costs 67 ms and places no more.
"""
MAX_KEYPOINTS = 500
"""SIFT points of a reference; a query gets WIDE times as many, as the picture may be a part of it."""
QUERY_KEYPOINT_FACTOR = 2
CONTRAST = 0.02
"""SIFT's least contrast of a point."""
FINE_SIDE = 512
"""As SIDE, of a reference in which a small crop is sought.

Crops to 15 % of the area that are placed: 72 % of 25, in a closer look 92 %; to 8 %: 20 and 72 %; to 5 %: 12 and 44 %. None of
136 pairs of unrelated pictures is.
"""
FINE_KEYPOINTS = 4000
FINE_CONTRAST = 0.01
"""As CONTRAST, in a closer look."""
ENOUGH_KEYPOINTS = 200
"""Points of both pictures with which a copy is placed, if it is one.

Of 1,020 copies one is left without a placement so, and of 450 with heavy edits inverted ones and drawn outlines alone, which
are not alike either; two pages of text are as alike as copies (.78), and have 500.
"""
MIRRORED_DESCRIPTOR_ORDER = np.arange(128).reshape(4, 4, 8)[::-1][:, :, -np.arange(8) % 8].reshape(-1)
"""Turns a SIFT descriptor (4 rows, 4 columns, 8 directions) into that of the mirrored picture: no second search."""


@dataclass(frozen=True)
class LocalFeatures:
    """A picture made ready for placement; points are lazily sought.

    `size` is (width, height) of the original, which may be larger than `picture`; points are sought where the longest
    side is `side` and the contrast at least `contrast`, and told in pixels of `grey` all the same.
    """

    image: Pixels
    size: tuple[int, int]
    max_keypoints: int = MAX_KEYPOINTS
    detection_side: int = DETECTION_SIDE
    contrast: float = CONTRAST

    @cached_property
    def grey(self) -> npt.NDArray[np.uint8]:
        """The picture in grey, its longest side SIDE."""
        return _grey(self.image, DETECTION_SIDE)

    @cached_property
    def blurred(self) -> npt.NDArray[np.uint8]:
        """`grey` without the detail that a copy loses."""
        return np.asarray(cv2.GaussianBlur(self.grey, (0, 0), 1.2), np.uint8)

    @cached_property
    def scale(self) -> float:
        """Original pixels a pixel of `grey`."""
        return float(max(self.size) / DETECTION_SIDE)

    @cached_property
    def keypoints(self) -> Keypoints:
        """The points of the whole picture."""
        places, descriptors = _points(_grey(self.image, self.detection_side), self.max_keypoints, self.contrast)
        return places * np.float32(DETECTION_SIDE / self.detection_side), descriptors

    def keypoints_with_crop(self, part: Box | None) -> Keypoints:
        """The points of the whole picture and, more closely, of a part of it (in pixels of `picture`)."""
        if part is None:
            return self.keypoints
        if part not in self._parts:
            left, top, right, bottom = part
            cut = _grey(np.ascontiguousarray(self.image[top:bottom, left:right]), DETECTION_SIDE)
            places, descriptors = _points(cut, self.max_keypoints, self.contrast)
            zoom = DETECTION_SIDE / max(self.image.shape[:2])
            places = (places * (max(right - left, bottom - top) / DETECTION_SIDE) + (left, top)) * zoom
            self._parts[part] = (
                np.concatenate((self.keypoints[0], places.astype(np.float32))),
                np.concatenate((self.keypoints[1], descriptors)),
            )
        return self._parts[part]

    @cached_property
    def _parts(self) -> dict[Box, Keypoints]:
        return {}


def query_features(image: Pixels, size: tuple[int, int]) -> LocalFeatures:
    """A query made ready: with more points than a reference."""
    return LocalFeatures(image, size, MAX_KEYPOINTS * QUERY_KEYPOINT_FACTOR)


def has_enough_keypoints(query: LocalFeatures, reference: LocalFeatures) -> bool:
    """Whether both pictures have points in plenty, so that no placement means no copy."""
    return min(len(query.keypoints[0]), len(reference.keypoints[0])) >= ENOUGH_KEYPOINTS


def _grey(image: Pixels, side: int) -> npt.NDArray[np.uint8]:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    zoom = side / max(grey.shape)
    size = (max(1, round(grey.shape[1] * zoom)), max(1, round(grey.shape[0] * zoom)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC), np.uint8)


def _points(grey: npt.NDArray[np.uint8], limit: int, contrast: float) -> Keypoints:
    # Without the precise upscale, points lie a quarter pixel off, to the other side in a mirrored picture.
    sift = cv2.SIFT.create(nfeatures=limit, contrastThreshold=contrast, enable_precise_upscale=True)
    found, descriptors = sift.detectAndCompute(grey, None)
    if descriptors is None:
        return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
    # Pixel centres are at .5 where edges are whole numbers, the contract's convention.
    points = np.array([point.pt for point in found], np.float32) + 0.5
    root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return points, root.astype(np.float32)
