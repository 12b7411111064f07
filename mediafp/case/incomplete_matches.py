"""Reasons why kept matches may be incomplete: pairs that no worker could compare, and candidates that were not searched."""

from typing import Final

from mediafp.store import Store
from mediafp.types.kept_matches import LostPair

PARTIAL_SEARCH: Final = "a part of the rows of a large index: a use may be missing; see docs/scale.md"
"""End of a sentence about a search of more rows than a query row is compared with."""


def find_lost_pairs(store: Store, sha256: str | None = None) -> list[LostPair]:
    """Return the pairs that no worker could compare, of an asset or of all, by both assets."""
    pairs = []
    for kept in store.lost_pairs(sha256):
        assert kept.failure, "a lost pair has a reason"
        a, b = kept.pair
        a_uri, b_uri = ((store.uris(asset) or (asset,))[0] for asset in (a, b))
        message = f"cannot compare {a_uri!r} with {b_uri!r}: {kept.failure.reason}; to try it again: mediafp relate"
        pairs.append(LostPair(a=a, b=b, a_uri=a_uri, b_uri=b_uri, kind=kept.failure.kind, message=message))
    return pairs


def partial_search_warning(store: Store, sha256: str | None = None) -> str | None:
    """Return a sentence about the files that were compared with a part of the candidates; None if there are none.

    Args:
        store: The store.
        sha256: Asset that the sentence names alone if it is one of them; of the others, each may have missed it.
    """
    # Loads the fingerprint types, which a command that only lists the pairs does without.
    from mediafp.case.comparison.versions import comparison_versions

    versions = comparison_versions()
    if sha256 and store.is_partly_compared(sha256, versions):
        return f"this file was compared with {PARTIAL_SEARCH}"
    partly = store.count_partly_compared(versions)
    files = "1 file was" if partly == 1 else f"{partly} files were"
    return f"{files} compared with {PARTIAL_SEARCH}" if partly else None


def match_warnings(store: Store, sha256: str) -> tuple[str, ...]:
    """Return a sentence for each reason why the kept matches of an asset may lack one."""
    warnings = [pair.message for pair in find_lost_pairs(store, sha256)]
    partial = partial_search_warning(store, sha256)
    return (*warnings, partial) if partial else tuple(warnings)
