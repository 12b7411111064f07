"""Files listened to side by side: in order, each once, ended when nobody waits any more. The listener is a stand-in."""

import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Event

import numpy as np
import pytest
from processes import PATIENCE_SECONDS

from mediafp import listening, scribe
from mediafp.case import Case
from mediafp.evidence import Transcript
from mediafp.fingerprints.words import words_fingerprint
from mediafp.ingest.walk import Found
from mediafp.media import SOUND_RATE, Sound
from mediafp.reading.speech import SpeechOptions, transcriber
from mediafp.store.transcripts import Spoken

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
            out.setframerate(SOUND_RATE)
            out.writeframes(np.full(seconds * SOUND_RATE, seconds, "<i2").tobytes())
    return made


def heard(sound: Sound) -> Spoken:
    said = Transcript(
        model="m",
        version=transcriber(OPTIONS).version,
        duration=sound.seconds,
        speech_seconds=0,
        untranscribed_seconds=0,
        utterances=(),
    )
    return Spoken(sound=sound.sha256, transcript=said, words=words_fingerprint(sound.sha256, said))


@pytest.fixture
def listened(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of the sounds that were listened to; the first are the slowest."""
    sounds: list[float] = []
    two = Barrier(2)

    def listen(sound: Sound, options: SpeechOptions, *, step: Callable[[float], object]) -> Spoken:
        sounds.append(sound.seconds)
        if sound.seconds <= 2:
            # Not passed unless another file is listened to meanwhile.
            two.wait(timeout=PATIENCE_SECONDS)
        for share in (0.25, 0.5, 1.0):
            time.sleep(0.2 / sound.seconds)
            step(share)
        return heard(sound)

    monkeypatch.setattr(listening.pipeline, "listen", listen)
    return sounds


def run(case: Case, paths: list[Path], steps: list[float] | None = None) -> Iterator[scribe.Transcription]:
    files = (Found(path=path) for path in paths)
    return scribe.transcribe(
        case.store, case._workers, files, OPTIONS, (), step=(steps if steps is not None else []).append
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

    def listen(sound: Sound, options: SpeechOptions, *, step: Callable[[float], object]) -> Spoken:
        if sound.seconds == 1:
            assert another.wait(PATIENCE_SECONDS)
            return heard(sound)
        another.set()
        try:
            until = time.monotonic() + PATIENCE_SECONDS
            while time.monotonic() < until:
                time.sleep(0.005)
                step(0.1)
        except listening.Stopped:
            ended.append("stopped")
            raise
        ended.append("went on")
        return heard(sound)

    monkeypatch.setattr(listening.pipeline, "listen", listen)
    waiting = run(case, files)
    assert next(waiting).transcript
    waiting.close()
    assert ended and set(ended) == {"stopped"}
