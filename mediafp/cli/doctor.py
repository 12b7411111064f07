"""The command `doctor`."""

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.output import Part, print_table


def doctor() -> None:
    """Check that everything mediafp needs is installed and works."""
    from mediafp.case import check_environment

    checks = list(check_environment())
    states: dict[bool, Part] = {True: ("ok", "green"), False: ("missing", "red")}
    print_table(("what", "state", "detail"), ((check.name, states[check.ok], check.detail) for check in checks))
    if not all(check.ok for check in checks if check.is_required):
        raise typer.Exit(ExitStatus.COULD_NOT_RUN)
