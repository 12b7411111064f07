"""Transcription of several files at once, with a fake model: order, equal audio, errors and cancellation."""

import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Event

import numpy as np
import pytest
from processes import PATIENCE_SECONDS

from mediafp.case.case import Case
from mediafp.case.transcription import run_transcription
from mediafp.engine.local import transcription
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.ingest.walk import FoundFile
from mediafp.text.speech.transcribers import get_transcriber
from mediafp.types import transcripts
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import TranscribedAudio, Transcript

OPTIONS = SpeechOptions(threads=2)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """WAV files of 1 to 4 seconds."""
    paths = []
    for seconds in range(1, 5):
        paths.append(tmp_path / f"{seconds}.wav")
        with wave.open(str(paths[-1]), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(AUDIO_SAMPLE_RATE)
            out.writeframes(np.full(seconds * AUDIO_SAMPLE_RATE, seconds, "<i2").tobytes())
    return paths


def make_transcript(audio: Audio) -> TranscribedAudio:
    transcript = Transcript(
        model="m",
        version=get_transcriber(OPTIONS).version,
        duration=audio.duration,
        speech_seconds=0,
        untranscribed_seconds=0,
        segments=(),
    )
    return TranscribedAudio(
        audio_sha256=audio.sha256, transcript=transcript, fingerprint=fingerprint_transcript(audio.sha256, transcript)
    )


@pytest.fixture
def transcribed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Durations of the audio tracks that the fake model has transcribed; the shortest take longest."""
    durations: list[float] = []
    both = Barrier(2)

    def transcribe(audio: Audio, options: SpeechOptions, *, on_progress: Callable[[float], object]) -> TranscribedAudio:
        durations.append(audio.duration)
        if audio.duration <= 2:
            # Times out unless another file is transcribed at the same time.
            both.wait(timeout=PATIENCE_SECONDS)
        for share in (0.25, 0.5, 1.0):
            time.sleep(0.2 / audio.duration)
            on_progress(share)
        return make_transcript(audio)

    monkeypatch.setattr(transcription, "transcribe_audio", transcribe)
    return durations


def run(case: Case, paths: list[Path], progress: list[float] | None = None) -> Iterator[transcripts.FileTranscription]:
    files = (FoundFile(path=path) for path in paths)
    return run_transcription(
        case._store, case._engine, files, OPTIONS, (), on_progress=(progress if progress is not None else []).append
    )


def test_transcription_results_are_in_order_and_their_times_add_up(
    case: Case, files: list[Path], transcribed: list[float]
) -> None:
    progress: list[float] = []
    started = time.monotonic()
    results = list(run(case, files, progress))
    assert [result.path for result in results] == files
    assert [result.transcript.duration for result in results if result.transcript] == [1, 2, 3, 4]
    elapsed = time.monotonic() - started
    # The fake model takes at least 0.6 s for the first track.
    assert 0.6 <= sum(result.seconds for result in results) < elapsed + 0.01
    assert all(result.seconds > 0.01 for result in results)
    assert progress == sorted(progress) and progress[-1] == pytest.approx(4)


def test_equal_audio_is_transcribed_once(case: Case, files: list[Path], transcribed: list[float]) -> None:
    copy = files[0].with_name("copy.wav")
    copy.write_bytes(files[0].read_bytes())
    for _ in range(2):
        results = list(run(case, [files[0], copy, *files[1:]]))
        assert [result.transcript.duration for result in results if result.transcript] == [1, 1, 2, 3, 4]
    assert sorted(transcribed) == [1, 2, 3, 4]


def test_undecodable_file_has_an_error_in_its_place(case: Case, files: list[Path], transcribed: list[float]) -> None:
    bad = files[0].with_name("bad.wav")
    bad.write_bytes(b"RIFF" + bytes(200))
    results = list(run(case, [files[0], bad, files[0].with_name("gone.wav"), files[1]]))
    assert [result.error is None for result in results] == [True, False, False, True]
    assert "bad.wav" in str(results[1].error) and "gone.wav" in str(results[2].error)


def test_transcription_is_cancelled_with_its_caller(
    case: Case, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []
    is_second_running = Event()

    def transcribe(audio: Audio, options: SpeechOptions, *, on_progress: Callable[[float], object]) -> TranscribedAudio:
        if audio.duration == 1:
            assert is_second_running.wait(PATIENCE_SECONDS)
            return make_transcript(audio)
        is_second_running.set()
        try:
            until = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < until:
                time.sleep(0.005)
                on_progress(0.1)
        except transcription.TranscriptionCancelled:
            ended.append("cancelled")
            raise
        ended.append("finished")
        return make_transcript(audio)

    monkeypatch.setattr(transcription, "transcribe_audio", transcribe)
    results = run(case, files)
    assert next(results).transcript
    results.close()  # type: ignore[attr-defined]
    assert ended and set(ended) == {"cancelled"}
