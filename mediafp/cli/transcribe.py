"""The command `transcribe`."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import (
    HotwordsOption,
    JsonOption,
    ModelOption,
    PathsArgument,
    StoreOption,
    TranscribeMode,
    UnsafeOption,
    open_selected_case,
    speech_options,
)
from mediafp.cli.output import escape_markup, out, print_failure, print_json, print_warning, progress_bar
from mediafp.report import jsonl, subtitles
from mediafp.types.defaults import DEFAULT_MODEL
from mediafp.types.errors import UsageError
from mediafp.types.transcripts import FileTranscription


class TranscriptFormat(StrEnum):
    """Output format of a transcript."""

    TEXT, SRT, VTT, JSON = "text", "srt", "vtt", "json"


def transcribe(
    paths: PathsArgument,
    model: ModelOption = DEFAULT_MODEL,
    hotwords: HotwordsOption = None,
    format: Annotated[TranscriptFormat, typer.Option("--format", help="Output format.")] = TranscriptFormat.TEXT,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Write one file per input to this folder.", show_default=False)
    ] = None,
    misreadings: Annotated[
        Path | None,
        typer.Option(
            "--misreadings",
            "--tells",
            help="TOML list of misreadings, instead of the included one.",
            show_default=False,
        ),
    ] = None,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Transcribe speech, with languages and times; .1 s per second of audio.

    Files need not be in the store. Transcripts are kept there, and come from there the next time; those of ingested
    files can be searched.
    """
    speech = speech_options(TranscribeMode.YES, model, hotwords)
    assert speech, "YES returns options or raises"
    format = TranscriptFormat.JSON if as_json else format
    failed = False
    with open_selected_case(store, create=True, unsafe=unsafe) as case, progress_bar() as bar:
        task = bar.add_task("transcribing", total=case.count_files(paths))

        def on_progress(files: float) -> None:
            bar.update(task, completed=files)

        for result in case.transcribe(paths, speech, misreadings=misreadings, on_progress=on_progress):
            failed = failed or result.error is not None
            if folder:
                _write_transcript(result, format, folder)
            elif format is TranscriptFormat.JSON:
                print_json(jsonl.transcription_to_json(result))
            elif format is TranscriptFormat.TEXT:
                _print_transcript(result)
            elif result.transcript:
                sys.stdout.write(_format_transcript(result, format) + "\n")
            if result.error and (folder or format in (TranscriptFormat.SRT, TranscriptFormat.VTT)):
                print_failure(str(result.path), result.error)
    if failed:
        raise typer.Exit(ExitStatus.SOME_FAILED)


def _print_transcript(result: FileTranscription) -> None:
    out.print(f"\n[bold]{escape_markup(str(result.path))}[/]")
    if result.error:
        out.print(f"  [red]{escape_markup(result.error)}[/]")
        return
    for warning in result.warnings:
        print_warning(warning, str(result.path))
    if result.transcript is None:
        out.print("  the file contains no audio")
        return
    for line in subtitles.to_text(result.transcript).split("\n"):
        out.print(f"  {escape_markup(line)}")
    missing = result.transcript.untranscribed_seconds
    if missing:
        out.print(f"  [yellow]{missing:.1f} s of speech are not transcribed[/]")
    for hint in result.hints:
        passage, source = escape_markup(hint.heard), escape_markup(hint.source)
        out.print(f"  [cyan]hint[/] {hint.start:.1f} s: {passage!r}: {hint.name} ({source})")


def _format_transcript(result: FileTranscription, format: TranscriptFormat) -> str:
    if format is TranscriptFormat.JSON or result.transcript is None:
        return jsonl.json_line(jsonl.transcription_to_json(result))
    return {
        TranscriptFormat.SRT: subtitles.to_srt,
        TranscriptFormat.VTT: subtitles.to_vtt,
        TranscriptFormat.TEXT: subtitles.to_text,
    }[format](result.transcript)


def _write_transcript(result: FileTranscription, format: TranscriptFormat, folder: Path) -> None:
    """Write a transcript to a file named after the media file and its content, since two folders may share names."""
    if result.transcript is None:
        return
    suffix = "txt" if format is TranscriptFormat.TEXT else format.value
    path = folder / f"{result.path.name}.{(result.sha256 or '')[:8]}.{suffix}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(_format_transcript(result, format) + "\n", encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"cannot write the transcript '{path}': {error.strerror}; choose another folder") from error
    out.print(escape_markup(str(path)))
