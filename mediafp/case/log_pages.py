"""The custody log, the newest entries first."""

from itertools import islice

from mediafp.store import Store
from mediafp.types.custody import LogEntry


def load_log_page(store: Store, before: int | None, limit: int) -> list[LogEntry]:
    """Return entries of the custody log, the newest first.

    Args:
        store: The store.
        before: Number above that of the first entry to return; None for the newest.
        limit: Largest number of entries.
    """
    last, _ = store.last_log_entry()
    end = last if before is None else min(last, before - 1)
    entries = islice(store.iter_log(after=max(0, end - limit)), min(limit, max(0, end)))
    return list(entries)[::-1]
