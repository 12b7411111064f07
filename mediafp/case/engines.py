"""The engine that cases use: the only module of this package that names an implementation."""

from pathlib import Path

from mediafp.engine.interface import Engine


def new_engine(scratch_folder: Path, *, sandboxed: bool = True) -> Engine:
    """Return an engine that is not started yet.

    Args:
        scratch_folder: Folder for temporary files without a name.
        sandboxed: False to parse files without a sandbox: for trusted files on a system that has none.
    """
    # Commands that run no task need not load it.
    from mediafp.engine.local.engine import LocalEngine

    return LocalEngine(scratch_folder, sandboxed=sandboxed)
