"""Matches with the sightings and the clues of their references."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from mediafp.store import Store
from mediafp.types.counted_nouns import count_of
from mediafp.types.matches import Match
from mediafp.types.shared_clues import IDENTIFYING_KINDS
from mediafp.types.sightings import Clue, Sighting

MAX_SHARED_REASONS: Final = 3
"""Shared clues that are reasons of one match. Chosen, not measured."""
SHARED_REASON: Final = "both files state"
"""Start of the reasons that shared clues are. A saved match has those of when it was saved."""
MAX_VALUE_CHARS: Final = 80
"""Characters of a clue's value in a reason. Chosen, not measured."""


def iter_with_sources(
    matches: Iterable[Match], store: Store, *, query: tuple[str, str | None], query_clues: Iterable[Clue] = ()
) -> Iterator[Match]:
    """Yield matches with the sightings and the clues of their references; the query itself is not among them.

    Args:
        matches: The matches.
        store: The store.
        query: SHA-256 of the query, and its path as sightings name it, None if it has none. If the store contains it at
            this path alone, its match is omitted.
        query_clues: Clues of the query: those of `IDENTIFYING_KINDS` that a reference states too are reasons.
    """
    stated = {(clue.kind, clue.value) for clue in query_clues if clue.kind in IDENTIFYING_KINDS}
    for match in matches:
        sightings = sorted(store.sightings(match.sha256), key=_by_date)
        others = [seen for seen in sightings if (match.sha256, seen.uri) != query]
        if others:
            clues = store.clues(match.sha256)
            # Of the same bytes, the store has the clues of the query's own name among those of the reference.
            shared = [] if match.sha256 == query[0] else [clue for clue in clues if (clue.kind, clue.value) in stated]
            yield replace(
                match,
                uris=tuple(dict.fromkeys(seen.uri for seen in others)),
                sightings=tuple(others),
                clues=tuple(clues),
                why=(
                    *(reason for reason in match.why if not reason.startswith(SHARED_REASON)),
                    *_shared_reasons(shared),
                ),
            )


def count_with_sources(matches: Iterable[Match], store: Store, *, query: tuple[str, str | None]) -> int:
    """Return the number of matches that `iter_with_sources` yields of these, without reading their sightings and clues."""
    sha256, path = query
    return sum(
        match.sha256 != sha256 or path is None or any(uri != path for uri in store.uris(sha256)) for match in matches
    )


def _shared_reasons(shared: Sequence[Clue]) -> list[str]:
    """Return the reasons that clues are which both files state; a value once, whatever its kinds."""
    values = {clue.value: clue.kind for clue in reversed(shared)}
    reasons = [f"{SHARED_REASON} the {values[v].replace('_', ' ')} {v[:MAX_VALUE_CHARS]!r}" for v in reversed(values)]
    more = len(reasons[MAX_SHARED_REASONS:])
    return [*reasons[:MAX_SHARED_REASONS], *([f"{SHARED_REASON} {count_of(more, 'more such value')}"] if more else [])]


def _by_date(sighting: Sighting) -> tuple[bool, str, str]:
    """Return the sort key of a sighting: oldest first, those without a date last."""
    return sighting.date is None, sighting.date or "", sighting.uri
