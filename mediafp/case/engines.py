"""The engine that cases use: the only module of this package that names an implementation."""

from pathlib import Path
from typing import TYPE_CHECKING

from mediafp.engine.interface import Engine
from mediafp.types.runs import EngineOptions

if TYPE_CHECKING:
    from mediafp.engine.local.sandbox import Restriction


def new_engine(
    scratch_folder: Path,
    *,
    sandboxed: bool = True,
    options: EngineOptions = EngineOptions(),  # noqa: B008
) -> Engine:
    """Return an engine that is not started yet.

    Args:
        scratch_folder: Folder for temporary files without a name.
        sandboxed: False to parse files without a sandbox: for trusted files on a system that has none.
        options: The machines on which files are analysed.
    """
    # Commands that run no task need not load it.
    if options.name == "ray":
        from mediafp.engine.cluster.engine import RayEngine

        return RayEngine(scratch_folder, sandboxed=sandboxed, address=options.address)
    from mediafp.engine.local.engine import LocalEngine

    return LocalEngine(scratch_folder, sandboxed=sandboxed)


def sandbox_restrictions() -> "list[Restriction]":
    """Return the parts of the engine's sandbox, each with whether this system offers it."""
    from mediafp.engine.local.sandbox import check_restrictions

    return check_restrictions()
