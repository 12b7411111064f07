"""The protocols of the texts of a store, and of the search in them."""

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from mediafp.types.file_sounds import FileSound, TranscribedFile
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import OcrResult, TextLine
from mediafp.types.transcripts import SearchHit, SearchSource, Transcript
from mediafp.types.video_text import VideoText, VideoTextLine


class TranscriptStore(Protocol):
    """Transcripts by the SHA-256 of a sound, and the sounds of each file: its audio tracks, and single channels of them.

    The transcript of a sound has times from its first sample; all that is read for a file or an asset has those of the file.
    Files need not be assets of the store: a file that was only transcribed has sounds and no asset.
    """

    def save_sounds(self, sha256: str, sounds: Sequence[FileSound]) -> None:
        """Save the sounds of a file, that which players play first; none if it has no audio. Call it inside `writing`."""
        ...

    def sounds(self, sha256: str) -> tuple[FileSound, ...] | None:
        """Return the sounds of a file, that which players play first, () for none; None if it was never transcribed.

        None too if only a version before schema 10 transcribed it, which did not note all of its sounds.
        """
        ...

    def save_transcription(self, sha256: str, transcribed: TranscribedFile) -> None:
        """Save the sounds of a file, and the transcripts that were made of them. Call it inside `writing`."""
        ...

    def save_transcript(self, audio_sha256: str, transcript: Transcript, fingerprint: Fingerprint, rank: int) -> None:
        """Save a transcript and its fingerprint beside those of other models. Call it inside `writing`.

        The transcript of the highest rank is the best one; among equals the newest. Saving an unchanged transcript
        again does not make it newer. The full-text index contains the best one.
        """
        ...

    def load_transcript(self, audio_sha256: str, version: str) -> Transcript | None:
        """Return the transcript of a sound, given its SHA-256, by one version, or None.

        Transcripts of stores before schema 10, whose times are those of a file, are none of a sound.
        """
        ...

    def best_transcript(self, audio_sha256: str) -> Transcript | None:
        """Return the best transcript of a sound, given its SHA-256, or None; those of older stores as above."""
        ...

    def find_transcript(self, sha256: str) -> Transcript | None:
        """Return the best transcripts of a file's sounds joined, on its clock; None if it has no transcript or no audio.

        A sound that has the words of another one at the same times is skipped. The warnings name it, and sounds without a
        transcript.
        """
        ...

    def is_transcribed(self, sha256: str, version: str) -> bool:
        """Return True if this version has transcribed all sounds of the file, or the file contains no audio."""
        ...

    def has_transcripts(self) -> bool:
        """Return True if the store contains a transcript."""
        ...

    def transcript_fingerprints(self) -> Iterator[Fingerprint]:
        """Yield the fingerprint of every asset's best transcripts, by SHA-256, on the clock of the asset.

        It has the rows of one sound after the other, by track and channel, without those of sounds that repeat others.
        """
        ...


class OcrStore(Protocol):
    """OCR results of images."""

    def save_ocr_result(self, sha256: str, result: OcrResult) -> None:
        """Save the OCR result of an image in place of an older one. Call it inside `writing`."""
        ...

    def has_ocr_result(self, sha256: str, version: str) -> bool:
        """Return True if the store contains the OCR result of an image by this version."""
        ...

    def ocr_lines(self, sha256: str) -> tuple[TextLine, ...] | None:
        """Return the text lines of an image, or None if the store contains no OCR result of it."""
        ...


class VideoTextStore(Protocol):
    """Text on screen of videos."""

    def save_video_text(self, sha256: str, text: VideoText) -> None:
        """Save the text on screen of a video in place of an older one. Call it inside `writing`."""
        ...

    def has_video_text(self, sha256: str, version: str) -> bool:
        """Return True if the store contains the text on screen of a video by this version."""
        ...

    def video_text(self, sha256: str) -> tuple[VideoTextLine, ...] | None:
        """Return the text on screen of a video, or None if it was not read."""
        ...


class TextSearch(Protocol):
    """Full-text search over the best transcripts, the OCR results, the text on screen, and what sightings and clues state."""

    def search_passages(
        self,
        text: str,
        limit: int | None = None,
        sources: Collection[SearchSource] | None = None,
        assets: Collection[str] | None = None,
    ) -> Iterator[SearchHit]:
        """Yield the passages that contain every word and phrase of a text, best first: of all sources, or of those given.

        With `assets`, only the passages of these assets are searched.

        Words and runs of CJK characters match anywhere in a passage; a run matches as a whole, with the numbers in it.
        Text in double quotes is one phrase. Simplified and traditional characters match each other.

        Raises:
            UsageError: The text contains no word.
            StoreError: The full-text index is damaged.
        """
        ...
