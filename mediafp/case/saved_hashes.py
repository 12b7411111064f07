"""The hashes of a saved query by which it hits lists, so that its hits are those on the lists as they are now."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import msgspec
import numpy as np

from mediafp.case.hash_lists import compute_rows, find_listed_rows
from mediafp.case.thumbnail_decoder import DecodeThumbnail
from mediafp.store import Store
from mediafp.types.arrays import Bits
from mediafp.types.hashes import HASH_BYTES, IMAGE_ALGORITHMS, HashAlgorithm
from mediafp.types.matches import QueryResult
from mediafp.types.runs import FileAnalysis
from mediafp.types.saved_queries import SavedHashes


def encode_hashes(store: Store, analysis: FileAnalysis, decode: DecodeThumbnail) -> bytes:
    """Return the hashes of an analysed query as they are saved; `decode` decodes its thumbnails."""
    # Of videos, pHash and dHash take long, and hardly a list has them.
    wanted: set[HashAlgorithm] = set(store.listed_algorithms() if analysis.asset.kind == "video" else IMAGE_ALGORITHMS)
    has_pdq = any(fingerprint.type == "pdq" for fingerprint in analysis.fingerprints)
    rows = compute_rows(analysis, wanted | {"pdq"} if has_pdq else wanted - {"pdq"}, decode)
    return msgspec.msgpack.encode(SavedHashes(rows={name: bits.tobytes() for name, bits in rows.items()}))


def with_current_hits(store: Store, result: QueryResult, load: Callable[[], bytes]) -> QueryResult:
    """Return a saved result with its hits on the lists of a store as they are now.

    Args:
        store: The store.
        result: The result.
        load: Function that returns what `encode_hashes` returned; OSError if there is nothing.
    """
    names = set(store.hash_list_names())
    if not names:
        return replace(result, listed=())
    assert result.sha256 is not None, "a result without an error has a SHA-256"
    with suppress(OSError, msgspec.MsgspecError, ValueError):
        rows: dict[HashAlgorithm, Bits] = {
            name: np.frombuffer(row, np.uint8).reshape(-1, HASH_BYTES[name])
            for name, row in msgspec.msgpack.decode(load(), type=SavedHashes).rows.items()
        }
        return replace(result, listed=tuple(find_listed_rows(store, result.sha256, rows)))
    # It was saved without hashes, by an earlier version or as an asset of the case.
    return replace(result, listed=tuple(hit for hit in result.listed if hit.list in names))
