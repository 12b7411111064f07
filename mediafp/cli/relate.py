"""The command `relate`."""

import time

from mediafp.cli.comparing import comparison_progress
from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line, progress_bar


def relate(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Compare the files that were not compared yet with all others; keep the matches."""
    started = time.monotonic()
    with open_selected_case(store) as case, progress_bar() as bar:
        compared = case.relate(comparison_progress(bar, case))
    seconds = round(time.monotonic() - started, 2)
    if as_json:
        print_json({"compared": compared, "seconds": seconds})
        return
    print_line(f"{compared} comparisons in {seconds} s" if compared else "every file was compared already")
