"""Rectangles with straight edges in an image."""

import cv2
import numpy as np
import numpy.typing as npt

from mediafp.matching.images.local_features import Box
from mediafp.types.media import Pixels

STEP = 5
"""Grey levels, in one channel, between the pixels on both sides of an edge."""
WORST_SIDE, MEAN_SIDE = 0.35, 0.7
"""Share of a rectangle's sides that is edge: of each, and of all four in the mean."""
MIN_AREA, MAX_AREA = 0.02, 0.97
RECTANGLE_SIDE = 256
"""Longest side, pixels, on which bars and rectangles are sought."""
MIN_EDGE_CONTRAST = 2.0
"""An edge's step over those 2 and 3 pixels beside it: what is pasted in ends at once, what is photographed blends.

Development set, screenshots that hold a picture on 15 % of their area: found in 43 % without this, in 93 % with it.
"""
MIN_SIDE = 0.12
"""Share of a side that a straight edge, and a rectangle, has at least."""
MAX_LINES = 14
"""Straight edges, each way, of which rectangles are made."""
STRETCH = 0.7
"""Share of a stretch of LEAST_SIDE that is edge where a straight edge is."""
IMAGE_BORDER_PENALTY = 0.03
"""What a side that is the picture's own edge takes off. Tiles found, of collages of 2 x 2, 2, 1 + 2, and 3 x 3
photographs: .96, .95, .90, .25; with 0, .96, 1, .93, .08."""
DUPLICATE_IOU = 0.8
"""Intersection over union from which two rectangles are one."""
MAX_RECTANGLES = 8


def find_rectangles(image: Pixels) -> list[Box]:
    """Upright rectangles with straight edges, the clearest first: a picture in a screenshot, on a page, in a collage.

    An edge of the picture itself may be a side of them, so that what lies between plain bars is one too.
    """
    small, zoom = _small(image)
    tall, wide = small.shape[:2]
    upright, level = _edges(small.transpose(1, 0, 2)), _edges(small)
    xs, ys = _lines(upright), _lines(level)
    left, right = _pairs(xs, wide)
    top, bottom = _pairs(ys, tall)
    if not len(left) or not len(top):
        return []
    # How much edge lies on each line before each place.
    on_x, on_y = _sums(upright, xs), _sums(level, ys)
    height, width = (ys[bottom] - ys[top])[None], (xs[right] - xs[left])[:, None]
    sides = np.stack(
        [
            *((on_x[line][:, ys[bottom]] - on_x[line][:, ys[top]]) / height for line in (left, right)),
            *((on_y[line][:, xs[right]] - on_y[line][:, xs[left]]).T / width for line in (top, bottom)),
        ]
    )
    worst, mean, area = sides.min(axis=0), sides.mean(axis=0), height * width / (tall * wide)
    fair = (worst >= WORST_SIDE) & (mean >= MEAN_SIDE) & (area >= MIN_AREA) & (area <= MAX_AREA)
    across, down = np.nonzero(fair)
    boxes = np.stack((xs[left[across]], ys[top[down]], xs[right[across]], ys[bottom[down]]), 1)
    own = (boxes[:, :2] == 0).sum(axis=1) + (boxes[:, 2:] == (wide, tall)).sum(axis=1)
    # A large one before a small one that is as clear, and a tile of a collage before two of them.
    clear = (mean + worst / 2 + np.sqrt(area) / 10)[fair] - IMAGE_BORDER_PENALTY * own
    chosen: list[npt.NDArray[np.int64]] = []
    for box in boxes[np.argsort(-clear, kind="stable")]:
        if all(_overlap(box, other) < DUPLICATE_IOU for other in chosen):
            chosen.append(box)
            if len(chosen) == MAX_RECTANGLES:
                break
    tall, wide = image.shape[:2]
    return [
        (int(a / zoom), int(b / zoom), min(wide, int(np.ceil(c / zoom))), min(tall, int(np.ceil(d / zoom))))
        for a, b, c, d in chosen
    ]


def _small(image: Pixels) -> tuple[npt.NDArray[np.int16], float]:
    """The picture, its longest side SIDE, and by what it was multiplied."""
    height, width = image.shape[:2]
    zoom = RECTANGLE_SIDE / max(height, width)
    size = (max(2, round(width * zoom)), max(2, round(height * zoom)))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    return np.asarray(resized, np.int16), zoom


def _edges(small: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    """Where an edge lies between each row of pixels and the next, (rows - 1, columns); one may miss it by a row."""
    contrast = np.abs(np.diff(small, axis=0)).max(axis=2)
    count = len(contrast)
    around = np.pad(contrast, ((3, 3), (0, 0)), mode="edge").astype(np.float32)
    beside = (around[:count] + around[1 : count + 1] + around[5 : count + 5] + around[6:]) / 4
    thin = (contrast >= STEP) & (contrast >= MIN_EDGE_CONTRAST * beside)
    edge = thin.copy()
    edge[1:] |= thin[:-1]
    edge[:-1] |= thin[1:]
    return edge


def _lines(edge: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Between which rows the longest straight edges lie, and the picture's own two, in order."""
    count, length = edge.shape
    reach = max(8, int(length * MIN_SIDE))
    share = cv2.blur(edge.astype(np.float32), (reach, 1), borderType=cv2.BORDER_CONSTANT)
    mass = (share > STRETCH).sum(axis=1)
    # What is within 3 pixels of the picture's own edge is that.
    mass[:3], mass[-3:] = 0, 0
    found = [0, count + 1]
    for _ in range(MAX_LINES):
        best = int(mass.argmax())
        if mass[best] < reach / 2:
            break
        found.append(best + 1)
        mass[max(0, best - 2) : best + 3] = 0
    return np.array(sorted(found))


def _pairs(lines: npt.NDArray[np.int64], length: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The numbers of two lines that are far enough apart, the first before the second."""
    first, second = np.triu_indices(len(lines), 1)
    far = lines[second] - lines[first] >= length * MIN_SIDE
    return first[far], second[far]


def _sums(edge: npt.NDArray[np.bool_], lines: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Running sums (lines, columns + 1) of edge along each line; the picture's own edges are edge all along."""
    count, length = edge.shape
    on = np.ones((len(lines), length), np.int64)
    inner = (lines > 0) & (lines <= count)
    on[inner] = edge[lines[inner] - 1]
    return np.pad(on.cumsum(axis=1), ((0, 0), (1, 0)))


def _overlap(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> float:
    """Intersection over union of two boxes."""
    shared = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return float(shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared))
