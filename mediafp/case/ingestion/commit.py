"""Finished files of an ingest, written to the store."""

import os
from collections.abc import Sequence
from typing import Any

from mediafp.case.ingestion.items import IngestItem
from mediafp.case.ingestion.pending import PendingFile
from mediafp.sightings.sidecars import read_sidecars
from mediafp.store import Store
from mediafp.types.errors import WorkerLost
from mediafp.types.media import SiblingOpener, Sighting
from mediafp.types.runs import FileAnalysis, FileOutcome, IngestRecord, LedgerEntry


def build_ingest_record(analysis: FileAnalysis, sighting: Sighting) -> IngestRecord:
    """Return everything that an analysed file adds to a store."""
    return IngestRecord(
        asset=analysis.asset,
        sighting=sighting,
        fingerprints=analysis.fingerprints,
        thumbnails=analysis.thumbnails,
        warnings=analysis.warnings,
    )


def build_sighting(uri: str, name: str, sha256: str, open_sibling: SiblingOpener) -> tuple[Sighting, list[str]]:
    """Return the sighting of a file with the fields from its sidecars, and the warnings about them."""
    sidecar_fields, warnings = read_sidecars(name, open_sibling)
    fields = {field: getattr(sidecar_fields, field) for field in sidecar_fields.__dataclass_fields__}
    return Sighting(sha256=sha256, uri=uri, **fields), warnings


class FileWriter:
    """Writer of finished files. Only one thread may use it."""

    def __init__(self, store: Store, *, version: str, sidecars: bool) -> None:
        """Take the store and the settings of a run.

        Args:
            store: The store.
            version: Version of the analysis, for the ledger.
            sidecars: Read sidecars.
        """
        self._store, self._version, self._sidecars = store, version, sidecars

    def commit(self, files: Sequence[PendingFile]) -> list[FileOutcome]:
        """Write files in one transaction, and return their outcomes once they are durable."""
        with self._store.writing():
            return [self._save(file) for file in files]

    def update_sighting(self, item: IngestItem, sha256: str) -> list[str]:
        """Write the sighting of a file that is ingested already if its sidecars state something new; return warnings."""
        sighting, warnings = self._build_sighting(item, sha256)
        if sighting.source and sighting != self._store.sighting(sha256, sighting.uri):
            with self._store.writing():
                self._store.add_sighting(sighting)
        return warnings

    def _save(self, file: PendingFile) -> FileOutcome:
        path, error = os.fspath(file.item.path), file.error
        if error:
            self._write_ledger(file, state="failed", kind=error.kind, message=str(error))
            return FileOutcome(path=path, sha256=None, status="failed", kind=error.kind, message=str(error))
        if file.kind is None:
            self._write_ledger(file, state="skipped")
            return FileOutcome(path=path, sha256=None, status="skipped")
        sighting, warnings = self._build_sighting(file.item, file.sha256)
        is_new = False
        if file.analysis:
            is_new = self._store.add_record(build_ingest_record(file.analysis, sighting))
            warnings = [*file.analysis.warnings, *warnings]
        else:
            self._store.add_sighting(sighting)
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

    def _build_sighting(self, item: IngestItem, sha256: str) -> tuple[Sighting, list[str]]:
        if not self._sidecars:
            return Sighting(sha256=sha256, uri=item.uri), []
        return build_sighting(item.uri, item.path.name, sha256, item.open_sibling)
