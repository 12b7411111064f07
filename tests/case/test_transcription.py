"""Files listened to side by side: in order, each once, ended when nobody waits any more. The listener is a stand-in."""

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
from mediafp.text.speech.transcriber import get_transcriber
from mediafp.types import transcripts
from mediafp.types.media import AUDIO_SAMPLE_RATE, Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import TranscribedAudio, Transcript

OPTIONS = SpeechOptions(threads=2)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Sounds of 1 to 4 seconds."""
    made = []
    for seconds in range(1, 5):
        made.append(tmp_path / f"{seconds}.wav")
        with wave.open(str(made[-1]), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(AUDIO_SAMPLE_RATE)
            out.writeframes(np.full(seconds * AUDIO_SAMPLE_RATE, seconds, "<i2").tobytes())
    return made


def heard(sound: Audio) -> TranscribedAudio:
    said = Transcript(
        model="m",
        version=get_transcriber(OPTIONS).version,
        duration=sound.duration,
        speech_seconds=0,
        untranscribed_seconds=0,
        segments=(),
    )
    return TranscribedAudio(
        audio_sha256=sound.sha256, transcript=said, fingerprint=fingerprint_transcript(sound.sha256, said)
    )


@pytest.fixture
def listened(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of the sounds that were listened to; the first are the slowest."""
    sounds: list[float] = []
    two = Barrier(2)

    def listen(sound: Audio, options: SpeechOptions, *, on_progress: Callable[[float], object]) -> TranscribedAudio:
        sounds.append(sound.duration)
        if sound.duration <= 2:
            # Not passed unless another file is listened to meanwhile.
            two.wait(timeout=PATIENCE_SECONDS)
        for share in (0.25, 0.5, 1.0):
            time.sleep(0.2 / sound.duration)
            on_progress(share)
        return heard(sound)

    monkeypatch.setattr(transcription.analysis, "transcribe_audio", listen)
    return sounds


def run(case: Case, paths: list[Path], steps: list[float] | None = None) -> Iterator[transcripts.FileTranscription]:
    files = (FoundFile(path=path) for path in paths)
    return run_transcription(
        case._store, case._engine, files, OPTIONS, (), on_progress=(steps if steps is not None else []).append
    )


def test_files_come_in_order_and_their_times_add_up(case: Case, files: list[Path], listened: list[float]) -> None:
    steps: list[float] = []
    started = time.monotonic()
    found = list(run(case, files, steps))
    assert [f.path for f in found] == files
    assert [f.transcript.duration for f in found if f.transcript] == [1, 2, 3, 4]
    whole = time.monotonic() - started
    # The first one alone is listened to for so long.
    assert 0.6 <= sum(f.seconds for f in found) < whole + 0.01
    assert all(f.seconds > 0.01 for f in found)
    assert steps == sorted(steps) and steps[-1] == pytest.approx(4)


def test_the_same_sound_is_listened_to_once(case: Case, files: list[Path], listened: list[float]) -> None:
    copy = files[0].with_name("copy.wav")
    copy.write_bytes(files[0].read_bytes())
    for _ in range(2):
        found = list(run(case, [files[0], copy, *files[1:]]))
        assert [f.transcript.duration for f in found if f.transcript] == [1, 1, 2, 3, 4]
    assert sorted(listened) == [1, 2, 3, 4]


def test_a_file_that_cannot_be_read_is_told_in_its_place(case: Case, files: list[Path], listened: list[float]) -> None:
    bad = files[0].with_name("bad.wav")
    bad.write_bytes(b"RIFF" + bytes(200))
    found = list(run(case, [files[0], bad, files[0].with_name("gone.wav"), files[1]]))
    assert [f.error is None for f in found] == [True, False, False, True]
    assert "bad.wav" in str(found[1].error) and "gone.wav" in str(found[2].error)


def test_listening_ends_when_nobody_waits(case: Case, files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    another = Event()

    def listen(sound: Audio, options: SpeechOptions, *, on_progress: Callable[[float], object]) -> TranscribedAudio:
        if sound.duration == 1:
            assert another.wait(PATIENCE_SECONDS)
            return heard(sound)
        another.set()
        try:
            until = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < until:
                time.sleep(0.005)
                on_progress(0.1)
        except transcription.TranscriptionCancelled:
            ended.append("stopped")
            raise
        ended.append("went on")
        return heard(sound)

    monkeypatch.setattr(transcription.analysis, "transcribe_audio", listen)
    waiting = run(case, files)
    assert next(waiting).transcript
    waiting.close()
    assert ended and set(ended) == {"stopped"}
