"""The command `doctor`."""

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.output import escape_markup, out


def doctor() -> None:
    """Check that everything mediafp needs is installed and works."""
    from rich.table import Table

    from mediafp.case import check_environment

    table = Table("what", "state", "detail")
    complete = True
    for check in check_environment():
        complete = complete and check.ok
        table.add_row(check.name, "[green]ok[/]" if check.ok else "[red]missing[/]", escape_markup(check.detail))
    out.print(table)
    if not complete:
        raise typer.Exit(ExitStatus.COULD_NOT_RUN)
