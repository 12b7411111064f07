"""Transcripts of files, from the store if it has them; several files are transcribed at once."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from mediafp.case.ingestion.commit import build_sightings
from mediafp.case.joined_sounds import join_sounds
from mediafp.case.progress import ProgressCallback, ProgressSum, WorkTimer, split_share
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
from mediafp.types.file_sounds import (
    FileSound,
    TrackChoice,
    TranscribedFile,
    choose_sounds,
    to_file_sound,
    warn_of_unchosen,
)
from mediafp.types.runs import SpeechOptions
from mediafp.types.transcripts import FileTranscription, SpeechHint, TranscribedAudio, Transcript

MAX_PENDING_FILES = 64
"""Largest number of files in progress; results are returned in order. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingTranscription:
    """A file whose transcripts are known, are being computed, or failed."""

    found_file: FoundFile
    number: int
    report_share: ProgressCallback
    sha256: str | None = None
    error: MediaError | None = None
    sounds: tuple[FileSound, ...] = ()
    """All sounds of the file."""
    known: Mapping[str, Transcript] = field(default_factory=dict)
    """Transcripts from the store, by the SHA-256 of the sound."""
    futures: Mapping[str, Future[TranscribedAudio]] = field(default_factory=dict)
    """Transcripts that are being computed."""
    warnings: tuple[str, ...] = ()

    @property
    def is_waiting(self) -> bool:
        """True while a transcript is being computed."""
        return not all(future.done() for future in self.futures.values())


class TranscriptionRun:
    """One run over files. The caller's thread begins and finishes them in order, and alone uses the store."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        speech: SpeechOptions,
        tracks: TrackChoice,
        misreadings: Sequence[Misreading],
        on_progress: ProgressCallback,
    ) -> None:
        self._store, self._engine, self._tracks, self._misreadings = store, engine, tracks, misreadings
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
        """Wait for the transcripts of a file, store them, and return the result."""
        known = dict(file.known)
        if file.futures:
            assert file.sha256, "a file whose audio was submitted has been hashed"
            made = tuple(future.result() for future in file.futures.values())
            with self._store.writing():
                self._store.save_transcription(file.sha256, TranscribedFile(sounds=file.sounds, made=made))
            for one in made:
                known[one.audio_sha256] = one.transcript
                self.queue.forget(one.audio_sha256)
        file.report_share(1.0)
        chosen = choose_sounds(file.sounds, self._tracks)
        transcript = join_sounds([(sound, known[sound.audio_sha256]) for sound in chosen]) if chosen else None
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
            warnings=(*file.warnings, *warn_of_unchosen(file.sounds, self._tracks)),
            hints=hints,
            is_media=not isinstance(file.error, NotMedia),
            has_audio=bool(file.sounds) or file.error is not None,
        )

    def _begin_open_file(self, pending: PendingTranscription, file: OpenFile) -> PendingTranscription:
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
        stored = self._store.sounds(sha256)
        if stored is not None:
            known = self._load_known(stored)
            # A damaged transcript counts as missing, and is made anew.
            if all(sound.audio_sha256 in known for sound in choose_sounds(stored, self._tracks)):
                return replace(pending, sha256=sha256, sounds=stored, known=known)
        with stable_content(file, sha256) as content:
            audio, warnings = self._engine.read_audio(content)
        sounds = tuple(map(to_file_sound, audio))
        known = self._load_known(sounds)
        wanted = {
            sound.audio_sha256: one
            for sound, one in zip(sounds, audio, strict=True)
            if sound in choose_sounds(sounds, self._tracks) and sound.audio_sha256 not in known
        }
        if not wanted:
            # The file contains no audio, or other files with the same audio have been transcribed.
            with self._store.writing():
                self._store.save_sounds(sha256, sounds)
        reports = split_share(pending.report_share, [one.duration for one in wanted.values()])
        futures = {
            audio_sha256: self.queue.submit(one, during=self._timer.measure(pending.number), on_progress=report)
            for (audio_sha256, one), report in zip(wanted.items(), reports, strict=True)
        }
        return replace(pending, sha256=sha256, sounds=sounds, known=known, futures=futures, warnings=tuple(warnings))

    def _load_known(self, sounds: Sequence[FileSound]) -> dict[str, Transcript]:
        """Return the stored transcripts of the chosen ones among some sounds by the version of the run."""
        version = self.queue.version
        loaded = {
            sound.audio_sha256: self._store.load_transcript(sound.audio_sha256, version)
            for sound in choose_sounds(sounds, self._tracks)
        }
        return {audio_sha256: transcript for audio_sha256, transcript in loaded.items() if transcript}

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
    tracks: TrackChoice = "all",
    on_progress: ProgressCallback = lambda files: None,
) -> Iterator[FileTranscription]:
    """Yield the transcript of each file, in order, after storing it. Equal audio is transcribed once.

    Args:
        store: The store.
        engine: The engine.
        files: The files.
        speech: Options of the transcription.
        misreadings: The misreadings to find in the transcripts.
        tracks: The audio tracks of each file to transcribe.
        on_progress: Called with the number of files done, including fractions of those in progress.

    Raises:
        ModelError: The speech model is missing; raised before the first file.
    """
    run = TranscriptionRun(store, engine, speech, tracks, misreadings, on_progress)
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
