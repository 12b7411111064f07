"""A store as the source of tables."""

from functools import partial

from mediafp.case.exports import iter_asset_records, iter_match_records
from mediafp.report.exports.tables import TableSource
from mediafp.store import Store


def table_source(store: Store) -> TableSource:
    """Return the functions that read the assets and the kept matches of a store for a table."""
    return TableSource(records=partial(iter_asset_records, store), matches=partial(iter_match_records, store))
