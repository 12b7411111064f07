"""Segments in which two sounds agree: each near pair of codes is fitted, extended while it holds, and checked on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mediafp.matching.sounds.lines import (
    CHANCE,
    Agreement,
    Line,
    background,
    fit_seed,
    fractional_shift,
    measure,
    refit,
)
from mediafp.matching.sounds.near_codes import NearCodes, code_pairs, find_near_codes
from mediafp.matching.sounds.side import SoundSide
from mediafp.matching.sounds.timing import timing_drift
from mediafp.types.arrays import Float64Array
from mediafp.types.media import TimeSpan
from mediafp.types.sound_codes import CODE_PRINTS

MAX_FAILED_SEEDS: Final = 24
"""Near pairs of codes that may fail before the search for further segments ends. Chosen, not measured."""
MAX_TWO_WAY_PAIRS: Final = 10_000_000
"""Pairs of codes of one variant from which on only the codes of one side are searched for in the other: those of two sounds of
20 minutes. It bounds the time. Chosen, not measured."""
MIN_SEED_EXCESS: Final = 0.07
"""Agreement around a near pair of codes, above what a rhythm explains, from which it is extended. Of 650 unrelated pairs the
best one reaches .08, and 99 % of them .06; of edits with music as loud as the voice 90 % reach .14."""
MIN_STRENGTH: Final = 0.9
"""Strength of a segment that is kept: agreement above chance times the square root of the prints."""
MIN_FURTHER_STRENGTH: Final = 1.3
"""Strength that a segment needs beside a stronger one of which it is no continuation. Chosen, not measured."""
MAX_JUMP_SECONDS: Final = 0.3
"""Seconds by which a segment may lie beside the line of another one that it continues, as after a stretch of noise. Chosen, not
measured."""
MAX_SPEED_STEP: Final = 0.03
"""Ratio above 1 by which its speed may differ from that of the other one. Chosen, not measured."""
MAX_EXTENSIONS: Final = 20
"""Times that a segment is extended, to twice its length at most, and fitted anew."""
DROP_PRINTS: Final = 24
"""Prints without any agreement over which a segment is carried: 1.5 s. Chosen, not measured."""
NOISE: Final = 0.2
"""Sum of shares, times the agreement above chance, by which a faint segment dips by chance, and over which it is carried.
Chosen, not measured."""
SILENT: Final = 0.01
"""Share of the agreement above chance by which a print that is silent in both sounds counts against a segment. Chosen, not
measured."""
ONE_SIDED: Final = 0.125
"""The same for a print that is silent in one of them: a quarter of what a print without agreement counts. Chosen, not
measured."""
MAX_SILENT_PRINTS: Final = 80
"""Prints, 5.1 s, silent in both sounds, over which a segment is carried. Chosen, not measured."""
ON_LINE_PRINTS: Final = 6
"""Prints from the line of a segment within which a near pair of codes belongs to it. Chosen, not measured."""
MAX_COVERED: Final = 0.5
"""Share of a segment that other segments may cover on both sides; more is the same sound again, as of a beat. Chosen, not
measured."""
BAND_PITCH: Final = 2 ** (1 / 16)
"""Ratio of frequencies by one band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundSegment:
    """Stretch in which two sounds agree.

    Attributes:
        query: Its presentation seconds in the query.
        reference: Its presentation seconds in the reference.
        speed: Reference seconds per query second.
        pitch: Ratio of the query's frequencies to the reference's.
        agreement: Share of equal bits, .5 by chance.
        rhythm: Agreement that an even rhythm explains; .5 if there is none.
        prints: Pairs of prints that were compared.
        drift: Prints by which the timing of the two differs from place to place; 0 if it is unknown.
        tracks: Numbers of the audio tracks of the query and of the reference.
    """

    query: TimeSpan
    reference: TimeSpan
    speed: float
    pitch: float
    agreement: float
    rhythm: float
    prints: int
    drift: float
    tracks: tuple[int, int] = (0, 0)

    @property
    def strength(self) -> float:
        """Agreement above what a rhythm explains, of what it leaves, times the square root of the prints."""
        return float((self.agreement - self.rhythm) / (1 - self.rhythm) * (1 - CHANCE) * self.prints**0.5)

    def mirrored(self) -> "SoundSegment":
        """Return the segment seen from the reference."""
        return replace(
            self,
            query=self.reference,
            reference=self.query,
            speed=1 / self.speed,
            pitch=1 / self.pitch,
            tracks=self.tracks[::-1],
        )


class _Stretch(NamedTuple):
    """Line with the query places where it starts and ends."""

    line: Line
    start: int
    end: int


class _Seed(NamedTuple):
    """Place of the query in the middle of a near pair of codes, and the line through it."""

    place: float
    line: Line


def align_sounds(query: SoundSide, reference: SoundSide) -> list[SoundSegment]:
    """Return the segments in which two sounds agree, the strongest first: mirrored if the two change their roles."""
    if query.key > reference.key:
        return [segment.mirrored() for segment in align_sounds(reference, query)]
    stretches: list[_Stretch] = []
    segments: list[SoundSegment] = []
    failed = 0
    for seed in _seeds(query, reference):
        if failed >= MAX_FAILED_SEEDS:
            break
        if any(_is_on(seed, stretch) for stretch in stretches):
            continue
        line, agreement = fit_seed(query, reference, seed.line, seed.place)
        place = round(seed.place)
        rhythm = background(query, reference, line, place - CODE_PRINTS, place + CODE_PRINTS)
        if agreement - rhythm < MIN_SEED_EXCESS:
            failed += 1
            continue
        stretch = _extend(query, reference, line, place)
        segment = _to_segment(query, reference, stretch)
        if segment is None or segment.strength < MIN_STRENGTH or _is_covered(segment, segments):
            failed += 1
            continue
        stretches.append(stretch)
        segments.append(segment)
    segments.sort(key=lambda segment: (-segment.strength, segment.query, segment.reference))
    return [
        segment
        for segment in segments
        if segment is segments[0] or segment.strength >= MIN_FURTHER_STRENGTH or _continues(segment, segments[0])
    ]


def _seeds(query: SoundSide, reference: SoundSide) -> Iterator[_Seed]:
    """Yield the near pairs of codes of both directions, or of one of two long sounds, as lines of the query, nearest first."""
    forward = find_near_codes(query, reference)
    is_short = code_pairs(query, reference) <= MAX_TWO_WAY_PAIRS
    back = find_near_codes(reference, query) if is_short else []
    parts = [_lines(near, is_back=False) for near in forward] + [_lines(near, is_back=True) for near in back]
    if not parts:
        return
    distances, places, offsets, speeds, shifts = np.concatenate(parts, axis=1)
    for at in np.lexsort((offsets, places, distances)).tolist():
        line = Line(speed=float(speeds[at]), offset=float(offsets[at]), shift=int(shifts[at]))
        yield _Seed(float(places[at]), line)


def _lines(near: NearCodes, *, is_back: bool) -> Float64Array:
    """Return distances, middles in the query, offsets, speeds and shifts (5, N) of near pairs of codes.

    Args:
        near: Near pairs of codes of one variant.
        is_back: True if the reference was searched for in the query.
    """
    searched = near.searched + CODE_PRINTS / near.variant.speed / 2
    stored = near.stored + CODE_PRINTS / 2
    place, other, speed = (
        (stored, searched, 1 / near.variant.speed) if is_back else (searched, stored, near.variant.speed)
    )
    shift = near.variant.shift if is_back else -near.variant.shift
    ones = np.ones(len(place))
    return np.stack([near.distance, place, other - speed * place, speed * ones, shift * ones])


def _is_on(seed: _Seed, stretch: _Stretch) -> bool:
    """Return True if a near pair of codes lies on a stretch."""
    off = abs(seed.line.reference(seed.place) - stretch.line.reference(seed.place))
    return stretch.start <= seed.place <= stretch.end and off <= ON_LINE_PRINTS


def _extend(query: SoundSide, reference: SoundSide, line: Line, place: int) -> _Stretch:
    """Return the stretch around a query place in which the sounds agree along a line, which is fitted to it."""
    start, end = max(place - CODE_PRINTS, 0), min(place + CODE_PRINTS, len(query))
    for _ in range(MAX_EXTENSIONS):
        length = max(end - start, CODE_PRINTS)
        agreement = measure(query, reference, line, start - length, end + length)
        if not len(agreement.places):
            break
        inside = agreement.both & (agreement.places >= start) & (agreement.places < end)
        level = background(query, reference, line, start, end)
        excess = float(agreement.shares[inside].mean()) - level if inside.any() else 0.0
        if excess <= 0:
            break
        drop = max(DROP_PRINTS * excess / 2, NOISE / excess)
        gains = np.where(
            agreement.both, agreement.shares - level - excess / 2, -excess * np.where(agreement.one, ONE_SIDED, SILENT)
        )
        gains[_long_silences(agreement)] = -drop
        middle = int(np.clip(np.searchsorted(agreement.places, place), 0, len(gains) - 1))
        first = middle - _reach(gains[:middle][::-1], drop)
        last = middle + _reach(gains[middle:], drop)
        if last <= first:
            break
        before = line, start, end
        start, end = int(agreement.places[first]), int(agreement.places[last - 1]) + 1
        line, _ = refit(query, reference, line, start, end)
        if (line, start, end) == before:
            break
    return _Stretch(line, start, end)


def _long_silences(agreement: Agreement) -> npt.NDArray[np.bool_]:
    """Return True for the prints (N,) in which both sounds have been silent for too long."""
    silent = ~(agreement.both | agreement.one)
    last_sounding = np.maximum.accumulate(np.where(silent, -1, np.arange(len(silent))))
    return silent & (np.arange(len(silent)) - last_sounding > MAX_SILENT_PRINTS)


def _reach(gains: Float64Array, drop: float) -> int:
    """Return how many of the first gains have the greatest sum, before the sum falls from it by more than `drop`."""
    if not len(gains):
        return 0
    sums = np.concatenate([[0.0], np.cumsum(gains)])
    fallen = np.flatnonzero(np.maximum.accumulate(sums) - sums > drop)
    return int(sums[: fallen[0] if len(fallen) else len(sums)].argmax())


def _to_segment(query: SoundSide, reference: SoundSide, stretch: _Stretch) -> SoundSegment | None:
    """Return the segment of a stretch; None if no prints can be compared in it."""
    line, start, end = stretch
    agreement = measure(query, reference, line, start, end)
    both = agreement.both
    if not both.any():
        return None
    first, last = float(agreement.places[0]), float(agreement.places[-1]) + 1
    return SoundSegment(
        query=(query.seconds(first), query.seconds(last)),
        reference=(reference.seconds(line.reference(first)), reference.seconds(line.reference(last))),
        speed=line.speed,
        pitch=float(BAND_PITCH ** fractional_shift(query, reference, line, start, end)),
        agreement=agreement.mean,
        rhythm=background(query, reference, line, start, end),
        prints=int(both.sum()),
        drift=timing_drift(query, reference, line, start, end),
        tracks=(query.track, reference.track),
    )


def _continues(segment: SoundSegment, other: SoundSegment) -> bool:
    """Return True if a segment lies on the line of another one."""
    return abs(segment.speed / other.speed - 1) <= MAX_SPEED_STEP and all(
        abs(reference - other.reference[0] - other.speed * (query - other.query[0])) <= MAX_JUMP_SECONDS
        for query, reference in zip(segment.query, segment.reference, strict=True)
    )


def _is_covered(segment: SoundSegment, others: list[SoundSegment]) -> bool:
    """Return True if other segments of the same tracks cover most of a segment on both sides."""
    return all(_covers(segment, others))


def is_explained(segment: SoundSegment, others: list[SoundSegment]) -> bool:
    """Return True if other segments, of any tracks, cover most of a segment in its track of the query or of the reference."""
    return any(_covers(segment, others))


def _covers(segment: SoundSegment, others: list[SoundSegment]) -> tuple[bool, bool]:
    """Return True for the query, and for the reference, if other segments of the same track cover most of a segment."""
    of_query, of_reference = segment.tracks
    sides = (
        (segment.query, [other.query for other in others if other.tracks[0] == of_query]),
        (segment.reference, [other.reference for other in others if other.tracks[1] == of_reference]),
    )
    query, reference = (_overlap(side, spans) > MAX_COVERED * (side[1] - side[0]) for side, spans in sides)
    return query, reference


def _overlap(span: TimeSpan, others: list[TimeSpan]) -> float:
    """Return the seconds of a span that others cover."""
    covered, reached = 0.0, span[0]
    for start, end in sorted(others):
        first, last = max(start, reached), min(end, span[1])
        if last > first:
            covered, reached = covered + last - first, last
    return covered
