"""The command `transcribe`."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mediafp.cli.exit_status import ExitStatus
from mediafp.cli.options import (
    AddressOption,
    EngineMode,
    EngineOption,
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
from mediafp.cli.output import print_failure, print_json, print_line, print_warning, progress_bar
from mediafp.report import jsonl, subtitles
from mediafp.report.output_names import fit_name
from mediafp.types.defaults import DEFAULT_MODEL
from mediafp.types.errors import UsageError
from mediafp.types.file_sounds import TrackChoice
from mediafp.types.runs import EngineOptions
from mediafp.types.timestamps import format_time
from mediafp.types.transcripts import FileTranscription

NAME_DIGITS = 8
"""Digits of the SHA-256 of the media file in the name of its transcript. Chosen, not measured."""


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
    tracks: Annotated[
        str, typer.Option(metavar="all|played|N[,N…]", help="Audio tracks to transcribe; numbers count from 1.")
    ] = "all",
    misreadings: Annotated[
        Path | None,
        typer.Option(
            "--misreadings",
            "--tells",
            help="TOML list of misreadings, instead of the included one.",
            show_default=False,
        ),
    ] = None,
    engine: EngineOption = EngineMode.LOCAL,
    address: AddressOption = None,
    unsafe: UnsafeOption = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Transcribe speech, with languages and times; .1 s per second of audio.

    Files need not be in the store. Transcripts are kept there, and come from there the next time; those of ingested
    files can be searched.
    """
    chosen = _parse_tracks(tracks)
    machines = EngineOptions(name=engine.value, address=address)
    speech = speech_options(TranscribeMode.YES, model, hotwords)
    assert speech, "YES returns options or raises"
    format = TranscriptFormat.JSON if as_json else format
    failed = False
    files = TranscriptFiles(folder, format) if folder else None
    with open_selected_case(store, create=True, unsafe=unsafe, engine=machines) as case, progress_bar() as bar:
        task = bar.add_task("transcribing", total=case.count_files(paths))

        def on_progress(files: float) -> None:
            bar.update(task, completed=files)

        results = case.transcribe(paths, speech, tracks=chosen, misreadings=misreadings, on_progress=on_progress)
        for result in results:
            error = result.error
            if files:
                error = error or files.write(result)
            elif format is TranscriptFormat.JSON:
                print_json(jsonl.transcription_to_json(result))
            elif format is TranscriptFormat.TEXT:
                _print_transcript(result)
            elif result.transcript:
                sys.stdout.write(_format_transcript(result, format) + "\n")
            failed = failed or error is not None
            if error and (files or format in (TranscriptFormat.SRT, TranscriptFormat.VTT)):
                print_failure(str(result.path), error)
    if failed:
        raise typer.Exit(ExitStatus.SOME_FAILED)


def _parse_tracks(text: str) -> TrackChoice:
    """Return the audio tracks that an option names, with numbers from 0. Raises UsageError."""
    if text == "all":
        return "all"
    if text == "played":
        return "played"
    numbers = text.split(",")
    if not all(number.isascii() and number.isdigit() and int(number) for number in numbers):
        raise UsageError(
            f"cannot transcribe the audio tracks {text!r}: choose all, played, or numbers from 1, such as 1,3"
        )
    return tuple(sorted({int(number) - 1 for number in numbers}))


def _print_transcript(result: FileTranscription) -> None:
    print_line()
    print_line((str(result.path), "bold"))
    if result.error:
        print_line("  ", (result.error, "red"))
        return
    for warning in result.warnings:
        print_warning(warning, str(result.path))
    if result.transcript is None:
        print_line("  no audio track was chosen" if result.has_audio else "  the file contains no audio")
        return
    for warning in result.transcript.warnings:
        print_warning(warning, str(result.path))
    for line in subtitles.to_text(result.transcript).split("\n"):
        print_line(f"  {line}")
    missing = result.transcript.untranscribed_seconds
    if missing:
        print_line("  ", (f"{missing:.1f} s of speech are not transcribed", "yellow"))
    for hint in result.hints:
        print_line("  ", ("hint", "cyan"), f" {format_time(hint.start)}: {hint.heard!r}: {hint.name} ({hint.source})")


def _format_transcript(result: FileTranscription, format: TranscriptFormat) -> str:
    if format is TranscriptFormat.JSON or result.transcript is None:
        return jsonl.json_line(jsonl.transcription_to_json(result))
    return {
        TranscriptFormat.SRT: subtitles.to_srt,
        TranscriptFormat.VTT: subtitles.to_vtt,
        TranscriptFormat.TEXT: subtitles.to_text,
    }[format](result.transcript)


class TranscriptFiles:
    """Writer of one file per transcript, named after the media file and its content, since two folders may share names."""

    def __init__(self, folder: Path, format: TranscriptFormat) -> None:
        """Create the folder. Raises UsageError if that fails."""
        self._folder, self._format = folder, format
        self._written: dict[str, str | None] = {}
        """SHA-256 of the media file of each file that this run has written, by its name."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(f"cannot create the folder '{folder}': {reason}; choose another folder") from error

    def write(self, result: FileTranscription) -> str | None:
        """Write a transcript and print the path; return the reason if it cannot be written."""
        if result.transcript is None:
            return None
        path = self._folder / self._choose_name(result)
        try:
            self._replace(path, _format_transcript(result, self._format) + "\n")
        except OSError as error:
            return f"cannot write the transcript '{path}': {error.strerror}; choose another folder"
        print_line(str(path))
        return None

    def _replace(self, path: Path, text: str) -> None:
        """Write a file in place of whatever has its name: the author of a video can plant a link there, or a pipe."""
        part = self._folder / f".transcript-{os.getpid()}.part"
        part.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
                file.write(text.encode("utf-8", "replace"))
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _choose_name(self, result: FileTranscription) -> str:
        suffix = "txt" if self._format is TranscriptFormat.TEXT else self._format.value
        sha256 = result.sha256 or ""
        # The first digits of two contents can be made equal.
        for digits in (NAME_DIGITS, len(sha256)):
            name = fit_name(result.path.name, f".{sha256[:digits]}.{suffix}")
            if self._written.setdefault(name, result.sha256) == result.sha256:
                break
        return name
