"""The place of the indexes of a store: in the store, unless a small file of it states an address.

The file names a place and nothing else: an address with credentials is refused, and the endpoint of an object store comes from
the environment of the user, not from the store.
"""

import json
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mediafp.store.lance.addresses import parse_address
from mediafp.types.errors import StoreError, UsageError

if TYPE_CHECKING:
    from mediafp.store.row_index.files import IndexFiles
    from mediafp.store.row_index.rows import RowLayout

FILE_NAME: Final = "index.json"
"""File, in the folder of a store, that states where its indexes lie."""
MAX_BYTES: Final = 4096
"""Bytes of the file from which on it is not read. Chosen, not measured."""
_KEY: Final = "address"
_ACTION: Final = "have it built in the store: mediafp migrate --index local"


def index_address(store_folder: Path) -> str | None:
    """Return the address at which the indexes of a store lie; None if they lie in the store.

    Raises:
        StoreError: The file that states it is damaged, or cannot be read.
    """
    file = store_folder / FILE_NAME
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read where the index lies in '{file}': {error.strerror}; {_ACTION}") from error
    try:
        address = json.loads(os.read(descriptor, MAX_BYTES))[_KEY]
        if address != parse_address(address):
            raise ValueError(address)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UsageError):
        raise StoreError(f"cannot read where the index lies in '{file}': the file is damaged; {_ACTION}") from None
    finally:
        os.close(descriptor)
    return str(address)


def set_index_address(store_folder: Path, address: str | None) -> None:
    """State where the indexes of a store lie from now on; None for in the store.

    Raises:
        StoreError: The file cannot be written.
    """
    file = store_folder / FILE_NAME
    try:
        if address is None:
            file.unlink(missing_ok=True)
        else:
            temporary = store_folder / f".{FILE_NAME}-{secrets.token_hex(4)}"
            with temporary.open("x", encoding="utf-8") as writer:
                json.dump({_KEY: address}, writer)
                writer.flush()
                os.fsync(writer.fileno())
            temporary.replace(file)
        folder = os.open(store_folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(
            f"cannot write where the index lies to '{file}': {error.strerror}; free space, or check rights"
        ) from error


def index_files(folder: Path, address: str | None, type: str, version: str, layout: "RowLayout") -> "IndexFiles":
    """Return the files of an index whose rows lie at an address, or in the folder of the store if that is None."""
    if address is None:
        from mediafp.store.row_index.files import IndexFiles

        return IndexFiles(folder, type=type, version=version, layout=layout)
    from mediafp.store.lance.files import LanceFiles

    return LanceFiles(folder, type=type, version=version, layout=layout, address=address)
