"""The protocols of a store.

`tests/contract` holds a test suite, which every implementation passes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, Self

from mediafp.types.custody import LogEntry, LogKind
from mediafp.types.damage import DamageHandler
from mediafp.types.fingerprint_types import FingerprintDeclaration
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.forgetting import Forgotten
from mediafp.types.kept_matches import (
    MIN_KEPT_PROBABILITY,
    Channel,
    KeptEdge,
    KeptMatch,
    PendingComparison,
    UncomparedAssets,
)
from mediafp.types.matches import OcrResult, TextLine
from mediafp.types.media import Asset, Kind, Thumbnail
from mediafp.types.runs import IngestRecord, LedgerEntry
from mediafp.types.shared_clues import SharedClue
from mediafp.types.sightings import Clue, Sighting
from mediafp.types.transcripts import SearchHit, SearchSource, TranscribedAudio, Transcript
from mediafp.types.video_text import VideoText, VideoTextLine

NO_DECLARATIONS: Mapping[str, FingerprintDeclaration] = MappingProxyType({})
"""Declarations of no fingerprint type."""


class AssetStore(Protocol):
    """Assets with their sightings, fingerprints and thumbnails."""

    def add_record(self, record: IngestRecord) -> bool:
        """Save what was computed from one file, and return True if its asset is new.

        If the asset exists and lacks one of the fingerprints, its properties, warnings and thumbnails are replaced, so
        that all of them come from one analysis, and the fingerprints are added to those of older versions. If its kind
        is another one, the record replaces all of it. Otherwise only the sighting is saved. Call it inside `writing`.
        """
        ...

    def save_sightings(self, stated: Sequence[Sighting]) -> None:
        """Save what is known about a file at its path, in place of what the store contains about it.

        If all that they state is the path, what the store contains stays. Call it inside `writing`.

        Args:
            stated: At least one, all of the same asset and path.

        Raises:
            StoreError: The store does not contain the asset; raised here or at the end of `writing`.
        """
        ...

    def move_sightings(self, sha256: str, old_uri: str, new_uri: str) -> None:
        """Save that a file was moved: its sightings and clues get the new path, and the ledger forgets the old one.

        Call it inside `writing`.

        Args:
            sha256: The asset.
            old_uri: Path at which the store contains it.
            new_uri: Path at which the store does not contain it.

        Raises:
            StoreError: The store does not contain the asset at the old path, or contains it at the new one.
        """
        ...

    def save_clues(self, sha256: str, uri: str, found: Sequence[Clue]) -> None:
        """Save the clues of a file's name, in place of those that the store contains; call it inside `writing`.

        Args:
            sha256: The asset.
            uri: Path of the file; "" for clues in its content.
            found: The clues.
        """
        ...

    def assets(self, only: Collection[str] | None = None) -> list[Asset]:
        """Return assets, by SHA-256: every one, or those in `only` that the store contains."""
        ...

    def asset(self, sha256: str) -> Asset:
        """Return one asset.

        Raises:
            StoreError: The store does not contain it.
        """
        ...

    def asset_kind(self, sha256: str) -> Kind:
        """Return the kind of an asset, whatever else of it is damaged.

        Raises:
            StoreError: The store does not contain it.
        """
        ...

    def added_at(self, sha256: str) -> str:
        """Return the time at which an asset was added, ISO 8601 in UTC to the second, as 2024-05-31T18:30:00Z.

        Raises:
            StoreError: The store does not contain the asset.
        """
        ...

    def count_assets(self) -> int:
        """Return the number of assets."""
        ...

    def warnings(self, sha256: str) -> list[str]:
        """Return the warnings of an asset's analysis; none if the store does not contain the asset."""
        ...

    def sightings(self, sha256: str) -> list[Sighting]:
        """Return the sightings of an asset: dated ones first, oldest first, then by path."""
        ...

    def sightings_at(self, sha256: str, uri: str) -> list[Sighting]:
        """Return the sightings of an asset at one path; none if the store does not contain it there."""
        ...

    def iter_sightings(self) -> Iterator[Sighting]:
        """Yield all sightings, by SHA-256, path and position."""
        ...

    def clues(self, sha256: str) -> list[Clue]:
        """Return the clues of an asset: those in its content, then those of its names by path; equal ones once."""
        ...

    def iter_clues(self, kinds: Collection[str]) -> Iterator[tuple[str, str, str]]:
        """Yield SHA-256, kind and value of the clues of some kinds, sorted; equal ones once."""
        ...

    def clues_at(self, sha256: str, uri: str) -> list[Clue]:
        """Return the clues of an asset's name at one path, with the path "" those in its content."""
        ...

    def shared_clues(self, sha256: str) -> list[SharedClue]:
        """Return the clues of `IDENTIFYING_KINDS` that an asset shares with others, by kind and value."""
        ...

    def captions(self, sha256: str) -> list[str]:
        """Return the titles and texts of an asset's sightings, in the order of the sightings."""
        ...

    def paths_of_name(self, sha256: str, name: str) -> list[str]:
        """Return the paths of an asset that end with a file name, sorted, among the first thousand of its paths."""
        ...

    def uris(self, sha256: str) -> tuple[str, ...]:
        """Return the paths of an asset's sightings, in the order of the sightings."""
        ...

    def has_fingerprints(self, sha256: str, versions: Mapping[str, str]) -> bool:
        """Return True if the asset exists with a fingerprint of each of these types in the given version."""
        ...

    def fingerprints(self, type: str, version: str, only: Collection[str] | None = None) -> Iterator[Fingerprint]:
        """Yield the fingerprints of one type and version, by SHA-256: of all assets, or of those in `only`.

        All of them come from the state of the store at the first one.
        """
        ...

    def fingerprinted(self, type: str, version: str, only: Collection[str] | None = None) -> Iterator[str]:
        """Yield the SHA-256 of each asset with a fingerprint of one type and version, in order: of all, or of those in `only`.

        Damaged fingerprints are included.
        """
        ...

    def fingerprint_types(self, sha256: str) -> list[tuple[str, str]]:
        """Return type and version of each fingerprint of an asset, sorted."""
        ...

    def versions(self, type: str) -> set[str]:
        """Return the versions of one fingerprint type that the store contains."""
        ...

    def thumbnail(self, sha256: str, seconds: float | None = None) -> bytes | None:
        """Return the JPEG of the frame shown at a time (None: the first frame), or None if there is no thumbnail."""
        ...

    def find_thumbnail(self, sha256: str, seconds: float) -> Thumbnail | None:
        """Return the thumbnail of the frame shown at a time, with its own time, or None if there is no thumbnail."""
        ...

    def row_thumbnail(self, sha256: str, position: int) -> bytes | None:
        """Return the JPEG of one fingerprint row, or None if there is no thumbnail."""
        ...

    def content_hash(self, sha256: str) -> str:
        """Return the SHA-256, in hex, of an asset's fingerprints and thumbnails, as the custody log states it."""
        ...


class Ledger(Protocol):
    """The status of every path that was ever ingested."""

    def write_ledger_entry(self, entry: LedgerEntry) -> None:
        """Save the status of a path in place of its earlier status. Call it inside `writing`.

        Raises:
            StoreError: The fields of the entry contradict each other; raised here or at the end of `writing`.
        """
        ...

    def clear_failure(self, path: str) -> None:
        """Remove the failed status of a folder or an archive that can be read now. Call it inside `writing`."""
        ...

    def find_ledger_entry(self, path: str, *, bytes: int, modified_ns: int) -> LedgerEntry | None:
        """Return the status of a path, or None if it has none or the file has changed since."""
        ...

    def failures(self) -> list[LedgerEntry]:
        """Return the failed entries, by path."""
        ...


class TranscriptStore(Protocol):
    """Transcripts by the SHA-256 of the audio track, and the audio track of each file.

    Files need not be assets of the store: a file that was only transcribed has an audio track and no asset.
    """

    def save_audio_id(self, sha256: str, audio_sha256: str) -> None:
        """Save which audio track a file contains; "" for none. Call it inside `writing`."""
        ...

    def find_audio_id(self, sha256: str) -> str | None:
        """Return the SHA-256 of a file's audio track, "" for none; None if the file was never transcribed."""
        ...

    def save_transcription(self, sha256: str, transcribed: TranscribedAudio) -> None:
        """Save a file's audio track, and its transcript if there is one. Call it inside `writing`."""
        ...

    def save_transcript(self, audio_sha256: str, transcript: Transcript, fingerprint: Fingerprint, rank: int) -> None:
        """Save a transcript and its fingerprint beside those of other models. Call it inside `writing`.

        The transcript of the highest rank is the best one; among equals the newest. Saving an unchanged transcript
        again does not make it newer. The full-text index contains the best one.
        """
        ...

    def load_transcript(self, audio_sha256: str, version: str) -> Transcript | None:
        """Return the transcript of an audio track, given its SHA-256, by one version, or None."""
        ...

    def best_transcript(self, audio_sha256: str) -> Transcript | None:
        """Return the best transcript of an audio track, given its SHA-256, or None."""
        ...

    def find_transcript(self, sha256: str) -> Transcript | None:
        """Return the best transcript of a file, given its SHA-256, or None if it has no transcript or no audio."""
        ...

    def is_transcribed(self, sha256: str, version: str) -> bool:
        """Return True if this version has transcribed the file, or the file contains no audio."""
        ...

    def has_transcripts(self) -> bool:
        """Return True if the store contains a transcript."""
        ...

    def transcript_fingerprints(self) -> Iterator[Fingerprint]:
        """Yield the fingerprint of every asset's best transcript, by SHA-256."""
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
    """Full-text search over the best transcripts, the OCR results and the text on screen."""

    def search_passages(
        self, text: str, limit: int | None = None, sources: Collection[SearchSource] | None = None
    ) -> Iterator[SearchHit]:
        """Yield the passages that contain every word and phrase of a text, best first: of all sources, or of those given.

        Words and runs of CJK characters match anywhere in a passage; a run matches as a whole, with the numbers in it.
        Text in double quotes is one phrase. Simplified and traditional characters match each other.

        Raises:
            UsageError: The text contains no word.
            StoreError: The full-text index is damaged.
        """
        ...


class KeptMatchStore(Protocol):
    """The result of comparing each pair of assets, and which assets must still be compared.

    An asset is compared by `picture`, and by `script` once it has a transcript. Every change that a comparison depends on
    makes it pending, and deletes the kept matches of the asset by that channel.
    """

    def pending_comparisons(
        self, versions: Mapping[Channel, str], *, only_changed: bool = False, assets: Collection[str] | None = None
    ) -> list[PendingComparison]:
        """Return what was not compared by these versions yet, by channel and SHA-256.

        Args:
            versions: Version of the comparison by each channel.
            only_changed: Skip what another version has compared, and what was in the store before it kept matches.
            assets: Return these assets alone; None for all.
        """
        ...

    def count_uncompared(self, versions: Mapping[Channel, str]) -> UncomparedAssets:
        """Return the number of assets that were not compared by these versions yet."""
        ...

    def has_changed_assets(self) -> bool:
        """Return True if an asset was added or has changed, and was not compared since by any version."""
        ...

    def is_compared(self, sha256: str, versions: Mapping[Channel, str]) -> bool:
        """Return True if the asset exists and was compared by each channel that it has, by these versions."""
        ...

    def partner_limits(self, assets: Collection[str], channel: Channel, version: str) -> dict[str, float]:
        """Return the promise that a further pair needs to be kept, for each of these assets that has the most pairs."""
        ...

    def save_comparison(
        self, pending: PendingComparison, version: str, started: int, matches: Sequence[KeptMatch]
    ) -> None:
        """Save the result of comparing an asset by one channel with all others. Call it inside `writing`.

        If the asset has changed meanwhile, it stays pending.

        Args:
            pending: What was compared.
            version: Version of the comparison.
            started: Number of the last log entry when it began. A pair whose other asset has changed since is skipped.
            matches: The pairs that were compared, also those that do not match.
        """
        ...

    def kept_matches(
        self, sha256: str | None = None, *, min_probability: float = MIN_KEPT_PROBABILITY
    ) -> Iterator[KeptMatch]:
        """Yield the kept matches of this probability and above, by both assets and channel.

        Args:
            sha256: Asset whose matches are yielded; None for all.
            min_probability: Smallest probability.
        """
        ...

    def kept_queries(self, min_probability: float) -> dict[str, int]:
        """Return the number of kept matches of this probability and above by the asset that is their query, by SHA-256.

        A match of the sound of two videos counts with that of their images if the two are joined to one.
        """
        ...

    def kept_edges(self, above: float, only: Collection[str] | None = None) -> Iterator[KeptEdge]:
        """Yield the kept matches above a probability but for those of the verdict `same_scene`, by both assets.

        Args:
            above: The probability.
            only: Assets between which matches are yielded; None for all.
        """
        ...

    def kept_copies(self) -> Iterator[KeptEdge]:
        """Yield the kept matches of the verdict `copy`, without evidence, by both assets."""
        ...

    def cluster_numbers(self) -> dict[str, int]:
        """Return the number of the cluster that each asset was in, without those in none."""
        ...

    def last_cluster_number(self) -> int:
        """Return the largest number that a cluster ever had; 0 if there was none."""
        ...

    def save_cluster_numbers(self, numbers: Mapping[str, int], last: int) -> None:
        """Save the cluster of each asset in place of the earlier ones. Call it inside `writing`."""
        ...


class Forgetting(Protocol):
    """Removal of sightings and assets on request."""

    def assets_seen_at(self, uri: str) -> list[str]:
        """Return the SHA-256 of each asset with a sighting at a path, sorted: several if the file has changed."""
        ...

    def paths_below(self, folder: str) -> list[tuple[str, str]]:
        """Return the SHA-256 and the path of each sighting below a folder or in an archive, sorted."""
        ...

    def forget_sighting(self, sha256: str, uri: str) -> Forgotten:
        """Remove a sighting; with the last one its asset and everything made of it. Call it inside `writing`.

        The transcripts of an audio track go with the last asset that has it, the text of a post with its last sighting.

        Raises:
            StoreError: The store does not contain the sighting.
        """
        ...

    def erase(self) -> bool:
        """Remove what was deleted from all files of the store, which may contain older states; call it after `writing`.

        Returns:
            False if a part of it must stay until another reader of the store has ended.
        """
        ...


class CustodyLog(Protocol):
    """The append-only hash chain of everything done to the store.

    All writing methods log what they change; `append_log` adds what only the caller knows.
    """

    def append_log(self, what: LogKind, details: Mapping[str, Any]) -> None:
        """Append an entry; `details` contains JSON values, paths with surrogate escapes. Call it inside `writing`."""
        ...

    def iter_log(self, what: LogKind | None = None, *, after: int = 0) -> Iterator[LogEntry]:
        """Yield the entries with a number above `after`, in order: all, or those of one kind.

        Raises:
            StoreError: An entry is damaged.
        """
        ...

    def last_log_entry(self) -> tuple[int, str]:
        """Return number and hash of the last entry, which vouches for all before it; 0 and 64 zeros if there is none."""
        ...


class Store(
    AssetStore,
    Ledger,
    TranscriptStore,
    OcrStore,
    VideoTextStore,
    TextSearch,
    KeptMatchStore,
    Forgetting,
    CustodyLog,
    Protocol,
):
    """An open store: one folder with everything kept of a case.

    Durability: when the `with` block of `writing` has ended, its changes survive a power cut. Consistency: a reader
    gets a state between two writes, never a part of one. Several threads may use one object, and several processes one
    folder; writers wait for each other. A thread finishes or closes its iterators before it writes. Errors: every method
    raises StoreError if the store cannot be read or written, with the folder, the reason and an action.

    Damage: a stored value that is damaged, or that breaks an invariant of `types.contents`, is given to `on_damage`. By
    default that raises StoreError. If it returns, the value counts as missing, and reading goes on.
    """

    on_damage: DamageHandler
    """Function that gets each damaged value."""

    @property
    def folder(self) -> Path:
        """Folder of the store."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Return the context of one transaction: all writes in it are saved together, or none if an exception leaves it.

        The thread that writes reads its own changes; other threads read the state before them.

        Raises:
            StoreError: The changes cannot be saved; nothing of them is.
        """
        ...

    def check_integrity(self, declarations: Mapping[str, FingerprintDeclaration] = NO_DECLARATIONS) -> list[str]:
        """Return the integrity problems of the store, one sentence each; empty if there are none.

        Never raises for damaged data.

        Args:
            declarations: Declarations of fingerprint types, by name. The rows of these types are checked against them;
                of the fingerprints of other types only the shapes are checked.
        """
        ...

    def close(self) -> None:
        """Close the store; no other thread may be using it. It may be opened again."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
