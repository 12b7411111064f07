"""The choice of the store and of the index that the program uses."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from mediafp.store.index_interface import IndexKind, MovedIndex, StoredIndex
from mediafp.store.index_location import index_address, index_files
from mediafp.store.interface import Store
from mediafp.store.lance.addresses import parse_address
from mediafp.store.sqlite.store import SqliteStore, has_database
from mediafp.types.node_services import NodeService

LOCAL_INDEX: Final = "local"
"""Address of indexes that lie in the folder of the store."""


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


def open_index(store: Store, kind: IndexKind) -> StoredIndex:
    """Return an index as it was saved, from where the store states that it lies.

    Raises:
        StoreError: It lies elsewhere, and cannot be reached.
        UsageError: It lies elsewhere, and the library for that is not installed.
    """
    # FAISS and NumPy load on first use.
    from mediafp.store.row_index.index import RowIndex
    from mediafp.store.row_index.rows import RowLayout

    layout = RowLayout(metric=kind.metric, columns=kind.columns)
    return RowIndex(layout, index_files(store.folder, index_address(store.folder), kind.type, kind.version, layout))


def shard_service() -> Callable[[], NodeService]:
    """Return the service that nodes run to search shards of indexes (`StoredIndex.share`)."""
    from mediafp.store.lance.shards import TableShards

    return TableShards


def move_indexes(store: Store, kinds: Iterable[IndexKind], address: str) -> Iterator[MovedIndex]:
    """Move the saved indexes of a store, and have it use them there from then on; yield each that was copied.

    Args:
        store: The store.
        kinds: The indexes that it may have.
        address: A folder, `s3://BUCKET/PREFIX`, or `LOCAL_INDEX` for the folder of the store.

    Raises:
        StoreError: An index cannot be read or written. The store uses the former ones.
        UsageError: The address is not valid, or the library for indexes outside of a store is not installed.
    """
    from mediafp.store import index_moves

    parsed = None if address == LOCAL_INDEX else parse_address(address)
    return index_moves.move_indexes(store.folder, kinds, parsed)


def describe_location(store: Store) -> str:
    """Return the address of the indexes of a store, or `LOCAL_INDEX`."""
    return index_address(store.folder) or LOCAL_INDEX
