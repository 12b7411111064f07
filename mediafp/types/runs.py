"""Options and results of runs over files."""

from dataclasses import dataclass
from typing import Literal

from mediafp.types.defaults import DEFAULT_MODEL
from mediafp.types.errors import UsageError
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import OcrResult, TextLine
from mediafp.types.media import Asset, Audio, Pixels, Thumbnail
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import Transcript
from mediafp.types.video_text import VideoText, VideoTextLine

FileStatus = Literal["added", "known", "failed", "skipped"]
LedgerState = Literal["done", "skipped", "failed"]
EngineName = Literal["local", "ray"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """Options of transcription."""

    model: str = DEFAULT_MODEL
    """Name of a speech model, or path of its folder."""
    hotwords: tuple[str, ...] = ()
    """Names, places and slogans that decoding is biased towards."""
    threads: int = 0
    """Threads for decoding; 0 for one per core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisOptions:
    """Options of the analysis of files."""

    full_decode: bool = False
    """Decode every frame of a video, not only those that are cheap to reach."""
    reference_crops: bool = True
    """Store crops of each image too, so that queries that show a small part of it find it."""
    sidecars: bool = True
    """Read sidecar files."""
    ocr: bool = True
    """Run OCR on images, and on the frames of videos."""
    speech: SpeechOptions | None = None
    """Transcribe audio with these options; None for no transcription."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """The machines on which files are analysed."""

    name: EngineName = "local"
    """`local` for worker processes of this machine, `ray` for those of the nodes of a Ray cluster."""
    address: str | None = None
    """HOST:PORT of the cluster; None to start one on this machine alone, for `ray`."""

    def __post_init__(self) -> None:
        """Check that an address is used. Raises UsageError."""
        if self.address is not None and self.name != "ray":
            raise UsageError(f"cannot use the address {self.address!r} with the engine {self.name}; add: --engine ray")


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """Options of an ingest."""

    jobs: int = 0
    """Worker processes; 0 for one per core of the machines that analyse."""
    analysis: AnalysisOptions = AnalysisOptions()
    retry_failed: bool = False
    """Try again files that failed before and have not changed."""
    match: bool = True
    """Compare each new asset with all others, and keep the matches."""

    def __post_init__(self) -> None:
        """Check the number of workers. Raises UsageError if it is negative."""
        if self.jobs < 0:
            raise UsageError(
                f"cannot start {self.jobs} workers: jobs is negative; choose 1 or more, or 0 for one per core"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileAnalysis:
    """Everything that a worker computes from one file: all that ingest stores and that a query needs."""

    asset: Asset
    fingerprints: tuple[Fingerprint, ...]
    thumbnails: tuple[Thumbnail, ...]
    warnings: tuple[str, ...]
    image: Pixels | None
    """Image, or its first page, at the size at which it was decoded; None for a video."""
    audio: tuple[Audio, ...] = ()
    """Audio of a video, if it was requested: the track that players play, then the others."""
    text: OcrResult | None = None
    """Text in an image, if OCR was requested."""
    video_text: VideoText | None = None
    """Text on screen of a video, if OCR was requested."""
    clues: tuple[Clue, ...] = ()
    """Clues in the metadata of the file."""

    def fingerprint(self, type: str) -> Fingerprint:
        """Return the fingerprint of one type. Raises StopIteration if there is none."""
        return next(f for f in self.fingerprints if f.type == type)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRecord:
    """Everything that one newly ingested file adds to the store, written in one transaction."""

    asset: Asset
    sightings: tuple[Sighting, ...]
    """Statements about the file at its path: at least one, all of the same asset and path."""
    clues: tuple[Clue, ...] = ()
    """Clues in the content of the file."""
    fingerprints: tuple[Fingerprint, ...] = ()
    thumbnails: tuple[Thumbnail, ...] = ()
    warnings: tuple[str, ...] = ()
    """Warnings about the content: stored with the asset, since they are the same for each of its sightings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
    """Status of one file in one run."""

    path: str
    sha256: str | None
    status: FileStatus
    warnings: tuple[str, ...] = ()
    kind: str | None = None
    """Kind of the error of a failed file (`types.errors.ErrorKind`)."""
    message: str | None = None
    """Message of that error."""
    watches: tuple[str, ...] = ()
    """Names of the watches that the file is a new hit of."""
    left_out: int = 0
    """Hidden names in an archive that were skipped; a hidden folder counts once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRecord:
    """Everything that an export contains of one asset."""

    asset: Asset
    sightings: tuple[Sighting, ...]
    clues: tuple[Clue, ...]
    fingerprints: tuple[tuple[str, str], ...]
    """Type and version of each fingerprint."""
    warnings: tuple[str, ...]
    """Warnings of the analysis."""
    transcript: Transcript | None
    """The best transcript; None if there is none."""
    text: tuple[TextLine, ...] | None
    """The text in an image; None if the store contains no OCR result."""
    video_text: tuple[VideoTextLine, ...] | None
    """The text on screen of a video; None if it was not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityReport:
    """Result of checking a store against itself and its custody log."""

    problems: tuple[str, ...]
    """One sentence for each problem; the other fields are 0 or empty if there is one."""
    assets: int
    log_entries: int
    last_log_hash: str
    """Hash of the last log entry, which covers all entries before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """The status of one path, for a file of this size and modification time.

    Attributes:
        path: Path of the file, or of an archive and the member in it.
        bytes: Size of the file; -1 if it has to be ingested again whatever its size.
        modified_ns: Modification time, nanoseconds since 1970.
        version: Version of the analysis that gave this status.
        state: Outcome of the file.
        sha256: Asset of the file; set if the state is `done`.
        kind: Kind of the error; set if the state is `failed`.
        message: Text of the error; set if the state is `failed`.
        attempts: Number of times that the file was tried.
    """

    path: str
    bytes: int
    modified_ns: int
    version: str
    state: LedgerState
    sha256: str | None = None
    kind: str | None = None
    message: str | None = None
    attempts: int = 1
