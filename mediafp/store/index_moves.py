"""The move of the indexes of a store to another address, row by row."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediafp.store.index_interface import IndexKind, MovedIndex
from mediafp.store.index_location import index_address, index_files, is_stated, set_index_address
from mediafp.store.lance.addresses import is_remote
from mediafp.types.errors import StoreError, UsageError

if TYPE_CHECKING:
    import numpy.typing as npt

    from mediafp.store.row_index.files import IndexFiles, MappedIndex

_logger = logging.getLogger(__name__)


def move_indexes(folder: Path, kinds: Iterable[IndexKind], address: str | None) -> Iterator[MovedIndex]:
    """Copy the indexes of a store, compare the copies, have the store use them, and remove the former ones.

    A saved index that cannot be read any more is skipped if the indexes move into the store: it is built anew from the database.

    Args:
        folder: Folder of the store.
        kinds: The indexes that it may have.
        address: Where they go: a parsed address, or None for into the store.

    Yields:
        Each index that was copied. The store uses the copies when the iterator has ended.

    Raises:
        StoreError: An index cannot be read, or not be written. The store uses the former ones.
        UsageError: The library for indexes outside of a store is not installed.
    """
    try:
        if address is not None and is_stated(folder, address):
            # Here, it may not have been named before.
            set_index_address(folder, address)
        former = index_address(folder)
    except StoreError as error:
        if address is not None:
            raise
        _logger.warning("skipped the former index: %s", error)
        set_index_address(folder, None)
        return
    if former == address:
        return
    wanted = list(kinds)
    if address is not None and not is_remote(address):
        try:
            Path(address).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot create the folder '{address}': {error.strerror}; name another folder") from error
    if address is not None:
        from mediafp.store.lance.table import check_place

        # The first rows may be saved much later, while files are ingested.
        check_place(address)
    copied: list[IndexKind] = []
    is_moved = False
    try:
        for kind in wanted:
            source = _files(folder, former, kind)
            try:
                mapped = _map(source)
            except UsageError as error:
                if address is not None:
                    raise
                # It cannot be reached, so that the others are not tried either.
                _logger.warning("skipped the former index, which is built anew and stays where it is: %s", error)
                former = None
                break
            if mapped is not None:
                moved = _copy(source, mapped, _files(folder, address, kind), kind)
                copied.append(kind)
                yield moved
        set_index_address(folder, address)
        is_moved = True
    finally:
        if not is_moved:
            # No store would use the copies, and no command would remove them.
            _remove_all(folder, copied, address)
    if former != address:
        _remove_all(folder, wanted, former)


def _files(folder: Path, address: str | None, kind: IndexKind) -> "IndexFiles":
    from mediafp.store.row_index.rows import RowLayout

    layout = RowLayout(metric=kind.metric, columns=kind.columns)
    return index_files(folder, address, kind.type, kind.version, layout)


def _map(files: "IndexFiles") -> "MappedIndex | None":
    """Return a saved index; None if it was never saved, or is damaged: it is built anew then."""
    try:
        return files.map()
    except (OSError, ValueError) as error:
        _logger.warning("skipped the index '%s': %s; it is built anew", files.folder, error)
        return None


def _copy(source: "IndexFiles", mapped: "MappedIndex", target: "IndexFiles", kind: IndexKind) -> MovedIndex:
    """Copy a saved index while no other process saves it, and compare the copy."""
    from mediafp.store.row_index.files import iter_rows

    try:
        with source.writing() as lock, target.writing() as writer:
            if lock is None or writer is None:
                raise StoreError(
                    f"cannot move the index of {kind.type}: another process writes it; wait until that has ended"
                )
            for rows in iter_rows(mapped):
                writer.append(rows)
            writer.finish((), mapped.header.position)
        copied = target.map()
    except (OSError, ValueError) as error:
        raise StoreError(
            f"cannot move the index of {kind.type}: {error}; free some space, or check the rights"
        ) from error
    if copied is None or _digest(copied) != _digest(mapped):
        raise StoreError(f"cannot move the index of {kind.type}: the copy has other rows; run the same command again")
    return MovedIndex(type=kind.type, version=kind.version, assets=copied.header.assets, rows=copied.header.rows)


def _digest(mapped: "MappedIndex") -> bytes:
    """Return a hash of all rows that count, with their assets, in order."""
    import numpy as np

    from mediafp.store.row_index.files import iter_rows

    digests = [hashlib.sha256() for _ in range(4)]
    before = 0
    for rows in iter_rows(mapped):
        codes = rows.codes[np.arange(len(rows))]
        columns: tuple[npt.NDArray[Any], ...] = (rows.sha256, rows.ends + before, rows.bits[:], codes)
        for digest, values in zip(digests, columns, strict=True):
            digest.update(values.tobytes())
        before += len(rows)
    return b"".join(digest.digest() for digest in digests)


def _remove_all(folder: Path, kinds: Iterable[IndexKind], address: str | None) -> None:
    """Remove the indexes of a store at an address that it does not use, as far as that is possible."""
    for kind in kinds:
        try:
            _remove(_files(folder, address, kind), address)
        except StoreError as error:
            _logger.warning("skipped removing the index at '%s': %s", address or folder, error)
            return


def _remove(files: "IndexFiles", address: str | None) -> None:
    """Remove the files of an index, and its rows at an address."""
    if address is not None:
        from mediafp.store.lance.files import remove_tables

        remove_tables(files.folder, address)
    with suppress(OSError):
        for file in files.folder.iterdir():
            file.unlink()
        files.folder.rmdir()
