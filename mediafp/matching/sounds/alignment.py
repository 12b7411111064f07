"""Segments in which two sounds agree: each near pair of codes is fitted, extended while it holds, and checked on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from mediafp.matching.sounds.lines import CHANCE, Line, fit_seed, measure, refit
from mediafp.matching.sounds.near_codes import CODE_BITS, NearCodes, find_near_codes
from mediafp.matching.sounds.side import SoundSide
from mediafp.types.arrays import Float64Array
from mediafp.types.media import TimeSpan
from mediafp.types.sound_codes import CODE_PRINTS

MAX_FAILED_SEEDS: Final = 24
"""Near pairs of codes that may fail before the search for further segments ends. Chosen, not measured."""
MIN_SEED_AGREEMENT: Final = 0.575
"""Agreement around a near pair of codes from which it is extended. Of 650 unrelated pairs the best one reaches .58, and .56 in
99 % of them; of edits with music as loud as the voice .64 in 90 %."""
MIN_STRENGTH: Final = 0.9
"""Strength of a segment that is kept: agreement above chance times the square root of the prints."""
MAX_EXTENSIONS: Final = 20
"""Times that a segment is extended, to twice its length at most, and fitted anew."""
DROP_PRINTS: Final = 24
"""Prints without any agreement over which a segment is carried: 1.5 s. Chosen, not measured."""
NOISE: Final = 0.2
"""Sum of shares, times the agreement above chance, by which a faint segment dips by chance, and over which it is carried.
Chosen, not measured."""
MAX_SILENT_PRINTS: Final = 80
"""Prints, 5.1 s, that cannot be compared over which a segment is carried. Chosen, not measured."""
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
        prints: Pairs of prints that were compared.
    """

    query: TimeSpan
    reference: TimeSpan
    speed: float
    pitch: float
    agreement: float
    prints: int

    @property
    def strength(self) -> float:
        """Agreement above chance times the square root of the prints."""
        return float((self.agreement - CHANCE) * self.prints**0.5)

    def mirrored(self) -> "SoundSegment":
        """Return the segment seen from the reference."""
        return replace(self, query=self.reference, reference=self.query, speed=1 / self.speed, pitch=1 / self.pitch)


class _Stretch(NamedTuple):
    """Line with the query places where it starts and ends."""

    line: Line
    start: int
    end: int


class _Seed(NamedTuple):
    bits: float
    place: float
    line: Line


def align_sounds(query: SoundSide, reference: SoundSide) -> list[SoundSegment]:
    """Return the segments in which two sounds agree, the strongest first: mirrored if the two change their roles."""
    if query.key > reference.key:
        return [segment.mirrored() for segment in align_sounds(reference, query)]
    stretches: list[_Stretch] = []
    segments: list[SoundSegment] = []
    failed = 0
    for seed in sorted(_seeds(query, reference), key=lambda one: (-one.bits, one.place, one.line.offset)):
        if failed >= MAX_FAILED_SEEDS:
            break
        if any(_is_on(seed, stretch) for stretch in stretches):
            continue
        line, agreement = fit_seed(query, reference, seed.line, seed.place)
        if agreement < MIN_SEED_AGREEMENT:
            failed += 1
            continue
        stretch = _extend(query, reference, line, round(seed.place))
        segment = _to_segment(query, reference, stretch)
        if segment is None or segment.strength < MIN_STRENGTH or _is_covered(segment, segments):
            failed += 1
            continue
        stretches.append(stretch)
        segments.append(segment)
    return sorted(segments, key=lambda segment: (-segment.strength, segment.query, segment.reference))


def _seeds(query: SoundSide, reference: SoundSide) -> Iterator[_Seed]:
    """Yield the near pairs of codes of both directions as lines of the query."""
    for near in find_near_codes(query, reference):
        for searched, stored, bits in _middles(near):
            speed = near.variant.speed
            line = Line(speed=speed, offset=stored - speed * searched, shift=-near.variant.shift)
            yield _Seed(bits, searched, line)
    for near in find_near_codes(reference, query):
        for searched, stored, bits in _middles(near):
            speed = 1 / near.variant.speed
            line = Line(speed=speed, offset=searched - speed * stored, shift=near.variant.shift)
            yield _Seed(bits, stored, line)


def _middles(near: NearCodes) -> Iterator[tuple[float, float, float]]:
    """Yield the middles of the searched and of the stored code of each pair, and the bits by which it is nearer than chance."""
    searched = near.searched + CODE_PRINTS / near.variant.speed / 2
    bits = CODE_BITS / 2 - near.distance
    yield from zip(searched.tolist(), (near.stored + CODE_PRINTS / 2).tolist(), bits.tolist(), strict=True)


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
        excess = float(agreement.shares[inside].mean()) - CHANCE if inside.any() else 0.0
        if excess <= 0:
            break
        drop = max(DROP_PRINTS * excess / 2, NOISE / excess)
        gains = np.where(agreement.both, agreement.shares - CHANCE - excess / 2, -drop / MAX_SILENT_PRINTS)
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
    if not agreement.both.any():
        return None
    first, last = float(agreement.places[0]), float(agreement.places[-1]) + 1
    return SoundSegment(
        query=(query.seconds(first), query.seconds(last)),
        reference=(reference.seconds(line.reference(first)), reference.seconds(line.reference(last))),
        speed=line.speed,
        pitch=BAND_PITCH**line.shift,
        agreement=agreement.mean,
        prints=int(agreement.both.sum()),
    )


def _is_covered(segment: SoundSegment, others: list[SoundSegment]) -> bool:
    """Return True if other segments cover most of a segment on both sides."""
    return all(
        _overlap(side, spans) > MAX_COVERED * (side[1] - side[0])
        for side, spans in (
            (segment.query, [other.query for other in others]),
            (segment.reference, [other.reference for other in others]),
        )
    )


def _overlap(span: TimeSpan, others: list[TimeSpan]) -> float:
    """Return the seconds of a span that others cover."""
    covered, reached = 0.0, span[0]
    for start, end in sorted(others):
        first, last = max(start, reached), min(end, span[1])
        if last > first:
            covered, reached = covered + last - first, last
    return covered
