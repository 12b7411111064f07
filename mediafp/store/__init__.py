"""Everything that is kept of a case, and the nearest-neighbour indexes over it.

In: ingest records, transcripts, OCR results. Out: the same, by SHA-256.
Imports: types.
"""

from mediafp.store.factory import (
    LOCAL_INDEX,
    describe_location,
    has_store,
    move_indexes,
    open_index,
    open_store,
    remove_indexes,
    shard_service,
)
from mediafp.store.index_interface import RERANK_DEPTH, Index, IndexKind, IndexPosition, MovedIndex, StoredIndex
from mediafp.store.interface import Store
from mediafp.store.row_index.search_threads import single_threaded_search
from mediafp.store.sqlite.evidence_json import check_match

__all__ = [
    "LOCAL_INDEX",
    "RERANK_DEPTH",
    "Index",
    "IndexKind",
    "IndexPosition",
    "MovedIndex",
    "Store",
    "StoredIndex",
    "check_match",
    "describe_location",
    "has_store",
    "move_indexes",
    "open_index",
    "open_store",
    "remove_indexes",
    "shard_service",
    "single_threaded_search",
]
