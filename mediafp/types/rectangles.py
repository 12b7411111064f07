"""Upright rectangles with straight edges in an image: an image in a screenshot, on a page, in a collage, between bars.

Edges are detected on the image at reduced size. Long straight lines among them are combined into rectangles, which are scored
by the share of their sides that lies on edges.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from mediafp.types.arrays import Float64Array
from mediafp.types.geometry import Box
from mediafp.types.media import Pixels

RECTANGLE_SIDE = 256
"""Longest side, in pixels, of the resized image on which edges are detected. Chosen, not measured."""
MIN_EDGE_STEP = 5
"""Grey levels, in the strongest channel, between the pixels on both sides of an edge. Chosen, not measured."""
MIN_EDGE_CONTRAST = 2
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
MIN_CLEAR_MEAN_SIDE = 0.85
"""Mean over the sides of the share that lies on edges, from which a rectangle is clear.

Development set, the share of images that have a clear rectangle or a row of the whole image or of its crops with a
possible score against the true image: .95 of screenshots with an image on 15 % of them, 1 of those with a mirrored crop on
25 %, .98 of frames of videos, as with all rectangles, of which an image has 5.0 instead of .34. Without the rule of the plain
page .92, 1, and .98; with .8 and .65 instead of .85 and .7, and without that rule, .95, 1, and .98, and an image has .46.
"""
MIN_CLEAR_WORST_SIDE = 0.7
"""Share of each side that lies on edges, from which a rectangle is clear; `MIN_CLEAR_MEAN_SIDE` states the evidence."""
MIN_INNER_SIDES = 2
"""Sides of a clear rectangle that are inside the image: the area beside one line is a rectangle in many photographs."""
MIN_PAGE_SIDES = 2
"""Sides with a plain page beside them that make a rectangle clear, whatever share of them lies on edges."""
PAGE_DISTANCE = 3
"""Pixels between a side and the line beside it that shows a plain page or not. Chosen, not measured."""
PAGE_LEVELS = 12
"""Grey levels, in each channel, by which pixels of a plain page differ from their median. Chosen, not measured."""
MIN_PAGE_SHARE = 0.9
"""Share of a line that has the colour of the page. With .8, the figures are the same, and .36 rectangles of an image clear."""
MIN_CLEAR_DEVIATION = 12.0
"""Standard deviation of the grey levels of a clear rectangle: an embedding of a flat one resembles every other flat one.
Chosen, not measured; it is that of the quality from which crops are kept."""
MAX_CLEAR_RECTANGLES = 2
"""Largest number of clear rectangles of an image; one alone finds .93 of the screenshots with an image on 15 % of them
instead of .95, and three as many as two."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rectangle:
    """Rectangle in the resized image, with the mean over its sides and the least of the share that lies on edges."""

    box: Box
    mean_side: float
    worst_side: float


def find_rectangles(image: Pixels) -> list[Box]:
    """Return the upright rectangles with straight edges in an image, the clearest first, in its pixels.

    A border of the image may be a side, so that the area between plain bars is a rectangle too.
    """
    small, zoom = _shrink(image)
    return [_enlarge(rectangle.box, zoom, image) for rectangle in _find_in_small(small)]


def find_clear_rectangles(image: Pixels) -> list[Box]:
    """Return those of the rectangles in an image that most likely hold an image of their own, the clearest first.

    All four sides of one lie on edges, or it is on a plain page; at least two of its sides are inside the image, and it is
    not flat. Of 580 photographs, faces and graphics, 20 % have one or two, .34 on average.
    """
    small, zoom = _shrink(image)
    clear = [rectangle for rectangle in _find_in_small(small) if _is_clear(rectangle, small)]
    return [_enlarge(rectangle.box, zoom, image) for rectangle in clear[:MAX_CLEAR_RECTANGLES]]


def find_sharp_rectangles(image: Pixels) -> list[Box]:
    """Return the clear rectangles whose four sides all lie on edges, the clearest first; faster than `find_clear_rectangles`."""
    import cv2

    small, zoom = _shrink(image)
    found: list[Box] = []
    for rectangle in _find_in_small(small):
        left, top, right, bottom = rectangle.box
        inner_sides = (left > 0) + (top > 0) + (right < small.shape[1]) + (bottom < small.shape[0])
        if not _is_sharp(rectangle) or inner_sides < MIN_INNER_SIDES:
            continue
        grey = cv2.cvtColor(np.ascontiguousarray(small[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
        if float(cv2.meanStdDev(grey)[1][0, 0]) >= MIN_CLEAR_DEVIATION:
            found.append(_enlarge(rectangle.box, zoom, image))
    return found[:MAX_CLEAR_RECTANGLES]


def _is_sharp(rectangle: _Rectangle) -> bool:
    return rectangle.mean_side >= MIN_CLEAR_MEAN_SIDE and rectangle.worst_side >= MIN_CLEAR_WORST_SIDE


def _enlarge(box: Box, zoom: float, image: Pixels) -> Box:
    """Return a box in the resized image in pixels of the image."""
    height, width = image.shape[:2]
    left, top, right, bottom = box
    return (
        int(left / zoom),
        int(top / zoom),
        min(width, int(np.ceil(right / zoom))),
        min(height, int(np.ceil(bottom / zoom))),
    )


def _find_in_small(small: Pixels) -> list[_Rectangle]:
    """Return the rectangles in a resized image, the clearest first."""
    height, width = small.shape[:2]
    columns, rows = (_find_lines(edges, size) for edges, size in zip(_find_edges(small), (width, height), strict=True))
    if not len(columns.first) or not len(rows.first):
        return []
    boxes, scores, means, worsts = _score_boxes(columns, rows, (width, height))
    chosen: list[_Rectangle] = []
    for number in np.argsort(-scores, kind="stable").tolist():
        left, top, right, bottom = boxes[number].tolist()
        box = left, top, right, bottom
        if all(box_iou(box, other.box) < DUPLICATE_IOU for other in chosen):
            chosen.append(_Rectangle(box=box, mean_side=float(means[number]), worst_side=float(worsts[number])))
            if len(chosen) == MAX_RECTANGLES:
                break
    return chosen


def _is_clear(rectangle: _Rectangle, small: Pixels) -> bool:
    """Return True if a rectangle in a resized image most likely holds an image of its own."""
    left, top, right, bottom = rectangle.box
    beside = list(_lines_beside(rectangle.box, small))
    if len(beside) < MIN_INNER_SIDES or small[top:bottom, left:right].mean(axis=2).std() < MIN_CLEAR_DEVIATION:
        return False
    if _is_sharp(rectangle):
        return True
    return sum(_is_plain(line) for line in beside) >= MIN_PAGE_SIDES


def _lines_beside(box: Box, small: Pixels) -> Iterator[Pixels]:
    """Yield the pixels (N, 3) along the outside of each side of a box that is inside the image."""
    height, width = small.shape[:2]
    left, top, right, bottom = box
    if left > 0:
        yield small[top:bottom, max(0, left - 1 - PAGE_DISTANCE)]
    if right < width:
        yield small[top:bottom, min(width - 1, right + PAGE_DISTANCE)]
    if top > 0:
        yield small[max(0, top - 1 - PAGE_DISTANCE), left:right]
    if bottom < height:
        yield small[min(height - 1, bottom + PAGE_DISTANCE), left:right]


def _is_plain(line: Pixels) -> bool:
    """Return True if nearly all pixels (N, 3) have nearly one colour."""
    difference = np.abs(line - np.median(line, axis=0)).max(axis=1)
    return bool((difference < PAGE_LEVELS).mean() >= MIN_PAGE_SHARE)


def _score_boxes(
    columns: _Lines, rows: _Lines, size: tuple[int, int]
) -> tuple[npt.NDArray[np.int64], Float64Array, Float64Array, Float64Array]:
    """Return the boxes (N, 4) whose sides lie on edges, their scores, and the means and the least of their sides' shares (N,).

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
    return boxes, scores, mean[passing], worst[passing]


def _shrink(image: Pixels) -> tuple[Pixels, float]:
    """Return the image with `RECTANGLE_SIDE` pixels on its longest side, and the factor of its size."""
    import cv2

    height, width = image.shape[:2]
    zoom = RECTANGLE_SIDE / max(height, width)
    size = (max(2, round(width * zoom)), max(2, round(height * zoom)))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8), zoom


def _find_edges(image: Pixels) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the edges between each column of pixels and the next (columns - 1, rows), and between rows (rows - 1, columns)."""
    import cv2

    # One channel after the other: OpenCV compares planes several times as fast as interleaved pixels.
    planes = cv2.split(image)
    steps = [
        reduce(cv2.max, [cv2.absdiff(plane[:, 1:], plane[:, :-1]) for plane in planes]),
        reduce(cv2.max, [cv2.absdiff(plane[1:], plane[:-1]) for plane in planes]),
    ]
    return _thin_and_dilate(np.asarray(cv2.transpose(steps[0]), np.uint8)), _thin_and_dilate(
        np.asarray(steps[1], np.uint8)
    )


def _thin_and_dilate(step: Pixels) -> npt.NDArray[np.bool_]:
    """Return a mask of the steps that are edges, dilated by one row."""
    import cv2

    count = len(step)
    padded = np.asarray(cv2.copyMakeBorder(step, 3, 3, 0, 0, cv2.BORDER_REPLICATE), np.int16)
    beside = padded[:count] + padded[1 : count + 1] + padded[5 : count + 5] + padded[6:]
    thin: npt.NDArray[np.bool_] = (step >= MIN_EDGE_STEP) & (4 * padded[3:-3] >= MIN_EDGE_CONTRAST * beside)
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


def box_iou(a: Box, b: Box) -> float:
    """Return the intersection over union of two boxes."""
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    intersection = max(0, width) * max(0, height)
    return intersection / (_box_area(a) + _box_area(b) - intersection)


def _box_area(box: Box) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)
