"""Edges of two videos that are near-duplicates only by what dozens of other videos show as well, such as a long intro."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from mediafp.matching.common_stretches import (
    CHANNELS,
    MIN_CUTS,
    WHOLE_COVERAGE,
    SharedMatch,
    find_common,
    is_shared,
    matched_channel,
)
from mediafp.matching.edge_columns import MIN_COVERAGE, NOT_ONE_CUT, RELATIONS, EdgeColumns
from mediafp.matching.graphs import BoolArray, IntArray, label_components
from mediafp.matching.time_spans import intersect_spans, total_seconds, unite_spans
from mediafp.types.arrays import Float64Array
from mediafp.types.matches import SegmentChannel
from mediafp.types.media import TimeSpan

MIN_OWN_SHARE = 0.1
"""Mean share of two videos outside of common stretches below which it is too short to decide, as above `WHOLE_COVERAGE`. Chosen,
not measured."""

type SharedLoader = Callable[[str], Sequence[SharedMatch]]
"""Function that returns the probable matches of a video with others."""


def drop_common_edges(columns: EdgeColumns, load_shared: SharedLoader) -> EdgeColumns:
    """Return edges, those without weight whose coverage outside of common stretches is below `MIN_COVERAGE`.

    All that edges of near-duplicates join count as one cut here, so that no stretch is common because a cut was uploaded many
    times, whole or with other ends. Only videos with many partners, and an edge below `WHOLE_COVERAGE`, are read.
    """
    weights = columns.weights.copy()
    is_part = (weights > 0) & (columns.low_coverage + columns.high_coverage < 2 * WHOLE_COVERAGE)
    for channel in CHANNELS:
        of_channel = np.isin(columns.relations, _relations_of(channel))
        labels = _label_cuts(columns, of_channel)
        is_other = of_channel & (labels[columns.low] != labels[columns.high])
        ends = np.concatenate((columns.low[is_other], columns.high[is_other]))
        has_many = np.bincount(ends, minlength=len(labels)) >= MIN_CUTS
        rows = np.flatnonzero(is_part & of_channel & (has_many[columns.low] | has_many[columns.high]))
        if len(rows):
            matched, own = _sum_own_shares(columns, rows, labels, channel, load_shared)
            # Sums of two shares.
            weights[rows[(own >= 2 * MIN_OWN_SHARE) & (matched < MIN_COVERAGE * own)]] = 0.0
    return replace(columns, weights=weights)


def _sum_own_shares(
    columns: EdgeColumns, rows: IntArray, labels: IntArray, channel: SegmentChannel, load_shared: SharedLoader
) -> Float64Array:
    """Return the shares (2, N) of `_own_shares`, each the sum of those of both sides, of some edges.

    The matches of one video at a time are in memory: their evidence is large.
    """
    numbers = dict(zip(columns.names, labels.tolist(), strict=True))
    sides = np.concatenate((columns.low[rows], columns.high[rows]))
    partners = np.concatenate((columns.high[rows], columns.low[rows]))
    shares = np.zeros((2, len(sides)))
    places = np.argsort(sides, kind="stable").tolist()
    for asset, group in groupby(places, key=sides.tolist().__getitem__):
        name = columns.names[asset]
        shared = load_shared(name)
        common = find_common(shared, numbers[name], numbers, channel)
        for place in group:
            shares[:, place] = _own_shares(shared, columns.names[partners[place]], common, channel)
    return shares[:, : len(rows)] + shares[:, len(rows) :]


def _relations_of(channel: SegmentChannel) -> list[int]:
    """Return the places of the relations that are about a channel."""
    return [code for code, one in enumerate(RELATIONS) if is_shared(one) and matched_channel(one) == channel]


def _label_cuts(columns: EdgeColumns, of_channel: BoolArray) -> IntArray:
    """Return the number of the cut of each asset by the edges of one channel: near-duplicates have the same one."""
    is_part = np.isin(columns.relations, [RELATIONS.index(one) for one in NOT_ONE_CUT])
    is_whole = columns.relations == RELATIONS.index("same_video")
    is_covered = columns.low_coverage + columns.high_coverage >= 2 * MIN_COVERAGE
    alike = of_channel & (is_whole | (is_covered & ~is_part))
    return label_components(len(columns.names), columns.low[alike], columns.high[alike])


def _own_shares(
    shared: Sequence[SharedMatch], partner: str, common: Sequence[TimeSpan], channel: SegmentChannel
) -> tuple[float, float]:
    """Return the share of a video outside of its common stretches that matches a partner, and the share of all outside of them.

    Both are 1 if the match is not known.
    """
    with_partner = [one for one in shared if one.partner == partner]
    match = next((one for one in with_partner if matched_channel(one.match.relation) == channel), None)
    seconds = match.video_seconds(channel) if match else 0.0
    if not seconds:
        return 1.0, 1.0
    spans = unite_spans(span for one in with_partner for kind in CHANNELS for span in one.spans(kind))
    matched = total_seconds(spans) - total_seconds(intersect_spans(spans, common))
    return matched / seconds, max(matched, seconds - total_seconds(common)) / seconds
