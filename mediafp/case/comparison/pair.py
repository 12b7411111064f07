"""The comparison of two stored assets by what they show, which depends on nothing else but the text in them."""

from collections.abc import Callable
from typing import Final

from mediafp.case.references import StoredReferences
from mediafp.engine.comparison.pair import FoundMatch, find_match
from mediafp.engine.comparison.sides import StoredSides
from mediafp.matching.images.pages import add_page_reason
from mediafp.matching.images.text_evidence import QueryText, TextLines, add_text_evidence
from mediafp.matching.promise import Promise
from mediafp.types.kept_matches import MIN_KEPT_PROBABILITY, KeptMatch, PairFailure
from mediafp.types.matches import Match

NO_WORKERS: Final = PairFailure("crash", "one of them was lost with another file, and there are no workers")
"""Reason why a pair with an asset of a lost pair was not compared, where no worker can do it."""

FindText = Callable[[str], TextLines | None]
"""Function that returns the text in a stored image; None if it is unknown."""


def compare_pair(a: str, b: str, promise: Promise, sides: StoredSides[StoredReferences], text: FindText) -> KeptMatch:
    """Return the result of comparing two stored assets by what they show; arguments as of `find_match`.

    `text` returns the text in a stored image, or None.
    """
    return keep_match((a, b), promise, find_match(a, b, promise, sides), sides.references, text)


def keep_match(
    pair: tuple[str, str], promise: Promise, found: FoundMatch, references: StoredReferences, text: FindText
) -> KeptMatch:
    """Return what is kept of a pair that was compared.

    Args:
        pair: SHA-256 of both assets.
        promise: Promise of the pair.
        found: The match of `find_match`.
        references: The assets of the store.
        text: Function that returns the text in a stored image; None if it is unknown.
    """
    query, match = found
    reference = pair[1] if query == pair[0] else pair[0]
    assets = references.find_asset(query), references.find_asset(reference)
    if match:
        match = _add_text(query, match, references, text)
        if assets[0] and assets[1]:
            match = add_page_reason(match, assets[0], assets[1])
    return KeptMatch(
        query=query,
        reference=reference,
        channel="picture",
        promise=promise.value,
        match=match if match and match.probability >= MIN_KEPT_PROBABILITY else None,
    )


def keep_failure(pair: tuple[str, str], promise: Promise, failure: PairFailure) -> KeptMatch:
    """Return what is kept of a pair that no worker could compare: that it must be compared again."""
    query, reference = sorted(pair)
    return KeptMatch(
        query=query, reference=reference, channel="picture", promise=promise.value, match=None, failure=failure
    )


def _add_text(query: str, match: Match, references: StoredReferences, text: FindText) -> Match:
    asset = references.find_asset(query)
    query_text = QueryText.find(text(query), asset) if asset else None
    return add_text_evidence(match, query_text, lambda found: text(found.sha256))
