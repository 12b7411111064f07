"""Files of hashes that the workbench received to be imported: kept beside the store until they are."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from mediafp.case.upload_drafts import open_draft, store_errors
from mediafp.ingest.hash_files import MAX_HASH_FILE_BYTES
from mediafp.types.errors import StoreError, UsageError, denied_write
from mediafp.types.sha256 import is_sha256

FOLDER_NAME: Final = "imports"
"""Folder of the received lists in that of the store."""


class ListUpload:
    """A file of hashes that is being received."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = file, name
        self._digest, self._bytes = hashlib.sha256(), 0

    @property
    def sha256(self) -> str:
        """SHA-256 of the blocks so far."""
        return self._digest.hexdigest()

    def write(self, block: bytes) -> None:
        """Append a block. Raises UsageError for a file that is too large, StoreError if the disk is full."""
        self._bytes += len(block)
        if self._bytes > MAX_HASH_FILE_BYTES:
            raise UsageError(
                f"cannot import {self._name!r}: it is larger than the limit of {MAX_HASH_FILE_BYTES:,} bytes; split it"
            )
        self._digest.update(block)
        try:
            self._file.write(block)
        except OSError as error:
            raise StoreError(
                f"cannot keep the upload: {error.strerror}; free space and try again", kind=denied_write(error)
            ) from error


class ReceivedLists:
    """The received files of hashes of a store, each named by its SHA-256."""

    def __init__(self, store_folder: Path) -> None:
        """Use the folder beside a store, which is created with the first file."""
        self._folder = store_folder / FOLDER_NAME

    @contextmanager
    def receiving(self, name: str) -> Iterator[ListUpload]:
        """Yield an upload, which is kept if the block ends well; `name` is that of the user's file, for messages."""
        with open_draft(self._folder) as (draft, file):
            upload = ListUpload(file, name)
            with file:
                yield upload
            with store_errors(self._folder):
                draft.replace(self._folder / upload.sha256)

    def path(self, sha256: str) -> Path:
        """Return the path of a received file. Raises UsageError if it is not kept."""
        path = self._folder / sha256
        if not is_sha256(sha256) or not path.is_file():
            raise UsageError("cannot import the hashes: their file is not kept any more; choose it again")
        return path

    def remove(self, sha256: str) -> None:
        """Remove a file."""
        with suppress(OSError, UsageError):
            self.path(sha256).unlink()
