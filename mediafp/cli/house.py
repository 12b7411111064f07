"""What a store is given out as, and whether everything is here."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from mediafp.cli.common import (
    ExitStatus,
    JsonOption,
    StoreOption,
    UnsafeOption,
    app,
    escape_markup,
    open_selected_case,
    out,
    print_json,
    progress,
    sandboxed,
)
from mediafp.report import jsonl
from mediafp.report.exports import csv
from mediafp.report.exports.csv import write_csv
from mediafp.store.sqlite import ocr_results, transcripts
from mediafp.text.speech.models import cached_models
from mediafp.types import model_files

export_app = typer.Typer(no_args_is_help=True, help="Write the store's content for other tools.")
models_app = typer.Typer(no_args_is_help=True, help="Show and check the model files.")
app.add_typer(export_app, name="export")
app.add_typer(models_app, name="models")


@export_app.command("jsonl")
def export_jsonl(store: StoreOption = None) -> None:
    """One line an asset, by SHA-256: sightings, properties, fingerprints' types and versions, what is said and written."""
    with open_selected_case(store) as case:
        for asset in case._store.assets():
            sha256 = asset.sha256
            print_json(
                jsonl.asset_to_json(
                    asset,
                    case._store.sightings(sha256),
                    case._store.fingerprint_types(sha256),
                    case._store.warnings(sha256),
                    transcripts.find_transcript(case._store, sha256),
                    ocr_results.ocr_lines(case._store, sha256),
                )
            )


@export_app.command("csv")
def export_csv(store: StoreOption = None) -> None:
    """One row a sighting, by the asset's SHA-256, safe to open in a spreadsheet."""
    with open_selected_case(store) as case:
        rows = (
            csv.asset_row(asset, sighting, said, written)
            for asset in case._store.assets()
            for said in (transcripts.find_transcript(case._store, asset.sha256),)
            for written in (ocr_results.ocr_lines(case._store, asset.sha256),)
            for sighting in case._store.sightings(asset.sha256)
        )
        write_csv(sys.stdout, csv.ASSET_COLUMNS, rows)


@models_app.command("list")
def models_list(as_json: JsonOption = False) -> None:
    """What models there are, of which version and licence, and whether their files are there."""
    table = Table("name", "version", "licence", "state", "sha256")
    for weight, state in model_files.check_model_files():
        if as_json:
            print_json({"name": weight.name, "version": weight.version, "licence": weight.licence, "state": state,
                  "sha256": weight.sha256, "source": weight.source})  # fmt: skip
        else:
            table.add_row(weight.name, weight.version, weight.licence, state, weight.sha256[:16])
    for model in cached_models():
        if as_json:
            print_json({"name": model.name, "version": model.revision, "licence": None, "state": "ok", "sha256": None,
                  "source": "the hub's cache"})  # fmt: skip
        else:
            table.add_row(model.name, model.revision[:12], "see its page", "in the hub's cache", "")
    if not as_json:
        out.print(table)


@models_app.command("verify")
def models_verify() -> None:
    """Check every model file's SHA-256. Exit status 2 where one is missing or changed."""
    bad = [(weight, state) for weight, state in model_files.check_model_files() if state != "ok"]
    for weight, state in bad:
        out.print(f"[red]{weight.name}: {state}[/]")
    if bad:
        raise typer.Exit(ExitStatus.COULD_NOT_RUN)
    out.print("all model files are as the manifest names them")


@app.command()
def doctor() -> None:
    """Say whether everything that mediafp needs is here."""
    from mediafp.case.environment import check_environment

    table = Table("what", "state", "detail")
    audio = True
    for finding in check_environment():
        audio = audio and finding.ok
        table.add_row(finding.name, "[green]ok[/]" if finding.ok else "[red]missing[/]", escape_markup(finding.detail))
    out.print(table)
    if not audio:
        raise typer.Exit(ExitStatus.COULD_NOT_RUN)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to make the demo case.")] = Path("demo-case"),
    unsafe: UnsafeOption = False,
) -> None:
    """Make a small case of real photographs and clips and of the copies an investigator meets; show what matches."""
    from mediafp.cli.demo.build import run_demo

    with progress() as bar:
        run_demo(folder, bar, out, sandboxed=sandboxed(unsafe))
