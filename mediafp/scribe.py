"""Files to transcripts, out of the store where it has them already; several are listened to side by side."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

from mediafp import pipeline
from mediafp.errors import MediaError, NoMedia
from mediafp.evidence import Hint, Transcript
from mediafp.ingest.sound import read_sound
from mediafp.ingest.walk import sha256_of
from mediafp.reading.speech import SpeechOptions, transcriber
from mediafp.reading.tells import Tell, hints
from mediafp.store import transcripts
from mediafp.store.records import Store
from mediafp.store.transcripts import Spoken

Step = Callable[[float], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcription:
    """What is said in one file; `transcript` is None where it holds no sound or `error` says why it could not be read.

    `seconds` is wall time since the file before it was done: the times of all files add up to that of the run.
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
    told: Step
    sha256: str | None = None
    error: MediaError | None = None
    known: Transcript | None = None
    listening: Future[Spoken] | None = None
    warnings: tuple[str, ...] = ()


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
    reader = transcriber(speech)
    progress = _Progress(step)
    todo, underway = iter(paths), deque[_File]()
    pool = ThreadPoolExecutor(reader.workers)
    since = time.monotonic()
    try:
        more = True
        while more or underway:
            # One is read while the others are listened to.
            while more and len(underway) <= reader.workers:
                if path := next(todo, None):
                    underway.append(_begun(store, path, speech, progress.file(), pool))
                more = path is not None
            if underway:
                done = _done(store, underway.popleft(), tells, since)
                since = time.monotonic()
                yield done
    finally:
        progress.stop()
        pool.shutdown(cancel_futures=True)


def _begun(store: Store, path: Path, speech: SpeechOptions, told: Step, pool: ThreadPoolExecutor) -> _File:
    version = transcriber(speech).version
    try:
        sha256, _ = sha256_of(path)
        known = transcripts.sound_of(store, sha256)
        if known is not None and transcripts.transcribed(store, sha256, version):
            found = transcripts.transcript(store, known, version) if known else None
            return _File(path=path, told=told, sha256=sha256, known=found)
        sound, warnings = read_sound(path)
    except MediaError as error:
        return _File(path=path, told=told, error=error)
    if sound and (found := transcripts.transcript(store, sound.sha256, version)):
        # Another file with the same sound was listened to.
        with store.writing():
            transcripts.hear(store, sha256, sound.sha256)
        return _File(path=path, told=told, sha256=sha256, known=found, warnings=tuple(warnings))
    listening = pool.submit(pipeline.listen, sound, speech, step=told)
    return _File(path=path, told=told, sha256=sha256, listening=listening, warnings=tuple(warnings))


def _done(store: Store, file: _File, tells: Sequence[Tell], since: float) -> Transcription:
    said = file.known
    if file.listening:
        spoken = file.listening.result()
        said = spoken.transcript
        assert file.sha256, "what is listened to was read"
        with store.writing():
            transcripts.keep(store, file.sha256, spoken)
    file.told(1.0)
    captions = _captions(store, file.path, file.sha256) if said and file.sha256 else ()
    return Transcription(
        path=file.path,
        sha256=file.sha256,
        error=str(file.error) if file.error else None,
        transcript=said,
        seconds=round(time.monotonic() - since, 3),
        warnings=file.warnings,
        hints=tuple(hints(said, tells, captions)) if said else (),
        is_media=not isinstance(file.error, NoMedia),
    )


def _captions(store: Store, path: Path, sha256: str) -> Sequence[str]:
    """What was written beside the file wherever it was seen, else beside it now."""
    kept = [text for sighting in store.sightings(sha256) for text in sighting.captions]
    return kept or pipeline.see(path, sha256)[0].captions
