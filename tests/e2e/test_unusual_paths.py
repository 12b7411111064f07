"""A path that no file can have, or whose output has no room for its name, fails alone: the other files go on."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import PATIENCE_SECONDS
from typer.testing import CliRunner

import mediafp
from mediafp.case import estimate_ingest
from mediafp.case.case import Case
from mediafp.cli.app import app
from mediafp.cli.demo.voice import synthesise_speech
from mediafp.cli.transcribe import TranscriptFiles, TranscriptFormat
from mediafp.types.errors import UsageError
from mediafp.types.runs import AnalysisOptions, IngestOptions
from mediafp.types.transcripts import FileTranscription, Transcript, TranscriptSegment

QUICK = IngestOptions(jobs=1, analysis=AnalysisOptions(ocr=False, reference_crops=False))
PATHS = {
    "a name of 300 bytes": "{folder}/" + "x" * 300 + ".png",
    "an archive with a name of 300 bytes": "{folder}/" + "x" * 300 + ".zip",
    "a path of 6,000 bytes": "{folder}" + "/y" * 3000,
    "a NUL": "{folder}/a\0b.png",
    "a relative path with a NUL": "a\0b.png",
    "a lone surrogate": "{folder}/a\ud800.png",
    "a byte that is not UTF-8": "{folder}/" + os.fsdecode(b"b\xff.png"),
    "a link to itself": "{folder}/loop",
    "a file as a folder": "{folder}/good.png/x",
}
"""Paths that cannot be opened."""


@pytest.fixture
def folder(tmp_path: Path, photos: dict[str, np.ndarray]) -> Path:
    """A folder with an image and a link to itself."""
    path = tmp_path / "files"
    path.mkdir()
    Image.fromarray(photos["cat"]).save(path / "good.png")
    (path / "loop").symlink_to("loop")
    return path


def test_paths_that_cannot_be_opened_fail_alone(folder: Path, case: Case) -> None:
    good = str(folder / "good.png")
    bad = [path.format(folder=folder) for path in PATHS.values()]
    paths = [*bad, good]
    assert case.count_files(paths) == len(paths)
    estimate = estimate_ingest(case.folder, paths, QUICK)
    assert (estimate.unreadable, estimate.new) == (len(bad), 1)
    statuses = {outcome.path: outcome.status for outcome in case.ingest(paths, QUICK)}
    assert statuses == dict.fromkeys(bad, "failed") | {good: "added"}
    fates = [True] * len(bad) + [False]
    assert [result.error is not None for result in case.match(paths, ocr=False, speech=None)] == fates
    assert [trace.result.error is not None for trace in case.trace(paths, ocr=False)] == fates
    assert [result.sha256 is None for result in case.transcribe(paths)] == fates
    assert {entry.kind for entry in case.failures()} == {"unreadable"}
    assert case.verify().problems == ()
    statuses = {outcome.path: outcome.status for outcome in case.ingest(paths, QUICK)}
    assert statuses == dict.fromkeys(bad, "failed") | {good: "known"}, "the next run does the same"
    assert [original.state for original in case.check_originals()] == ["same"]


def test_commands_list_a_path_that_is_too_long_and_go_on(folder: Path, tmp_path: Path) -> None:
    for arguments in (("ingest", "--transcribe", "no", "--ocr", "no"), ("match",), ("trace",)):
        done = CliRunner().invoke(
            app, ["--store", str(tmp_path / "store"), *arguments, str(folder / ("x" * 300)), str(folder), "--json"]
        )
        assert done.exit_code == 3, done.exception
        assert "File name too long" in done.stdout and "good.png" in done.stdout


def test_a_deleted_current_folder_fails_relative_paths_alone(folder: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = (sys.executable, "-m", "mediafp", "--store", tmp_path / "store", "ingest", "a.png", folder / "good.png")
    done = subprocess.run(
        ["sh", "-c", 'rmdir "$PWD" && exec "$@"', "sh", *command, "--json", "--ocr", "no"],
        cwd=gone,
        env={**os.environ, "PYTHONPATH": str(Path(mediafp.__file__).parent.parent)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert (summary["added"], summary["failed"]) == (1, 1)


def test_transcripts_of_files_with_long_names_are_written(tmp_path: Path) -> None:
    speech, store, out = tmp_path / "speech.wav", tmp_path / "store", tmp_path / "out"
    synthesise_speech("Three witnesses saw bright lights above the harbour.", speech)
    names = [f"{'x' * 246}.wav", f"{'微' * 83}.wav", f"{'微' * 82}a.wav", os.fsdecode(b"bad\xff.wav"), "talk.wav"]
    files = tmp_path / "files"
    files.mkdir()
    for number, name in enumerate(names):
        (files / name).write_bytes(speech.read_bytes() + bytes(number))
    arguments = ["--store", str(store), "transcribe", str(files), "--format", "srt", "--out", str(out)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, (done.exception, done.stderr)
    written = sorted(path.name for path in out.iterdir())
    assert len(written) == len(names)
    for name in written:
        assert name.endswith(".srt") and "witnesses" in (out / name).read_text(encoding="utf-8")
    assert [name for name in written if name.startswith("talk.wav.")] and done.stdout.count(".srt") == len(names)


SEGMENT = TranscriptSegment(start=0, end=1, language="en", language_probability=1, text="words")
TRANSCRIPT = Transcript(
    model="m", version="v", duration=1, speech_seconds=1, untranscribed_seconds=0, segments=(SEGMENT,)
)


def transcription(path: str, sha256: str) -> FileTranscription:
    return FileTranscription(path=Path(path), sha256=sha256, error=None, transcript=TRANSCRIPT, seconds=0)


def test_equal_names_with_equal_first_digits_do_not_overwrite_each_other(tmp_path: Path) -> None:
    files = TranscriptFiles(tmp_path, TranscriptFormat.SRT)
    first, second = "1234567" + "8" * 57, "1234567" + "8" + "9" * 56
    for _ in range(2):
        assert files.write(transcription("a/talk.mp4", first)) is None
        assert files.write(transcription("b/talk.mp4", second)) is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk.mp4.12345678.srt", f"talk.mp4.{second}.srt"]


def test_a_transcript_that_cannot_be_written_is_named_and_the_others_are_written(tmp_path: Path) -> None:
    files = TranscriptFiles(tmp_path, TranscriptFormat.TEXT)
    (tmp_path / "a.mp4.11111111.txt").mkdir()
    error = files.write(transcription("a.mp4", "1" * 64))
    assert error and "a.mp4.11111111.txt" in error and "choose another folder" in error
    assert files.write(transcription("b.mp4", "2" * 64)) is None
    assert (tmp_path / "b.mp4.22222222.txt").read_text() == "[00:00.0]  en  words\n"


def test_a_link_or_a_pipe_with_the_name_of_a_transcript_is_replaced(tmp_path: Path) -> None:
    victim, out = tmp_path / "victim", tmp_path / "out"
    files = TranscriptFiles(out, TranscriptFormat.TEXT)
    victim.write_text("precious")
    (out / "a.mp4.11111111.txt").symlink_to(victim)
    os.mkfifo(out / "b.mp4.22222222.txt")
    for name, digit in ("a.mp4", "1"), ("b.mp4", "2"):
        assert files.write(transcription(name, digit * 64)) is None
        assert (out / f"{name}.{digit * 8}.txt").read_text() == "[00:00.0]  en  words\n"
    assert victim.read_text() == "precious" and len(list(out.iterdir())) == 2


def test_a_folder_that_cannot_be_made_is_reported_before_the_first_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / ("x" * 300), tmp_path / "a\0b"):
        with pytest.raises(UsageError, match="cannot create the folder"):
            TranscriptFiles(folder, TranscriptFormat.SRT)


def test_a_page_is_written_to_no_path_that_it_cannot_have(case: Case, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.html")
    for page in (tmp_path / f"{'x' * 300}.html", tmp_path / "a\0.html", tmp_path / "pipe.html"):
        for clips in (False, True):
            with pytest.raises(UsageError):
                case.report(page, clips=clips)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pipe.html", "store"], "no folder is left for clips"
    case.report(tmp_path / f"{'x' * 250}.html")
    case.report(tmp_path / f"{'x' * 250}.html", clips=True)


def test_a_log_that_cannot_be_written_ends_with_the_reason(folder: Path, tmp_path: Path) -> None:
    arguments = ["--store", str(tmp_path / "store"), "ingest", str(folder), "--transcribe", "no", "--ocr", "no"]
    (original := tmp_path / "photo.jpg").write_bytes(b"original")
    for log in ("/dev/full", str(tmp_path / ("x" * 300)), str(original)):
        done = CliRunner().invoke(app, [*arguments, "--log", log])
        assert isinstance(done.exception, UsageError) and "cannot write the log" in str(done.exception)
    assert original.read_bytes() == b"original"


def test_the_text_of_several_tracks_names_each(tmp_path: Path) -> None:
    segments = (SEGMENT, replace(SEGMENT, text="other", track=1), replace(SEGMENT, text="third", track=2, channel=1))
    result = replace(
        transcription("talk.mp4", "1" * 64), transcript=replace(TRANSCRIPT, segments=segments, speech_seconds=3)
    )
    assert TranscriptFiles(tmp_path, TranscriptFormat.TEXT).write(result) is None
    assert (tmp_path / "talk.mp4.11111111.txt").read_text().splitlines() == [
        "[00:00.0]  en  audio track 1: words",
        "[00:00.0]  en  audio track 2: other",
        "[00:00.0]  en  channel 2 of audio track 3: third",
    ]
