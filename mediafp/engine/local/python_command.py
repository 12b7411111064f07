"""The command line that starts a module of mediafp as a process of its own."""

import os
import sys
from pathlib import Path

from mediafp.types.search_paths import without_relative_folders


def module_command(module: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line that runs a module with this Python, and its environment variables."""
    # The current folder may contain modules of an attacker: -P keeps it off the import path.
    variables = without_relative_folders(os.environ)
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[3]), variables.get("PYTHONPATH"))))
    return [sys.executable, "-P", "-m", module, *arguments], {**variables, "PYTHONPATH": path}
