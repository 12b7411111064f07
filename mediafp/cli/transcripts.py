"""Writing down what is said."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mediafp import wire
from mediafp.cli.common import (
    SOME_FAILED,
    Json,
    Model,
    Paths,
    Store,
    Transcribe,
    Unsafe,
    Words,
    app,
    case_of,
    err,
    out,
    progress,
    say,
    shown,
    speech_options,
)
from mediafp.errors import UsageError
from mediafp.ingest.walk import walk
from mediafp.reading.models import EMBEDDED
from mediafp.reading.tells import SHIPPED
from mediafp.report import subtitles
from mediafp.scribe import Transcription


class Form(StrEnum):
    """How a transcript is written."""

    TEXT, SRT, VTT, JSON = "text", "srt", "vtt", "json"


@app.command()
def transcribe(
    paths: Paths,
    model: Model = EMBEDDED,
    words: Words = None,
    form: Annotated[Form, typer.Option("--format", help="How to write it.")] = Form.TEXT,
    to: Annotated[
        Path | None, typer.Option("--out", help="Write one file for each into this folder.", show_default=False)
    ] = None,
    tells: Annotated[
        Path | None,
        typer.Option(help="Your own list of slips of synthetic voices, in the form of tells.toml.", show_default=False),
    ] = None,
    unsafe: Unsafe = False,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Write down what is said, in which language, with times and doubts. What was heard before comes from the store.

    Files need not be in the store; their transcripts are kept in it, and of those that are, can be searched.
    """
    speech = speech_options(Transcribe.YES, model, words)
    assert speech, "yes never means no"
    form = Form.JSON if as_json else form
    failed = False
    with case_of(store, create=True, unsafe=unsafe) as case, progress() as bar:
        task = bar.add_task("transcribing", total=sum(1 for _ in walk(paths)))

        def step(files: float) -> None:
            bar.update(task, completed=files)

        for found in case.transcribe(paths, speech, tells=tells or SHIPPED, step=step):
            failed = failed or found.error is not None
            if to:
                _write_transcript(found, form, to)
            elif form is Form.JSON:
                say(wire.transcription(found))
            elif form is Form.TEXT:
                _print_transcript(found)
            elif found.transcript:
                sys.stdout.write(_written(found, form) + "\n")
            if found.error and (to or form in (Form.SRT, Form.VTT)):
                err.print(f"[red]failed[/] {shown(str(found.path))}: {shown(found.error)}")
    if failed:
        raise typer.Exit(SOME_FAILED)


def _print_transcript(found: Transcription) -> None:
    out.print(f"\n[bold]{shown(str(found.path))}[/]")
    if found.error:
        out.print(f"  [red]{shown(found.error)}[/]")
        return
    for warning in found.warnings:
        err.print(f"[yellow]warning[/] {shown(str(found.path))}: {shown(warning)}")
    if found.transcript is None:
        out.print("  the file holds no sound")
        return
    for line in subtitles.text(found.transcript).split("\n"):
        out.print(f"  {shown(line)}")
    lost = found.transcript.untranscribed_seconds
    if lost:
        out.print(f"  [yellow]{lost:.1f} s of speech gave no words[/]")
    for hint in found.hints:
        out.print(f"  [cyan]hint[/] {hint.start:.1f} s: {shown(hint.heard)!r}: {hint.name} ({shown(hint.source)})")


def _written(found: Transcription, form: Form) -> str:
    if form is Form.JSON or found.transcript is None:
        return wire.line(wire.transcription(found))
    return {Form.SRT: subtitles.srt, Form.VTT: subtitles.vtt, Form.TEXT: subtitles.text}[form](found.transcript)


def _write_transcript(found: Transcription, form: Form, folder: Path) -> None:
    """One file for each, named after it and its bytes: two dumps may hold files of one name."""
    if found.transcript is None:
        return
    name = f"{found.path.name}.{(found.sha256 or '')[:8]}.{'txt' if form is Form.TEXT else form.value}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(_written(found, form) + "\n", encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{folder / name} cannot be written: {error.strerror}") from error
    out.print(shown(str(folder / name)))
