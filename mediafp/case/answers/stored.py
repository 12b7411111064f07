"""The matches of an asset of the store, from what was kept, as the result of a query."""

from functools import partial
from itertools import islice
from typing import Final

from mediafp.case.common_stretches import mark_matches
from mediafp.case.decided_matches import as_decided
from mediafp.case.hash_lists import find_listed
from mediafp.case.incomplete_matches import match_warnings
from mediafp.case.known_query import known_matches
from mediafp.case.match_sources import count_with_sources, iter_with_sources
from mediafp.store import Store
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.matches import QueryResult
from mediafp.types.media import Asset

LISTED_MATCHES: Final = 1_000
"""Matches of an asset: all that a person can read. Chosen, not measured."""


def stored_result(store: Store, asset: Asset) -> QueryResult:
    """Return the asset itself and its kept matches as the result of a query; improbable ones are near misses."""
    matches = known_matches(store, asset, speech=True, ocr_lines=lambda match: store.ocr_lines(match.sha256))
    matches = as_decided(matches, asset.sha256, store)
    if asset.kind == "video":
        matches = mark_matches(matches, asset.sha256, store)
    clues = tuple(store.clues(asset.sha256))
    own = asset.sha256, None
    with_sources = partial(iter_with_sources, store=store, query=own, query_clues=clues)
    # What is left of it after the listed ones is counted, at no cost for each.
    left = (match for match in matches if match.probability >= DEFAULT_MIN_PROBABILITY)
    listed_matches = tuple(islice(with_sources(left), LISTED_MATCHES))
    near_misses = with_sources(match for match in matches if match.probability < DEFAULT_MIN_PROBABILITY)
    return QueryResult(
        query=next(iter(store.uris(asset.sha256)), asset.sha256),
        sha256=asset.sha256,
        kind=asset.kind,
        error=None,
        matches=listed_matches,
        more_matches=count_with_sources(left, store, query=own),
        near_misses=tuple(islice(near_misses, LISTED_MATCHES - len(listed_matches))),
        text=store.ocr_lines(asset.sha256) if asset.kind == "image" else None,
        clues=clues,
        listed=tuple(find_listed(store, asset.sha256)),
        warnings=(*store.warnings(asset.sha256), *match_warnings(store, asset.sha256)),
    )
