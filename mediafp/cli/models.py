"""The commands `models list` and `models verify`."""

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import JsonOption
from mediafp.cli.output import escape_markup, out, print_json
from mediafp.report.jsonl import JsonObject

models_app = typer.Typer(no_args_is_help=True, help="List and check the model files.")


@models_app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the models with version, licence and the state of their files."""
    from mediafp.case import list_cached_speech_models, list_model_files

    rows: list[JsonObject] = [
        {
            "name": file.name,
            "version": file.version,
            "licence": file.licence,
            "state": state,
            "sha256": file.sha256,
            "source": file.source,
        }
        for file, state in list_model_files()
    ]
    cached: list[JsonObject] = [
        {
            "name": model.name,
            "version": model.revision,
            "licence": None,
            "state": "ok",
            "sha256": None,
            "source": "the hub's cache",
        }
        for model in list_cached_speech_models()
    ]
    if as_json:
        for row in (*rows, *cached):
            print_json(row)
        return
    from rich.table import Table

    table = Table("name", "version", "licence", "state", "sha256")
    for row in rows:
        table.add_row(row["name"], row["version"], row["licence"], row["state"], str(row["sha256"])[:16])
    for row in cached:
        table.add_row(
            escape_markup(str(row["name"])), str(row["version"])[:12], "see its page", "in the hub's cache", ""
        )
    out.print(table)


@models_app.command("verify")
def verify_models() -> None:
    """Check the SHA-256 of every model file.

    Exit status: 2 if a file is missing or changed.
    """
    from mediafp.case import list_model_files

    problems = [(file, state) for file, state in list_model_files() if state != "ok"]
    for file, state in problems:
        out.print(f"[red]{file.name}: {state}[/]")
    if problems:
        raise typer.Exit(ExitStatus.COULD_NOT_RUN)
    out.print("all model files are as the manifest states")
