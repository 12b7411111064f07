"""Options and outcomes of a run over files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mediafp.types.fingerprints import Fingerprint
from mediafp.types.matches import OcrResult, TextLine
from mediafp.types.media import Asset, Audio, Pixels, Sighting, Thumbnail
from mediafp.types.transcripts import Transcript

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileAnalysis:
    """One file, decoded and fingerprinted: all that ingest stores and that a query needs."""

    asset: Asset
    fingerprints: tuple[Fingerprint, ...]
    thumbnails: tuple[Thumbnail, ...]
    warnings: tuple[str, ...]
    image: Pixels | None
    """The first picture of an image, full size; None of a video."""
    audio: Audio | None = None
    """The sound track of a video, where it was asked for."""
    text: OcrResult | None = None
    """What stands in a picture, where it was asked for."""
    crops: Fingerprint | None = None
    """The crops of an image, where they were asked for."""

    def fingerprint(self, type: str) -> Fingerprint:
        """The rows of one type."""
        return next(f for f in self.fingerprints if f.type == type)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisOptions:
    """How to read files: every frame or what is cheap, sidecars or not, and how to listen (None: not at all).

    With `views` crops of each picture are kept too, so that a small part of it is found; with `text` what stands in it.
    """

    full_decode: bool = False
    reference_crops: bool = True
    sidecars: bool = True
    ocr: bool = True
    speech: SpeechOptions | None = None


FileStatus = Literal["added", "known", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOptions:
    """How to take files in; `jobs` workers (0: one a core). `retry_failed` tries again what failed and is unchanged."""

    jobs: int = 0
    analysis: AnalysisOptions = AnalysisOptions()
    retry_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
    """What became of one file; `kind` and `message` are set where it failed."""

    path: str
    sha256: str | None
    status: FileStatus
    warnings: tuple[str, ...] = ()
    kind: str | None = None
    message: str | None = None


DEFAULT_MODEL = "whisper-base"
DEFAULT_TOP = 10
"""Largest number of matches of one query, unless the caller states another."""
DEFAULT_MIN_PROBABILITY = 0.5
"""Probability below which a match is not returned, unless the caller states another: as likely wrong as right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """How to listen: a model's name or folder, names, places and slogans to listen for, threads (0: one a core)."""

    model: str = DEFAULT_MODEL
    hotwords: tuple[str, ...] = ()
    threads: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRecord:
    """All that one newly seen file adds to the store, written in one transaction."""

    asset: Asset
    sighting: Sighting
    fingerprints: tuple[Fingerprint, ...] = ()
    thumbnails: tuple[Thumbnail, ...] = ()
    warnings: tuple[str, ...] = ()
    """Of its content: kept with the asset, whose other sightings have the same."""
    sidecar_warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRecord:
    """Everything that an export contains of one asset."""

    asset: Asset
    sightings: tuple[Sighting, ...]
    fingerprints: tuple[tuple[str, str], ...]
    """Type and version of each fingerprint."""
    warnings: tuple[str, ...]
    """Warnings of the analysis."""
    transcript: Transcript | None
    """The best transcript; None if there is none."""
    text: tuple[TextLine, ...] | None
    """The text in an image; None if the store contains no OCR result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrityReport:
    """Result of checking a store against itself and its custody log."""

    problems: tuple[str, ...]
    """One sentence for each problem; the other fields are 0 or empty if there is one."""
    assets: int
    log_entries: int
    last_log_hash: str
    """Hash of the last log entry, which covers all entries before it."""


LedgerState = Literal["done", "skipped", "failed"]


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
