"""Files to transcripts, out of the store where it has them already; several are listened to side by side."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from mediafp import pipeline
from mediafp.errors import MediaError, NoMedia
from mediafp.evidence import Hint, Transcript
from mediafp.ingest.sound import read_sound
from mediafp.ingest.walk import sha256_of
from mediafp.media import Sound
from mediafp.reading.speech import SpeechOptions, transcriber
from mediafp.reading.tells import Tell, hints
from mediafp.store import transcripts
from mediafp.store.records import Store
from mediafp.store.transcripts import Spoken

Step = Callable[[float], object]
FILES = 4
"""Files that are listened to at a time at most, whatever the cores: an hour of sound is 115 MB."""
AHEAD = 64
"""Files that are begun at most: those done and known wait for the one before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """What is said in one file; `transcript` is None where it holds no sound or `error` says why it could not be read.

    `seconds` is wall time, shared with the files that were worked on meanwhile: the times of all add up to the run's.
    """

    path: Path
    sha256: str | None
    error: str | None
    transcript: Transcript | None
    seconds: float
    warnings: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    is_media: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file underway: known already, failed, or being listened to."""

    path: Path
    number: int
    told: Step
    sha256: str | None = None
    error: MediaError | None = None
    known: Transcript | None = None
    listening: Future[Spoken] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether it is still being listened to."""
        return self.listening is not None and not self.listening.done()


class _Stopped(Exception):
    """Nobody waits for the transcript any more."""


class _Progress:
    """Adds up the shares of the files underway, and ends listening where the run was ended."""

    def __init__(self, step: Step) -> None:
        self._step, self._done, self._lock, self._stopped = step, 0.0, Lock(), Event()

    def stop(self) -> None:
        """What is underway ends at its next step."""
        self._stopped.set()

    def file(self) -> Step:
        """To be told the share of one file that is done, from any thread."""
        last = 0.0

        def told(share: float) -> None:
            nonlocal last
            if self._stopped.is_set():
                raise _Stopped
            with self._lock:
                self._done += share - last
                last = share
                self._step(self._done)

        return told


class _Clock:
    """Wall time, shared among the files that are worked on side by side; a file is known by its number."""

    def __init__(self) -> None:
        self._lock, self._since = Lock(), time.monotonic()
        self._spent: defaultdict[int, float] = defaultdict(float)
        self._working: list[int] = []

    @contextmanager
    def on(self, file: int) -> Iterator[None]:
        """While a file is worked on, in any thread."""
        with self._lock:
            self._settle()
            self._working.append(file)
        try:
            yield
        finally:
            with self._lock:
                self._settle()
                self._working.remove(file)

    def taken(self, file: int) -> float:
        """Seconds that a file took; to be asked once."""
        with self._lock:
            return self._spent.pop(file, 0.0)

    def _settle(self) -> None:
        now = time.monotonic()
        for file in self._working:
            self._spent[file] += (now - self._since) / len(self._working)
        self._since = now


class _Run:
    """One call: files are begun and finished in order by the caller's thread, which alone uses the store."""

    def __init__(self, store: Store, speech: SpeechOptions, tells: Sequence[Tell], step: Step) -> None:
        reader = transcriber(speech)
        self.workers = min(FILES, reader.workers)
        self._store, self._speech, self._tells, self._version = store, speech, tells, reader.version
        self._progress, self._clock = _Progress(step), _Clock()
        self._pool = ThreadPoolExecutor(self.workers)
        self._sounds: dict[str, Future[Spoken]] = {}
        """What is listened to, by the sound's SHA-256: a dump holds copies side by side."""

    def begin(self, number: int, path: Path) -> _File:
        """Reads a file, and has it listened to unless its sound is known."""
        told = self._progress.file()
        with self._clock.on(number):
            try:
                sha256, _ = sha256_of(path)
                if transcripts.transcribed(self._store, sha256, self._version):
                    known = transcripts.sound_of(self._store, sha256)
                    said = transcripts.transcript(self._store, known, self._version) if known else None
                    return _File(path=path, number=number, told=told, sha256=sha256, known=said)
                sound, warnings = read_sound(path)
            except MediaError as error:
                return _File(path=path, number=number, told=told, error=error)
            said = transcripts.transcript(self._store, sound.sha256, self._version) if sound else None
            if sound is None or said:
                # There is nothing to hear, or another file with the same sound was listened to.
                with self._store.writing():
                    transcripts.hear(self._store, sha256, sound.sha256 if sound else "")
            return _File(
                path=path,
                number=number,
                told=told,
                sha256=sha256,
                known=said,
                listening=self._listening(number, sound, told) if sound and not said else None,
                warnings=tuple(warnings),
            )

    def _listening(self, number: int, sound: Sound, told: Step) -> Future[Spoken]:
        def listen() -> Spoken:
            with self._clock.on(number):
                return pipeline.listen(sound, self._speech, step=told)

        if sound.sha256 not in self._sounds:
            self._sounds[sound.sha256] = self._pool.submit(listen)
        return self._sounds[sound.sha256]

    def finish(self, file: _File) -> Transcription:
        """Waits for a file's words and keeps them."""
        said = file.known
        if file.listening:
            spoken = file.listening.result()
            said = spoken.transcript
            assert file.sha256, "what is listened to was read"
            with self._store.writing():
                transcripts.keep(self._store, file.sha256, spoken)
            self._sounds.pop(spoken.sound, None)
        file.told(1.0)
        captions = _captions(self._store, file.path, file.sha256) if said and file.sha256 else ()
        return Transcription(
            path=file.path,
            sha256=file.sha256,
            error=str(file.error) if file.error else None,
            transcript=said,
            seconds=round(self._clock.taken(file.number), 3),
            warnings=file.warnings,
            hints=tuple(hints(said, self._tells, captions)) if said else (),
            is_media=not isinstance(file.error, NoMedia),
        )

    def stop(self) -> None:
        """Nobody waits any more: what is underway ends at its next step."""
        self._progress.stop()
        self._pool.shutdown(cancel_futures=True)


def transcribe(
    store: Store,
    paths: Iterable[Path],
    speech: SpeechOptions,
    tells: Sequence[Tell],
    *,
    step: Step = lambda files: None,
) -> Iterator[Transcription]:
    """What is said in each file, in order, kept in the store: the same sound is not listened to again.

    `step` is told how many files are done, those underway in part. Raises ModelError.
    """
    run = _Run(store, speech, tells, step)
    todo, underway = enumerate(paths), deque[_File]()
    try:
        while True:
            # One is read while the others are listened to.
            while len(underway) < AHEAD and sum(file.waits for file in underway) <= run.workers:
                if not (following := next(todo, None)):
                    break
                underway.append(run.begin(*following))
            if not underway:
                return
            yield run.finish(underway.popleft())
    finally:
        run.stop()


def _captions(store: Store, path: Path, sha256: str) -> Sequence[str]:
    """What was written beside the file wherever it was seen, else beside it now."""
    return store.captions(sha256) or pipeline.see(path, sha256)[0].captions
