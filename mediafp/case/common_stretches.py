"""Matches of the videos of a store with the reasons that state which stretches many other videos of it show as well."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from mediafp.matching.common_stretches import (
    CHANNELS,
    MIN_CUTS,
    CommonStretch,
    SharedMatch,
    find_common,
    is_shared,
    is_whole,
    label_cuts,
    mark_common,
    matched_channel,
    name_sharers,
)
from mediafp.matching.joined_sound import join_edges
from mediafp.store import Store
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.kept_matches import KeptMatch
from mediafp.types.matches import Match, SegmentChannel


def mark_matches(matches: Sequence[Match], sha256: str, store: Store) -> list[Match]:
    """Return the matches of a query with these reasons; of equally probable ones, those of common stretches come last.

    Args:
        matches: All matches of the query by falling probability, an asset with the same content first.
        sha256: The query, which need not be in the store.
        store: The store.
    """
    shared = [
        SharedMatch(partner=match.sha256, match=match, side="query")
        for match in matches
        if match.sha256 != sha256 and is_shared(match.relation)
    ]
    common = _find_common(shared, sha256, store)
    if not common:
        return list(matches)
    marked = {id(one.match): mark_common(one, common) for one in shared}
    return sorted(
        (marked.get(id(match), match) for match in matches), key=lambda match: (-match.probability, match.is_common)
    )


def mark_kept(kept: Iterable[KeptMatch], sha256: str, store: Store) -> list[KeptMatch]:
    """Return all kept matches of an asset with these reasons, which state its times."""
    matches = list(kept)
    shared = {number: one for number, match in enumerate(matches) if (one := _as_shared(match, sha256))}
    common = _find_common(list(shared.values()), sha256, store)
    if common:
        for number, one in shared.items():
            matches[number] = replace(matches[number], match=mark_common(one, common))
    return matches


def iter_marked(kept: Iterable[KeptMatch], store: Store) -> Iterator[KeptMatch]:
    """Yield all kept matches of a store, ordered by both assets, with these reasons, which state times of the first asset."""
    partners: Counter[str] = Counter()
    for edge in store.kept_edges(DEFAULT_MIN_PROBABILITY):
        partners.update((edge.a, edge.b))
    for sha256, group in groupby(kept, key=lambda one: one.pair[0]):
        if partners[sha256] < MIN_CUTS:
            yield from group
            continue
        shared = load_shared(store, sha256)
        common = _find_common(shared, sha256, store)
        for match in group:
            one = _as_shared(match, sha256) if common else None
            yield replace(match, match=mark_common(one, common)) if one else match


def load_shared(store: Store, sha256: str) -> list[SharedMatch]:
    """Return the probable kept matches of the frames, and of the sound, of an asset with other videos."""
    kept = store.kept_matches(sha256, min_probability=DEFAULT_MIN_PROBABILITY)
    return [shared for one in kept if (shared := _as_shared(one, sha256))]


def _as_shared(kept: KeptMatch, sha256: str) -> SharedMatch | None:
    """Return a kept match as one of its assets has it; None if it is not one of two videos by their frames or sound."""
    if not kept.match or not is_shared(kept.match.relation):
        return None
    if kept.query == sha256:
        return SharedMatch(partner=kept.reference, match=kept.match, side="query")
    return SharedMatch(partner=kept.query, match=kept.match, side="reference")


def _find_common(
    shared: Sequence[SharedMatch], sha256: str, store: Store
) -> Mapping[SegmentChannel, Sequence[CommonStretch]]:
    """Return the common stretches of a video by channel, those that have some."""
    found: dict[SegmentChannel, Sequence[CommonStretch]] = {}
    for channel in CHANNELS:
        probable = [one for one in shared if one.match.probability >= DEFAULT_MIN_PROBABILITY and one.spans(channel)]
        partners = sorted({one.partner for one in probable})
        # Most videos share no stretch with so many others, even if each counts as another cut: no more is read of them.
        if find_common(probable, -1, {name: place for place, name in enumerate(partners)}, channel):
            whole = [
                (edge.a, edge.b)
                for edge in join_edges(store.kept_edges(DEFAULT_MIN_PROBABILITY, [sha256, *partners]))
                if matched_channel(edge.relation) == channel
                and is_whole(edge.relation, (edge.coverage_a, edge.coverage_b))
            ]
            # The query need not be in the store.
            whole += [
                (sha256, one.partner)
                for one in probable
                if matched_channel(one.match.relation) == channel and is_whole(one.match.relation, one.match.coverage)
            ]
            labels = label_cuts([sha256, *partners], whole)
            if spans := find_common(probable, labels[sha256], labels, channel):
                found[channel] = name_sharers(spans, probable, channel)
    return found
