"""The sidecars among the files of an ingest, which are skipped as files."""

import os
from collections.abc import Iterator

from mediafp.case.ingestion.items import IngestItem
from mediafp.sightings.sidecars import SidecarReader
from mediafp.types.runs import FileOutcome

MAX_WAITING_SIDECARS = 1_000
"""Sidecars of which those that were used are released, and from then on twice as many as were not. Chosen, not measured."""


class ListedSidecars:
    """Sidecars that wait for the end of an ingest: what they state of files that are not there is known then."""

    def __init__(self, reader: SidecarReader) -> None:
        self._reader = reader
        self._waiting: list[IngestItem] = []
        self._release_at = MAX_WAITING_SIDECARS

    def add(self, item: IngestItem) -> list[FileOutcome]:
        """Add a sidecar; return the outcomes of those that need not wait any more: a million would not fit into memory."""
        self._waiting.append(item)
        if len(self._waiting) < self._release_at:
            return []
        released, waiting = [], []
        for one in self._waiting:
            if self._reader.forget_used(one.path.name, one.folders()):
                released.append(_skipped(one, one.warnings))
            else:
                waiting.append(one)
        self._waiting = waiting
        self._release_at = max(MAX_WAITING_SIDECARS, 2 * len(waiting))
        return released

    def iter_outcomes(self) -> Iterator[FileOutcome]:
        """Yield the outcomes of the others, with what they state of files that are not there."""
        for item in self._waiting:
            unused = self._reader.unused_parts(item.path.name, item.folders())
            yield _skipped(item, (*item.warnings, *unused))


def _skipped(item: IngestItem, warnings: tuple[str, ...]) -> FileOutcome:
    return FileOutcome(path=os.fspath(item.path), sha256=None, status="skipped", warnings=warnings)
