"""Sounds to what is said in them, several side by side, in this process: a sound is samples, and no parser sees it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from mediafp.engine import analysis
from mediafp.text.speech.transcriber import get_transcriber
from mediafp.types.media import Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import TranscribedAudio

MAX_CONCURRENT_TRACKS = 4
"""Sounds that are listened to at a time at most, whatever the cores."""


class TranscriptionCancelled(Exception):
    """Nobody waits for the transcript any more."""


class TranscriptionPool:
    """Listens in threads of its own. Raises ModelError where the model is missing."""

    def __init__(self, speech: SpeechOptions) -> None:
        reader = get_transcriber(speech)
        self.version = reader.version
        self.workers = min(MAX_CONCURRENT_TRACKS, reader.concurrency)
        self._speech = speech
        self._pool = ThreadPoolExecutor(self.workers)
        self._audio_tracks: dict[str, Future[TranscribedAudio]] = {}
        """What is listened to, by the sound's SHA-256: a dump holds copies side by side."""
        self._stopped = Event()

    def submit(
        self,
        audio: Audio,
        work: Callable[[Callable[[], TranscribedAudio]], TranscribedAudio] = lambda listen: listen(),
        on_progress: Callable[[float], object] = lambda share: None,
    ) -> Future[TranscribedAudio]:
        """What will be said in the sound; the same future for the same sound until it is forgotten.

        `work` is called around the listening, in its thread; `step` is told the share that is done.
        """

        def told(share: float) -> None:
            if self._stopped.is_set():
                raise TranscriptionCancelled
            on_progress(share)

        if audio.sha256 not in self._audio_tracks:
            listening = self._pool.submit(
                work, lambda: analysis.transcribe_audio(audio, self._speech, on_progress=told)
            )
            self._audio_tracks[audio.sha256] = listening
        return self._audio_tracks[audio.sha256]

    def forget(self, audio: str) -> None:
        """Nothing; the sound was kept, and the store knows it from here on."""
        self._audio_tracks.pop(audio, None)

    def shutdown(self) -> None:
        """Nobody waits any more: what is underway ends at its next step."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)
