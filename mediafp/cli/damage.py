"""Damaged assets of the store that a command skipped: a warning for each, and their mark on the exit status."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.output import print_warning

_skipped: set[str] = set()
"""Assets that the current command skipped, or of which it skipped a part."""


def print_damage(sha256: str, reason: str) -> None:
    """Print a warning about a damaged asset."""
    _skipped.add(sha256)
    print_warning(f"skipped {sha256}: {reason}; see: mediafp verify")


@contextmanager
def damage_status() -> Iterator[None]:
    """Run a command; if it skipped something damaged and would end as if all were well, end with SOME_FAILED."""
    _skipped.clear()
    try:
        yield
    except typer.Exit as error:
        if not _skipped or error.exit_code not in (ExitStatus.DONE, ExitStatus.NOTHING_FOUND):
            raise
    if _skipped:
        raise typer.Exit(ExitStatus.SOME_FAILED)
