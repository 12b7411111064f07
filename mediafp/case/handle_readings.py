"""Account names in the removed text of several matches, of which differing readings of one name are merged."""

import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final

from mediafp.types.matches import HandleReadings, Match

MIN_SAME_RATIO: Final = 0.75
"""Ratio of agreeing characters from which two readings count as readings of one name: one of four may differ. Chosen, not
measured."""
MIN_BETTER_CONFIDENCE: Final = 0.03
"""Difference of the confidence of OCR, summed over the copies of an image, from which one reading is better than another.
Chosen, not measured."""
MIN_SURE_CONFIDENCE: Final = 0.5
"""Confidence of OCR, over all copies, from which a reading is sure: with less, most looks read something else."""


def merge_handles(matches: Sequence[Match]) -> tuple[HandleReadings, ...]:
    """Return the account names that the removed text of matches contains, in their order, readings of one name together.

    A reading that is an account of a sighting of the matches is better than others, and then the one for which more copies of
    the image vote, each with its confidence; without such a difference each of them remains possible. A reading on which the
    looks of OCR at a single copy did not agree is none better either.
    """
    accounts = {
        _plain(name)
        for match in matches
        for seen in match.sightings
        for name in (seen.account, seen.account_name)
        if name
    }
    groups: list[dict[str, tuple[bool, float]]] = []
    for handle, confidence in _iter_readings(matches):
        group = next((group for group in groups if any(_is_same(handle, other) for other in group)), None)
        if group is None:
            groups.append(group := {})
        group[handle] = (_plain(handle) in accounts, group.get(handle, (False, 0.0))[1] + confidence)
    return tuple(map(_merge, groups))


def _merge(group: dict[str, tuple[bool, float]]) -> HandleReadings:
    (first, evidence), *others = sorted(group.items(), key=lambda item: (*(-value for value in item[1]), item[0]))
    is_better = (evidence[0] or evidence[1] >= MIN_SURE_CONFIDENCE) and all(
        evidence[0] > other[0] or (evidence[0] == other[0] and evidence[1] - other[1] >= MIN_BETTER_CONFIDENCE)
        for _, other in others
    )
    return HandleReadings(best=first if is_better else None, readings=(first, *(handle for handle, _ in others)))


def _iter_readings(matches: Sequence[Match]) -> Iterator[tuple[str, float]]:
    """Yield the account names in the removed text of matches, with the confidence of OCR."""
    for match in matches:
        for placement in (match.placement, *match.more_placements):
            for handle in placement.handles if placement else ():
                lines = placement.removed_text if placement else ()
                yield handle, max((line.confidence for line in lines if handle.lstrip("@") in line.text), default=0.0)


def _is_same(handle: str, other: str) -> bool:
    return SequenceMatcher(None, _plain(handle), _plain(other), autojunk=False).ratio() >= MIN_SAME_RATIO


def _plain(handle: str) -> str:
    """Return a handle as it is compared: without @, full width and case."""
    return unicodedata.normalize("NFKC", handle).lstrip("@").casefold()
