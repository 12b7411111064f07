"""Lines of constant speed on which the moments of two videos agree: found by votes, refined by fractions of a moment."""

import math
from dataclasses import dataclass, replace

import numpy as np

from mediafp.matching.videos.agreement import Agreement, IntArray
from mediafp.types.arrays import Float32Array, Float64Array

MIN_SPEED, MAX_SPEED = 0.47, 2.12
"""Lowest and highest speed that is found, forwards and backwards: .5 and 2 with room for measuring."""
UNIT_SPEED_BONUS = 1.05
"""Factor on the votes for speed 1: a scene without motion fits every speed. Chosen, not measured."""
SLOW_SPEED = 0.9
"""Speed below which gains count less, in proportion. Chosen, not measured."""
BACKWARDS_WORTH = 0.97
"""The same factor for running backwards. Chosen, not measured."""
MAX_SPEEDS = 240
"""Largest number of speeds that are tried in each direction. Chosen, not measured."""
MAX_VOTES = 60_000
"""Pairs of moments that vote; of more, the ones that agree best. Chosen, not measured."""
MIN_RUN_GAIN = 0.5
"""Sum of the gains along a line over its seconds from which it is one. Chosen, not measured."""
MAX_LINES = 16
"""Largest number of lines of two videos. Chosen, not measured."""
MAX_EXTENSIONS = 4
"""Times that a line is refined with what is before and after its run. Chosen, not measured."""
GAP_MOMENTS, GAP_GAIN = 5, -0.5
"""Consecutive moments with at most this gain that end the run of a line: a second of other footage. Chosen, not measured."""
USED_MOMENTS = 3
"""Moments on either side of a line that belong to it. Chosen, not measured."""
MIN_STILL_MOMENTS = 5
"""Moments of a picture that is taken to stand still. Chosen, not measured."""
STILL_GAIN = 0.2
"""Gain from which moments show one still picture. Chosen, not measured."""
STILL_SHARE = 0.7
"""Share of a run that one still picture must last. Chosen, not measured."""
NEARLY_ALL = 0.9
"""Share of the moments of both videos that a run must cover to be all that they share. Chosen, not measured."""
TRIED_LINES = 6
"""Lines with most votes of which the best run is taken. Chosen, not measured."""
SEARCH_MOMENTS = 2.0
"""Moments by which either end of a line is moved to refine it. Chosen, not measured."""
SEARCH_STEP = 0.25
"""Step of that search in moments: 0.05 s. Chosen, not measured."""
MIN_GAIN_OVER_UNIT = 1.5
"""Sum of gains by which a speed must be better than speed 1: of 60 stretches at speed 1 in motion, two gain more by chance, 1.6
and 3.5 of 15 and 24."""
MIN_SHARE_OVER_UNIT = 0.1
"""Share of all gains that this must be. Stretches at other speeds gain .6 and more."""
MOTION_SHARE = 0.6
"""Share of the change from one moment to the next by which moments may differ besides: the two grids of moments are up to half a
moment apart. Chosen, not measured."""
MAX_SLACK = 0.45
"""Largest disagreement with a gain of 0, however much frames change. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Reference moment = speed × query moment + offset, between two moments of the query."""

    speed: float
    offset: float
    first: float = -math.inf
    last: float = math.inf

    def place(self, moment: float) -> float:
        """Return the reference moment at a query moment."""
        return self.speed * moment + self.offset

    def inverse(self) -> "Line":
        """Return the line seen from the reference."""
        ends = sorted((self.place(self.first), self.place(self.last)))
        return Line(speed=1 / self.speed, offset=-self.offset / self.speed, first=ends[0], last=ends[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Scale of gains: 1 for full agreement, 0 at `tolerance` below it, -1 at least.

    Where frames change, the tolerance is higher, up to `limit`.
    """

    tolerance: float
    limit: float = MAX_SLACK

    def gain(self, agreement: Float32Array, change: Float32Array) -> Float32Array:
        """Return the gain of some agreements, given how much the frames change from moment to moment."""
        tolerance = np.minimum(np.float32(self.tolerance) + MOTION_SHARE * change, max(self.tolerance, self.limit))
        return np.asarray(np.maximum(1 - (1 - agreement) / tolerance, -1), np.float32)


def values_on(line: Line, agreement: Agreement, moments: IntArray) -> Float32Array:
    """Return the agreement (N,) of moments of the query with the line, interpolated between moments of the reference."""
    places = line.speed * moments + line.offset
    low = np.floor(places + 1e-6).astype(np.int64)
    share = np.clip(places - low, 0, 1).astype(np.float32)
    last = len(agreement.reference.frames) - 1
    # The last frame is shown until the end.
    low_inside, high_inside = np.where((low == -1) & (share >= 0.4), 0, low), np.where(low + 1 > last, low, low + 1)
    before, after = agreement.at(moments, low_inside), agreement.at(moments, high_inside)
    return np.asarray(before * (1 - share) + after * share, np.float32)


def best_run(gains: Float32Array) -> tuple[float, int, int]:
    """Return the greatest sum of consecutive gains, and the first and the last of them."""
    sums = np.concatenate(([0.0], np.cumsum(gains, dtype=np.float64)))
    lowest = np.minimum.accumulate(sums[:-1])
    totals = sums[1:] - lowest
    last = int(totals.argmax())
    first = int(np.flatnonzero(sums[: last + 1] <= lowest[last] + 1e-9)[-1])
    return float(totals[last]), first, last


def _split_at_gaps(gains: Float32Array) -> Float32Array:
    """Return gains that are so low in gaps that no run goes on over them."""
    if len(gains) < GAP_MOMENTS:
        return gains
    low = np.convolve(gains <= GAP_GAIN, np.ones(GAP_MOMENTS), "valid") >= GAP_MOMENTS
    in_gap = np.convolve(low, np.ones(GAP_MOMENTS)) > 0
    return np.where(in_gap, np.float32(-len(gains) - 1), gains)


def _run_through(gains: Float32Array, moment: int) -> tuple[int, int]:
    """Return the first and the last moment of the run of greatest sum that contains a moment."""
    gains = _split_at_gaps(gains)
    before, after = np.cumsum(gains[: moment + 1][::-1], dtype=np.float64), np.cumsum(gains[moment:], dtype=np.float64)
    return moment - int(before.argmax()), moment + int(after.argmax())


def tried_speeds(moments: float, reach: float) -> Float64Array:
    """Return the speeds, 1 first, between which no moment of a line so long is further than half a moment off."""
    count = int(np.clip(np.ceil(np.log(MAX_SPEED / MIN_SPEED) * max(moments, reach) / 2), 12, MAX_SPEEDS))
    speeds = np.exp(np.linspace(np.log(MIN_SPEED), np.log(MAX_SPEED), count))
    return np.concatenate(([1.0], speeds, [-1.0], -speeds))


def find_lines(agreement: Agreement, scale: Scale) -> list[Line]:
    """Return the lines on which two videos that are short enough agree, the best first."""
    gains = scale.gain(agreement.matrix, agreement.change_matrix)
    gains[agreement.query.frames < 0] = -1
    gains[:, agreement.reference.frames < 0] = -1
    open_gains = gains.copy()
    query_shown, reference_shown = agreement.query.shown, agreement.reference.shown
    speeds = tried_speeds(min(len(query_shown), 150), min(len(reference_shown), 150))
    lines: list[Line] = []
    while len(lines) < MAX_LINES:
        found = _best_voted(open_gains, speeds, agreement)
        if found is None:
            break
        voted, first, last = found
        line, first, last = _extend(voted, first, last, agreement, scale)
        if block := _still_block(gains, line, first, last):
            rows, columns = block
            line = _line_of_still(line, rows, columns[0], agreement, scale)
            open_gains[rows[0] : rows[1] + 1, columns[0] : columns[1] + 1] = -1
        elif not lines and last - first + 1 >= NEARLY_ALL * max(len(query_shown), len(reference_shown)):
            # Both are one copy: nothing else is sought.
            return [line]
        lines.append(line)
        # The run is used up with its neighbours, which agree nearly as well; the moments are not: a loop shows them again.
        for one, run in ((voted, found[1:]), (line, (first, last))):
            used = np.arange(run[0], run[1] + 1)
            places = np.rint(one.speed * used + one.offset).astype(np.int64)
            for shift in range(-USED_MOMENTS, USED_MOMENTS + 1):
                near = places + shift
                inside = (near >= 0) & (near < gains.shape[1])
                open_gains[used[inside], near[inside]] = -1
    return lines


def _extend(line: Line, first: int, last: int, agreement: Agreement, scale: Scale) -> tuple[Line, int, int]:
    """Return a voted line refined on its run, with the first and last moment of the run, which may go on at another speed."""
    moments = np.arange(len(agreement.query.frames))
    line = refine(line, agreement, scale, moments[first : last + 1])
    for _ in range(MAX_EXTENSIONS):
        on_line = gains_on(line, agreement, scale, moments)
        first, last = _run_through(on_line, first + int(on_line[first : last + 1].argmax()))
        room = (last - first) // 4 + 1
        longer = refine(line, agreement, scale, moments[max(0, first - room) : last + room + 1])
        if longer == line:
            break
        line = longer
    return line, first, last


def _still_block(
    gains: Float32Array, line: Line, first: int, last: int
) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Return the first and last moment of the query and of the reference at which both show one still picture.

    None if the run of a line, from its first to its last moment, shows more than one picture.
    """
    if last - first + 1 < MIN_STILL_MOMENTS:
        return None
    row = (first + last) // 2
    column = round(line.place(row))
    if not 0 <= column < gains.shape[1]:
        return None
    rows, columns = _run_around(gains[:, column], row), _run_around(gains[row], column)
    extents = rows[1] - rows[0] + 1, columns[1] - columns[0] + 1
    run = last - first + 1, abs(line.place(last) - line.place(first)) + 1
    return (rows, columns) if min(extents[0] / run[0], extents[1] / run[1]) >= STILL_SHARE else None


def _line_of_still(line: Line, rows: tuple[int, int], column: int, agreement: Agreement, scale: Scale) -> Line:
    """Return the line of a still image: from its first moment on in both videos, unless others agree better.

    Args:
        line: Line that was found.
        rows: First and last moment of the query that shows the picture.
        column: First moment of the reference that shows it.
        agreement: Agreement of the moments.
        scale: Scale of gains.
    """
    moments = np.arange(rows[0], rows[1] + 1)
    middle = sum(rows) / 2
    lines = [
        Line(speed=1.0, offset=offset, first=rows[0], last=rows[1])
        for offset in (float(column - rows[0]), float(line.place(middle) - middle))
    ]
    totals = [float(np.maximum(gains_on(one, agreement, scale, moments), 0).sum()) for one in lines]
    return lines[int(np.argmax(totals))]


def _run_around(gains: Float32Array, place: int) -> tuple[int, int]:
    """Return the first and the last of the consecutive moments around one that agree."""
    low = np.flatnonzero(gains[:place] < STILL_GAIN)
    high = np.flatnonzero(gains[place:] < STILL_GAIN)
    return int(low[-1]) + 1 if len(low) else 0, place + int(high[0]) - 1 if len(high) else len(gains) - 1


def gains_on(line: Line, agreement: Agreement, scale: Scale, moments: IntArray) -> Float32Array:
    """Return the gains of moments along a line, -1 outside of it and where a video shows nothing."""
    gains = np.full(len(moments), -1, np.float32)
    places = np.rint(line.speed * moments + line.offset).astype(np.int64)
    inside = (moments >= line.first) & (moments <= line.last)
    inside &= (places >= -1) & (places <= len(agreement.reference.frames)) & (agreement.query.frames[moments] >= 0)
    if inside.any():
        near = moments[inside]
        gains[inside] = scale.gain(values_on(line, agreement, near), agreement.change_at(near, places[inside]))
    return gains


def _best_voted(gains: Float32Array, speeds: Float64Array, agreement: Agreement) -> tuple[Line, int, int] | None:
    """Return the line of the best run among those with most votes, and its first and last moment; None without one."""
    query, reference = np.nonzero(gains > 0)
    if not len(query):
        return None
    weights = gains[query, reference]
    if len(weights) > MAX_VOTES:
        kept = np.argpartition(-weights, MAX_VOTES)[:MAX_VOTES]
        query, reference, weights = query[kept], reference[kept], weights[kept]
    tried: list[tuple[float, Line]] = []
    for speed in speeds.tolist():
        offsets = reference - speed * query
        lowest = float(offsets.min())
        bins = np.rint(offsets - lowest).astype(np.int64)
        votes = np.convolve(np.bincount(bins, weights), (0.5, 1, 0.5), "same")
        top = int(votes.argmax())
        tried.append((float(votes[top]) * _worth(speed), Line(speed=speed, offset=top + lowest)))
    tried.sort(key=lambda each: -each[0])
    best, moments = None, np.arange(len(gains))
    for _, line in tried[:TRIED_LINES]:
        places = np.rint(line.speed * moments + line.offset).astype(np.int64)
        inside = (places >= 0) & (places < gains.shape[1])
        on_line = np.full(len(moments), -1, np.float32)
        for shift in (-1, 0, 1):
            near = np.clip(places + shift, 0, gains.shape[1] - 1)
            on_line = np.where(inside, np.maximum(on_line, gains[moments, near]), on_line)
        total, first, last = best_run(_split_at_gaps(on_line))
        total *= _worth(line.speed)
        if total * agreement.query.step >= MIN_RUN_GAIN and (best is None or total > best[0] * 1.0001):
            best = total, line, first, last
    return best and best[1:]


def _worth(speed: float) -> float:
    """Return the factor on gains at a speed: below speed 1, several moments of the query share one of the reference."""
    if speed == 1:
        return UNIT_SPEED_BONUS
    return _slow_worth(speed) * (BACKWARDS_WORTH if speed < 0 else 1.0)


def _slow_worth(speed: float) -> float:
    return min(1.0, abs(speed) / SLOW_SPEED)


def refine(line: Line, agreement: Agreement, scale: Scale, moments: IntArray, *, reach: float = SEARCH_MOMENTS) -> Line:
    """Return the line near another one on which some moments of the query agree best; speed 1 unless it is clearly worse."""
    width = int(np.ceil(reach)) + 1
    centres = np.rint(line.speed * moments + line.offset).astype(np.int64)
    shifts = np.arange(-width, width + 1)
    last = len(agreement.reference.frames) - 1
    band = np.stack([agreement.at(moments, np.clip(centres + shift, 0, last)) for shift in shifts], axis=1)
    first, length = float(moments[0]), float(max(1, moments[-1] - moments[0]))
    progress = (moments - first) / length
    start, end = line.speed * first + line.offset, line.speed * moments[-1] + line.offset
    steps = np.arange(-reach, reach + 1e-9, SEARCH_STEP if reach <= SEARCH_MOMENTS else 1.0)
    starts, ends = (grid.ravel() for grid in np.meshgrid(start + steps, end + steps, indexing="ij"))
    speeds = np.abs(ends - starts) / length
    possible = (speeds >= MIN_SPEED) & (speeds <= MAX_SPEED)
    starts, ends = starts[possible], ends[possible]
    places = starts[:, None] + (ends - starts)[:, None] * progress - centres + width
    low = np.clip(places.astype(np.int64), 0, 2 * width - 1)
    share = np.clip(places - low, 0, 1).astype(np.float32)
    numbers = np.arange(len(moments))
    found = band[numbers, low] * (1 - share) + band[numbers, low + 1] * share
    found[(places < 0) | (places > 2 * width)] = 0
    change = agreement.change_at(moments, centres)
    # What does not agree at all, as before and after the stretch, has no say.
    found_gains = np.maximum(scale.gain(found, change), 0)
    totals = found_gains.sum(axis=1)
    top = int(totals.argmax()) if len(totals) else -1
    best = (float(starts[top]), float(ends[top])) if len(totals) else (start, end)
    unit = float(np.sign(line.speed))
    # Speed 1 through any moment of the line: a scene without motion fits it as well.
    middle = (best[0] + best[1]) / 2 - unit * length / 2
    drift = abs(best[1] - best[0] - unit * length) / 2 + SEARCH_STEP
    offsets = middle + np.arange(-drift, drift + 1e-9, SEARCH_STEP if drift <= 2 * reach else 2 * SEARCH_STEP)
    unit_lines = [replace(line, speed=unit, offset=float(offset - unit * first)) for offset in offsets]
    unit_values = np.stack([values_on(one, agreement, moments) for one in unit_lines])
    unit_totals = np.maximum(scale.gain(unit_values, change), 0).sum(axis=1)
    unit_top = int(unit_totals.argmax())
    if top < 0 or not _is_clearly_better(
        float(totals[top]) * _slow_worth(float(speeds[possible][top])), float(unit_totals[unit_top])
    ):
        return unit_lines[unit_top]
    speed = (best[1] - best[0]) / length
    return replace(line, speed=speed, offset=best[0] - speed * first)


def _is_clearly_better(total: float, unit_total: float) -> bool:
    """Return True if a sum of gains is higher than that of speed 1 by more than chance."""
    return total - unit_total > max(MIN_GAIN_OVER_UNIT, MIN_SHARE_OVER_UNIT * total)
