"""The command `forget`."""

from typing import Annotated

import typer

from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line, print_warning
from mediafp.report import jsonl
from mediafp.types.counted_nouns import count_of
from mediafp.types.forgetting import Forgotten


def forget(
    target: Annotated[
        str,
        typer.Argument(
            metavar="PATH|SHA256",
            help="Path of a file, folder or archive as it was ingested, or SHA-256.",
            show_default=False,
        ),
    ],
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a file or a folder from the store; the files themselves stay.

    With the last path of a file, everything made of it is removed: fingerprints, thumbnails, text and matches. The
    custody log keeps its path and SHA-256, and what its sidecars stated. To undo it, ingest the file again.
    """
    with open_selected_case(store) as case:
        forgotten = case.forget(target)
    for one in forgotten:
        if as_json:
            print_json(jsonl.forgotten_to_json(one))
        else:
            _print_forgotten(one)
    if not all(one.erased for one in forgotten):
        print_warning(
            "another program reads the store: copies of what was removed stay in its files until that program ends"
        )


def _print_forgotten(forgotten: Forgotten) -> None:
    print_line(("forgotten", "yellow"), f" {forgotten.uri}")
    if not forgotten.is_asset_removed:
        print_line(f"  {forgotten.sha256} stays in the store: it has other paths", style="dim")
        return
    counts = ", ".join(_count(count, name.replace("_", " ")) for name, count in forgotten.removed.items() if count)
    print_line(f"  {forgotten.sha256} with {counts}", style="dim")


def _count(number: int, plural: str) -> str:
    """Return a number with the name of a table, which is a plural."""
    singular = (
        plural[:-3] + "y" if plural.endswith("ies") else plural.removesuffix("es" if plural.endswith("ches") else "s")
    )
    return count_of(number, singular, plural)
