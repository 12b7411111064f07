"""The program `mediafp`: its commands, its global options, and the exit status of every error."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from mediafp.cli.damage import damage_status
from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import GlobalOptions, set_global_options
from mediafp.cli.output import enable_logging, print_error, print_message, print_traceback
from mediafp.report.escaping import escape_unprintable
from mediafp.types.errors import MediafpError, UsageError
from mediafp.types.version import __version__

COMMANDS: Final = {
    "ingest": "mediafp.cli.ingest:ingest",
    "relate": "mediafp.cli.relate:relate",
    "match": "mediafp.cli.match:match",
    "trace": "mediafp.cli.trace:trace",
    "search": "mediafp.cli.search:search",
    "transcribe": "mediafp.cli.transcribe:transcribe",
    "cluster": "mediafp.cli.cluster:cluster",
    "accounts": "mediafp.cli.accounts:accounts",
    "timeline": "mediafp.cli.timeline:timeline",
    "coshare": "mediafp.cli.coshare:coshare",
    "decide": "mediafp.cli.decide:decide",
    "decisions": "mediafp.cli.decide:decisions",
    "calibrate": "mediafp.cli.calibrate:calibrate",
    "serve": "mediafp.cli.serve:serve",
    "watch": "mediafp.cli.watch:watch_app",
    "report": "mediafp.cli.report:report",
    "publish": "mediafp.cli.publish:publish",
    "errors": "mediafp.cli.errors:errors",
    "forget": "mediafp.cli.forget:forget",
    "verify": "mediafp.cli.verify:verify",
    "migrate": "mediafp.cli.migrate:migrate",
    "export": "mediafp.cli.export:export_app",
    "import-hashes": "mediafp.cli.import_hashes:import_hashes",
    "models": "mediafp.cli.models:models_app",
    "doctor": "mediafp.cli.doctor:doctor",
    "demo": "mediafp.cli.demo.command:demo",
}
"""Module and function, or group of functions, of each command, in the order of the help."""


SHOW_CURSOR: Final = b"\x1b[?25h"
"""Control sequence that makes the cursor of a terminal visible."""
ARGUMENT_ERROR: Final[Any] = typer.BadParameter.__base__
"""Class of all errors about the arguments, click's UsageError, which typer does not export."""


class CommandGroup(TyperGroup):
    """The commands, each of which loads when it is used.

    They end with the exit status of docs/formats.md when they are interrupted or their reader leaves.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command, loaded; None if there is none of this name."""
        # For an unknown name all of them load: their names are suggested.
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _load_command(name)
        return self.commands.get(cmd_name)

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Parse the options before the command."""
        with _escaped_messages():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments name."""
        try:
            with _escaped_messages(), damage_status(ctx):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            # typer itself would end without a message.
            print_message("interrupted: all acknowledged files are stored; run the same command again to continue")
            raise typer.Exit(ExitStatus.INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of a pipe has left (| head): what Python still buffers for it is discarded.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitStatus.DONE) from None


@contextmanager
def _escaped_messages() -> Iterator[None]:
    """Escape the message of an error about the arguments, which quotes them: a shell may have made one of a file name."""
    try:
        yield
    except ARGUMENT_ERROR as error:
        error.message = escape_unprintable(error.message)
        raise


app = typer.Typer(
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Find where an image, a video or a voice-over was used before, with evidence.

    To begin:  mediafp ingest FOLDER   then   mediafp match IMAGE   or   mediafp report evidence.html

    Files are never changed, and no data leaves this machine unless you name a
    cluster or an object store. A match means "same media", never "same operator".

    Exit status: 0 done (match, trace, search, watch check: something was found), 1 nothing found,
    2 could not run, 3 some files failed.""",
)


def _load_command(name: str) -> Any:
    module, _, attribute = COMMANDS[name].partition(":")
    command = getattr(import_module(module), attribute)
    group = command
    if not isinstance(command, typer.Typer):
        group = typer.Typer(add_completion=False)
        group.command(name)(command)
    loaded = typer.main.get_command(group)
    loaded.name = name
    return loaded


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"mediafp {__version__}")
        raise typer.Exit


@app.callback()
def global_options(
    store: Annotated[
        Path | None,
        typer.Option("--store", help="Folder of the case. Default: MEDIAFP_STORE, else user data.", show_default=False),
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Decode files without the sandbox; also after the command.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, help="Print log messages; twice for more.", show_default=False),
    ] = 0,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Set the options that every command uses."""
    set_global_options(GlobalOptions(store=store, unsafe=unsafe))
    enable_logging(verbose)


def _interrupt(number: int, frame: object) -> None:
    """Interrupt the command at the first Ctrl-C; at the second, end the program at once, which loses nothing stored."""
    signal.signal(signal.SIGINT, _end)
    raise KeyboardInterrupt


def _end(number: int, frame: object) -> None:
    if sys.stderr.isatty():
        # A progress bar hides the cursor.
        os.write(sys.stderr.fileno(), SHOW_CURSOR)
    # Not by an exception: threads that are decoding speech would crash while Python ends.
    os._exit(ExitStatus.INTERRUPTED)


def main() -> None:
    """Run the command line; print each expected error as one line on standard error."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except UsageError as error:
        print_error(str(error))
        sys.exit(ExitStatus.COULD_NOT_RUN)
    except MediafpError as error:
        print_error(str(error))
        sys.exit(ExitStatus.SOME_FAILED)
    except Exception:
        # Python would exit with 1, which means that nothing was found.
        print_traceback()
        print_error("internal error; please report it with the lines above")
        sys.exit(ExitStatus.COULD_NOT_RUN)
