"""Results to standard output, messages and progress to standard error.

This module is part of every command: libraries that only some of them use load in the functions.
"""

import logging
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from mediafp.report.escaping import escape_unprintable

if TYPE_CHECKING:
    from rich.progress import Progress

    from mediafp.report.jsonl import JsonObject

err = Console(stderr=True, emoji=False, highlight=False, soft_wrap=True)
"""Console for messages and progress."""
out = Console(emoji=False, highlight=False, soft_wrap=True)
"""Console for results that people read."""


def print_json(value: "JsonObject") -> None:
    """Print an object as one line of JSON, without delay."""
    from mediafp.report.jsonl import json_line

    sys.stdout.write(json_line(value) + "\n")
    sys.stdout.flush()


def print_warning(message: str, subject: str = "") -> None:
    """Print a warning; `subject` is the file that it is about."""
    prefix = f"{escape_markup(subject)}: " if subject else ""
    err.print(f"[yellow]warning[/] {prefix}{escape_markup(message)}")


def print_failure(path: str, message: str) -> None:
    """Print the reason why a file failed."""
    err.print(f"[red]failed[/] {escape_markup(path)}: {escape_markup(message)}")


def escape_markup(text: str) -> str:
    """Return a text without control characters, lone surrogates and console markup, safe to print on a terminal."""
    return escape(escape_unprintable(text))


def progress_bar() -> "Progress":
    """Return a progress bar with the time left and the rate; it draws nothing if standard error is no terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        SpinnerColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class RateColumn(ProgressColumn):
        """Items per second, or per minute if there is less than one a second."""

        def render(self, task: Task) -> Text:
            """Return the rate of a task as text."""
            speed = task.finished_speed or task.speed or 0.0
            return Text(f"{speed:.1f}/s" if speed >= 1 else f"{speed * 60:.1f}/min" if speed else "")

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        RateColumn(),
        console=err,
        transient=True,
        # Otherwise the bar takes what is written to a file or a pipe and draws it on the terminal.
        redirect_stdout=sys.stdout.isatty(),
        disable=not err.is_terminal,
    )


class ConsoleLogHandler(logging.Handler):
    """Log handler that prints to standard error, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        err.print(f"[dim]{escape_markup(self.format(record))}[/]")


def enable_logging(verbosity: int) -> None:
    """Print the log messages of the package: none at verbosity 0, INFO at 1, DEBUG from 2."""
    logger = logging.getLogger("mediafp")
    for handler in [handler for handler in logger.handlers if isinstance(handler, ConsoleLogHandler)]:
        logger.removeHandler(handler)
    if verbosity:
        handler = ConsoleLogHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO if verbosity == 1 else logging.DEBUG)
        logger.propagate = False
