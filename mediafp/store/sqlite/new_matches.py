"""The pairs of assets that were found to match since some time."""

from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.decisions import unless_rejected
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.kept_matches import NewMatches


def new_matches(database: Database, after: str, limit: int) -> NewMatches:
    """Return the number of pairs with a probable match that was kept after a time, and the surest of them.

    Args:
        database: The database.
        after: ISO 8601 in UTC; "" for all.
        limit: Largest number of pairs to name.
    """
    chosen = f"kept_at > ? AND probability >= ? AND verdict IN ('copy', 'possible'){unless_rejected(database)}"
    values = (after, DEFAULT_MIN_PROBABILITY)
    total, last_at = database.row(
        f"SELECT count(*), max(kept_at) FROM (SELECT max(kept_at) AS kept_at FROM kept_match WHERE {chosen} GROUP BY a, b)",
        values,
    ) or (0, None)
    surest = database.rows(
        # SQLite takes the other columns from the row with the maximum.
        f"SELECT a, b, channel, max(probability) AS surest FROM kept_match WHERE {chosen} GROUP BY a, b"
        " ORDER BY surest DESC, a, b LIMIT ?",
        (*values, limit),
    )
    return NewMatches(total, last_at, tuple((a, b, channel) for a, b, channel, _ in surest))
