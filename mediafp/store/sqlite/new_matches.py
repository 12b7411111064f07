"""The pairs of assets that were found to match since some time."""

from mediafp.store.sqlite.database import Database
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.kept_matches import NewMatches

_NEW = (
    "kept_at > ? AND probability >= ? AND verdict IN ('copy', 'possible') AND NOT EXISTS (SELECT 1 FROM decision"
    " WHERE subject = 'match' AND decision.a = kept_match.a AND decision.b = kept_match.b AND decision = 'reject')"
)


def new_matches(database: Database, after: str, limit: int) -> NewMatches:
    """Return the number of pairs with a probable match that was kept after a time, and the surest of them.

    Args:
        database: The database.
        after: ISO 8601 in UTC; "" for all.
        limit: Largest number of pairs to name.
    """
    values = (after, DEFAULT_MIN_PROBABILITY)
    total, last_at = database.row(
        f"SELECT count(*), max(kept_at) FROM (SELECT max(kept_at) AS kept_at FROM kept_match WHERE {_NEW} GROUP BY a, b)",
        values,
    ) or (0, None)
    surest = database.rows(
        # SQLite takes the other columns from the row with the maximum.
        f"SELECT a, b, channel, max(probability) AS surest FROM kept_match WHERE {_NEW} GROUP BY a, b"
        " ORDER BY surest DESC, a, b LIMIT ?",
        (*values, limit),
    )
    return NewMatches(total, last_at, tuple((a, b, channel) for a, b, channel, _ in surest))
