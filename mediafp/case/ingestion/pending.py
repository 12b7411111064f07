"""A file in progress of an ingest."""

from dataclasses import dataclass

from mediafp.case.ingestion.items import IngestItem
from mediafp.ingest.files import OpenFile
from mediafp.sightings.sidecars import NO_SIDECARS, SidecarContents
from mediafp.types.errors import MediaError
from mediafp.types.file_sounds import TranscribedFile
from mediafp.types.matches import OcrResult
from mediafp.types.media import Audio, Kind
from mediafp.types.runs import FileAnalysis
from mediafp.types.sightings import Clue
from mediafp.types.video_text import VideoText


@dataclass(slots=True, kw_only=True, eq=False)
class PendingFile:
    """A file in progress, with its results so far."""

    item: IngestItem
    attempts: int = 0
    """Number of times that it was tried before this run."""
    opened: OpenFile | None = None
    sha256: str = ""
    kind: Kind | None = None
    analysis: FileAnalysis | None = None
    text: OcrResult | None = None
    """Result of OCR alone, for an image whose fingerprints are stored."""
    video_text: VideoText | None = None
    """Text on screen alone, of a video whose fingerprints are stored."""
    audio: tuple[Audio, ...] = ()
    """Its sounds, until they are submitted for transcription."""
    transcribed: TranscribedFile | None = None
    sidecars: SidecarContents = NO_SIDECARS
    """Contents of its sidecars, if they were read."""
    clues: tuple[Clue, ...] = ()
    """Clues in its name."""
    warnings: tuple[str, ...] = ()
    error: MediaError | None = None

    @property
    def has_results(self) -> bool:
        """True if something was computed from the file in this run."""
        return bool(self.analysis or self.text or self.video_text or self.transcribed)

    @property
    def held_bytes(self) -> int:
        """Bytes of the fingerprints, which are in memory until the file is written."""
        return sum(fingerprint.vectors.nbytes for fingerprint in self.analysis.fingerprints) if self.analysis else 0

    def open_file(self) -> OpenFile:
        """Return the open file; the file must have been identified and not be closed."""
        assert self.opened, "the file has been identified"
        return self.opened

    def close(self) -> None:
        """Close the file if it is open."""
        if self.opened:
            self.opened.close()
