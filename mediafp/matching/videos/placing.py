"""Positions of the frames of one video in those of another: placements of a few rows, and the maps that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mediafp.matching.videos.frames import FrameComparison
from mediafp.matching.videos.mapped_frames import UNIT_SQUARE, FrameMap, map_frames
from mediafp.types.arrays import Float32Array, Float64Array
from mediafp.types.media import FrameTrack, TimeSpan

MAX_PLACED_FRAMES = 3
"""Largest number of pairs of rows that are placed before the videos are aligned. Chosen, not measured."""
MIN_APART_SHARE = 0.15
"""Share of the query's duration by which these are apart. Chosen, not measured."""
SAME_QUAD = 0.015
"""Largest distance of corners, in sides of the reference, of two maps of which one is tried. Chosen, not measured."""
SAME_PLACE = 0.05
"""Largest distance of corners, in sides of the reference, of two placements that are one. Chosen, not measured."""
MOVING_PLACE = 0.4
"""The same of two placements between which the query moves over the reference or zooms. Chosen, not measured."""
MIN_HINT_INLIERS = 6
"""Inliers from which a placement, verified or not, suggests a map. Chosen, not measured."""
HINT_SHARE = 0.33
"""Share of the inliers of the best placement that another one needs for that. Chosen, not measured."""
MIN_SURE_INLIERS = 20
"""The same for a map that moves. Chosen, not measured."""
SAME_SHAPE = 0.03
"""Difference of the aspect ratios of two videos up to which they have one shape. Chosen, not measured."""
HALF_STEP = 0.1
"""Seconds by which a row may start after its first tiny frame: half of the step of these."""
ROW_SECONDS, REFERENCE_SLACK = 1.0, 0.6
"""Seconds from the start of a row of the reference in which maps are probed, and seconds before and after them. Chosen, not
measured."""
MAX_PROBE_FRAMES = 5
"""Frames of the query that are probed around a pair of rows. Chosen, not measured."""
OTHERS_WEIGHT = 0.25
"""Weight of the mean of all pairs of rows besides the best one. Chosen, not measured."""
CERTAIN_PROBE = 0.88 * (1 + OTHERS_WEIGHT)
"""Score of a probe from which a map is not refined. Chosen, not measured."""
ORDER_PENALTY = 0.008
"""Amount by which each map must be better than the one listed before it. Chosen, not measured."""
DOUBTFUL_PROBE = 0.6
"""Score of a probe below which no map is refined: those of unrelated videos have .4 to .8. Chosen, not measured."""
FIRST_SHIFT, LAST_SHIFT = 0.06, 0.01
"""First and last step of refining, in sides of the reference. Chosen, not measured."""
Size = tuple[int, int]
"""Width and height in pixels."""
Part = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a frame, in sides of the frame."""


def choose_row_pairs(scores: Float32Array, spans: Float64Array) -> list[tuple[int, int]]:
    """Return the pairs of rows to place: those of the highest scores that are apart in the query.

    Args:
        scores: Scores (N, M) of the rows of the query and of the reference.
        spans: Spans (N, 2) of the query's rows.
    """
    middles = spans.mean(axis=1)
    apart = MIN_APART_SHARE * float(np.ptp(spans))
    best = scores.max(axis=1)
    chosen: list[int] = []
    for row in np.argsort(-best, kind="stable").tolist():
        if all(abs(middles[row] - middles[other]) >= apart for other in chosen):
            chosen.append(row)
        if len(chosen) == MAX_PLACED_FRAMES:
            break
    return [(row, int(scores[row].argmax())) for row in chosen]


def candidate_maps(
    comparisons: Sequence[tuple[float, FrameComparison]],
    query_size: Size,
    reference_size: Size,
    part: Part | None = None,
) -> list[FrameMap]:
    """Return the maps to try: one frame on the canvas of the other, mirrored too, and those that compared frames suggest.

    Args:
        comparisons: Times of the query's frames in seconds, and their comparisons.
        query_size: Width and height of the query.
        reference_size: Width and height of the reference.
        part: Left, top, right and bottom of the part of the query that shows the reference, in sides; None for all.
    """
    fits = [(seconds, one.fit) for seconds, one in comparisons if one.fit]
    most = max((fit.placement.inliers for _, fit in fits), default=0)
    least = max(MIN_HINT_INLIERS, HINT_SHARE * most)
    placed = sorted((hint for hint in fits if hint[1].placement.inliers >= least), key=lambda hint: hint[0])
    # Frames that are placed are up to half a second apart, in which a camera moves: what needs no placement is tried too.
    mirrored = [fit.placement.mirrored for _, fit in placed]
    sides = (part[2] - part[0], part[3] - part[1]) if part else (1.0, 1.0)
    canvases = _canvas_quads((query_size[0] * sides[0], query_size[1] * sides[1]), reference_size)
    quads = canvases if not all(mirrored) or not mirrored else []
    quads += [quad[[1, 0, 3, 2]] for quad in canvases] if any(mirrored) or not mirrored else []
    if part:
        quads = [_extended(quad, part) for quad in quads]
    groups: list[list[tuple[float, Float64Array, bool]]] = []
    for seconds, fit in placed:
        quad, flip = np.array(fit.placement.quad) / reference_size, fit.placement.mirrored
        for group in groups:
            if np.abs(group[-1][1] - quad).max() <= MOVING_PLACE and group[-1][2] == flip:
                group.append((seconds, quad, flip))
                break
        else:
            groups.append([(seconds, quad, flip)])
    return [constant_map(quad) for quad in quads] + [one for group in groups for one in _maps_of(group)]


def moving_map(comparisons: Sequence[tuple[float, FrameComparison]], reference_size: Size) -> FrameMap | None:
    """Return the map under which the query moves over the reference or zooms, as several compared frames show; None without."""
    fits = sorted(
        (
            (seconds, one.fit.placement.quad)
            for seconds, one in comparisons
            if one.fit and one.fit.placement.inliers >= MIN_SURE_INLIERS
        ),
        key=lambda each: each[0],
    )
    times = np.array([seconds for seconds, _ in fits])
    later = np.flatnonzero(np.diff(times, prepend=-1.0) > 0)
    quads = np.array([quad for _, quad in fits]).reshape(-1, 4, 2) / reference_size
    moves = len(later) > 1 and np.ptp(quads[later], axis=0).max() > SAME_PLACE
    return FrameMap(times=times[later], quads=quads[later]) if moves else None


def constant_map(quad: Float64Array) -> FrameMap:
    """Return the map under which the query's frame always has the same corners (4, 2)."""
    return FrameMap(times=np.zeros(1), quads=quad[None])


def _canvas_quads(query_size: tuple[float, float], reference_size: Size) -> list[Float64Array]:
    """Return the corners of the query if one frame fills the other, is fitted into it with borders, or cropped to its shape."""
    ratio = (query_size[0] / query_size[1]) / (reference_size[0] / reference_size[1])
    if abs(ratio - 1) <= SAME_SHAPE:
        return [UNIT_SQUARE]
    # The whole of one frame lies within the other one, and touches its left and right or its top and bottom sides.
    return [UNIT_SQUARE, _centred(1.0, 1 / ratio), _centred(ratio, 1.0)]


def _centred(width: float, height: float) -> Float64Array:
    return (UNIT_SQUARE - 0.5) * (width, height) + 0.5


def _extended(quad: Float64Array, part: Part) -> Float64Array:
    """Return the corners of a frame of which a part has the corners (4, 2) of a parallelogram."""
    left, top, right, bottom = part
    across, down = (quad[1] - quad[0]) / (right - left), (quad[3] - quad[0]) / (bottom - top)
    corners = UNIT_SQUARE - (left, top)
    return np.asarray(quad[0] + corners[:, :1] * across + corners[:, 1:] * down, np.float64)


def _maps_of(group: list[tuple[float, Float64Array, bool]]) -> list[FrameMap]:
    """Return the maps of placements that follow each other: each alone, upright too, and a moving one if they differ."""
    quads = [quad for _, quad, _ in group]
    distinct = [
        quad for n, quad in enumerate(quads) if all(np.abs(quad - other).max() > SAME_QUAD for other in quads[:n])
    ]
    uprights = [_upright(quad, group[0][2]) for quad in distinct]
    maps = [constant_map(quad) for quad in distinct]
    maps += [
        constant_map(upright)
        for upright, quad in zip(uprights, distinct, strict=True)
        if np.abs(upright - quad).max() > SAME_QUAD
    ]
    times = np.array([seconds for seconds, _, _ in group])
    later = np.flatnonzero(np.diff(times, prepend=-1.0) > 0)
    if np.ptp(quads, axis=0).max() > SAME_PLACE and len(later) > 1:
        maps.append(FrameMap(times=times[later], quads=np.stack(quads)[later]))
    return maps


def _upright(quad: Float64Array, mirrored: bool) -> Float64Array:
    """Return the upright rectangle with the centre and the mean sides of a quad, mirrored if that is."""
    across, down = quad[[1, 2]] - quad[[0, 3]], quad[[3, 2]] - quad[[0, 1]]
    sides = np.linalg.norm(across, axis=1).mean(), np.linalg.norm(down, axis=1).mean()
    corners = (UNIT_SQUARE - 0.5) * sides + quad.mean(axis=0)
    return corners[[1, 0, 3, 2]] if mirrored else corners


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapProbe:
    """The tiny frames around some pairs of rows, on which maps are compared.

    Attributes:
        query: Tiny frames of the query around each pair of rows, with their times.
        reference: Tiny frames of the reference around each pair.
    """

    query: list[tuple[npt.NDArray[np.uint8], Float64Array]]
    reference: list[npt.NDArray[np.uint8]]

    def score(self, frame_map: FrameMap) -> float:
        """Return how well the best pair of rows agrees under a map, and a little of how well the others do."""
        scores = [self._score_pair(number, frame_map) for number in range(len(self.query))]
        return max(scores) + OTHERS_WEIGHT * float(np.mean(scores))

    def _score_pair(self, number: int, frame_map: FrameMap) -> float:
        mapped = map_frames(*self.query[number], self.reference[number], frame_map)
        return float(np.median(mapped.matrix().max(axis=1))) if mapped else 0.0

    def refine(self, frame_map: FrameMap) -> FrameMap:
        """Return the best map near a constant one for its best pair of rows: moved or scaled a little, each way in turn."""
        scores = [self._score_pair(number, frame_map) for number in range(len(self.query))]
        number = int(np.argmax(scores))
        best, best_score = frame_map, scores[number]
        step = FIRST_SHIFT
        while step >= LAST_SHIFT:
            better = False
            for change in _SHIFTS:
                quad = best.quads[0]
                centre = quad.mean(axis=0)
                moved = constant_map((quad - centre) * (1 + step * change[2:]) + centre + step * change[:2])
                if (score := self._score_pair(number, moved)) > best_score + 1e-3:
                    best, best_score, better = moved, score, True
            if not better:
                step /= 2
        return best


_SHIFTS = np.array([(1, 0, 0, 0), (-1, 0, 0, 0), (0, 1, 0, 0), (0, -1, 0, 0), (0, 0, 1, 1), (0, 0, -1, -1)], np.float64)


def make_probe(query: FrameTrack, reference: FrameTrack, spans: Sequence[tuple[TimeSpan, TimeSpan]]) -> MapProbe:
    """Return the probe of some pairs of rows by their spans in the query and in the reference, in seconds."""
    own, other = [], []
    for query_span, reference_span in spans:
        # Frames of the row alone: those before it may show another shot.
        inside = (query.spans[:, 0] > query_span[0] - HALF_STEP) & (query.spans[:, 0] < query_span[1])
        near = np.flatnonzero(inside)[:MAX_PROBE_FRAMES]
        own.append((query.pixels[near], query.spans[near, 0]))
        starts = reference.spans[:, 0] - reference_span[0]
        other.append(reference.pixels[(starts >= -REFERENCE_SLACK) & (starts <= ROW_SECONDS + REFERENCE_SLACK)])
    kept = [n for n in range(len(own)) if len(own[n][0]) and len(other[n])]
    return MapProbe(query=[own[n] for n in kept], reference=[other[n] for n in kept])


def best_maps(maps: Sequence[FrameMap], probe: MapProbe) -> list[FrameMap]:
    """Return the most likely of some maps, the best first; a doubtful one is refined."""
    if not probe.query:
        return list(maps[:1])
    # The earlier a map is listed, the fewer are its free numbers.
    scored = [(probe.score(one) - ORDER_PENALTY * number, one) for number, one in enumerate(maps)]
    best = max(scored, key=lambda each: each[0])
    if best[0] >= CERTAIN_PROBE:
        return [best[1]]
    chosen = [best[1]]
    # A placement that fits one moment by chance must not hide the frame as a whole.
    canvas = max((each for each in scored if _is_canvas(each[1])), key=lambda each: each[0], default=best)
    if best[0] >= DOUBTFUL_PROBE:
        constant = max((each for each in scored if each[1].is_constant), key=lambda each: each[0])
        chosen = [probe.refine(one[1]) for one in (constant, canvas)[: 1 + (constant is not canvas)]]
        # The rows may show other moments, to which refining would adapt the map.
        chosen += [canvas[1]] if all(one is not canvas[1] for one in chosen) else []
    return chosen if best[1].is_constant else [best[1], *chosen]


def _is_canvas(frame_map: FrameMap) -> bool:
    """Return True if one frame fills the other at all times, is fitted into it with borders, or cropped to its shape."""
    if not frame_map.is_constant:
        return False
    low, high = frame_map.quads[0].min(axis=0), frame_map.quads[0].max(axis=0)
    is_upright = np.abs(np.sort(frame_map.quads[0], axis=0) - np.stack((low, low, high, high))).max() <= SAME_QUAD
    is_centred = np.abs((low + high) / 2 - 0.5).max() <= SAME_QUAD
    return bool(is_upright and is_centred and np.abs(high - low - 1).min() <= SAME_QUAD)
