"""How a module of mediafp is started as a process of its own."""

import os
import sys
from pathlib import Path


def module_command(module: str, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """The command line that runs a module with this Python, and its environment."""
    # The folder that the user is in may hold modules of the adversary: -P keeps it off the path.
    path = os.pathsep.join(filter(None, (str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH"))))
    return [sys.executable, "-P", "-m", module, *arguments], {**os.environ, "PYTHONPATH": path}
