"""Help, options, log messages and exit statuses of the program, run in this process."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from mediafp.cli import app as cli
from mediafp.cli.app import COMMANDS, app
from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.output import err
from mediafp.types.errors import MediafpError, StoreError, UsageError

QUIET = ("--transcribe", "no", "--ocr", "no", "--crops", "no")


def iter_commands() -> Iterator[tuple[str, typer.core.TyperCommand]]:
    """Yield every command and group with its full name."""
    waiting = [("mediafp", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop()
        yield name, command
        if isinstance(command, typer.core.TyperGroup):
            context = typer.Context(command)
            waiting += [
                (f"{name} {inner}", command.get_command(context, inner)) for inner in command.list_commands(context)
            ]


def test_commands_have_a_summary_and_options_one_line_of_help() -> None:
    commands = dict(iter_commands())
    assert len(commands) == len(COMMANDS) + 1 + 15
    for name, command in commands.items():
        summary = (command.help or "").strip().splitlines()[0]
        assert 0 < len(summary) <= 80 and summary.endswith("."), name
        for parameter in command.params:
            # `help` is an attribute of typer's parameter class and of the class of --help.
            text = getattr(parameter, "help", None)
            assert text and len(text) <= 80, (name, parameter.name, text)


@pytest.mark.parametrize(
    ("command", "option", "old"),
    [
        ("ingest", "--crops", "--views"),
        ("ingest", "--ocr", "--text"),
        ("match", "--ocr", "--text"),
        ("trace", "--ocr", "--text"),
        ("ingest", "--hotwords", "--words"),
        ("match", "--hotwords", "--words"),
        ("transcribe", "--hotwords", "--words"),
        ("transcribe", "--misreadings", "--tells"),
    ],
)
def test_renamed_options_keep_their_old_spelling(command: str, option: str, old: str) -> None:
    (parameter,) = [p for p in dict(iter_commands())[f"mediafp {command}"].params if option in p.opts]
    assert parameter.opts == [option, old]


@pytest.mark.parametrize("tracks", ["0", "1,", "-1", "one", "", "1.5", "٣"])
def test_audio_tracks_are_all_played_or_numbers_from_1(tracks: str) -> None:
    done = CliRunner().invoke(app, ["transcribe", "x", "--tracks", tracks])
    assert isinstance(done.exception, UsageError) or done.exit_code == ExitStatus.COULD_NOT_RUN
    assert "choose all, played, or numbers from 1" in f"{done.stderr}{done.exception}"


def test_unknown_command_error_suggests_a_similar_one() -> None:
    done = CliRunner().invoke(app, ["mtch"])
    assert done.exit_code == ExitStatus.COULD_NOT_RUN and "match" in done.stderr


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (StoreError("cannot open the store"), ExitStatus.COULD_NOT_RUN),
        (MediafpError("cannot read a file"), ExitStatus.SOME_FAILED),
        (KeyError("unforeseen"), ExitStatus.COULD_NOT_RUN),
    ],
)
def test_main_ends_with_the_status_of_the_error(
    error: Exception, status: ExitStatus, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An internal error must not end with 1, which means "no match"."""

    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as exited:
        cli.main()
    assert exited.value.code == status
    assert str(error).strip("'") in capsys.readouterr().err


def test_interrupt_ends_with_130_and_names_the_action(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mediafp.case.case.open_store", interrupt)
    done = CliRunner().invoke(app, ["--store", str(tmp_path), "errors"])
    assert done.exit_code == ExitStatus.INTERRUPTED and "run the same command again" in done.stderr


SEARCHED = ("--ocr", "no", "--min-probability", "0")
"""Options of a query that is searched, though its file is in the store."""


def test_verbose_prints_log_messages_to_standard_error(tmp_path: Path) -> None:
    image, store = tmp_path / "a.png", tmp_path / "store"
    Image.effect_noise((300, 300), 90).convert("RGB").save(image)
    silent, informed, detailed = (
        CliRunner().invoke(app, [*flags, "--store", str(store), "ingest", str(image), "--json", *QUIET])
        for flags in ([], ["--verbose"], ["-v", "-v"])
    )
    assert (silent.exit_code, informed.exit_code, detailed.exit_code) == (0, 0, 0)
    assert silent.stderr == ""
    matched = CliRunner().invoke(app, ["--verbose", "--store", str(store), "match", str(image), *SEARCHED])
    assert matched.exit_code == 1 and "mediafp.case.references: opened the indexes: 1, 1, " in matched.stderr
    assert "is started in the sandbox" in matched.stderr and "mediafp.case" not in matched.stdout
    # A later run without the option prints nothing, although it is in the same process.
    assert CliRunner().invoke(app, ["--store", str(store), "match", str(image), "--ocr", "no"]).stderr == ""
    assert not logging.getLogger("mediafp").handlers


def test_log_messages_contain_no_terminal_control(tmp_path: Path) -> None:
    cli.enable_logging(1)
    try:
        with err.capture() as captured:
            logging.getLogger("mediafp.test").warning("a file named \x1b[31m[red]\u202e")
    finally:
        cli.enable_logging(0)
    assert "[red]" in captured.get() and not {"\x1b", "\u202e"} & set(captured.get())
