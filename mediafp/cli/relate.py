"""The command `relate`."""

import time

import typer

from mediafp.cli.comparing import comparison_progress
from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import (
    AddressOption,
    EngineMode,
    EngineOption,
    JsonOption,
    StoreOption,
    UnsafeOption,
    open_selected_case,
)
from mediafp.cli.output import print_json, print_line, print_warning, progress_bar
from mediafp.report import jsonl
from mediafp.types.counted_nouns import count_of
from mediafp.types.runs import EngineOptions


def relate(
    engine: EngineOption = EngineMode.LOCAL,
    address: AddressOption = None,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the files that were not compared yet with all others; keep the matches."""
    started = time.monotonic()
    machines = EngineOptions(name=engine.value, address=address)
    with open_selected_case(store, unsafe=unsafe, engine=machines) as case, progress_bar() as bar:
        compared = case.relate(comparison_progress(bar, case))
        warnings = case.comparison_warnings()
        lost = case.lost_pairs()
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        errors = [jsonl.lost_pair_to_json(pair) for pair in lost]
        print_json({"compared": compared, "seconds": seconds, "warnings": list(warnings), "errors": errors})
    else:
        for warning in warnings:
            print_warning(warning)
        print_line(
            f"{count_of(compared, 'comparison')} in {seconds} s" if compared else "every file was compared already"
        )
        if lost:
            print_line(f"{count_of(len(lost), 'pair')} not compared")
    if lost:
        raise typer.Exit(ExitStatus.SOME_FAILED)
