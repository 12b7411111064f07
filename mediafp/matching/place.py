"""Where the query lies in the reference: SIFT points (Lowe 2004) that agree on one sane affine map."""

from dataclasses import dataclass
from functools import cached_property
from math import atan2, degrees, hypot

import cv2
import numpy as np
import numpy.typing as npt

from mediafp.evidence import Placement
from mediafp.media import Pixels

Floats = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]

SIDE = 512
"""Longest side, pixels, on which a reference's points are sought."""
QUERY_SIDE = 800
"""The same of a query, of which the picture may be a small part (a screenshot)."""
LEAST_SIDE = 320
"""Smaller pictures are enlarged to it: SIFT finds little in 100 pixels."""
POINTS = 500
"""SIFT points of a reference; a query gets WIDE times as many, as the picture may be a part of it."""
WIDE = 3
RATIO = 0.85
"""Lowe's ratio; loose, since geometry decides."""
REACH = 4.0
"""Pixels (of SIDE) by which a matched point may miss the common map."""
MIN_INLIERS = 6
MAX_STRETCH = 1.6
"""Most a map may stretch one axis against the other; above it the fit is degenerate."""
MAX_SCALE = 16.0
CORRELATION_SIDE = 128
"""Side, pixels, of the grid on which the two pictures are compared once placed."""
BLOCKS = 8
DRAWN_POINTS = 60


@dataclass(frozen=True)
class Sketch:
    """A picture made ready for placement; points are lazily sought, in its original pixels.

    `size` is (width, height) of the original, which may be larger than `picture`.
    """

    picture: Pixels
    size: tuple[int, int]
    limit: int = POINTS
    side: int = SIDE

    @cached_property
    def grey(self) -> npt.NDArray[np.uint8]:
        """The picture in grey, its longest side between LEAST_SIDE and `side`."""
        grey = cv2.cvtColor(self.picture, cv2.COLOR_RGB2GRAY)
        longest = max(grey.shape)
        scale = min(max(longest, LEAST_SIDE), self.side) / longest
        if scale != 1:
            size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        return np.asarray(grey, np.uint8)

    @cached_property
    def scale(self) -> float:
        """Original pixels a pixel of `grey`."""
        return float(max(self.size) / max(self.grey.shape))

    @cached_property
    def points(self) -> tuple[Floats, Floats]:
        """Points (N, 2) in pixels of `grey`, and RootSIFT descriptors (N, 128) of unit length."""
        return _points(self.grey, self.limit)

    @cached_property
    def flipped(self) -> tuple[Floats, Floats]:
        """The points of the mirrored picture, at their place in the picture as it is."""
        points, descriptors = _points(np.ascontiguousarray(self.grey[:, ::-1]), self.limit)
        return np.column_stack((self.grey.shape[1] - points[:, 0], points[:, 1])).astype(np.float32), descriptors


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A placement with what its trust rests on.

    `agreement`: median correlation of the two pictures' blocks in the overlap, -1..1; `spread`: share of
    the overlap's area within the hull of the inliers; `tentative`: matches before geometry.
    """

    placement: Placement
    agreement: float
    spread: float
    tentative: int


def query_sketch(picture: Pixels) -> Sketch:
    """A query made ready: larger, and with more points, than a reference."""
    return Sketch(picture, (picture.shape[1], picture.shape[0]), POINTS * WIDE, QUERY_SIDE)


def place(query: Sketch, reference: Sketch) -> Fit | None:
    """The placement of the query in the reference that most points support, or None where none is sane."""
    straight = _fit(query, query.points, reference, mirrored=False)
    if straight and straight.placement.inliers >= 4 * MIN_INLIERS and straight.agreement > 0.5:
        return straight
    mirrored = _fit(query, query.flipped, reference, mirrored=True)
    fits = [fit for fit in (straight, mirrored) if fit]
    return max(fits, key=lambda fit: fit.placement.inliers, default=None)


def _points(grey: npt.NDArray[np.uint8], limit: int) -> tuple[Floats, Floats]:
    found, descriptors = cv2.SIFT.create(nfeatures=limit, contrastThreshold=0.02).detectAndCompute(grey, None)
    if descriptors is None:
        return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
    # Pixel centres are at .5 where edges are whole numbers, the contract's convention.
    points = np.array([point.pt for point in found], np.float32) + 0.5
    root = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
    return points, root.astype(np.float32)


def _fit(query: Sketch, points: tuple[Floats, Floats], reference: Sketch, *, mirrored: bool) -> Fit | None:
    (here, mine), (there, theirs) = points, reference.points
    if len(here) < MIN_INLIERS or len(there) < MIN_INLIERS:
        return None
    source, target = _tentative(here, mine, there, theirs)
    if len(source) < MIN_INLIERS:
        return None
    matrix = _ransac(source, target, mirrored)
    if matrix is None:
        return None
    for _ in range(3):
        inside = _misses(matrix, source, target) < REACH
        if _distinct(source[inside], target[inside]) < MIN_INLIERS:
            return None
        refined = _least_squares(source[inside], target[inside])
        if not _sane(refined, mirrored):
            break
        matrix = refined
    inside = _misses(matrix, source, target) < REACH
    count = _distinct(source[inside], target[inside])
    if count < MIN_INLIERS or not _sane(matrix, mirrored):
        return None
    return _describe(query, reference, matrix, source[inside], target[inside], count, mirrored, len(source))


def _tentative(here: Floats, mine: Floats, there: Floats, theirs: Floats) -> tuple[Floats, Floats]:
    """Matched points that pass Lowe's ratio towards the reference, each reference point used once."""
    likeness = mine @ theirs.T
    rows = np.arange(len(mine))
    best = likeness.argmax(axis=1)
    first = likeness[rows, best]
    likeness[rows, best] = -1
    second = likeness.max(axis=1)
    distance, rival = np.sqrt(np.maximum(2 - 2 * first, 0)), np.sqrt(np.maximum(2 - 2 * second, 1e-9))
    good = np.flatnonzero(distance < RATIO * rival)
    order = good[np.argsort(distance[good])]
    _, once = np.unique(best[order], return_index=True)
    order = order[np.sort(once)]
    return here[order], there[best[order]]


def _ransac(source: Floats, target: Floats, mirrored: bool) -> Matrix | None:
    """A similarity from RANSAC; a mirrored query is flipped first, since a similarity cannot."""
    flip = np.array([-1.0 if mirrored else 1.0, 1.0], np.float32)
    cv2.setRNGSeed(1)
    found, _ = cv2.estimateAffinePartial2D(
        source * flip, target, method=cv2.RANSAC, ransacReprojThreshold=REACH, maxIters=3000, confidence=0.999
    )
    if found is None:
        return None
    matrix = np.array(found, np.float64)
    matrix[:, 0] *= flip[0]
    return matrix if _sane(matrix, mirrored) else None


def _least_squares(source: Floats, target: Floats) -> Matrix:
    design = np.column_stack((source, np.ones(len(source))))
    return np.linalg.lstsq(design.astype(np.float64), target.astype(np.float64), rcond=None)[0].T


def _misses(matrix: Matrix, source: Floats, target: Floats) -> npt.NDArray[np.float64]:
    return np.asarray(np.linalg.norm(source @ matrix[:, :2].T + matrix[:, 2] - target, axis=1))


def _distinct(source: Floats, target: Floats) -> int:
    """Matches that are no repetition of a neighbour: one a cell of 4 x 4 pixels on each side."""
    return min(len(np.unique((points // 4).astype(int), axis=0)) for points in (source, target)) if len(source) else 0


def _sane(matrix: Matrix, mirrored: bool) -> bool:
    """Whether the map neither folds, nor squeezes, nor shrinks to a dot."""
    if not np.isfinite(matrix).all() or (np.linalg.det(matrix[:, :2]) < 0) != mirrored:
        return False
    large, small = np.linalg.svd(matrix[:, :2], compute_uv=False)
    return bool(small > 1 / MAX_SCALE and large < MAX_SCALE and large / small < MAX_STRETCH)


def _describe(
    query: Sketch,
    reference: Sketch,
    matrix: Matrix,
    source: Floats,
    target: Floats,
    count: int,
    mirrored: bool,
    tentative: int,
) -> Fit | None:
    height, width = query.grey.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    quad = corners @ matrix[:, :2].T + matrix[:, 2]
    tall, wide = reference.grey.shape
    frame = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    area, overlap = cv2.intersectConvexConvex(quad.astype(np.float32), frame)
    if area < 64 or overlap is None:
        return None
    polygon = np.asarray(overlap, np.float32).reshape(-1, 2)
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    hull = cv2.contourArea(cv2.convexHull(target))
    scale = reference.scale / query.scale
    a, c = matrix[0, 0] * (-1 if mirrored else 1), matrix[1, 0] * (-1 if mirrored else 1)
    kept = np.linspace(0, len(source) - 1, min(len(source), DRAWN_POINTS)).round().astype(int)
    removed = (low[0] / wide, low[1] / tall, 1 - high[0] / wide, 1 - high[1] / tall)
    placement = Placement(
        quad=tuple(_point(p, reference.scale) for p in quad),  # type: ignore[arg-type]
        overlap=tuple(_point(p, reference.scale) for p in polygon),
        covered=round(min(1.0, float(area) / (tall * wide)), 4),
        mirrored=mirrored,
        rotation=round(degrees(atan2(c, a)), 2) + 0.0,
        scale=round(hypot(matrix[0, 0], matrix[1, 0]) * scale, 4),
        removed=tuple(round(float(min(1, max(0, r))), 4) for r in removed),  # type: ignore[arg-type]
        inliers=count,
        points=tuple((_point(source[n], query.scale), _point(target[n], reference.scale)) for n in kept),
    )
    return Fit(
        placement=placement,
        agreement=_agreement(query.grey, reference.grey, matrix, low, high),
        spread=min(1.0, hull / float(area)),
        tentative=tentative,
    )


def _point(point: npt.NDArray[np.floating], scale: float) -> tuple[float, float]:
    return round(float(point[0]) * scale, 2), round(float(point[1]) * scale, 2)


def _agreement(
    query: npt.NDArray[np.uint8],
    reference: npt.NDArray[np.uint8],
    matrix: Matrix,
    low: npt.NDArray[np.float32],
    high: npt.NDArray[np.float32],
) -> float:
    """Median normalised correlation over blocks of the overlap's box, both pictures sampled on one grid."""
    step = (high - low).astype(np.float64) / CORRELATION_SIDE
    grid = np.array([[step[0], 0, low[0]], [0, step[1], low[1]]], np.float64)
    back = np.linalg.inv(np.vstack((matrix, [0, 0, 1])))[:2]
    to_query = back @ np.vstack((grid, [0, 0, 1]))
    size, flags = (CORRELATION_SIDE, CORRELATION_SIDE), cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
    mine = cv2.warpAffine(
        cv2.GaussianBlur(query, (0, 0), 1.2), to_query, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    theirs = cv2.warpAffine(
        cv2.GaussianBlur(reference, (0, 0), 1.2), grid, size, flags=flags, borderMode=cv2.BORDER_REPLICATE
    )
    side = CORRELATION_SIDE // BLOCKS
    blocks = []
    for picture in (mine, theirs):
        cut = (
            picture.astype(np.float32).reshape(BLOCKS, side, BLOCKS, side).transpose(0, 2, 1, 3).reshape(BLOCKS**2, -1)
        )
        blocks.append(cut - cut.mean(axis=1, keepdims=True))
    norms = [np.linalg.norm(block, axis=1) for block in blocks]
    telling = (norms[0] > 2 * side) & (norms[1] > 2 * side)
    if telling.sum() < 4:
        return 0.0
    each = (blocks[0] * blocks[1]).sum(axis=1)[telling] / (norms[0] * norms[1])[telling]
    return float(np.median(each))
