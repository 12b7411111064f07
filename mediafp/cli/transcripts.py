"""Writing down what is said."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mediafp.cli.common import (
    ExitStatus,
    HotwordsOption,
    JsonOption,
    ModelOption,
    PathsArgument,
    StoreOption,
    Transcribe,
    UnsafeOption,
    app,
    err,
    escape_markup,
    open_selected_case,
    out,
    print_json,
    progress,
    speech_options,
)
from mediafp.ingest.walk import walk
from mediafp.report import jsonl, subtitles
from mediafp.text.speech.misreadings import DEFAULT_LIST
from mediafp.types.errors import UsageError
from mediafp.types.runs import DEFAULT_MODEL
from mediafp.types.transcripts import FileTranscription


class TranscriptFormat(StrEnum):
    """How a transcript is written."""

    TEXT, SRT, VTT, JSON = "text", "srt", "vtt", "json"


@app.command()
def transcribe(
    paths: PathsArgument,
    model: ModelOption = DEFAULT_MODEL,
    words: HotwordsOption = None,
    form: Annotated[TranscriptFormat, typer.Option("--format", help="How to write it.")] = TranscriptFormat.TEXT,
    to: Annotated[
        Path | None, typer.Option("--out", help="Write one file for each into this folder.", show_default=False)
    ] = None,
    tells: Annotated[
        Path | None,
        typer.Option(help="Your own list of slips of synthetic voices, in the form of tells.toml.", show_default=False),
    ] = None,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write down what is said, in which language, with times and doubts. What was heard before comes from the store.

    Files need not be in the store; their transcripts are kept in it, and of those that are, can be searched.
    """
    speech = speech_options(Transcribe.YES, model, words)
    assert speech, "yes never means no"
    form = TranscriptFormat.JSON if as_json else form
    failed = False
    with open_selected_case(store, create=True, unsafe=unsafe) as case, progress() as bar:
        task = bar.add_task("transcribing", total=sum(1 for _ in walk(paths)))

        def on_progress(files: float) -> None:
            bar.update(task, completed=files)

        for found in case.transcribe(paths, speech, tells=tells or DEFAULT_LIST, on_progress=on_progress):
            failed = failed or found.error is not None
            if to:
                _write_transcript(found, form, to)
            elif form is TranscriptFormat.JSON:
                print_json(jsonl.transcription_to_json(found))
            elif form is TranscriptFormat.TEXT:
                _print_transcript(found)
            elif found.transcript:
                sys.stdout.write(_written(found, form) + "\n")
            if found.error and (to or form in (TranscriptFormat.SRT, TranscriptFormat.VTT)):
                err.print(f"[red]failed[/] {escape_markup(str(found.path))}: {escape_markup(found.error)}")
    if failed:
        raise typer.Exit(ExitStatus.SOME_FAILED)


def _print_transcript(found: FileTranscription) -> None:
    out.print(f"\n[bold]{escape_markup(str(found.path))}[/]")
    if found.error:
        out.print(f"  [red]{escape_markup(found.error)}[/]")
        return
    for warning in found.warnings:
        err.print(f"[yellow]warning[/] {escape_markup(str(found.path))}: {escape_markup(warning)}")
    if found.transcript is None:
        out.print("  the file holds no sound")
        return
    for line in subtitles.to_text(found.transcript).split("\n"):
        out.print(f"  {escape_markup(line)}")
    lost = found.transcript.untranscribed_seconds
    if lost:
        out.print(f"  [yellow]{lost:.1f} s of speech gave no words[/]")
    for hint in found.hints:
        out.print(
            f"  [cyan]hint[/] {hint.start:.1f} s: {escape_markup(hint.heard)!r}: {hint.name} ({escape_markup(hint.source)})"
        )


def _written(found: FileTranscription, form: TranscriptFormat) -> str:
    if form is TranscriptFormat.JSON or found.transcript is None:
        return jsonl.json_line(jsonl.transcription_to_json(found))
    return {
        TranscriptFormat.SRT: subtitles.to_srt,
        TranscriptFormat.VTT: subtitles.to_vtt,
        TranscriptFormat.TEXT: subtitles.to_text,
    }[form](found.transcript)


def _write_transcript(found: FileTranscription, form: TranscriptFormat, folder: Path) -> None:
    """One file for each, named after it and its bytes: two dumps may hold files of one name."""
    if found.transcript is None:
        return
    name = f"{found.path.name}.{(found.sha256 or '')[:8]}.{'txt' if form is TranscriptFormat.TEXT else form.value}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(_written(found, form) + "\n", encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"{folder / name} cannot be written: {error.strerror}") from error
    out.print(escape_markup(str(folder / name)))
