"""The choice of the store and of the index that the program uses."""

from collections.abc import Iterable
from pathlib import Path

from mediafp.store.interface import Index, Store
from mediafp.store.sqlite.store import SqliteStore, has_database
from mediafp.types.fingerprints import Fingerprint, Metric


def open_store(folder: Path, *, create: bool = False) -> Store:
    """Return the store in a folder, opened and migrated to the current version.

    Args:
        folder: Folder of the store.
        create: Create the folder and the store if they do not exist.

    Raises:
        StoreError: The folder contains no store, that of a newer version or a damaged one, or access is denied.
    """
    return SqliteStore(folder, create=create)


def has_store(folder: Path) -> bool:
    """Return True if a folder contains a store."""
    return has_database(folder)


def build_index(fingerprints: Iterable[Fingerprint], *, metric: Metric, columns: int) -> Index:
    """Return an index over the fingerprints of one type and version, one for each asset.

    Args:
        fingerprints: The fingerprints; the index keeps no reference to them.
        metric: Metric of the type.
        columns: Columns of its vectors: dimensions for cosine, bytes for hamming.
    """
    # FAISS loads on first use.
    from mediafp.store.faiss_index import FaissIndex

    return FaissIndex(fingerprints, metric=metric, columns=columns)
