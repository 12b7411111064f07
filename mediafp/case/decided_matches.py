"""Matches with the decisions of persons on them."""

from collections.abc import Iterable
from dataclasses import replace

from mediafp.store import Store
from mediafp.types.decisions import Decision
from mediafp.types.matches import Match


def with_decisions(matches: Iterable[Match], sha256: str, store: Store) -> list[Match]:
    """Return the matches of a query, without those that were rejected, the others with the decisions on them.

    Args:
        matches: Matches as the query was compared.
        sha256: The query, which need not be in the store.
        store: The store.
    """
    decided = store.match_decisions(sha256)
    found = []
    for match in matches:
        decision = decided.get((min(sha256, match.sha256), max(sha256, match.sha256)))
        if decision is None:
            found.append(match)
        elif decision.decision != "reject":
            found.append(decided_match(match, decision))
    return found


def decided_match(match: Match, decision: Decision) -> Match:
    """Return a match with a decision on it, which is one of its reasons."""
    return replace(match, decision=decision, why=(*match.why, decision.sentence))
