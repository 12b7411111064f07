"""The command `errors`."""

import sys
from typing import Annotated

import typer

from mediafp.cli.options import JsonOption, StoreOption, open_selected_case, suggest_command
from mediafp.cli.output import print_json, print_line
from mediafp.report.exports.csv import write_csv


def errors(
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV that is safe to open in a spreadsheet.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the files that failed, with the reasons."""
    with open_selected_case(store) as case:
        failures = case.failures()
    if as_csv:
        rows = ((entry.path, entry.kind, entry.message, entry.attempts) for entry in failures)
        write_csv(sys.stdout, ("path", "kind", "message", "attempts"), rows)
        return
    for entry in failures:
        if as_json:
            print_json({"path": entry.path, "kind": entry.kind, "message": entry.message, "attempts": entry.attempts})
        else:
            details = f" {entry.path}: {entry.message or ''} (tried {entry.attempts}×)"
            print_line((entry.kind or "", "red"), details)
    if as_json:
        return
    if failures:
        command = suggest_command("ingest --retry-failed PATH", store)
        print_line(f"ingest skips these files until they change; to try again: {command}")
    else:
        print_line("no file failed")
