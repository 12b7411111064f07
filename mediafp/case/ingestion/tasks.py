"""The work on one file of an ingest that threads do while the caller's thread uses the store."""

from dataclasses import replace
from threading import Event

from mediafp.case.ingestion.pending import PendingFile
from mediafp.engine.interface import AnalysisRequest, Engine
from mediafp.ingest.files import file_sha256
from mediafp.ingest.sniff import detect_kind
from mediafp.ingest.stable_content import stable_content
from mediafp.types.errors import MediaError
from mediafp.types.transcripts import TranscribedAudio


class FileTasks:
    """Tasks that set the results of a pending file. They raise MediaError, and use no store."""

    def __init__(self, engine: Engine, request: AnalysisRequest) -> None:
        self._engine, self._request = engine, request
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

    def analyse(self, file: PendingFile) -> None:
        """Compute all fingerprints, and the text and the audio if they are requested."""
        assert file.kind, "a file of another kind is not analysed"
        with stable_content(file.open_file(), file.sha256, self._cancelled) as content:
            analysis = self._engine.analyse(content, file.sha256, file.kind, self._request)
        file.analysis, file.audio = replace(analysis, audio=None), analysis.audio

    def run_ocr(self, file: PendingFile) -> None:
        """Run OCR on an image whose fingerprints are stored.

        If it fails, the outcome is `known` with a warning, and each later run tries again.
        """
        try:
            with stable_content(file.open_file(), file.sha256, self._cancelled) as content:
                text, warnings = self._engine.run_ocr(content)
        except MediaError as error:
            # The stored fingerprints remain valid.
            file.warnings = (f"skipped OCR: {error}",)
            return
        file.text, file.warnings = text, tuple(warnings)

    def read_video_text(self, file: PendingFile) -> None:
        """Read the text on screen of a video whose fingerprints are stored.

        If it fails, the outcome is `known` with a warning, and each later run tries again.
        """
        try:
            with stable_content(file.open_file(), file.sha256, self._cancelled) as content:
                text, warnings = self._engine.read_video_text(content)
        except MediaError as error:
            # The stored fingerprints remain valid.
            file.warnings = (f"skipped the text on screen: {error}",)
            return
        file.video_text, file.warnings = text, tuple(warnings)

    def decode_audio(self, file: PendingFile) -> None:
        """Decode the audio of a video whose fingerprints are stored.

        If it fails, the outcome is `known` with a warning, and each later run tries again.
        """
        try:
            with stable_content(file.open_file(), file.sha256, self._cancelled) as content:
                audio, warnings = self._engine.read_audio(content)
        except MediaError as error:
            # The stored fingerprints remain valid.
            file.warnings += (f"skipped transcription: {error}",)
            return
        file.audio, file.transcribed = audio, TranscribedAudio(audio_sha256="")
        file.warnings += tuple(warnings)
