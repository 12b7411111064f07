"""The command `verify`."""

from collections import Counter
from typing import Annotated

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line, progress_bar
from mediafp.types.counted_nouns import count_of


def verify(
    no_originals: Annotated[bool, typer.Option("--no-originals", help="Skip the check of the original files.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the store against itself and its log, and the original files.

    Exit status: 0 if the store is sound, 2 otherwise. Originals that are gone or have changed are listed; they are no
    problem of the store. The last line contains the hash of the last log entry: note it elsewhere, and a later check
    can prove that no entry before it was changed.
    """
    originals: Counter[str] = Counter()
    changed = []
    with open_selected_case(store) as case, progress_bar() as bar:
        report = case.verify()
        if not (report.problems or no_originals):
            task = bar.add_task("reading originals", total=None)
            for original in case.check_originals():
                bar.advance(task)
                originals[original.state] += 1
                if original.state == "changed":
                    changed.append(original.uri)
    if as_json:
        print_json(
            {
                "assets": report.assets,
                "problems": list(report.problems),
                "originals": {
                    "same": originals["same"],
                    "changed": changed,
                    "out_of_reach": originals["unreachable"],
                },
                "log": {"entries": report.log_entries, "seal": report.last_log_hash},
            }
        )
    elif report.problems:
        print_line(count_of(len(report.problems), "problem"))
        for problem in report.problems:
            print_line(problem, style="red")
    else:
        print_line(f"{count_of(report.assets, 'asset')}; the store is sound")
        if not no_originals:
            print_line(f"originals: {originals['same']} unchanged, {originals['unreachable']} gone or in archives")
        for uri in changed:
            print_line(("changed since it was ingested", "yellow"), f" {uri}")
        print_line(f"log: {count_of(report.log_entries, 'entry', 'entries')}, last hash {report.last_log_hash}")
    if report.problems:
        raise typer.Exit(ExitStatus.COULD_NOT_RUN)
