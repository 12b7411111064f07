"""The choice of the store and of the index that the program uses."""

from pathlib import Path
from typing import TYPE_CHECKING

from mediafp.store.index_interface import StoredIndex
from mediafp.store.index_location import index_address
from mediafp.store.interface import Store
from mediafp.store.sqlite.store import SqliteStore, has_database
from mediafp.types.fingerprints import Metric

if TYPE_CHECKING:
    from mediafp.store.row_index.files import IndexFiles
    from mediafp.store.row_index.rows import RowLayout


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
    """Remove all indexes of a store, with the rows of assets that it does not contain any more.

    Raises:
        StoreError: The rows lie elsewhere, and cannot be removed there.
    """
    from mediafp.store.row_index.files import index_folders, remove_index_files

    address = index_address(store.folder)
    if address is not None:
        from mediafp.store.lance.files import remove_tables

        for folder in index_folders(store.folder):
            remove_tables(folder, address)
    remove_index_files(store.folder)


def open_index(store: Store, type: str, version: str, *, metric: Metric, columns: int) -> StoredIndex:
    """Return the index over the fingerprints of one type and version, as it was saved.

    Args:
        store: The store, which states where the index lies.
        type: Fingerprint type.
        version: Version of the type.
        metric: Metric of the type.
        columns: Columns of its vectors: dimensions for cosine, bytes for hamming.

    Raises:
        StoreError: The index lies elsewhere, and cannot be reached.
        UsageError: It lies elsewhere, and the library for that is not installed.
    """
    # FAISS and NumPy load on first use.
    from mediafp.store.row_index.index import RowIndex
    from mediafp.store.row_index.rows import RowLayout

    layout = RowLayout(metric=metric, columns=columns)
    return RowIndex(layout, index_files(store.folder, index_address(store.folder), type, version, layout))


def index_files(folder: Path, address: str | None, type: str, version: str, layout: "RowLayout") -> "IndexFiles":
    """Return the files of an index whose rows lie at an address, or in the folder of the store if that is None."""
    if address is None:
        from mediafp.store.row_index.files import IndexFiles

        return IndexFiles(folder, type=type, version=version, layout=layout)
    from mediafp.store.lance.files import LanceFiles

    return LanceFiles(folder, type=type, version=version, layout=layout, address=address)
