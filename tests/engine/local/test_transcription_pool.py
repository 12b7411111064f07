"""Threads that transcribe audio, with a fake transcription."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

import numpy as np
import pytest
from transcripts import silent_transcript, transcribed_audio

from mediafp.engine.interface import TranscriptionCancelled
from mediafp.engine.local import transcription
from mediafp.engine.local.transcription import MAX_CONCURRENT_TRACKS, TranscriptionPool
from mediafp.types.media import Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import TranscribedAudio


def audio(value: int) -> Audio:
    return Audio(samples=np.full(160, value, np.int16), start=0.0)


@pytest.fixture
def queue() -> Iterator[TranscriptionPool]:
    created = TranscriptionPool(SpeechOptions(threads=2))
    yield created
    created.shutdown()


def fake(audio: Audio, speech: SpeechOptions, *, on_progress: Callable[[float], object]) -> TranscribedAudio:
    on_progress(0.5)
    on_progress(1.0)
    return transcribed_audio(audio.sha256, silent_transcript())


def test_submit_returns_the_transcript_and_reports_progress(
    queue: TranscriptionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcription, "transcribe_audio", fake)
    events: list[object] = []

    @contextmanager
    def record() -> Iterator[None]:
        events.append(("enter", threading.current_thread() is threading.main_thread()))
        yield
        events.append("exit")

    future = queue.submit(audio(1), during=record(), on_progress=events.append)
    assert future.result(60).audio_sha256 == audio(1).sha256
    assert events == [("enter", False), 0.5, 1.0, "exit"]
    assert 1 <= queue.concurrency <= MAX_CONCURRENT_TRACKS


def test_submit_transcribes_equal_samples_once_until_forget(
    queue: TranscriptionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def count(audio: Audio, speech: SpeechOptions, *, on_progress: object) -> TranscribedAudio:
        calls.append(audio.sha256)
        return transcribed_audio(audio.sha256, silent_transcript())

    monkeypatch.setattr(transcription, "transcribe_audio", count)
    first = queue.submit(audio(1))
    assert queue.submit(audio(1)) is first and queue.submit(audio(2)) is not first
    queue.submit(audio(2)).result(60)
    assert sorted(calls) == sorted([audio(1).sha256, audio(2).sha256])
    queue.forget(audio(1).sha256)
    assert queue.submit(audio(1)) is not first
    queue.submit(audio(1)).result(60)
    assert len(calls) == 3


def test_shutdown_cancels_running_and_waiting_transcriptions(
    queue: TranscriptionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = threading.Event()

    def endless(audio: Audio, speech: SpeechOptions, *, on_progress: Callable[[float], object]) -> TranscribedAudio:
        while True:
            running.set()
            on_progress(0.0)

    monkeypatch.setattr(transcription, "transcribe_audio", endless)
    futures = [queue.submit(audio(value)) for value in range(MAX_CONCURRENT_TRACKS + 2)]
    assert running.wait(60)
    queue.shutdown()
    assert all(future.done() for future in futures)
    kinds = [CancelledError if future.cancelled() else type(future.exception()) for future in futures]
    assert set(kinds) == {CancelledError, TranscriptionCancelled} and kinds[0] is TranscriptionCancelled
