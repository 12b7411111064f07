"""Folders in which modules, programs and libraries are searched: never the current one, which may be an attacker's."""

import os
import sys
from collections.abc import Mapping

SEARCH_VARIABLES = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
"""Environment variables that list folders; a relative or an empty entry names the current folder."""
FOLDER_WITHOUT_LIBRARIES = os.path.abspath(__file__).rpartition(os.sep)[0]
"""Entry of LD_LIBRARY_PATH if it has no other. OpenCV puts a folder and a colon in front of the value when it is
imported: in front of an empty value, they make the current folder the last entry."""


def drop_current_folder() -> None:
    """Remove the current folder from the import path if `python -m mediafp` put it there.

    It must be called before other modules are imported: any of them might come from that folder.
    """
    # While Python looks for the module that -m names, "-m" is the name of the program.
    if sys.argv[:1] != ["-m"] or sys.flags.safe_path:
        return
    try:
        # Not by pathlib, which would itself come from this folder.
        folder = os.getcwd()  # noqa: PTH109
    except OSError:
        # A folder that was removed is not on the import path.
        return
    if sys.path[:1] == [folder]:
        del sys.path[0]


def use_absolute_folders() -> None:
    """Remove what relative entries of variables put on the search paths of this process and of its children."""
    if value := os.environ.get("PYTHONPATH"):
        # Python makes the entries absolute.
        entries = value.split(os.pathsep)
        relative = {os.path.abspath(entry) for entry in entries if not _is_absolute(entry)}.difference(entries)
        sys.path[:] = [folder for folder in sys.path if folder not in relative]
    os.environ.update(without_relative_folders(os.environ))
    # A child that runs `python -c`, as multiprocessing does, imports nothing from the current folder.
    os.environ["PYTHONSAFEPATH"] = "1"


def without_relative_folders(variables: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables in which no list of folders has a relative or an empty entry."""
    absolute = {
        name: os.pathsep.join(absolute_folders(variables[name])) for name in SEARCH_VARIABLES if name in variables
    }
    libraries = absolute.get("LD_LIBRARY_PATH") or FOLDER_WITHOUT_LIBRARIES
    return {**variables, **absolute, "LD_LIBRARY_PATH": libraries}


def absolute_folders(value: str) -> list[str]:
    """Return the absolute folders of a search path: its other entries depend on the current folder."""
    return [folder for folder in value.split(os.pathsep) if _is_absolute(folder)]


def _is_absolute(folder: str) -> bool:
    return folder.startswith(os.sep)
