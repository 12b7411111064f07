"""The work on one file of an ingest that threads do while the caller's thread uses the store."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event

from mediafp.case.ingestion.pending import PendingFile
from mediafp.engine.interface import AnalysisRequest, Engine
from mediafp.ingest.files import OpenFile, file_sha256
from mediafp.ingest.sniff import detect_kind
from mediafp.ingest.stable_content import stable_content
from mediafp.sightings.name_clues import name_clues
from mediafp.sightings.received_names import received_name_clue
from mediafp.sightings.sidecars import NO_SIDECARS, SidecarContents, SidecarReader
from mediafp.types.errors import MediaError
from mediafp.types.file_sounds import TranscribedFile


class FileTasks:
    """Tasks that set the results of a pending file. They raise MediaError, and use no store."""

    def __init__(self, engine: Engine, request: AnalysisRequest, sidecars: SidecarReader | None) -> None:
        """Take an engine and what it computes.

        Args:
            engine: The engine.
            request: What to compute from each file.
            sidecars: Reader of sidecars; None to leave them unread.
        """
        self._engine, self._request, self._sidecars = engine, request, sidecars
        self._cancelled = Event()

    def cancel(self) -> None:
        """End the tasks that read a file, at their next block; they raise CancelledError."""
        self._cancelled.set()

    def identify(self, file: PendingFile) -> None:
        """Open a file, and compute its kind and SHA-256; the kind remains None if it is not media."""
        opened = file.item.open()
        file.opened = opened
        file.kind = detect_kind(opened)
        if file.kind:
            file.sha256 = file_sha256(opened, self._cancelled)
            self.read_sidecars(file)

    def read_sidecars(self, file: PendingFile) -> None:
        """Read what the archive, the name and the sidecars of a media file state."""
        item, stated = file.item, NO_SIDECARS
        if self._sidecars:
            stated = self._sidecars.read(item.path.name, item.folders())
        file.clues = name_clues(stated.received_name or item.path.name)
        if stated.received_name:
            file.clues += (received_name_clue(stated.received_name),)
        file.sidecars = SidecarContents(
            sightings=(*item.sightings, *stated.sightings), warnings=(*item.warnings, *stated.warnings)
        )

    def analyse(self, file: PendingFile) -> None:
        """Compute all fingerprints, and the text and the audio if they are requested."""
        assert file.kind, "a file of another kind is not analysed"
        with stable_content(file.open_file(), file.sha256, self._cancelled) as content:
            analysis = self._engine.analyse(content, file.sha256, file.kind, self._request)
        file.analysis, file.audio = replace(analysis, audio=()), analysis.audio

    def run_ocr(self, file: PendingFile) -> None:
        """Run OCR on an image whose fingerprints are stored.

        If it fails, the outcome is `known` with a warning, and each later run tries again.
        """
        if read := self._read_part(file, "OCR", self._engine.run_ocr):
            (file.text,) = read

    def read_video_text(self, file: PendingFile) -> None:
        """Read the text on screen of a video whose fingerprints are stored.

        If it fails, the outcome is `known` with a warning, and each later run tries again.
        """
        if read := self._read_part(file, "the text on screen", self._engine.read_video_text):
            (file.video_text,) = read

    def decode_audio(self, file: PendingFile) -> None:
        """Decode the audio of a video whose fingerprints are stored.

        If it fails, the outcome is `known` with a warning, and each later run tries again.
        """
        if read := self._read_part(file, "transcription", self._engine.read_audio):
            file.audio = tuple(read[0])
            file.transcribed = TranscribedFile()

    def _read_part[T](
        self, file: PendingFile, name: str, read: Callable[[OpenFile], tuple[T, Sequence[str]]]
    ) -> tuple[T] | None:
        """Return a part of a file whose fingerprints are stored, and add the warnings of reading it to the file.

        None, with a warning, if it cannot be read: the stored fingerprints remain valid.
        """
        try:
            with stable_content(file.open_file(), file.sha256, self._cancelled) as content:
                part, warnings = read(content)
        except MediaError as error:
            file.warnings += (f"skipped {name}: {error}",)
            return None
        file.warnings += tuple(warnings)
        return (part,)
