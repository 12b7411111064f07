"""The relation of two videos, by what each shows of the other, in which order, and by whether it moves; and the reasons."""

from collections.abc import Sequence

from mediafp.matching.images import scoring
from mediafp.matching.images.placement_fit import PlacementFit
from mediafp.matching.time_spans import total_seconds, unite_spans
from mediafp.matching.videos.alignment import AlignedSegment
from mediafp.matching.videos.motion import Motion
from mediafp.types.counted_nouns import count_of
from mediafp.types.matches import Relation

MIN_FULL_COVERAGE = 0.8
"""Share of a video from which it is shown nearly whole: at .7, excerpts of three quarters of a video were called the same video
(four of ten slowed ones of awkward.py), and zooms of which less aligns are no more often called so."""
SLACK = 0.5
"""Seconds by which segments in order may overlap. Chosen, not measured."""
MAX_STILL_SHARE = 0.5
"""Share of the shared seconds in stretches of one still picture each up to which the footage counts as moving. Chosen, not
measured."""


def choose_relation(
    segments: Sequence[AlignedSegment], motions: Sequence[Motion], coverage: tuple[float, float]
) -> Relation:
    """Return the relation of two videos.

    Args:
        segments: Their segments.
        motions: Motion in each of them.
        coverage: Share of the query and of the reference that the segments cover.
    """
    if are_stills(segments, motions):
        return "shares_footage"
    ordered = [share >= MIN_FULL_COVERAGE for share in ordered_coverage(segments, coverage)]
    covered = [share >= MIN_FULL_COVERAGE for share in coverage]
    if all(ordered):
        return "same_video"
    # Both are shown whole: one shows the other several times, or in another order.
    first, second = ordered if all(covered) else covered
    return "contained_in" if first else "contains" if second else "shares_footage"


def are_stills(segments: Sequence[AlignedSegment], motions: Sequence[Motion]) -> bool:
    """Return True if most of what two videos share are pictures that stand still, each aligned by itself."""
    still = sum(segment.seconds for segment, motion in zip(segments, motions, strict=True) if motion.is_still)
    return still > MAX_STILL_SHARE * sum(segment.seconds for segment in segments)


def ordered_coverage(segments: Sequence[AlignedSegment], coverage: tuple[float, float]) -> tuple[float, float]:
    """Return the share of both videos that the longest sequence of segments in one order covers, each moment once.

    Args:
        segments: The segments in order of the query's time.
        coverage: Share of the query and of the reference that all of them cover.
    """
    best: list[tuple[float, float, float]] = []
    for number, segment in enumerate(segments):
        own, other = segment.query[1] - segment.query[0], segment.reference[1] - segment.reference[0]
        before = (0.0, 0.0, 0.0)
        for earlier, chain in zip(segments[:number], best, strict=True):
            if earlier.query[1] <= segment.query[0] + SLACK and earlier.reference[1] <= segment.reference[0] + SLACK:
                before = max(before, chain)
        best.append((before[0] + segment.seconds, before[1] + own, before[2] + other))
    _, own, other = max(best)
    totals = [
        total_seconds(unite_spans(spans))
        for spans in ([segment.query for segment in segments], [segment.reference for segment in segments])
    ]
    return coverage[0] * min(1.0, own / max(totals[0], 1e-6)), coverage[1] * min(1.0, other / max(totals[1], 1e-6))


def is_proven(motions: Sequence[Motion], *, placed: bool) -> bool:
    """Return True if what is shared proves a copy: a placed moment, or one with the same hash, or several, that are not plain."""
    return any(motion.telling for motion in motions) and (placed or sum(motion.telling for motion in motions) > 1)


def video_reasons(
    segments: Sequence[AlignedSegment],
    motions: Sequence[Motion],
    coverage: tuple[float, float],
    fit: PlacementFit | None,
    score: float,
) -> list[str]:
    """Return the measurements for and against a copy of two videos, one sentence each."""
    # A stretch that the reference shows several times counts once: the query has no more seconds than its length.
    seconds, count = total_seconds(unite_spans([segment.query for segment in segments])), len(segments)
    reasons = [
        f"{seconds:.0f} s of the query align with the reference in {count_of(count, 'segment')}",
        f"{scoring.format_percent(coverage[0])} of the query and {scoring.format_percent(coverage[1])} of the reference are"
        " covered",
    ]
    if not any(motion.telling for motion in motions):
        reasons.append("only a plain graphic is the same")
    elif are_stills(segments, motions):
        reasons.append("the same still pictures")
    else:
        moving = [motion for motion in motions if motion.is_moving]
        if moving:
            agreement = sum(motion.agreement * motion.moments for motion in moving) / sum(m.moments for m in moving)
            reasons.append(f"{scoring.format_percent(agreement)} of the motion in them agrees")
    if fit:
        reasons += scoring.placement_reasons(fit.placement)
    speeds = sorted({round(abs(segment.speed), 2) for segment in segments} - {1.0})
    if speeds:
        reasons.append("the query plays at " + ", ".join(f"{speed:g}×" for speed in speeds) + " speed")
    if any(segment.speed < 0 for segment in segments):
        reasons.append("the query runs backwards against the reference")
    if (turns := _turns([segment.reference for segment in segments])) > 1:
        reasons.append(f"the query shows a stretch of the reference {turns} times")
    elif (turns := _turns([segment.query for segment in segments])) > 1:
        reasons.append(f"the reference shows a stretch of the query {turns} times")
    reasons.append(f"the frames score {score:+.2f} against the level of unrelated images")
    return reasons


def _turns(intervals: Sequence[tuple[float, float]]) -> int:
    """Return the largest number of intervals that overlap by half of the shorter one at least."""
    return max(
        sum(min(a[1], b[1]) - max(a[0], b[0]) >= 0.5 * min(a[1] - a[0], b[1] - b[0]) for b in intervals)
        for a in intervals
    )
