"""Errors as the workbench states them: to whoever looks at a page, without the folder of the case."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mediafp.types.errors import MediafpError, StoreError, StoreErrorKind

STORE_MESSAGES: Final[Mapping[StoreErrorKind, str]] = {
    "damaged": "A part of the case is damaged. Run mediafp verify, which names it; then restore a copy of the case, or ingest the"
    " originals into a new one.",
    "locked": "Another program keeps the case locked. Wait until it has ended, then try again.",
    "moved": "The folder of the case was moved or deleted, or access to it was taken away. Bring it back, then try again.",
    "changed": "Another program has changed the case, which is read without locks because nothing may be written to its folder."
    " When no other program uses it, start mediafp serve again.",
    "full": "The disk of the case is full. Free some space, then try again.",
    "read_only": "This case can be read, but not changed: nothing may be written to its folder. Copy the folder to a disk to"
    " which you may write, or give yourself write access; then start mediafp serve on it.",
    "unknown": "The case does not contain this file. It may have been removed since; search the case for it, or add it.",
}
"""Sentence for each kind of error whose own message names the folder."""
STORE_STATUSES: Final[Mapping[StoreErrorKind, int]] = {"full": 507, "read_only": 403, "unknown": 404}
"""HTTP status of these kinds; that of the others is 503."""
_QUOTED_PATH: Final = re.compile(r"""(['"])/(?:.*?/)??([^/]*?)\1(?=[:;,.)\s]|\Z)""", re.DOTALL)
"""A path in quotes, and its last part. A quote within it, as in the name O'Brien, is not followed by what can follow the path."""


def store_status(error: StoreError) -> int:
    """Return the HTTP status of an error of the store."""
    return STORE_STATUSES.get(error.kind, 503)


def public_text(error: MediafpError, folder: Path) -> str:
    """Return the message of an error, in which the folder of the case is its name alone.

    That of an error of the store is a sentence of `STORE_MESSAGES`, or its own with the names of all paths alone.

    Args:
        error: The error.
        folder: Folder of the case.
    """
    text = str(error)
    for path in (folder.absolute(), folder):
        if path.name and len(path.parts) > 1:
            text = text.replace(str(path), path.name)
    if not isinstance(error, StoreError):
        # The other paths were named in the request.
        return text
    return STORE_MESSAGES.get(error.kind) or without_folders(text)


def without_folders(text: str) -> str:
    """Return a message in which each quoted path of this machine is its name alone."""
    return _QUOTED_PATH.sub(r"\1\2\1", text)
