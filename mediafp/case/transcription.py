"""Files to transcripts, out of the store where it has them already; several are listened to side by side."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from mediafp.case.ingestion import commit
from mediafp.case.progress import ProgressCallback, WorkTimer, _Progress
from mediafp.engine.local.pool import WorkerPool
from mediafp.engine.local.transcription import TranscriptionPool
from mediafp.ingest.files import file_sha256, open_file, open_sibling
from mediafp.ingest.walk import FoundFile
from mediafp.store import Store
from mediafp.text.speech.misreadings import Misreading, find_hints
from mediafp.types.errors import MediaError, NotMedia
from mediafp.types.media import Audio
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import FileTranscription, TranscribedAudio, Transcript

MAX_PENDING_FILES = 64
"""Files that are begun at most: those done and known wait for the one before them."""


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


class TranscriptionRun:
    """One call: files are begun and finished in order by the caller's thread, which alone uses the store."""

    def __init__(
        self,
        store: Store,
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
                    if self._store.is_transcribed(sha256, self.listener.version):
                        known = self._store.find_audio_id(sha256)
                        said = self._store.load_transcript(known, self.listener.version) if known else None
                        return PendingTranscription(found=found, number=number, told=told, sha256=sha256, known=said)
                    audio, warnings = self._workers.read_audio(file)
            except MediaError as error:
                return PendingTranscription(found=found, number=number, told=told, error=error)
            said = self._store.load_transcript(audio.sha256, self.listener.version) if audio else None
            if audio is None or said:
                # There is nothing to hear, or another file with the same sound was listened to.
                with self._store.writing():
                    self._store.save_audio_id(sha256, audio.sha256 if audio else "")
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
                self._store.save_transcription(file.sha256, spoken)
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
    store: Store,
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


def _captions(store: Store, found: FoundFile, sha256: str) -> Sequence[str]:
    """What was written beside the file wherever it was seen, else beside it now."""
    kept = store.captions(sha256)
    if kept:
        return kept
    path = found.path
    return commit.build_sighting(str(path), path.name, sha256, open_sibling(path, found.root))[0].captions
