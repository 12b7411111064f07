"""The files of an ingest that are hits of the watch list."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from mediafp.case.references import StoredReferences
from mediafp.case.watching.watcher import Watcher
from mediafp.store import Store
from mediafp.types.runs import FileOutcome
from mediafp.types.watches import CheckedWatches


class WatchedFiles:
    """Outcomes of files with the watches that they hit. It does nothing if nothing is watched."""

    def __init__(
        self,
        store: Store,
        open_references: Callable[[], StoredReferences],
        on_watched: Callable[[CheckedWatches], object],
        *,
        compare: bool,
    ) -> None:
        """Read the watch list.

        Args:
            store: The store.
            open_references: Function that returns its references, with everything that was ingested so far.
            on_watched: Called with what was found, if it is anything.
            compare: Compare the files with watched assets and lists of hashes too.
        """
        self._watcher = Watcher(store, open_references)
        self._on_watched, self._compare = on_watched, compare

    def mark(self, outcomes: Sequence[tuple[str, FileOutcome]]) -> list[FileOutcome]:
        """Return the outcomes of files that were just written to the store, with their watches.

        Args:
            outcomes: Path of each file in the store, and its outcome.
        """
        files = [(outcome.sha256, uri) for uri, outcome in outcomes if outcome.sha256]
        if self._watcher.is_idle or not files:
            return [outcome for _, outcome in outcomes]
        checked = self._watcher.check_files(files, compare=self._compare)
        self._report(checked)
        names: defaultdict[str, list[str]] = defaultdict(list)
        for hit in checked.hits:
            names[hit.uri].append(hit.watch)
        return [replace(outcome, watches=tuple(sorted(names[uri]))) for uri, outcome in outcomes]

    def check_rest(self) -> None:
        """Compare what earlier runs have left, such as one that was ended."""
        if self._compare and not self._watcher.is_idle:
            self._report(self._watcher.compare_rest())

    def _report(self, checked: CheckedWatches) -> None:
        if checked.hits or checked.quarantined:
            self._on_watched(checked)
