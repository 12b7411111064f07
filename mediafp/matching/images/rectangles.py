"""Upright rectangles with straight edges in an image: an image in a screenshot, on a page, in a collage, between bars.

Edges are detected on the image at reduced size. Long straight lines among them are combined into rectangles, which are scored
by the share of their sides that lies on edges.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import Box
from mediafp.types.media import Pixels

RECTANGLE_SIDE = 256
"""Longest side, in pixels, of the resized image on which edges are detected. Chosen, not measured."""
MIN_EDGE_STEP = 5
"""Grey levels, in the strongest channel, between the pixels on both sides of an edge. Chosen, not measured."""
MIN_EDGE_CONTRAST = 2.0
"""Ratio of an edge's step to the steps 2 and 3 pixels beside it: a pasted image ends abruptly, a photographed edge blends.

Development set, screenshots with an image on 15 % of their area: 43 % are found without this test, 93 % with it.
"""
MIN_SIDE_SHARE = 0.12
"""Length of a straight line, and of the sides of a rectangle, as a share of the image's side. Chosen, not measured."""
MIN_LINE_SHARE = 0.7
"""Share of a window of `MIN_SIDE_SHARE` that must lie on edges for it to belong to a straight line. Chosen, not measured."""
MAX_LINES_PER_DIRECTION = 14
"""Largest number of straight lines in each direction that are combined into rectangles. Chosen, not measured."""
MIN_WORST_SIDE = 0.35
"""Share of each side of a rectangle that must lie on edges. Chosen, not measured."""
MIN_MEAN_SIDE = 0.7
"""Mean over the four sides of the share that lies on edges, below which there is no rectangle. Chosen, not measured."""
MIN_RECTANGLE_AREA = 0.02
"""Smallest area of a rectangle as a share of the image. Chosen, not measured."""
MAX_RECTANGLE_AREA = 0.97
"""Largest area of a rectangle as a share of the image. Chosen, not measured."""
IMAGE_BORDER_PENALTY = 0.03
"""Deduction from a rectangle's score for each side that is the border of the image. Share of the tiles found in collages of
2 × 2, 2, 1 + 2, and 3 × 3 photographs: .96, .95, .90, .25; without the deduction .96, 1, .93, .08."""
DUPLICATE_IOU = 0.8
"""Intersection over union from which two rectangles count as the same. Chosen, not measured."""
MAX_RECTANGLES = 8
"""Largest number of rectangles of an image, the best first. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lines:
    """Straight lines of one direction, and the pairs of them that can be two sides of a rectangle.

    `positions` (L,) are in order, `cumulative_edge` (L, length + 1) counts the edge pixels along each line, and `first` and
    `second` (P,) are the indexes of the lines of each pair.
    """

    positions: npt.NDArray[np.int64]
    cumulative_edge: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]


def find_rectangles(image: Pixels) -> list[Box]:
    """Return the upright rectangles with straight edges in an image, the clearest first, in its pixels.

    A border of the image may be a side, so that the area between plain bars is a rectangle too.
    """
    small, zoom = _shrink(image)
    height, width = small.shape[:2]
    columns, rows = _find_lines(_find_edges(small.transpose(1, 0, 2)), width), _find_lines(_find_edges(small), height)
    if not len(columns.first) or not len(rows.first):
        return []
    boxes, scores = _score_boxes(columns, rows, (width, height))
    chosen: list[npt.NDArray[np.int64]] = []
    for box in boxes[np.argsort(-scores, kind="stable")]:
        if all(_box_iou(box, other) < DUPLICATE_IOU for other in chosen):
            chosen.append(box)
            if len(chosen) == MAX_RECTANGLES:
                break
    height, width = image.shape[:2]
    return [
        (
            int(left / zoom),
            int(top / zoom),
            min(width, int(np.ceil(right / zoom))),
            min(height, int(np.ceil(bottom / zoom))),
        )
        for left, top, right, bottom in chosen
    ]


def _score_boxes(columns: _Lines, rows: _Lines, size: tuple[int, int]) -> tuple[npt.NDArray[np.int64], Float64Array]:
    """Return the boxes (N, 4) whose sides lie on edges, and their scores (N,).

    A large rectangle scores higher than a small one that is equally clear, and one tile of a collage higher than two tiles.
    """
    xs, left, right = columns.positions, columns.first, columns.second
    ys, top, bottom = rows.positions, rows.first, rows.second
    x_edge, y_edge = columns.cumulative_edge, rows.cumulative_edge
    box_heights, box_widths = (ys[bottom] - ys[top])[None], (xs[right] - xs[left])[:, None]
    # Differences of the cumulative edge give the share of each side on edges, for all pairs of columns and rows at once.
    sides = np.stack(
        [
            *((x_edge[line][:, ys[bottom]] - x_edge[line][:, ys[top]]) / box_heights for line in (left, right)),
            *((y_edge[line][:, xs[right]] - y_edge[line][:, xs[left]]).T / box_widths for line in (top, bottom)),
        ]
    )
    worst, mean, area = sides.min(axis=0), sides.mean(axis=0), box_heights * box_widths / (size[1] * size[0])
    is_clear = (worst >= MIN_WORST_SIDE) & (mean >= MIN_MEAN_SIDE)
    passing = is_clear & (area >= MIN_RECTANGLE_AREA) & (area <= MAX_RECTANGLE_AREA)
    column_pair, row_pair = np.nonzero(passing)
    boxes = np.stack((xs[left[column_pair]], ys[top[row_pair]], xs[right[column_pair]], ys[bottom[row_pair]]), 1)
    border_sides = (boxes[:, :2] == 0).sum(axis=1) + (boxes[:, 2:] == size).sum(axis=1)
    scores = (mean + worst / 2 + np.sqrt(area) / 10)[passing] - IMAGE_BORDER_PENALTY * border_sides
    return boxes, scores


def _shrink(image: Pixels) -> tuple[npt.NDArray[np.int16], float]:
    """Return the image with `RECTANGLE_SIDE` pixels on its longest side, and the factor of its size."""
    import cv2

    height, width = image.shape[:2]
    zoom = RECTANGLE_SIDE / max(height, width)
    size = (max(2, round(width * zoom)), max(2, round(height * zoom)))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    return np.asarray(resized, np.int16), zoom


def _find_edges(image: npt.NDArray[np.int16]) -> npt.NDArray[np.bool_]:
    """Return a mask (rows - 1, columns) of the edges between each row of pixels and the next, dilated by one row."""
    step = np.abs(np.diff(image, axis=0)).max(axis=2)
    count = len(step)
    padded = np.pad(step, ((3, 3), (0, 0)), mode="edge").astype(np.float32)
    beside = (padded[:count] + padded[1 : count + 1] + padded[5 : count + 5] + padded[6:]) / 4
    thin: npt.NDArray[np.bool_] = (step >= MIN_EDGE_STEP) & (step >= MIN_EDGE_CONTRAST * beside)
    edges = thin.copy()
    edges[1:] |= thin[:-1]
    edges[:-1] |= thin[1:]
    return edges


def _find_lines(edges: npt.NDArray[np.bool_], size: int) -> _Lines:
    """Return the longest straight lines along the rows of an edge mask, and the two borders of the image.

    Position n is between row n - 1 and row n; `size` is the number of rows of the image.
    """
    positions = _line_positions(edges)
    first, second = _line_pairs(positions, size)
    return _Lines(positions=positions, cumulative_edge=_cumulative_edge(edges, positions), first=first, second=second)


def _line_positions(edges: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the positions (L,) of the longest straight lines and of the two borders of the image, in order."""
    import cv2

    count, length = edges.shape
    window = max(8, int(length * MIN_SIDE_SHARE))
    share = np.asarray(cv2.blur(edges.astype(np.float32), (window, 1), borderType=cv2.BORDER_CONSTANT))
    line_window_counts = (share > MIN_LINE_SHARE).sum(axis=1)
    # A line within 3 pixels of the border is the border.
    line_window_counts[:3], line_window_counts[-3:] = 0, 0
    positions = [0, count + 1]
    for _ in range(MAX_LINES_PER_DIRECTION):
        longest = int(line_window_counts.argmax())
        if line_window_counts[longest] < window / 2:
            break
        positions.append(longest + 1)
        line_window_counts[max(0, longest - 2) : longest + 3] = 0
    return np.array(sorted(positions))


def _line_pairs(positions: npt.NDArray[np.int64], length: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the pairs of lines that are far enough apart, as indexes of the first (P,) and of the second (P,)."""
    first, second = np.triu_indices(len(positions), 1)
    is_apart = positions[second] - positions[first] >= length * MIN_SIDE_SHARE
    return first[is_apart], second[is_apart]


def _cumulative_edge(edges: npt.NDArray[np.bool_], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the cumulative counts (L, columns + 1) of edge pixels along each line; all pixels of the image's borders count."""
    count, length = edges.shape
    on_line = np.ones((len(positions), length), np.int64)
    is_inner = (positions > 0) & (positions <= count)
    on_line[is_inner] = edges[positions[is_inner] - 1]
    return np.pad(on_line.cumsum(axis=1), ((0, 0), (1, 0)))


def _box_iou(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> float:
    """Return the intersection over union of two boxes."""
    intersection = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return float(intersection / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - intersection))
