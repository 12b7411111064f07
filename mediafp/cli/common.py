"""What every command has in common: the program, its options, and how it prints."""

import os
import shlex
import sys
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
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
from typer.core import TyperGroup

import mediafp
from mediafp.case.case import Case, open_case
from mediafp.report import jsonl
from mediafp.report.escaping import escape_unprintable
from mediafp.text.speech.transcriber import get_transcriber, load_hotwords
from mediafp.types.errors import ModelError
from mediafp.types.runs import DEFAULT_MODEL, SpeechOptions


class ExitStatus(IntEnum):
    """The exit status of every command."""

    DONE = 0
    NOTHING_FOUND = 1
    COULD_NOT_RUN = 2
    SOME_FAILED = 3
    INTERRUPTED = 130


err = Console(stderr=True, emoji=False, highlight=False, soft_wrap=True)
out = Console(emoji=False, highlight=False, soft_wrap=True)


class _Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # Caught here: the library underneath would end without a word.
            err.print("stopped; what was acknowledged is kept, and the same command goes on from there")
            raise typer.Exit(ExitStatus.INTERRUPTED) from None
        except BrokenPipeError:
            # The reader has had enough (| head). What Python still holds for it must go nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitStatus.DONE) from None


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Find where a picture, a clip or a script was used before, see the evidence, group the copies.

    A first run:   mediafp ingest FOLDER   then   mediafp match PICTURE   or   mediafp report evidence.html

    Nothing leaves this machine. Originals are never changed. A match says "same media", never "same operator".
    Exit status: 0 done (match: something was found), 1 nothing found, 2 could not run, 3 some files failed.""",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON only, one object a line.")]
PathsArgument = Annotated[
    list[Path], typer.Argument(help="Files and folders; folders are walked.", show_default=False, readable=False)
]
_asked: dict[str, Any] = {"folder": None, "unsafe": False}
"""What was said before the command."""


def _version(asked: bool) -> None:
    if asked:
        print(f"mediafp {mediafp.__version__}")
        raise typer.Exit


class Transcribe(StrEnum):
    """Whether to listen."""

    AUTO, YES, NO = "auto", "yes", "no"


class YesNo(StrEnum):
    """Whether to do it."""

    YES, NO = "yes", "no"


ModelOption = Annotated[
    str, typer.Option(help="Speech model: whisper-base is built in; others by name from the hub's cache, or a folder.")
]
HotwordsOption = Annotated[
    Path | None,
    typer.Option(help="A text file of names, places and slogans to listen for, one a line.", show_default=False),
]


def speech_options(transcribe: Transcribe, model: str, words: Path | None) -> SpeechOptions | None:
    """How to listen; None where that is not wanted, or `auto` finds no model."""
    if transcribe is Transcribe.NO:
        return None
    options = SpeechOptions(model=model, hotwords=load_hotwords(words) if words else ())
    try:
        get_transcriber(options)
    except ModelError as error:
        if transcribe is Transcribe.YES or model != DEFAULT_MODEL:
            raise
        err.print(f"[yellow]warning[/] nothing is transcribed: {escape_markup(str(error))}")
        return None
    return options


@app.callback()
def global_options(
    store: Annotated[
        Path | None,
        typer.Option(
            "--store", help="The case's folder. Else MEDIAFP_STORE, else the user's data folder.", show_default=False
        ),
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Read files without the locks (also behind the command).")
    ] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Remembers the store that every command works on."""
    _asked.update(folder=store, unsafe=unsafe)


StoreOption = Annotated[
    Path | None, typer.Option("--store", help="The case's folder (also before the command).", show_default=False)
]


UnsafeOption = Annotated[
    bool,
    typer.Option(
        "--unsafe-no-sandbox",
        help="Read files in processes that are not locked in: where the system has no locks, and for files that you trust.",
    ),
]


def selected_store(store: Path | None) -> Path | None:
    """The store's folder, where one was named."""
    return _asked["folder"] if store is None else store


def sandboxed(unsafe: bool) -> bool:
    """Whether files are read behind locks."""
    if unsafe or _asked["unsafe"]:
        err.print("[yellow]warning[/] files are read without locks: one that was made to can do all that you can")
        return False
    return True


def suggest_command(words: str, store: Path | None) -> str:
    """A command to go on with, on the same store."""
    folder = selected_store(store)
    return f"mediafp --store {shlex.quote(str(folder))} {words}" if folder else f"mediafp {words}"


def open_selected_case(store: Path | None, *, create: bool = False, unsafe: bool = False) -> Case:
    """The case that a command works on."""
    return open_case(selected_store(store), create=create, sandboxed=sandboxed(unsafe))


def print_json(value: jsonl.JsonObject) -> None:
    """Prints an object as a line of JSON, at once."""
    sys.stdout.write(jsonl.json_line(value) + "\n")
    sys.stdout.flush()


def progress() -> Progress:
    """A bar with the time left and the rate; none where nobody looks."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        _Rate(),
        console=err,
        transient=True,
        # Else the bar takes what is written to a file or a pipe, and puts it on the terminal.
        redirect_stdout=sys.stdout.isatty(),
        disable=not err.is_terminal,
    )


class _Rate(ProgressColumn):
    """How many a second, or a minute."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed or 0.0
        return Text(f"{speed:.1f}/s" if speed >= 1 else f"{speed * 60:.1f}/min" if speed else "")


def escape_markup(name: str) -> str:
    """A file name fit for a terminal: no control characters, no lone surrogates, no markup."""
    return escape(escape_unprintable(name))
