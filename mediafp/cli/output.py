"""Results to standard output, messages and progress to standard error.

Commands print through the functions of this module alone. It prints objects, never marked-up text, and escapes invisible
characters, so that no text of a file controls the terminal. It is part of every command: libraries that only some of them
use load in the functions.
"""

import logging
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from mediafp.report.escaping import escape_unprintable
from mediafp.types.counted_nouns import count_of

if TYPE_CHECKING:
    from rich.progress import Progress

    from mediafp.report.jsonl import JsonObject

Part = str | tuple[str, str]
"""A part of a line: its text, or its text and its style."""

err = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)
"""Console for messages and progress."""
out = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
"""Console for results that people read."""


def join_parts(*parts: Part, style: str = "") -> Text:
    """Return parts of any text as one line to print, in a style: invisible characters and line breaks are escaped."""
    line = Text(style=style)
    for part in parts:
        text, part_style = (part, "") if isinstance(part, str) else part
        line.append(escape_unprintable(text), part_style)
    return line


def print_line(*parts: Part, style: str = "") -> None:
    """Print one line to standard output."""
    out.print(join_parts(*parts, style=style))


def first_path(uris: Sequence[str]) -> str:
    """Return the first path of a file, with the number of the others: it may be gone, and they not."""
    return f"{uris[0]} (and {count_of(len(uris) - 1, 'more path')})" if len(uris) > 1 else uris[0]


def print_message(*parts: Part, style: str = "") -> None:
    """Print one line to standard error."""
    err.print(join_parts(*parts, style=style))


def print_table(header: Sequence[str], rows: Iterable[Sequence[Part]]) -> None:
    """Print a table to standard output."""
    from rich.table import Table

    table = Table(*header)
    for row in rows:
        table.add_row(*map(join_parts, row))
    out.print(table)


def print_json(value: "JsonObject") -> None:
    """Print an object as one line of JSON, without delay."""
    from mediafp.report.jsonl import json_line

    # In one piece: an interrupt between two would leave half a line.
    sys.stdout.write(json_line(value) + "\n")
    sys.stdout.flush()


def print_large_json(value: "JsonObject") -> None:
    """Print an object as one line of JSON, part by part, so that the line is never in memory as a whole."""
    from mediafp.report.jsonl import json_parts

    sys.stdout.writelines(json_parts(value))
    sys.stdout.write("\n")
    sys.stdout.flush()


def print_warning(message: str, subject: str = "") -> None:
    """Print a warning; `subject` is the file that it is about."""
    print_message(("warning", "yellow"), f" {subject}: {message}" if subject else f" {message}")


def print_failure(path: str, message: str) -> None:
    """Print the reason why a file failed."""
    print_message(("failed", "red"), f" {path}: {message}")


def print_error(error: str) -> None:
    """Print why the program ends."""
    print_message(("mediafp:", "red"), f" {error}")


def print_traceback() -> None:
    """Print the traceback of the current exception, whose message may quote the name of a file."""
    for line in traceback.format_exc().splitlines():
        print_message(line)


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

    class RateColumn(ProgressColumn):
        """Items per second, or per minute if there is less than one a second."""

        def render(self, task: Task) -> Text:
            """Return the rate of a task as text."""
            speed = task.finished_speed or task.speed or 0.0
            return Text(f"{speed:.1f}/s" if speed >= 1 else f"{speed * 60:.1f}/min" if speed else "")

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
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
        print_message(self.format(record), style="dim")


def enable_logging(verbosity: int) -> None:
    """Print the log messages of the package: none at verbosity 0, INFO at 1, DEBUG from 2."""
    logger = logging.getLogger("mediafp")
    for handler in [handler for handler in logger.handlers if isinstance(handler, ConsoleLogHandler)]:
        logger.removeHandler(handler)
    if verbosity:
        handler = ConsoleLogHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
        logger.addHandler(handler)
    logger.setLevel({0: logging.NOTSET, 1: logging.INFO}.get(verbosity, logging.DEBUG))
    logger.propagate = not verbosity
