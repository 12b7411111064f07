"""Everything that is kept of a case, and the nearest-neighbour indexes over it.

In: ingest records, transcripts, OCR results. Out: the same, by SHA-256.
Imports: types.
"""

from mediafp.store.factory import build_index, has_store, open_store
from mediafp.store.interface import Index, Store

__all__ = ["Index", "Store", "build_index", "has_store", "open_store"]
