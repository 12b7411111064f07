"""Sounds to what is said in them, several side by side, in this process: a sound is samples, and no parser sees it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from mediafp import pipeline
from mediafp.media import Sound
from mediafp.reading.speech import SpeechOptions, transcriber
from mediafp.store.transcripts import Spoken

SOUNDS = 4
"""Sounds that are listened to at a time at most, whatever the cores."""


class Stopped(Exception):
    """Nobody waits for the transcript any more."""


class Listener:
    """Listens in threads of its own. Raises ModelError where the model is missing."""

    def __init__(self, speech: SpeechOptions) -> None:
        reader = transcriber(speech)
        self.version = reader.version
        self.workers = min(SOUNDS, reader.workers)
        self._speech = speech
        self._pool = ThreadPoolExecutor(self.workers)
        self._sounds: dict[str, Future[Spoken]] = {}
        """What is listened to, by the sound's SHA-256: a dump holds copies side by side."""
        self._stopped = Event()

    def listen(
        self,
        sound: Sound,
        work: Callable[[Callable[[], Spoken]], Spoken] = lambda listen: listen(),
        step: Callable[[float], object] = lambda share: None,
    ) -> Future[Spoken]:
        """What will be said in the sound; the same future for the same sound until it is forgotten.

        `work` is called around the listening, in its thread; `step` is told the share that is done.
        """

        def told(share: float) -> None:
            if self._stopped.is_set():
                raise Stopped
            step(share)

        if sound.sha256 not in self._sounds:
            listening = self._pool.submit(work, lambda: pipeline.listen(sound, self._speech, step=told))
            self._sounds[sound.sha256] = listening
        return self._sounds[sound.sha256]

    def forget(self, sound: str) -> None:
        """Nothing; the sound was kept, and the store knows it from here on."""
        self._sounds.pop(sound, None)

    def stop(self) -> None:
        """Nobody waits any more: what is underway ends at its next step."""
        self._stopped.set()
        self._pool.shutdown(cancel_futures=True)
