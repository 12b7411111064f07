"""Methods of a store for the texts of files: transcripts, text in images and on screen, and the search in all of them."""

from collections.abc import Collection, Iterator, Sequence
from typing import override

from mediafp.store.sqlite import file_transcripts, ocr_results, text_index, transcripts, video_texts
from mediafp.store.sqlite.database import Database
from mediafp.store.text_interface import OcrStore, TextSearch, TranscriptStore, VideoTextStore
from mediafp.types.file_sounds import FileSound, TranscribedFile
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import OcrResult, TextLine
from mediafp.types.transcripts import SearchHit, SearchSource, Transcript
from mediafp.types.video_text import VideoText, VideoTextLine


class TextMethods(TranscriptStore, OcrStore, VideoTextStore, TextSearch):
    """The part of `SqliteStore` for texts; the protocols of `mediafp.store` state what each method does."""

    database: Database

    # Transcripts ----------------------------------------------------------------------------------

    @override
    def save_sounds(self, sha256: str, sounds: Sequence[FileSound]) -> None:
        file_transcripts.save_sounds(self.database, sha256, sounds)

    @override
    def sounds(self, sha256: str) -> tuple[FileSound, ...] | None:
        return file_transcripts.sounds(self.database, sha256)

    @override
    def save_transcription(self, sha256: str, transcribed: TranscribedFile) -> None:
        file_transcripts.save_transcription(self.database, sha256, transcribed)

    @override
    def save_transcript(self, audio_sha256: str, transcript: Transcript, fingerprint: Fingerprint, rank: int) -> None:
        file_transcripts.save_transcript(self.database, audio_sha256, transcript, fingerprint, rank)

    @override
    def load_transcript(self, audio_sha256: str, version: str) -> Transcript | None:
        return transcripts.load_transcript(self.database, audio_sha256, version)

    @override
    def best_transcript(self, audio_sha256: str) -> Transcript | None:
        return transcripts.best_transcript(self.database, audio_sha256)

    @override
    def find_transcript(self, sha256: str) -> Transcript | None:
        return file_transcripts.find_transcript(self.database, sha256)

    @override
    def is_transcribed(self, sha256: str, version: str) -> bool:
        return file_transcripts.is_transcribed(self.database, sha256, version)

    @override
    def has_transcripts(self) -> bool:
        return transcripts.has_transcripts(self.database)

    @override
    def transcript_fingerprints(self) -> Iterator[Fingerprint]:
        return file_transcripts.transcript_fingerprints(self.database)

    # OCR results ----------------------------------------------------------------------------------

    @override
    def save_ocr_result(self, sha256: str, result: OcrResult) -> None:
        ocr_results.save_ocr_result(self.database, sha256, result)

    @override
    def has_ocr_result(self, sha256: str, version: str) -> bool:
        return ocr_results.has_ocr_result(self.database, sha256, version)

    @override
    def ocr_lines(self, sha256: str) -> tuple[TextLine, ...] | None:
        return ocr_results.ocr_lines(self.database, sha256)

    # Text on screen -------------------------------------------------------------------------------

    @override
    def save_video_text(self, sha256: str, text: VideoText) -> None:
        video_texts.save_video_text(self.database, sha256, text)

    @override
    def has_video_text(self, sha256: str, version: str) -> bool:
        return video_texts.has_video_text(self.database, sha256, version)

    @override
    def video_text(self, sha256: str) -> tuple[VideoTextLine, ...] | None:
        return video_texts.video_text(self.database, sha256)

    # Text search ----------------------------------------------------------------------------------

    @override
    def search_passages(
        self,
        text: str,
        limit: int | None = None,
        sources: Collection[SearchSource] | None = None,
        assets: Collection[str] | None = None,
    ) -> Iterator[SearchHit]:
        return text_index.search_passages(self.database, text, limit, sources, assets)
