"""Reasons why kept matches may be incomplete: pairs that no worker could compare, and candidates that were not searched."""

import os
from collections.abc import Iterator
from typing import Final

from mediafp.store import Store
from mediafp.store.interface import READ_ONLY_REASON
from mediafp.types.counted_nouns import count_of
from mediafp.types.kept_matches import KeptMatch, LostPair, PairFailure

PARTIAL_SEARCH: Final = "a part of the rows of a large index: a use may be missing; see docs/scale.md"
"""End of a sentence about a search of more rows than a query row is compared with."""


def find_lost_pairs(store: Store) -> list[LostPair]:
    """Return the pairs that no worker could compare, by both assets."""
    pairs = []
    for kept, failure, a_uri, b_uri in _iter_lost(store, None):
        a, b = kept.pair
        message = _describe_lost(a_uri, b_uri, failure)
        pairs.append(LostPair(a=a, b=b, a_uri=a_uri, b_uri=b_uri, kind=failure.kind, message=message))
    return pairs


def _iter_lost(store: Store, sha256: str | None) -> Iterator[tuple[KeptMatch, PairFailure, str, str]]:
    """Yield each lost pair, its reason, and a path of each of its two files."""
    for kept in store.lost_pairs(sha256):
        assert kept.failure, "a lost pair has a reason"
        a_uri, b_uri = ((store.uris(asset) or (asset,))[0] for asset in kept.pair)
        yield kept, kept.failure, a_uri, b_uri


def _describe_lost(a: str, b: str, failure: PairFailure) -> str:
    return f"cannot compare {a!r} with {b!r}: {failure.reason}; to try it again: mediafp relate"


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


def case_warnings(store: Store) -> tuple[str, ...]:
    """Return a sentence for each kind of reason why the kept matches of a store may lack some."""
    lost = len(store.lost_pairs())
    warnings = (
        [f"{count_of(lost, 'pair')} of files could not be compared; to try again: mediafp relate"] if lost else []
    )
    partial = partial_search_warning(store)
    return tuple(filter(None, (*warnings, partial, _pending_warning(store))))


def _pending_warning(store: Store) -> str | None:
    """Return a sentence about the files of a store that cannot be written which wait to be compared; None if there are none."""
    from mediafp.case.comparison.versions import comparison_versions

    waiting = store.count_uncompared(comparison_versions()).assets if store.is_read_only else 0
    if not waiting:
        return None
    return (
        f"{count_of(waiting, 'file')} not compared with all others, so that matches may be missing: {READ_ONLY_REASON}"
    )


def match_warnings(store: Store, sha256: str) -> tuple[str, ...]:
    """Return a sentence for each reason why the kept matches of an asset may lack one.

    They name files without their folders: the pages of traces, which leave the machine, state them too.
    """
    warnings = [
        _describe_lost(os.path.basename(a_uri), os.path.basename(b_uri), failure)
        for _, failure, a_uri, b_uri in _iter_lost(store, sha256)
    ]
    partial = partial_search_warning(store, sha256)
    return (*warnings, partial) if partial else tuple(warnings)
