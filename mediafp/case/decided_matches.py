"""Matches with the decisions of persons on them."""

from collections.abc import Iterable
from dataclasses import replace

from mediafp.store import Store
from mediafp.types.decisions import Decision
from mediafp.types.matches import Match, QueryResult, by_probability


def as_decided(matches: Iterable[Match], sha256: str, store: Store) -> list[Match]:
    """Return the matches of a query as the decisions in a store make them, an asset with the same content first.

    Rejected matches are omitted, the others have the decisions on them, and the probabilities that were fitted on all
    decisions.

    Args:
        matches: Matches as the query was compared, or as they were kept.
        sha256: The query, which need not be in the store.
        store: The store.
    """
    # NumPy loads with it, which is not needed to list commands.
    from mediafp.case.recalibrated_matches import load_recalibrations, recalibrate_match

    decided, fitted = store.match_decisions(sha256), load_recalibrations(store)
    found = []
    for match in matches:
        decision = decided.get((min(sha256, match.sha256), max(sha256, match.sha256)))
        if decision and decision.decision == "reject":
            continue
        # Kept matches have theirs.
        stated = decided_match(match, decision) if decision and not match.decision else match
        found.append(stated if match.sha256 == sha256 else recalibrate_match(stated, fitted))
    return sorted(found, key=lambda match: (match.sha256 != sha256, by_probability(match)))


def as_decided_since(matches: Iterable[Match], sha256: str, store: Store) -> list[Match]:
    """Return matches that `as_decided` returned some time ago with the decisions that stand now, in their order."""
    decided = store.match_decisions(sha256)
    found = []
    for match in matches:
        decision = decided.get((min(sha256, match.sha256), max(sha256, match.sha256)))
        if match.decision and match.decision != decision:
            former = match.decision.sentence
            match = replace(match, decision=None, why=tuple(reason for reason in match.why if reason != former))
        if decision is None or decision.decision != "reject":
            found.append(decided_match(match, decision) if decision and not match.decision else match)
    return found


def result_as_decided(result: QueryResult, store: Store) -> QueryResult:
    """Return a saved result of a query with the decisions that stand now on its matches."""
    assert result.sha256 is not None, "a result without an error has a SHA-256"
    return replace(result, matches=tuple(as_decided_since(result.matches, result.sha256, store)))


def decided_match(match: Match, decision: Decision) -> Match:
    """Return a match with a decision on it, which is one of its reasons."""
    return replace(match, decision=decision, why=(*match.why, decision.sentence))
