"""Failures of earlier ingests that are none any more."""

from pathlib import PurePath

from mediafp.case.ingestion.items import IngestItem
from mediafp.case.ingestion.moves import MovedFailures
from mediafp.store import Store


class ResolvedFailures:
    """Failed folders and archives in which an ingest finds files, and failed files that it finds elsewhere."""

    def __init__(self, store: Store) -> None:
        self._store = store
        failures = store.failures()
        self._failed_paths = {entry.path for entry in failures}
        self._moved = MovedFailures(failures)
        self._resolved: set[str] = set()

    def note(self, item: IngestItem) -> None:
        """Note the failed folders and archives that contain a file, and the paths from which it may have been moved."""
        if self._failed_paths:
            self._resolved.update(self._moved.find_old_paths(item))
            self._resolved |= self._failed_paths.intersection(map(str, PurePath(item.uri).parents))
            # An archive that cannot be read to its end comes after its members.
            self._resolved.discard(item.uri)

    def clear(self) -> None:
        """Remove what was noted from the failures of the store."""
        with self._store.writing():
            for path in sorted(self._resolved):
                self._store.clear_failure(path)
