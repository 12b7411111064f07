"""The folder of the store if the caller names none, and that of temporary files."""

import os
import tempfile
from pathlib import Path

import platformdirs

from mediafp.store import Store
from mediafp.types.errors import UsageError


def default_store_folder() -> Path:
    """Return the folder in MEDIAFP_STORE, or the case folder in the user's data folder."""
    named = os.environ.get("MEDIAFP_STORE")
    return Path(named) if named else Path(platformdirs.user_data_dir("mediafp")) / "case"


def resolve_store_folder(folder: Path | str | None) -> Path:
    """Return the folder that was named, or the default one.

    Raises:
        UsageError: The name is empty, as an unset variable gives it to the command line.
    """
    if folder is None:
        return default_store_folder()
    if folder == "":
        raise UsageError("cannot open the store: its folder's name is empty; name a folder with --store")
    return Path(folder)


def scratch_folder(store: Store) -> Path:
    """Return the folder for temporary files without a name: that of the store, or the system's if no file may be made there."""
    return Path(tempfile.gettempdir()) if store.is_read_only else store.folder
