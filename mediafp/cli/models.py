"""The commands `models list` and `models verify`."""

from dataclasses import asdict

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import JsonOption
from mediafp.cli.output import print_json, print_line, print_table

models_app = typer.Typer(no_args_is_help=True, add_completion=False, help="List and check the model files.")


@models_app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the models with version, licence and the state of their files."""
    from mediafp.case import list_model_files

    models = list_model_files()
    if as_json:
        for model in models:
            print_json(asdict(model))
        return
    rows = []
    for model in models:
        if model.sha256:
            rows.append((model.name, model.version, model.licence or "", model.state, model.sha256[:16]))
        else:
            rows.append((model.name, model.version[:12], "see its page", f"in {model.source}", ""))
    print_table(("name", "version", "licence", "state", "sha256"), rows)


@models_app.command("verify")
def verify_models() -> None:
    """Check the SHA-256 of every model file, and the cache folder of joined ones.

    Exit status: 2 if a file is missing or changed, or does not belong there.
    """
    from mediafp.case import list_model_files

    problems = [model for model in list_model_files() if model.state != "ok"]
    for model in problems:
        print_line(f"{model.name}: {model.state}; {model.hint}", style="red")
    if problems:
        raise typer.Exit(ExitStatus.COULD_NOT_RUN)
    print_line("all model files are as the manifest states")
