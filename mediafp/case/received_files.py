"""Files that the workbench received to be ingested: kept beside the store, under their SHA-256."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final

from mediafp.case.saved_queries import Upload
from mediafp.case.upload_drafts import open_draft, store_errors
from mediafp.ingest.files import HEAD_BYTES
from mediafp.ingest.path_uri import path_uri
from mediafp.ingest.sniff import media_suffix
from mediafp.sightings.received_names import (
    MAX_BYTES,
    MAX_NAME_CHARS,
    read_received_name,
    received_sidecar_name,
    write_received_name,
)
from mediafp.types.sha256 import is_sha256
from mediafp.types.timestamps import utc_now

FOLDER_NAME: Final = "received"
"""Folder of the received files in that of the store."""
BLOCK_BYTES: Final = 1 << 20
"""Bytes that are copied at once."""
CACHED_NAMES: Final = 10_000
"""Names that are kept in memory, about 300 bytes each."""


class ReceivedFiles:
    """The received files of a store. Several threads may use one object."""

    def __init__(self, store_folder: Path) -> None:
        """Use the folder beside a store, which is created with the first file."""
        self.folder = store_folder / FOLDER_NAME
        self._uri = path_uri(self.folder)
        self._cached_name = lru_cache(CACHED_NAMES)(self._load_name)

    @contextmanager
    def receiving(self, name: str) -> Iterator[Upload]:
        """Yield an upload, which is kept if the block ends well.

        The file gets its SHA-256 and a suffix of its content as its name; the user's name is stated by a sidecar. Of equal
        bytes, the first one with its name is kept.

        Args:
            name: Name that the user's file had, without folders.
        """
        with open_draft(self.folder) as (draft, file):
            upload = Upload(file, name)
            with file:
                yield upload
                upload.finish()
            with store_errors(self.folder):
                path = self.folder / f"{upload.sha256}{media_suffix(_read_head(draft))}"
                if not path.exists():
                    # First the name: a file without one would be ingested without it.
                    sidecar = self.folder / received_sidecar_name(path.name)
                    sidecar.write_bytes(write_received_name(_printable(name), utc_now()))
                    draft.replace(path)

    def keep(self, name: str, content: BinaryIO) -> str:
        """Keep a file, and return its SHA-256.

        Args:
            name: As for `receiving`.
            content: The file, open for reading.

        Raises:
            MediaError: It is no media, or is too large.
        """
        with self.receiving(name) as upload:
            while block := content.read(BLOCK_BYTES):
                upload.write(block)
        return upload.sha256

    def path(self, sha256: str) -> Path | None:
        """Return the path of a received file; None if there is none."""
        if not is_sha256(sha256):
            # A pattern with other characters could name a file elsewhere.
            return None
        return next((path for path in self.folder.glob(f"{sha256}.*") if path.suffix != ".json"), None)

    def name_of(self, uri: str) -> str | None:
        """Return the name that a file had when it was received; None for a path elsewhere.

        Args:
            uri: Path of the file, as sightings name it.
        """
        folder, name = os.path.split(uri)
        return self._cached_name(name) if folder == self._uri else None

    def _load_name(self, stored_name: str) -> str | None:
        with suppress(OSError, ValueError), (self.folder / received_sidecar_name(stored_name)).open("rb") as file:
            return read_received_name(file.read(MAX_BYTES + 1))
        return None


def _read_head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _printable(name: str) -> str:
    return name.encode("utf-8", "replace").decode()[:MAX_NAME_CHARS]
