"""Stretches of a video that many others of a store show or sound as well, such as an intro, a studio or a test card."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from mediafp.matching.edge_columns import NOT_ONE_CUT
from mediafp.matching.graphs import label_components
from mediafp.matching.time_spans import intersect_spans, total_seconds, unite_spans
from mediafp.types.matches import JOINED_RELATIONS, Match, Relation, SegmentChannel
from mediafp.types.media import TimeSpan

MIN_CUTS = 10
"""Other cuts that show a stretch from which it is common. A clip of one event is in a few other videos, the intro of a channel
in dozens. Chosen, not measured."""
MIN_STRETCH_SECONDS = 1.0
"""Seconds from which a stretch counts, as a common one or beside one: the ends of segments are half a second off. Chosen, not
measured."""
WHOLE_COVERAGE = 0.9
"""Mean coverage from which two videos are one cut, whatever they share with others. Chosen, not measured."""
START_SECONDS = 0.5
"""Seconds after the start of a video until which a stretch is said to be its beginning. Chosen, not measured."""

type Side = Literal["query", "reference"]
type Labels = Mapping[str, int]
"""Number of the cut of each asset, by SHA-256: those that count as one have the same number."""
CHANNELS: tuple[SegmentChannel, ...] = ("picture", "voice")
"""Channels whose stretches are counted, each by itself."""


@dataclass(frozen=True, kw_only=True)
class SharedMatch:
    """A match of a video with another one."""

    partner: str
    """SHA-256 of the other video."""
    match: Match
    side: Side
    """Which side of the match the video is."""

    def spans(self, channel: SegmentChannel) -> Sequence[TimeSpan]:
        """Return the times of the video that match by a channel, apart from each other and in order."""
        return self._spans.get(channel, ())

    def video_seconds(self, channel: SegmentChannel) -> float:
        """Return the comparable seconds of the video, by the share of it that its times of a channel are."""
        return total_seconds(self.spans(channel)) / max(self.match.coverage[self.side == "reference"], 1e-6)

    @cached_property
    def _spans(self) -> Mapping[SegmentChannel, Sequence[TimeSpan]]:
        spans: defaultdict[SegmentChannel, list[TimeSpan]] = defaultdict(list)
        for segment in self.match.segments:
            span = segment.query if self.side == "query" else segment.reference
            if span:
                spans[segment.channel].append(span)
        return {channel: unite_spans(found) for channel, found in spans.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonStretch:
    """A stretch of a video that many other videos share."""

    span: TimeSpan
    sharers: frozenset[str]
    """SHA-256 of the other videos."""


def is_shared(relation: Relation) -> bool:
    """Return True if a relation is one of the frames or of the recorded sound of two videos."""
    return relation == "same_voice" or relation in JOINED_RELATIONS


def is_whole(relation: Relation, coverage: tuple[float, float]) -> bool:
    """Return True if two videos, or the sound of two, are nearly the same as a whole, so that they count as one cut."""
    return relation not in NOT_ONE_CUT and sum(coverage) / 2 >= WHOLE_COVERAGE


def matched_channel(relation: Relation) -> SegmentChannel:
    """Return the channel that a relation is about."""
    return "voice" if relation == "same_voice" else "picture"


def label_cuts(names: Sequence[str], alike: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the number of the cut of each video: those that pairs of one cut join have the same one.

    Args:
        names: The videos, each once.
        alike: Pairs of videos of one cut among them.
    """
    places = {name: place for place, name in enumerate(names)}
    pairs = np.array([(places[a], places[b]) for a, b in alike], np.int64).reshape(-1, 2)
    return dict(zip(names, label_components(len(names), pairs[:, 0], pairs[:, 1]).tolist(), strict=True))


def find_common(shared: Iterable[SharedMatch], own: int, labels: Labels, channel: SegmentChannel) -> list[TimeSpan]:
    """Return the stretches of a video that videos of `MIN_CUTS` other cuts show, in order of time.

    Args:
        shared: Matches of the video.
        own: Number of its own cut.
        labels: Number of the cut of each partner by the channel; those without one are not counted.
        channel: The channel.
    """
    by_cut: defaultdict[int, list[TimeSpan]] = defaultdict(list)
    for one in shared:
        label = labels.get(one.partner, own)
        if label != own:
            by_cut[label] += one.spans(channel)
    if len(by_cut) < MIN_CUTS:
        return []
    # At equal times, those that begin come before those that end.
    changes = sorted(
        (time, is_end)
        for spans in by_cut.values()
        for span in unite_spans(spans)
        for time, is_end in zip(span, (False, True), strict=True)
    )
    common: list[TimeSpan] = []
    cuts, begun = 0, 0.0
    for time, is_end in changes:
        if is_end and cuts == MIN_CUTS:
            common.append((begun, time))
        cuts += -1 if is_end else 1
        if not is_end and cuts == MIN_CUTS:
            begun = time
    return [span for span in unite_spans(common) if _is_stretch(span)]


def name_sharers(
    spans: Sequence[TimeSpan], shared: Sequence[SharedMatch], channel: SegmentChannel
) -> list[CommonStretch]:
    """Return common stretches of a video, each with the videos that share half of it or more."""
    return [
        CommonStretch(
            span=span,
            sharers=frozenset(
                one.partner
                for one in shared
                if 2 * total_seconds(intersect_spans(one.spans(channel), [span])) >= span[1] - span[0]
            ),
        )
        for span in spans
    ]


def mark_common(one: SharedMatch, common: Mapping[SegmentChannel, Sequence[CommonStretch]]) -> Match:
    """Return a match with the reasons that state which of its stretches are common, and in how many other videos.

    Args:
        one: The match.
        common: Common stretches of the video by channel.
    """
    reasons, is_common = [], not is_whole(one.match.relation, one.match.coverage)
    for channel in CHANNELS:
        spans, parts, others = one.spans(channel), [], []
        for stretch in common.get(channel, ()):
            found = [part for part in intersect_spans(spans, [stretch.span]) if _is_stretch(part)]
            if found:
                parts += found
                others.append(len(stretch.sharers - {one.partner}))
        is_common = is_common and total_seconds(spans) - total_seconds(parts) < MIN_STRETCH_SECONDS
        if parts:
            reasons.append(_describe(parts, others, one.side, channel))
    if not reasons:
        return one.match
    if is_common:
        reasons[-1] += ", and nothing else matches"
    return replace(one.match, why=(*one.match.why, *reasons), is_common=is_common)


def _is_stretch(span: TimeSpan) -> bool:
    return span[1] - span[0] >= MIN_STRETCH_SECONDS


def _describe(parts: Sequence[TimeSpan], others: Sequence[int], side: Side, channel: SegmentChannel) -> str:
    """Return the reason that states how many other videos share some parts of a video, of each stretch."""
    of = f"of the {side}" if channel == "picture" else f"of the sound of the {side}"
    if len(parts) > 1:
        shown = f"{total_seconds(parts):.1f} s {of}, in {len(parts)} stretches,"
    elif parts[0][0] <= START_SECONDS:
        shown = f"the first {parts[0][1]:.1f} s {of}"
    else:
        shown = f"{total_seconds(parts):.1f} s {of}, from {parts[0][0]:.1f} s on,"
    count = f"at least {min(others)}" if len(set(others)) > 1 else others[0]
    return f"{shown} are shared with {count} other videos of the store"
