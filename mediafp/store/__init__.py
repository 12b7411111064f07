"""Everything that is kept of a case, and the nearest-neighbour indexes over it.

In: ingest records, transcripts, OCR results. Out: the same, by SHA-256.
Imports: types.
"""

from mediafp.store.factory import has_store, open_index, open_store, remove_indexes
from mediafp.store.index_interface import RERANK_DEPTH, Index, IndexPosition, StoredIndex
from mediafp.store.interface import Store

__all__ = [
    "RERANK_DEPTH",
    "Index",
    "IndexPosition",
    "Store",
    "StoredIndex",
    "has_store",
    "open_index",
    "open_store",
    "remove_indexes",
]
