"""The command `import-hashes`: lists of hashes that `match` consults."""

from pathlib import Path
from typing import Annotated

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line, print_warning
from mediafp.report import jsonl
from mediafp.types.errors import UsageError
from mediafp.types.hashes import HashAlgorithm


def import_hashes(
    file: Annotated[
        Path | None, typer.Argument(help="Hashes as text, CSV, JSON or JSON Lines.", show_default=False)
    ] = None,
    name: Annotated[
        str | None, typer.Option("--list", help="Name of the list; else that of the file.", show_default=False)
    ] = None,
    algorithm: Annotated[
        HashAlgorithm | None,
        typer.Option(help="Algorithm where the file states none; else 64 digits are PDQ.", show_default=False),
    ] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the lists, and the numbers of their hashes.")] = False,
    remove: Annotated[
        str | None, typer.Option("--remove", metavar="NAME", help="Remove a list.", show_default=False)
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the hashes of a file to a list, which `match` consults from then on.

    Reads what ThreatExchange, vPDQ and ImageHash write, lines as pdq:HEX, and tables with a header.
    """
    if sum((file is not None, show, remove is not None)) != 1:
        raise UsageError("cannot import hashes: name one file, or give --show, or --remove NAME")
    if file is None and (name is not None or algorithm is not None):
        raise UsageError("cannot use --list or --algorithm without a file of hashes; name the file")
    with open_selected_case(store) as case:
        if remove is not None:
            removed = case.remove_hash_list(remove)
            if as_json:
                print_json({"list": remove, "removed": removed})
            else:
                print_line(f"removed the list {remove!r}; hashes: {removed:,}")
        elif file is None:
            for one in case.hash_lists():
                counts = ", ".join(f"{count:,} {kind}" for kind, count in one.hashes.items())
                print_json(jsonl.hash_list_to_json(one)) if as_json else print_line((one.name, "bold"), f"  {counts}")
        else:
            done = case.import_hashes(
                file,
                name,
                algorithm=algorithm,
                on_skipped=lambda text: print_warning(text, str(file)),
            )
            if as_json:
                print_json(jsonl.hash_import_to_json(done))
            else:
                known = f"; known before: {done.known:,}" if done.known else ""
                print_line(f"added to the list {done.list!r}: {done.added:,}{known}")
            if done.warnings:
                raise typer.Exit(ExitStatus.SOME_FAILED)
