"""Paths of files as sightings name them."""

import os
from pathlib import Path


def path_uri(path: Path) -> str:
    """Return the absolute path of a file, as a text that the store can keep even if no file can have this name."""
    try:
        uri = os.path.abspath(path)
    except FileNotFoundError:
        # The current folder was deleted, so the file cannot be opened either.
        uri = os.fspath(path)
    try:
        os.fsencode(uri)
    except UnicodeEncodeError:
        return uri.encode("utf-8", "backslashreplace").decode()
    return uri
