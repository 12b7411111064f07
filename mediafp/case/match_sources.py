"""Matches with the sightings and the clues of their references."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mediafp.store import Store
from mediafp.types.matches import Match
from mediafp.types.sightings import Sighting


def iter_with_sources(matches: Iterable[Match], store: Store, *, query: tuple[str, str | None]) -> Iterator[Match]:
    """Yield matches with the sightings and the clues of their references; the query itself is not among them.

    Args:
        matches: The matches.
        store: The store.
        query: SHA-256 of the query, and its path as sightings name it, None if it has none. If the store contains it at
            this path alone, its match is omitted.
    """
    for match in matches:
        sightings = sorted(store.sightings(match.sha256), key=_by_date)
        others = [seen for seen in sightings if (match.sha256, seen.uri) != query]
        if others:
            yield replace(
                match,
                uris=tuple(dict.fromkeys(seen.uri for seen in others)),
                sightings=tuple(others),
                clues=tuple(store.clues(match.sha256)),
            )


def _by_date(sighting: Sighting) -> tuple[bool, str, str]:
    """Return the sort key of a sighting: oldest first, those without a date last."""
    return sighting.date is None, sighting.date or "", sighting.uri
