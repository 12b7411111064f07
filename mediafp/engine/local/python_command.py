"""The command line and the environment that start a module of mediafp as a process of its own."""

import os
import site
import sys
from pathlib import Path
from typing import Final

from mediafp.types.search_paths import absolute_folders

START_FOLDER: Final = "/"
"""Current folder of a started process: no name that it looks up leads to a folder of the user."""
FIXED_VARIABLES: Final = {
    # Names of files are decoded as UTF-8, whatever the locale of the user is.
    "LC_ALL": "C.UTF-8",
    # Without it, Python asks the name service for the home folder at its start, over a connection.
    "HOME": "/",
    # The numeric libraries use one thread: workers run side by side.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
}
"""Environment variables of every started process; with `FOLDER_VARIABLES` and `USER_PACKAGES_VARIABLE`, all that it
has. None of the user's may follow: a process that was taken over could return a password as text in an image."""
FOLDER_VARIABLES: Final = ("PYTHONPATH", "LD_LIBRARY_PATH")
"""Variables of this process whose absolute folders a started process gets too: without them, it finds neither fingerprint
types that are not installed, nor the libraries of a Python outside the system's folders (Nix, environment modules)."""
USER_PACKAGES_VARIABLE: Final = "PYTHONUSERBASE"
"""Variable that names the folder of packages that the user installed for themselves, if this Python imports them."""


def module_command(module: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line that runs a module with this Python, and all of its environment variables."""
    folders = {name: absolute_folders(os.environ.get(name, "")) for name in FOLDER_VARIABLES}
    folders["PYTHONPATH"].insert(0, str(Path(__file__).parents[3]))
    if site.ENABLE_USER_SITE:
        folders[USER_PACKAGES_VARIABLE] = absolute_folders(site.getuserbase())
    variables = FIXED_VARIABLES | {name: os.pathsep.join(paths) for name, paths in folders.items() if paths}
    # The current folder may contain modules of an attacker: -P keeps it off the import path.
    flags = ["-P", *(["-B"] if sys.dont_write_bytecode else [])]
    return [sys.executable, *flags, "-m", module, *arguments], variables
