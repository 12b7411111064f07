"""The choice of the store and of the index that the program uses."""

from pathlib import Path

from mediafp.store.index_interface import StoredIndex
from mediafp.store.interface import Store
from mediafp.store.sqlite.store import SqliteStore, has_database
from mediafp.types.fingerprints import Metric


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


def remove_indexes(store: Store) -> None:
    """Remove the files of all indexes of a store, with the rows of assets that it does not contain any more."""
    from mediafp.store.row_index.files import remove_index_files

    remove_index_files(store.folder)


def open_index(store: Store, type: str, version: str, *, metric: Metric, columns: int) -> StoredIndex:
    """Return the index over the fingerprints of one type and version, as it was saved beside a store.

    Args:
        store: The store.
        type: Fingerprint type.
        version: Version of the type.
        metric: Metric of the type.
        columns: Columns of its vectors: dimensions for cosine, bytes for hamming.
    """
    # FAISS and NumPy load on first use.
    from mediafp.store.row_index.files import IndexFiles
    from mediafp.store.row_index.index import RowIndex
    from mediafp.store.row_index.rows import RowLayout

    layout = RowLayout(metric=metric, columns=columns)
    return RowIndex(layout, IndexFiles(store.folder, type=type, version=version, layout=layout))
