"""The check of a store against itself and its custody log."""

from mediafp.fingerprints.registry import declarations
from mediafp.store import Store
from mediafp.types.runs import IntegrityReport


def verify_store(store: Store) -> IntegrityReport:
    """Return the result of checking a store; a damaged one is not read any further."""
    problems = store.check_integrity(declarations())
    if problems:
        return IntegrityReport(problems=tuple(problems), assets=0, log_entries=0, last_log_hash="")
    entries, last_hash = store.last_log_entry()
    return IntegrityReport(problems=(), assets=store.count_assets(), log_entries=entries, last_log_hash=last_hash)
