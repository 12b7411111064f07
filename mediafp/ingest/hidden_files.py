"""Files that a system hides, in folders and in archives alike."""

from typing import Final

RESOURCE_FOLDER: Final = "__MACOSX"
"""Folder that macOS adds to archives: what is in it is hidden, though its name does not begin with a dot."""


def is_hidden(name: str) -> bool:
    """Return True for the name of a hidden file or folder."""
    return name.startswith(".")


def is_made_by_system(name: str) -> bool:
    """Return True for the name of a hidden file that macOS puts beside the files of a user: nobody misses it."""
    return name in (".DS_Store", ".localized") or name.startswith("._")
