"""Files that are being received: drafts in the folder where they will be kept, which vanish unless they are."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mediafp.types.errors import StoreError, denied_write


@contextmanager
def open_draft(folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Yield the path of a new file that only this user can read, and the file, open for writing.

    The folder is created if it does not exist. After the block the file is removed, unless it was moved.

    Raises:
        StoreError: The file cannot be created.
    """
    draft = folder / f".upload-{secrets.token_hex(8)}"
    with store_errors(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
        draft.touch(mode=0o600, exist_ok=False)
        file = draft.open("wb")
    try:
        with file:
            yield draft, file
    finally:
        with suppress(OSError):
            draft.unlink()


@contextmanager
def store_errors(folder: Path) -> Iterator[None]:
    """Raise StoreError for an error of the file system in a folder."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write to '{folder}': {error.strerror}; free space or change its permissions",
            kind=denied_write(error),
        ) from error
