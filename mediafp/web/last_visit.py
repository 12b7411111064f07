"""The time up to which the user has seen what is new, kept in a small file beside the store."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from mediafp.types.errors import StoreError, denied_write

FILE_NAME: Final = "workbench.json"
"""File in the folder of the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastVisit:
    """The content of the file."""

    seen_until: str = ""
    """Time at which the last match that was seen was kept, ISO 8601 in UTC; "" if nothing was marked as seen yet."""
    seen_at: str = ""
    """Time at which the user marked it as seen."""


class LastVisitFile:
    """The file. Several threads may use one object."""

    def __init__(self, store_folder: Path) -> None:
        self._path = store_folder / FILE_NAME
        self._lock = threading.Lock()

    def load(self) -> LastVisit:
        """Return the content; that of a new file if it cannot be read."""
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(self._path.read_bytes(), type=LastVisit)
        return LastVisit()

    def save(self, visit: LastVisit) -> None:
        """Replace the file. Raises StoreError if it cannot be written."""
        draft = self._path.with_name(f".{FILE_NAME}")
        with self._lock:
            try:
                draft.write_bytes(msgspec.json.encode(visit))
                draft.replace(self._path)
            except OSError as error:
                raise StoreError(
                    f"cannot write '{self._path}': {error.strerror}; free space or change its permissions",
                    kind=denied_write(error),
                ) from error
