"""Finished files of an ingest, written to the store."""

import os
from collections.abc import Sequence
from typing import Any

from mediafp.case.ingestion.moves import find_moved_path
from mediafp.case.ingestion.pending import PendingFile
from mediafp.sightings.sidecars import SidecarContents
from mediafp.store import Store
from mediafp.types.errors import WorkerLost
from mediafp.types.runs import FileAnalysis, FileOutcome, IngestRecord, LedgerEntry
from mediafp.types.sightings import Sighting


def build_ingest_record(analysis: FileAnalysis, sightings: Sequence[Sighting]) -> IngestRecord:
    """Return everything that an analysed file adds to a store."""
    return IngestRecord(
        asset=analysis.asset,
        sightings=tuple(sightings),
        clues=analysis.clues,
        fingerprints=analysis.fingerprints,
        thumbnails=analysis.thumbnails,
        warnings=analysis.warnings,
    )


def build_sightings(uri: str, sha256: str, sidecars: SidecarContents) -> list[Sighting]:
    """Return the sightings of a file: those that its sidecars state, or that of its path alone."""
    return [
        Sighting(sha256=sha256, uri=uri, **{name: getattr(stated, name) for name in stated.__dataclass_fields__})
        for stated in sidecars.sightings
    ] or [Sighting(sha256=sha256, uri=uri)]


class FileWriter:
    """Writer of finished files. Only one thread may use it."""

    def __init__(self, store: Store, *, version: str) -> None:
        """Take the store and the settings of a run.

        Args:
            store: The store.
            version: Version of the analysis, for the ledger.
        """
        self._store, self._version = store, version

    def commit(self, files: Sequence[PendingFile]) -> list[FileOutcome]:
        """Write files in one transaction, and return their outcomes once they are durable."""
        with self._store.writing():
            return [self._save(file) for file in files]

    def update_known(self, file: PendingFile, sha256: str) -> bool:
        """Write what is known about a file that is ingested already, and return True if its sightings have changed."""
        stated = build_sightings(file.item.uri, sha256, file.sidecars)
        has_changed = file.sidecars.sightings and stated != self._store.sightings_at(sha256, file.item.uri)
        if has_changed or list(file.clues) != self._store.clues_at(sha256, file.item.uri):
            with self._store.writing():
                if has_changed:
                    self._store.save_sightings(stated)
                self._store.save_clues(sha256, file.item.uri, file.clues)
        return bool(has_changed)

    def _save(self, file: PendingFile) -> FileOutcome:
        path, error = os.fspath(file.item.path), file.error
        if error:
            self._write_ledger(file, state="failed", kind=error.kind, message=str(error))
            return FileOutcome(
                path=path,
                sha256=None,
                status="failed",
                warnings=file.item.warnings,
                kind=error.kind,
                message=str(error),
            )
        if file.kind is None:
            self._write_ledger(file, state="skipped")
            return FileOutcome(path=path, sha256=None, status="skipped")
        stated, warnings = build_sightings(file.item.uri, file.sha256, file.sidecars), file.sidecars.warnings
        if moved_from := find_moved_path(self._store, file.sha256, file.item.uri, stated):
            self._store.move_sightings(file.sha256, moved_from, file.item.uri)
        is_new = False
        if file.analysis:
            is_new = self._store.add_record(build_ingest_record(file.analysis, stated))
            warnings = (*file.analysis.warnings, *warnings)
        self._save_source(file, file.sha256, stated)
        if text := file.text or (file.analysis and file.analysis.text):
            self._store.save_ocr_result(file.sha256, text)
        if video_text := file.video_text or (file.analysis and file.analysis.video_text):
            self._store.save_video_text(file.sha256, video_text)
        if file.transcribed:
            self._store.save_transcription(file.sha256, file.transcribed)
        self._write_ledger(file, state="done", sha256=file.sha256)
        return FileOutcome(
            path=path,
            sha256=file.sha256,
            status="added" if is_new else "known",
            warnings=(*file.warnings, *warnings),
        )

    def _write_ledger(self, file: PendingFile, **fields: Any) -> None:
        attempts = file.error.attempts if isinstance(file.error, WorkerLost) else 1
        size, modified_ns = file.item.stamp
        self._store.write_ledger_entry(
            LedgerEntry(
                path=file.item.uri,
                bytes=size,
                modified_ns=modified_ns,
                version=self._version,
                attempts=file.attempts + attempts,
                **fields,
            )
        )

    def _save_source(self, file: PendingFile, sha256: str, stated: Sequence[Sighting]) -> None:
        """Save the sightings of a file, and the clues in its name."""
        self._store.save_sightings(stated)
        self._store.save_clues(sha256, file.item.uri, file.clues)
