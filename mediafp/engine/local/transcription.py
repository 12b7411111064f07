"""Transcription in threads of this process: audio is samples, which no parser reads."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from threading import Event, Lock

from mediafp.engine.blas import single_threaded_blas
from mediafp.engine.interface import TranscriptionCancelled
from mediafp.fingerprints.transcript import fingerprint_transcript
from mediafp.text.speech.transcribers import get_transcriber
from mediafp.types.media import Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import TranscribedAudio

_logger = logging.getLogger(__name__)

MAX_CONCURRENT_TRACKS = 4
"""Audio tracks that are transcribed at once at most, whatever the number of cores. Chosen, not measured."""


class TranscriptionPool:
    """Threads that transcribe the audio tracks of one run. Implements `TranscriptionQueue`."""

    def __init__(self, speech: SpeechOptions, concurrency: int | None = None) -> None:
        """Create a pool without threads. Raises ModelError if the model is missing.

        Args:
            speech: Options of the transcription.
            concurrency: Audio tracks that are transcribed at once; None for as many as this machine can.
        """
        transcriber = get_transcriber(speech)
        self.version = transcriber.version
        self.concurrency = concurrency or min(MAX_CONCURRENT_TRACKS, transcriber.concurrency)
        _logger.info("audio is transcribed by %r, %d tracks at once", speech.model, self.concurrency)
        self._speech = speech
        self._threads = ThreadPoolExecutor(self.concurrency, "mediafp-transcription")
        self._futures: dict[str, Future[TranscribedAudio]] = {}
        """By the SHA-256 of the samples: a folder often holds the same audio several times."""
        self._lock = Lock()
        """Held while `_futures` is used: several threads may submit and forget."""
        self._cancelled = Event()

    def submit(
        self,
        audio: Audio,
        *,
        during: AbstractContextManager[object] | None = None,
        on_progress: Callable[[float], object] = lambda share: None,
    ) -> Future[TranscribedAudio]:
        """Return the future transcript of an audio track; the same future for equal samples until `forget`."""

        def transcribe() -> TranscribedAudio:
            with during or nullcontext():
                return self.transcribe(audio, report)

        def report(share: float) -> None:
            if self._cancelled.is_set():
                raise TranscriptionCancelled
            on_progress(share)

        sha256 = audio.sha256
        with self._lock:
            if sha256 not in self._futures:
                self._futures[sha256] = self._threads.submit(transcribe)
            return self._futures[sha256]

    def transcribe(self, audio: Audio, on_progress: Callable[[float], object]) -> TranscribedAudio:
        """Return the transcript of an audio track; an exception of `on_progress` ends the transcription."""
        # The last digits of the features, and with them some words, depend on the threads of BLAS.
        with single_threaded_blas().limit():
            return transcribe_audio(audio, self._speech, on_progress=on_progress)

    def forget(self, audio_sha256: str) -> None:
        """Drop the future of an audio track whose transcript the caller has stored."""
        with self._lock:
            self._futures.pop(audio_sha256, None)

    def shutdown(self) -> None:
        """Cancel all transcriptions, and return once those in progress reached their next progress report."""
        self._cancelled.set()
        self._threads.shutdown(cancel_futures=True)


def transcribe_audio(
    audio: Audio, speech: SpeechOptions, *, on_progress: Callable[[float], object] = lambda share: None
) -> TranscribedAudio:
    """Return the transcript of a sound; `on_progress` is called with the share that is done, 0..1.

    Raises:
        ModelError: The speech model is missing or changed.
    """
    transcriber, sha256 = get_transcriber(speech), audio.sha256
    transcript = transcriber.transcribe(audio, on_progress=on_progress)
    return TranscribedAudio(
        audio_sha256=sha256,
        transcript=transcript,
        fingerprint=fingerprint_transcript(sha256, transcript),
        model_rank=transcriber.rank(transcript),
    )
