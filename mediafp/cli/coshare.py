"""The command `coshare`."""

import sys
from typing import Annotated

import typer

from mediafp.cli.comparing import comparison_progress
from mediafp.cli.options import JsonOption, StoreOption, open_selected_case
from mediafp.cli.output import print_json, print_line, progress_bar
from mediafp.report import jsonl
from mediafp.types.coshares import DEFAULT_WINDOW_SECONDS, Cosharing
from mediafp.types.counted_nouns import count_of

WindowOption = Annotated[float, typer.Option(help="Seconds within which two posts count as shared.")]


def coshare(
    window: WindowOption = DEFAULT_WINDOW_SECONDS,
    every: Annotated[bool, typer.Option("--all", help="List the pairs too that chance explains.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print each pair of posts as CSV, as CooRTweet does.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List accounts that posted the same media in a time, more than by chance.

    Chance keeps how much each account posts and how popular each item is. Files that were not compared yet are compared
    first.
    """
    with open_selected_case(store) as case, progress_bar() as bar:
        found = case.coshare(window, comparison_progress(bar, case))
    if as_csv:
        print_csv(found)
    elif as_json:
        for pair in found.pairs:
            if every or pair.is_surprising:
                print_json(jsonl.coshare_to_json(pair))
    else:
        _print_pairs(found, every=every)


def print_csv(found: Cosharing) -> None:
    """Print each pair of posts of one item within the window."""
    from mediafp.report.exports import csv

    csv.write_csv(sys.stdout, csv.COSHARE_COLUMNS, map(csv.coshare_row, found.posts), byte_order_mark=True)


def _print_pairs(found: Cosharing, *, every: bool) -> None:
    for group in found.groups:
        print_line()
        print_line(
            (f"group {group.number}", "bold"),
            f": {len(group.accounts)} accounts posted the same media: {count_of(group.items, 'item')},"
            f" median gap {describe_seconds(group.median_gap)}",
        )
        print_line(f"  {', '.join(group.accounts)}")
    shown = [pair for pair in found.pairs if every or pair.is_surprising]
    if shown:
        print_line()
    for pair in shown:
        mark = "" if pair.is_surprising else "  not more than chance"
        print_line(
            (f"{pair.a} + {pair.b}", "bold"),
            f"  {count_of(pair.shared, 'item')}, {pair.expected:.2g} by chance, median gap {describe_seconds(pair.median_gap)},"
            f" p = {pair.p_value:.2g}{mark}",
        )
    print_line()
    beyond = sum(pair.is_surprising for pair in found.pairs)
    print_line(
        f"{beyond} of {count_of(len(found.pairs), 'pair')} of {count_of(found.accounts, 'account')} posted the same media within"
        f" {describe_seconds(found.window)} more than chance explains"
    )
    if found.inexact:
        print_line(f"not compared: {count_of(found.inexact, 'post')} whose time is less exact than that")
    if found.popular:
        print_line(f"not compared: {count_of(found.popular, 'item')} that too many accounts posted")


def describe_seconds(seconds: float) -> str:
    """Return a duration in its largest usual unit."""
    for unit, length in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.4g} {unit}"
    return f"{seconds:.3g} seconds"
