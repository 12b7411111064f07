"""Decision which files an ingest can skip."""

from collections.abc import Callable, Mapping

from mediafp.case.ingestion.items import IngestItem
from mediafp.store import Store
from mediafp.types.errors import ErrorKind, StoreError
from mediafp.types.media import Kind
from mediafp.types.runs import LedgerEntry

TRANSIENT_KINDS: frozenset[ErrorKind] = frozenset(("unreadable",))
"""Kinds of failure whose cause is not the content: each run tries again. The others are tried again on request."""


def find_current_entry(store: Store, item: IngestItem, version: str, *, retry_failed: bool) -> LedgerEntry | None:
    """Return the ledger entry of an unchanged file that this version of the analysis need not process again.

    Args:
        store: The store.
        item: The file.
        version: Version of the analysis.
        retry_failed: Process files that failed before again.

    Returns:
        The entry, or None if the file is to be processed.
    """
    entry = store.find_ledger_entry(item.uri, bytes=item.stamp[0], modified_ns=item.stamp[1])
    if entry is None or entry.version != version:
        return None
    return None if entry.state == "failed" and (retry_failed or entry.kind in TRANSIENT_KINDS) else entry


class KnownFiles:
    """The files and contents that a store contains, as far as one run needs them."""

    def __init__(
        self,
        store: Store,
        *,
        version: str,
        retry_failed: bool,
        ocr_version: str | None,
        video_text_version: str | None,
        transcription_version: str | None,
    ) -> None:
        """Take the versions of the run.

        Args:
            store: The store.
            version: Version of the analysis.
            retry_failed: Process files that failed before again.
            ocr_version: Version of OCR; None if the run does no OCR.
            video_text_version: Version of the text on screen of videos; None if the run does no OCR.
            transcription_version: Version of the transcripts; None if the run transcribes nothing.
        """
        self._store, self._version, self._retry_failed = store, version, retry_failed
        self._ocr_version, self._video_text_version = ocr_version, video_text_version
        self._transcription_version = transcription_version

    def find_done(self, item: IngestItem) -> LedgerEntry | None:
        """Return the ledger entry of a file that needs no work, or None."""
        entry = find_current_entry(self._store, item, self._version, retry_failed=self._retry_failed)
        return None if entry and entry.sha256 and self.lacks_text(entry.sha256) else entry

    def count_attempts(self, item: IngestItem) -> int:
        """Return how often an unchanged file has failed."""
        entry = self._store.find_ledger_entry(item.uri, bytes=item.stamp[0], modified_ns=item.stamp[1])
        return entry.attempts if entry and entry.state == "failed" else 0

    def find_kind(self, sha256: str, versions: Callable[[Kind], Mapping[str, str]]) -> Kind | None:
        """Return the kind of the asset with this content if it need not be analysed again, else None.

        Args:
            sha256: SHA-256 of the content.
            versions: Function that returns the types and versions of the fingerprints that an asset of a kind must have.
        """
        try:
            kind = self._store.asset_kind(sha256)
        except StoreError:
            return None
        is_current = self._store.has_fingerprints(sha256, versions(kind)) and not self._is_outdated(sha256)
        return kind if is_current else None

    def _is_outdated(self, sha256: str) -> bool:
        """Return True if an older version took an animation for an image; analysed again, it is a video."""
        try:
            asset = self._store.asset(sha256)
        except StoreError:
            # It is damaged, which `verify` states: a new analysis would hide that.
            return False
        return asset.kind == "image" and "frames" in asset.properties

    def lacks_text(self, sha256: str) -> bool:
        """Return True if the run is to add the OCR result, the text on screen or the transcript of a stored asset."""
        if self._store.asset_kind(sha256) == "image":
            return self._ocr_version is not None and not self._store.has_ocr_result(sha256, self._ocr_version)
        return self.lacks_video_text(sha256) or self.lacks_transcript(sha256)

    def lacks_video_text(self, sha256: str) -> bool:
        """Return True if the run is to add the text on screen of a stored video."""
        version = self._video_text_version
        return version is not None and not self._store.has_video_text(sha256, version)

    def lacks_transcript(self, sha256: str) -> bool:
        """Return True if the run is to add the transcript of a stored video."""
        version = self._transcription_version
        return version is not None and not self._store.is_transcribed(sha256, version)

    def has_transcript(self, audio_sha256: str) -> bool:
        """Return True if the store contains the transcript of an audio track by the version of the run."""
        version = self._transcription_version
        return version is not None and self._store.load_transcript(audio_sha256, version) is not None
