"""The commands `export …`, which print the content of the store for other tools."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from mediafp.cli.comparing import comparison_progress
from mediafp.cli.coshare import WindowOption, print_csv
from mediafp.cli.options import StoreOption, open_selected_case
from mediafp.cli.output import print_large_json, print_line, print_warning, progress_bar
from mediafp.report import jsonl
from mediafp.report.exports import csv, hashes
from mediafp.report.exports.hashes import SIGNAL_TYPES, SignalType
from mediafp.types.coshares import DEFAULT_WINDOW_SECONDS
from mediafp.types.counted_nouns import count_of
from mediafp.types.defaults import DEFAULT_MIN_PROBABILITY
from mediafp.types.hashes import MIN_PDQ_QUALITY

ExportPathsOption = Annotated[bool, typer.Option("--paths", help="Print whole paths of files, not only names.")]
ExportProbabilityOption = Annotated[
    float, typer.Option("--min-probability", help="Omit matches below this probability.", min=0, max=1)
]
export_app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Print the content of the store for other tools."
)


@export_app.command("jsonl")
def export_jsonl(store: StoreOption = None) -> None:
    """Print one JSON object per asset, with sightings, transcript and text."""
    with open_selected_case(store) as case:
        for record in case.export_records():
            print_large_json(jsonl.asset_to_json(record))


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


@export_app.command("parquet")
def export_parquet(
    folder: Annotated[Path, typer.Argument(help="Folder for the tables; it is created.", show_default=False)],
    store: StoreOption = None,
) -> None:
    """Write assets, sightings, matches and transcripts as Parquet files.

    Files that were not compared yet are compared first.
    """
    with open_selected_case(store) as case, progress_bar() as bar:
        counts = case.export_parquet(folder, comparison_progress(bar, case))
    for name, rows in counts.items():
        print_line(f"{folder / name}.parquet: {rows:,} {'row' if rows == 1 else 'rows'}")


@export_app.command("stix")
def export_stix(
    paths: ExportPathsOption = False,
    min_probability: ExportProbabilityOption = DEFAULT_MIN_PROBABILITY,
    store: StoreOption = None,
) -> None:
    """Print a bundle of STIX 2.1: files, accounts, sightings and same media.

    Files that were not compared yet are compared first.
    """
    from mediafp.report.exports.stix import write_stix

    with open_selected_case(store) as case, progress_bar() as bar:
        seal, records = case.exchange_records(min_probability, comparison_progress(bar, case))
        write_stix(sys.stdout, records, seal, paths=paths)


@export_app.command("misp")
def export_misp(
    title: Annotated[str, typer.Option(help="Title of the event.")] = "Reused media",
    thumbnails: Annotated[bool, typer.Option("--thumbnails", help="Attach a small JPEG of each image.")] = False,
    paths: ExportPathsOption = False,
    min_probability: ExportProbabilityOption = DEFAULT_MIN_PROBABILITY,
    store: StoreOption = None,
) -> None:
    """Print an event of MISP: files, images, posts, videos and same media.

    Files that were not compared yet are compared first.
    """
    from mediafp.report.exports.misp import write_misp

    with open_selected_case(store) as case, progress_bar() as bar:
        seal, records = case.exchange_records(min_probability, comparison_progress(bar, case), thumbnails=thumbnails)
        write_misp(sys.stdout, records, seal, title=title, paths=paths)


@export_app.command("hashes")
def export_hashes(
    only: Annotated[
        SignalType | None, typer.Option("--algorithm", help="Print this one alone; else all.", show_default=False)
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table with names, quality and pages.")] = False,
    paths: ExportPathsOption = False,
    store: StoreOption = None,
) -> None:
    """Print PDQ and vPDQ as ThreatExchange, pHash and dHash as ImageHash write them."""
    left_out = 0
    with open_selected_case(store) as case:
        lines = (
            line
            for one in case.export_hashes()
            for line in hashes.iter_hash_lines(one, (only,) if only else SIGNAL_TYPES)
        )
        if as_csv:
            rows = (hashes.hash_row(line, paths=paths) for line in lines)
            csv.write_csv(sys.stdout, hashes.HASH_COLUMNS, rows, byte_order_mark=True)
            return
        for line in lines:
            if line.is_usable:
                sys.stdout.write(f"{line.text}\n")
            else:
                left_out += 1
    if left_out:
        reason = f"the images are flat, or their PDQ quality is below {MIN_PDQ_QUALITY}"
        print_warning(f"skipped {count_of(left_out, 'hash value')}: {reason}; see --csv")
