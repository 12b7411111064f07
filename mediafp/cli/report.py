"""The command `report`."""

from pathlib import Path
from typing import Annotated

import typer

from mediafp.cli.comparing import comparison_progress
from mediafp.cli.options import StoreOption, UnsafeOption, open_selected_case
from mediafp.cli.output import print_line, progress_bar


def report(
    page: Annotated[Path, typer.Argument(metavar="OUT.html", help="HTML page to write.", show_default=False)],
    paths: Annotated[bool, typer.Option("--paths", help="Show whole paths of files; else only their names.")] = False,
    clips: Annotated[
        bool, typer.Option("--clips", help="Cut the matching segments side by side into OUT-clips/*.mp4.")
    ] = False,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
) -> None:
    """Write every match in the store with its evidence, group by group, to a page.

    Images past 2 MB lie in the folder OUT-pictures beside it.
    """
    with open_selected_case(store, unsafe=unsafe) as case, progress_bar() as bar:
        writing = bar.add_task("writing matches", total=None)
        cutting = bar.add_task("cutting clips", total=None, visible=clips)
        written = case.report(
            page,
            paths=paths,
            clips=clips,
            on_progress=comparison_progress(bar, case),
            on_card=lambda done, total: bar.update(writing, completed=done, total=total),
            on_clip=lambda: bar.advance(cutting),
        )
    print_line(f"evidence page: {page}")
    if clips and not written:
        print_line("no clips: no two videos share a segment")
    for clip in written:
        print_line(str(clip.path) if clip.path else clip.message)
