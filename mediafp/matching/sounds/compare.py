"""Comparison of two sounds: the same recording, whatever its pitch, tempo and what is heard besides."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mediafp.matching import calibration, verdicts
from mediafp.matching.sounds.alignment import SoundSegment, align_sounds, is_explained
from mediafp.matching.sounds.lines import CHANCE
from mediafp.matching.sounds.side import SoundSide, SoundSides
from mediafp.matching.time_spans import round_span
from mediafp.types.matches import Match, Segment
from mediafp.types.media import Kind, TimeSpan
from mediafp.types.sound_prints import PRINT_SECONDS

MIN_PROVING_SECONDS: Final = 2.0
"""Seconds of the longest segment below which a match is at most `possible`. Chosen, not measured."""
MAX_DRIFT: Final = 0.17
"""Prints, 11 ms, by which the timing of one recording differs from place to place (`timing_drift`): above it the same words were
read again by a voice like it."""
MAX_REREAD_PROBABILITY: Final = 0.4
"""Probability of such a pair, below that of a match that is shown by default. Chosen, not measured."""
MIN_FURTHER_PROBABILITY: Final = 0.8
"""Probability from which a further pair of audio tracks of two assets counts too: that of a copy. Chosen, not measured."""
MIN_REPORTED_CHANGE: Final = 0.01
"""Change of speed or pitch from which the reasons name it. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundComparison:
    """Two sounds that agree in part.

    Attributes:
        features: Features of the pair, the same whichever of the two is the query.
        segments: Segments, the strongest first; there is at least one.
        coverage: Share of the sounding time of the query, and of the reference, that the segments cover.
        further: Comparisons of other audio tracks of the same two assets, with the segments that explain more.
        names_tracks: True for the query, and for the reference, if it has several tracks, or its first one has no sound.
    """

    features: calibration.SoundPairFeatures
    segments: tuple[SoundSegment, ...]
    coverage: tuple[float, float]
    further: tuple["SoundComparison", ...] = ()
    names_tracks: tuple[bool, bool] = (False, False)

    @property
    def probability(self) -> float:
        """Probability that the two are one recording, at least in part."""
        probability = calibration.probability(self.features)
        return min(probability, MAX_REREAD_PROBABILITY) if _is_read_again(self) else probability


def compare_tracks(query: SoundSides, reference: SoundSides) -> SoundComparison | None:
    """Return the comparison of the audio tracks of two assets that agree most, or None if none agree anywhere.

    Others that agree are added with those segments of which the time in the track of either asset is not explained yet, so
    that two versions of a film in two languages match in both, and a mix of both languages with each of them.
    """
    found = [one for own in query for other in reference if (one := compare_sounds(own, other))]
    if not found:
        return None
    best, *others = sorted(found, key=_rank)
    segments, further = list(best.segments), []
    for other in others:
        new = tuple(segment for segment in other.segments if not is_explained(segment, segments))
        if new and other.probability >= MIN_FURTHER_PROBABILITY:
            segments += new
            further.append(replace(other, segments=new))
    names_tracks = _names_tracks(query), _names_tracks(reference)
    return replace(best, further=tuple(further), names_tracks=names_tracks)


def _rank(comparison: SoundComparison) -> tuple[float, float, int]:
    strongest = comparison.segments[0]
    return -round(comparison.probability, 2), -strongest.strength, sum(strongest.tracks)


def _names_tracks(sides: SoundSides) -> bool:
    return len(sides) > 1 or any(side.track for side in sides)


def compare_sounds(query: SoundSide, reference: SoundSide) -> SoundComparison | None:
    """Return the segments of two sounds and their features, or None if they agree nowhere.

    The same two sounds, exchanged, have the same segments, exchanged, and the same features.
    """
    segments = align_sounds(query, reference)
    if not segments:
        return None
    return SoundComparison(
        features=sound_features(segments[0]),
        segments=tuple(segments),
        coverage=(
            _covered_share(query, [segment.query for segment in segments]),
            _covered_share(reference, [segment.reference for segment in segments]),
        ),
    )


def sound_features(strongest: SoundSegment) -> calibration.SoundPairFeatures:
    """Return the features of two sounds, given the strongest of their segments."""
    return calibration.SoundPairFeatures(strength=strongest.strength, agreement=strongest.agreement - CHANCE)


def to_match(comparison: SoundComparison, *, sha256: str, uris: tuple[str, ...], kind: Kind) -> Match:
    """Return the match of two sounds.

    Args:
        comparison: The comparison, as `compare_tracks` returns it for the query and the reference.
        sha256: SHA-256 of the reference.
        uris: Paths and URLs of the reference's sightings.
        kind: Kind of the reference.
    """
    probability = comparison.probability
    all_segments = [segment for one in (comparison, *comparison.further) for segment in one.segments]
    longest = max(segment.prints for segment in comparison.segments) * PRINT_SECONDS
    return Match(
        sha256=sha256,
        uris=uris,
        kind=kind,
        relation="same_voice",
        verdict=verdicts.verdict(probability, 0.0, proven=longest >= MIN_PROVING_SECONDS),
        probability=probability,
        coverage=comparison.coverage,
        placement=None,
        segments=tuple(
            _to_segment(one) for one in sorted(all_segments, key=lambda one: (one.query, one.reference, one.tracks))
        ),
        why=tuple(_reasons(comparison)),
    )


def _is_read_again(comparison: SoundComparison) -> bool:
    """Return True if most of what agrees differs in its timing."""
    drifting = sum(segment.prints for segment in comparison.segments if segment.drift > MAX_DRIFT)
    measured = sum(segment.prints for segment in comparison.segments if segment.drift > 0)
    return 2 * drifting > measured


def _to_segment(segment: SoundSegment) -> Segment:
    """Return a segment of a match, rounded."""
    return Segment(
        channel="voice",
        query=round_span(segment.query),
        reference=round_span(segment.reference),
        speed=round(segment.speed, 3),
        mirrored=False,
        score=round(segment.agreement, 3),
        tracks=segment.tracks,
    )


def _covered_share(side: SoundSide, spans: list[TimeSpan]) -> float:
    """Return the share of a sound's sounding time in some spans."""
    seconds = side.start + (np.arange(len(side)) + 0.5) * PRINT_SECONDS
    covered = np.zeros(len(side), bool)
    for start, end in spans:
        covered |= (seconds >= start) & (seconds <= end)
    return round(float(covered[side.valid].mean()), 4) if side.valid.any() else 1.0


def _reasons(comparison: SoundComparison) -> list[str]:
    """Return the measurements for and against the same recording, one sentence each."""
    segments, best = comparison.segments, comparison.segments[0]
    seconds = sum(segment.query[1] - segment.query[0] for segment in segments)
    changes = []
    if abs(best.speed - 1) >= MIN_REPORTED_CHANGE:
        changes.append(f"{best.speed:.2f}× speed")
    if abs(best.pitch - 1) >= MIN_REPORTED_CHANGE:
        changes.append(f"pitch about {best.pitch - 1:+.0%}".replace("%", " %"))
    how = " at " + ", ".join(changes) if changes else ""
    parts = f", in {len(segments)} segments" if len(segments) > 1 else ""
    reasons = [
        f"{seconds:.1f} s of the sound agree{how}{parts}",
        f"{best.agreement:.0%} of the bits of the longest agreeing stretch are equal (unrelated sound: 50 %)".replace(
            "% of", " % of"
        ),
    ]
    if _is_read_again(comparison):
        drift = max(segment.drift for segment in segments) * PRINT_SECONDS * 1000
        reasons.append(
            f"the timing of the two differs by {drift:.0f} ms from place to place: the same words read again by a voice like"
            " it, not one recording"
        )
    if any(comparison.names_tracks):
        reasons += [_name_tracks(one, comparison.names_tracks) for one in (comparison, *comparison.further)]
    return reasons


def _name_tracks(comparison: SoundComparison, names_tracks: tuple[bool, bool]) -> str:
    """Return which audio tracks agree, counted from 1 as players do."""
    query, reference = (
        f"audio track {track + 1} of the {role}" if is_named else f"the sound of the {role}"
        for role, track, is_named in zip(
            ("query", "reference"), comparison.segments[0].tracks, names_tracks, strict=True
        )
    )
    return f"{query} agrees with {reference}"
