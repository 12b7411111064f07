"""The place of the indexes of a store: in the store, unless a small file of it states an address.

The file names a place and nothing else: an address with credentials is refused, and the endpoint of an object store comes from
the environment of the user, not from the store. It counts only where it was named, so that a store of somebody else cannot make
fingerprints leave the machine, nor have tables written or removed in another folder of the user.
"""

import hashlib
import json
import os
import secrets
import shlex
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
MAX_MARKS: Final = 16
"""Users of machines that may have named one address. Chosen, not measured."""
_ADDRESS: Final = "address"
_MARKS: Final = "named_by"
_MACHINE_FILES: Final = (Path("/etc/machine-id"), Path("/proc/sys/kernel/hostname"))
_ACTION: Final = "have it built in the store: mediafp migrate --index local"


def index_address(store_folder: Path) -> str | None:
    """Return the address at which the indexes of a store lie; None if they lie in the store.

    Raises:
        StoreError: The file that states it is damaged, or cannot be read; or it states an address that no user of this
            machine has named for this folder, as in a store that was received or copied.
    """
    address, marks = _read(store_folder)
    if address is not None and _own_mark(store_folder) not in marks:
        raise StoreError(
            f"cannot use the index at '{address}': the store came from elsewhere, and its index was not named on this machine;"
            f" name it: mediafp migrate --index {shlex.quote(address)}, or {_ACTION}"
        )
    return address


def is_stated(store_folder: Path, address: str | None) -> bool:
    """Return True if a store states an address, whoever named it.

    Raises:
        StoreError: As for `index_address`.
    """
    return _read(store_folder)[0] == address


def set_index_address(store_folder: Path, address: str | None) -> None:
    """State where the indexes of a store lie from now on, as named on this machine; None for in the store.

    Raises:
        StoreError: The file cannot be written.
    """
    file = store_folder / FILE_NAME
    try:
        if address is None:
            file.unlink(missing_ok=True)
        else:
            marks = _read(store_folder)[1] if is_stated(store_folder, address) else []
            marks = [*marks[-MAX_MARKS + 1 :], _own_mark(store_folder)]
            temporary = store_folder / f".{FILE_NAME}-{secrets.token_hex(4)}"
            with temporary.open("x", encoding="utf-8") as writer:
                json.dump({_ADDRESS: address, _MARKS: marks}, writer)
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
            f"cannot write where the index lies to '{file}': {error.strerror}; free some space, or check the rights"
        ) from error


def _read(store_folder: Path) -> tuple[str | None, list[str]]:
    """Return the address that a store states, and the marks of those who named it."""
    file = store_folder / FILE_NAME
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None, []
    except OSError as error:
        raise StoreError(f"cannot read where the index lies in '{file}': {error.strerror}; {_ACTION}") from error
    try:
        stated = json.loads(os.read(descriptor, MAX_BYTES))
        address, marks = stated[_ADDRESS], stated[_MARKS]
        if address != parse_address(address) or not isinstance(marks, list):
            raise ValueError(address)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError):
        raise StoreError(f"cannot read where the index lies in '{file}': the file is damaged; {_ACTION}") from None
    finally:
        os.close(descriptor)
    return str(address), [str(mark) for mark in marks]


def _own_mark(store_folder: Path) -> str:
    """Return a hash that the folder of a store has for one user of one machine, and that nobody elsewhere can know."""
    machine = "\0".join(file.read_text() if file.is_file() else "" for file in _MACHINE_FILES)
    values = (machine, str(os.getuid()), str(store_folder.stat().st_ino))
    return hashlib.sha256("\0".join(values).encode()).hexdigest()


def index_files(folder: Path, address: str | None, type: str, version: str, layout: "RowLayout") -> "IndexFiles":
    """Return the files of an index whose rows lie at an address, or in the folder of the store if that is None."""
    if address is None:
        from mediafp.store.row_index.files import IndexFiles

        return IndexFiles(folder, type=type, version=version, layout=layout)
    from mediafp.store.lance.files import LanceFiles

    return LanceFiles(folder, type=type, version=version, layout=layout, address=address)
