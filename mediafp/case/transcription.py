"""Transcripts of files, from the store if it has them; several files are transcribed at once."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from mediafp.case.ingestion.commit import build_sightings
from mediafp.case.progress import ProgressCallback, ProgressSum, WorkTimer
from mediafp.engine.interface import Engine
from mediafp.ingest.files import OpenFile, file_sha256
from mediafp.ingest.sidecar_folders import sidecar_folders
from mediafp.ingest.sniff import check_size, kind_from_signature
from mediafp.ingest.stable_content import stable_content
from mediafp.ingest.walk import FoundFile
from mediafp.sightings.sidecars import SidecarReader
from mediafp.store import Store
from mediafp.text.speech.misreadings import Misreading, find_hints
from mediafp.types.errors import MediaError, NotMedia
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import FileTranscription, SpeechHint, TranscribedAudio, Transcript

MAX_PENDING_FILES = 64
"""Largest number of files in progress; results are returned in order. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingTranscription:
    """A file whose transcript is known, is being computed, or failed."""

    found_file: FoundFile
    number: int
    report_share: ProgressCallback
    sha256: str | None = None
    error: MediaError | None = None
    transcript: Transcript | None = None
    """The transcript from the store."""
    future: Future[TranscribedAudio] | None = None
    """The transcript that is being computed."""
    warnings: tuple[str, ...] = ()

    @property
    def is_waiting(self) -> bool:
        """True while the transcript is being computed."""
        return self.future is not None and not self.future.done()


class TranscriptionRun:
    """One run over files. The caller's thread begins and finishes them in order, and alone uses the store."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        speech: SpeechOptions,
        misreadings: Sequence[Misreading],
        on_progress: ProgressCallback,
    ) -> None:
        self._store, self._engine, self._misreadings = store, engine, misreadings
        self.queue = engine.open_transcription(speech)
        self._sidecars = SidecarReader()
        self._progress, self._timer = ProgressSum(on_progress), WorkTimer()

    def begin(self, number: int, found_file: FoundFile) -> PendingTranscription:
        """Decode a file, and submit its audio unless the store has the transcript."""
        pending = PendingTranscription(found_file=found_file, number=number, report_share=self._progress.add_file())
        with self._timer.measure(number):
            try:
                with found_file.open() as file:
                    return self._begin_open_file(pending, file)
            except MediaError as error:
                return replace(pending, error=error)

    def finish(self, file: PendingTranscription) -> FileTranscription:
        """Wait for the transcript of a file, store it, and return the result."""
        transcript = file.transcript
        if file.future:
            transcribed = file.future.result()
            transcript = transcribed.transcript
            assert file.sha256, "a file whose audio was submitted has been hashed"
            with self._store.writing():
                self._store.save_transcription(file.sha256, transcribed)
            self.queue.forget(transcribed.audio_sha256)
        file.report_share(1.0)
        hints: tuple[SpeechHint, ...] = ()
        if transcript and file.sha256:
            hints = tuple(find_hints(transcript, self._misreadings, self._captions(file.found_file, file.sha256)))
        return FileTranscription(
            path=file.found_file.path,
            named_explicitly=file.found_file.root is None,
            sha256=file.sha256,
            error=str(file.error) if file.error else None,
            transcript=transcript,
            seconds=round(self._timer.take_seconds(file.number), 3),
            warnings=file.warnings,
            hints=hints,
            is_media=not isinstance(file.error, NotMedia),
        )

    def _begin_open_file(self, pending: PendingTranscription, file: OpenFile) -> PendingTranscription:
        version = self.queue.version
        head = file.read_head()
        kind = kind_from_signature(head)
        if head and kind is None:
            raise NotMedia(
                f"cannot decode {file.name!r}: its content is of no known image, video or audio format;"
                " name a media file"
            )
        if kind:
            check_size(file.name, file.bytes, kind)
        sha256 = file_sha256(file)
        if self._store.is_transcribed(sha256, version):
            audio_sha256 = self._store.find_audio_id(sha256)
            transcript = self._store.load_transcript(audio_sha256, version) if audio_sha256 else None
            # A damaged transcript counts as missing, and is made anew.
            if transcript or not audio_sha256:
                return replace(pending, sha256=sha256, transcript=transcript)
        with stable_content(file, sha256) as content:
            tracks, warnings = self._engine.read_audio(content)
        audio = next(iter(tracks), None)
        transcript = self._store.load_transcript(audio.sha256, version) if audio else None
        if audio is None or transcript:
            # The file contains no audio, or another file with the same audio has been transcribed.
            with self._store.writing():
                self._store.save_audio_id(sha256, audio.sha256 if audio else "")
        future = None
        if audio and not transcript:
            during = self._timer.measure(pending.number)
            future = self.queue.submit(audio, during=during, on_progress=pending.report_share)
        return replace(pending, sha256=sha256, transcript=transcript, future=future, warnings=tuple(warnings))

    def _captions(self, found_file: FoundFile, sha256: str) -> Sequence[str]:
        """Return the captions of all sightings of a file, or those of its sidecars if it is not in the store."""
        captions = self._store.captions(sha256)
        if captions:
            return captions
        sidecars = self._sidecars.read(found_file.path.name, sidecar_folders(found_file.path, found_file.root))
        stated = build_sightings(str(found_file.path), sha256, sidecars)
        return [caption for sighting in stated for caption in sighting.captions]


def run_transcription(
    store: Store,
    engine: Engine,
    files: Iterable[FoundFile],
    speech: SpeechOptions,
    misreadings: Sequence[Misreading],
    *,
    on_progress: ProgressCallback = lambda files: None,
) -> Iterator[FileTranscription]:
    """Yield the transcript of each file, in order, after storing it. Equal audio is transcribed once.

    Args:
        store: The store.
        engine: The engine.
        files: The files.
        speech: Options of the transcription.
        misreadings: The misreadings to find in the transcripts.
        on_progress: Called with the number of files done, including fractions of those in progress.

    Raises:
        ModelError: The speech model is missing; raised before the first file.
    """
    run = TranscriptionRun(store, engine, speech, misreadings, on_progress)
    remaining, pending = enumerate(files), deque[PendingTranscription]()
    try:
        while True:
            # One file is decoded while the others are transcribed.
            while (
                len(pending) < MAX_PENDING_FILES and sum(file.is_waiting for file in pending) <= run.queue.concurrency
            ):
                if not (next_file := next(remaining, None)):
                    break
                pending.append(run.begin(*next_file))
            if not pending:
                return
            yield run.finish(pending.popleft())
    finally:
        run.queue.shutdown()
