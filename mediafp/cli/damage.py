"""Damaged assets that a command skipped, and pairs that no worker could compare: a warning for each, and the exit status."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.output import print_warning
from mediafp.types.kept_matches import LostPair

WHOLE_STORE_COMMANDS: Final = frozenset(
    {"match", "trace", "transcribe", "cluster", "accounts", "timeline", "coshare", "report", "export"}
)
"""Commands whose result is incomplete if an asset or a pair is skipped. The exit status of the others keeps its own meaning: for
`ingest` that some files failed, for `search` that nothing was found."""

_skipped: set[str] = set()
"""Assets that the current command skipped, or of which it skipped a part or a pair."""


def print_damage(sha256: str, reason: str) -> None:
    """Print a warning about a damaged asset."""
    _skipped.add(sha256)
    print_warning(f"skipped {sha256}: {reason}; see: mediafp verify")


def print_lost(pair: LostPair) -> None:
    """Print a warning about a pair that no worker could compare."""
    _skipped.update((pair.a, pair.b))
    print_warning(pair.message)


@contextmanager
def damage_status(context: typer.Context) -> Iterator[None]:
    """Run a command of WHOLE_STORE_COMMANDS so that it ends with SOME_FAILED if it skipped something damaged.

    Other commands, and those that fail otherwise, keep their exit status.

    Args:
        context: Context of the program, which contains the name of the command as soon as it runs.
    """
    _skipped.clear()

    def is_incomplete() -> bool:
        return bool(_skipped) and context.invoked_subcommand in WHOLE_STORE_COMMANDS

    try:
        yield
    except typer.Exit as error:
        if not is_incomplete() or error.exit_code not in (ExitStatus.DONE, ExitStatus.NOTHING_FOUND):
            raise
    if is_incomplete():
        raise typer.Exit(ExitStatus.SOME_FAILED)
