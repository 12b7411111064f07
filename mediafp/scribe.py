"""Files to transcripts, out of the store where it has them already; several are listened to side by side."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from mediafp import pipeline
from mediafp.errors import MediaError, NotMedia
from mediafp.evidence import SpeechHint, Transcript
from mediafp.ingest.probe import open_file
from mediafp.ingest.sidecars import open_sibling
from mediafp.ingest.walk import FoundFile, file_sha256
from mediafp.listening import TranscriptionPool
from mediafp.media import Audio
from mediafp.reading.speech import SpeechOptions
from mediafp.reading.tells import Misreading, find_hints
from mediafp.store import transcripts
from mediafp.store.records import SqliteStore
from mediafp.store.transcripts import TranscribedAudio
from mediafp.workers.supervisor import WorkerPool

ProgressCallback = Callable[[float], object]
MAX_PENDING_FILES = 64
"""Files that are begun at most: those done and known wait for the one before them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTranscription:
    """What is said in one file; `transcript` is None where it holds no sound or `error` says why it could not be read.

    `seconds` is wall time, shared with the files that were worked on meanwhile: the times of all add up to the run's.
    """

    path: Path
    sha256: str | None
    error: str | None
    transcript: Transcript | None
    seconds: float
    warnings: tuple[str, ...] = ()
    hints: tuple[SpeechHint, ...] = ()
    is_media: bool = True
    named_explicitly: bool = True
    """Whether the file was named itself, and not found in a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingTranscription:
    """A file underway: known already, failed, or being listened to."""

    found: FoundFile
    number: int
    told: ProgressCallback
    sha256: str | None = None
    error: MediaError | None = None
    known: Transcript | None = None
    listening: Future[TranscribedAudio] | None = None
    warnings: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether it is still being listened to."""
        return self.listening is not None and not self.listening.done()


class _Progress:
    """Adds up the shares of the files underway."""

    def __init__(self, on_progress: ProgressCallback) -> None:
        self._on_progress, self._done, self._lock = on_progress, 0.0, Lock()

    def file(self) -> ProgressCallback:
        """To be told the share of one file that is done, from any thread."""
        last = 0.0

        def told(share: float) -> None:
            nonlocal last
            with self._lock:
                self._done += share - last
                last = share
                self._on_progress(self._done)

        return told


class WorkTimer:
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


class TranscriptionRun:
    """One call: files are begun and finished in order by the caller's thread, which alone uses the store."""

    def __init__(
        self,
        store: SqliteStore,
        workers: WorkerPool,
        speech: SpeechOptions,
        tells: Sequence[Misreading],
        on_progress: ProgressCallback,
    ) -> None:
        self._store, self._workers, self._tells = store, workers, tells
        self.listener = TranscriptionPool(speech)
        self._progress, self._clock = _Progress(on_progress), WorkTimer()

    def begin(self, number: int, found: FoundFile) -> PendingTranscription:
        """Reads a file, and has it listened to unless its sound is known."""
        told = self._progress.file()
        with self._clock.on(number):
            try:
                with open_file(found.path, found.root) as file:
                    sha256 = file_sha256(file)
                    if transcripts.is_transcribed(self._store, sha256, self.listener.version):
                        known = transcripts.find_audio_id(self._store, sha256)
                        said = transcripts.load_transcript(self._store, known, self.listener.version) if known else None
                        return PendingTranscription(found=found, number=number, told=told, sha256=sha256, known=said)
                    audio, warnings = self._workers.read_audio(file)
            except MediaError as error:
                return PendingTranscription(found=found, number=number, told=told, error=error)
            said = transcripts.load_transcript(self._store, audio.sha256, self.listener.version) if audio else None
            if audio is None or said:
                # There is nothing to hear, or another file with the same sound was listened to.
                with self._store.writing():
                    transcripts.save_audio_id(self._store, sha256, audio.sha256 if audio else "")
            return PendingTranscription(
                found=found,
                number=number,
                told=told,
                sha256=sha256,
                known=said,
                listening=self._listening(number, audio, told) if audio and not said else None,
                warnings=tuple(warnings),
            )

    def _listening(self, number: int, audio: Audio, told: ProgressCallback) -> Future[TranscribedAudio]:
        def listen(work: Callable[[], TranscribedAudio]) -> TranscribedAudio:
            with self._clock.on(number):
                return work()

        return self.listener.submit(audio, listen, told)

    def finish(self, file: PendingTranscription) -> FileTranscription:
        """Waits for a file's words and keeps them."""
        said = file.known
        if file.listening:
            spoken = file.listening.result()
            said = spoken.transcript
            assert file.sha256, "what is listened to was read"
            with self._store.writing():
                transcripts.save_transcription(self._store, file.sha256, spoken)
            self.listener.forget(spoken.audio_sha256)
        file.told(1.0)
        captions = _captions(self._store, file.found, file.sha256) if said and file.sha256 else ()
        return FileTranscription(
            path=file.found.path,
            named_explicitly=file.found.root is None,
            sha256=file.sha256,
            error=str(file.error) if file.error else None,
            transcript=said,
            seconds=round(self._clock.taken(file.number), 3),
            warnings=file.warnings,
            hints=tuple(find_hints(said, self._tells, captions)) if said else (),
            is_media=not isinstance(file.error, NotMedia),
        )


def run_transcription(
    store: SqliteStore,
    workers: WorkerPool,
    files: Iterable[FoundFile],
    speech: SpeechOptions,
    tells: Sequence[Misreading],
    *,
    on_progress: ProgressCallback = lambda files: None,
) -> Iterator[FileTranscription]:
    """What is said in each file, in order, kept in the store: the same sound is not listened to again.

    `step` is told how many files are done, those underway in part. Raises ModelError.
    """
    run = TranscriptionRun(store, workers, speech, tells, on_progress)
    todo, underway = enumerate(files), deque[PendingTranscription]()
    try:
        while True:
            # One is read while the others are listened to.
            while len(underway) < MAX_PENDING_FILES and sum(file.waits for file in underway) <= run.listener.workers:
                if not (following := next(todo, None)):
                    break
                underway.append(run.begin(*following))
            if not underway:
                return
            yield run.finish(underway.popleft())
    finally:
        run.listener.shutdown()


def _captions(store: SqliteStore, found: FoundFile, sha256: str) -> Sequence[str]:
    """What was written beside the file wherever it was seen, else beside it now."""
    kept = store.captions(sha256)
    if kept:
        return kept
    path = found.path
    return pipeline.build_sighting(str(path), path.name, sha256, open_sibling(path, found.root))[0].captions
