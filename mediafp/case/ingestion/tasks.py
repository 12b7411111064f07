"""The work on one file of an ingest that threads do while the caller's thread uses the store."""

from dataclasses import replace

from mediafp.case.ingestion.pending import PendingFile
from mediafp.engine.interface import AnalysisRequest, Engine
from mediafp.ingest.files import OpenFile, file_sha256
from mediafp.ingest.sniff import detect_kind
from mediafp.types.errors import MediaError, UnreadableMedia
from mediafp.types.transcripts import TranscribedAudio


class FileTasks:
    """Tasks that set the results of a pending file. They raise MediaError, and use no store."""

    def __init__(self, engine: Engine, request: AnalysisRequest) -> None:
        self._engine, self._request = engine, request

    def identify(self, file: PendingFile) -> None:
        """Open a file, and compute its kind and SHA-256; the kind remains None if it is not media."""
        opened = file.item.open()
        file.opened = opened
        file.kind = detect_kind(opened)
        if file.kind:
            file.sha256 = file_sha256(opened)

    def analyse(self, file: PendingFile) -> None:
        """Compute all fingerprints, and the text and the audio if they are requested."""
        assert file.kind, "a file of another kind is not analysed"
        opened = file.open_file()
        analysis = self._engine.analyse(opened, file.sha256, file.kind, self._request)
        _check_unchanged(opened)
        file.analysis, file.audio = replace(analysis, audio=None), analysis.audio

    def run_ocr(self, file: PendingFile) -> None:
        """Run OCR on an image whose fingerprints are stored.

        If it fails, the outcome is `known` with a warning, and each later run tries again.
        """
        opened = file.open_file()
        try:
            file.text, warnings = self._engine.run_ocr(opened)
        except MediaError as error:
            # The stored fingerprints remain valid.
            file.warnings = (f"skipped OCR: {error}",)
            return
        _check_unchanged(opened)
        file.warnings = tuple(warnings)

    def decode_audio(self, file: PendingFile) -> None:
        """Decode the audio of a video whose fingerprints are stored.

        If it fails, the outcome is `known` with a warning, and each later run tries again.
        """
        opened = file.open_file()
        try:
            file.audio, warnings = self._engine.read_audio(opened)
        except MediaError as error:
            # The stored fingerprints remain valid.
            file.warnings = (f"skipped transcription: {error}",)
            return
        _check_unchanged(opened)
        file.transcribed, file.warnings = TranscribedAudio(audio_sha256=""), tuple(warnings)


def _check_unchanged(file: OpenFile) -> None:
    """Raise UnreadableMedia if a file was written to since it was opened: the result may mix two contents."""
    if file.has_changed():
        raise UnreadableMedia(f"cannot ingest {file.name!r}: it changed while it was read; ingest it again")
