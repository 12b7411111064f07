"""The command line: parses and prints, nothing else."""

import sys
import traceback

# Each adds its commands to the program.
from mediafp.cli import house, intake, questions, transcripts
from mediafp.cli.common import ExitStatus, app, err, escape_markup
from mediafp.types.errors import MediafpError, UsageError

__all__ = ["app", "house", "intake", "main", "questions", "transcripts"]


def main() -> None:
    """Runs the command line; every foreseen error is one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except UsageError as error:
        err.print(f"[red]mediafp:[/] {escape_markup(str(error))}")
        sys.exit(ExitStatus.COULD_NOT_RUN)
    except MediafpError as error:
        err.print(f"[red]mediafp:[/] {escape_markup(str(error))}")
        sys.exit(ExitStatus.SOME_FAILED)
    except Exception:
        # Python's own status for it would be 1: nothing found.
        traceback.print_exc()
        err.print("[red]mediafp:[/] this is a fault of mediafp; please report it with the lines above")
        sys.exit(ExitStatus.COULD_NOT_RUN)
