"""The command `demo`."""

from pathlib import Path
from typing import Annotated

import typer

from mediafp.cli.options import UnsafeOption, is_sandboxed
from mediafp.cli.output import progress_bar


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to make the demo case in.")] = Path("demo-case"),
    unsafe: UnsafeOption = False,
) -> None:
    """Make a demo case of real images and clips and typical edits; show the matches."""
    from mediafp.cli.demo.build import run_demo

    with progress_bar() as bar:
        run_demo(folder, bar, sandboxed=is_sandboxed(unsafe))
