"""The commands `export jsonl`, `export csv`, `export matches` and `export coshare`."""

import sys
from typing import Annotated

import typer

from mediafp.cli.comparing import comparison_progress
from mediafp.cli.coshare import WindowOption, print_csv
from mediafp.cli.options import StoreOption, open_selected_case
from mediafp.cli.output import print_large_json, progress_bar
from mediafp.report import jsonl
from mediafp.report.exports import csv
from mediafp.types.coshares import DEFAULT_WINDOW_SECONDS

export_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Print the content of the store for other tools."
)


@export_app.command("jsonl")
def export_jsonl(store: StoreOption = None) -> None:
    """Print one JSON object per asset, with sightings, transcript and text."""
    with open_selected_case(store) as case:
        for record in case.export_records():
            print_large_json(
                jsonl.asset_to_json(
                    record.asset,
                    list(record.sightings),
                    list(record.clues),
                    list(record.fingerprints),
                    list(record.warnings),
                    record.transcript,
                    record.text,
                    record.video_text,
                )
            )


@export_app.command("csv")
def export_csv(store: StoreOption = None) -> None:
    """Print one CSV row per sighting, safe to open in a spreadsheet."""
    with open_selected_case(store) as case:
        rows = (
            csv.asset_row(record.asset, sighting, record.transcript, record.text or record.video_text)
            for record in case.export_records()
            for sighting in record.sightings
        )
        csv.write_csv(sys.stdout, csv.ASSET_COLUMNS, rows, byte_order_mark=True)


@export_app.command("matches")
def export_matches(
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV that is safe to open in a spreadsheet.")] = False,
    store: StoreOption = None,
) -> None:
    """Print one JSON object per kept match of two files, with the sightings of both.

    Files that were not compared yet are compared first.
    """
    with open_selected_case(store) as case, progress_bar() as bar:
        records = case.export_matches(comparison_progress(bar, case))
        if as_csv:
            csv.write_csv(sys.stdout, csv.MATCH_COLUMNS, map(csv.match_row, records), byte_order_mark=True)
            return
        for record in records:
            print_large_json(jsonl.match_record_to_json(record))


@export_app.command("coshare")
def export_coshare(window: WindowOption = DEFAULT_WINDOW_SECONDS, store: StoreOption = None) -> None:
    """Print CSV for CooRTweet: posts of the same media within a time window.

    Files that were not compared yet are compared first.
    """
    with open_selected_case(store) as case, progress_bar() as bar:
        found = case.coshare(window, comparison_progress(bar, case))
    print_csv(found)
