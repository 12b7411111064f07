"""Methods of a case about the watch list."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mediafp.case.sources import PathLike, Paths
from mediafp.store import Store
from mediafp.types.runs import FileOutcome, IngestOptions
from mediafp.types.watches import AddedWatch, CheckedWatches, Watch, WatchHit, WatchKind, WatchSummary

if TYPE_CHECKING:
    from mediafp.case.references import StoredReferences


class WatchMethods:
    """The part of `Case` about the watch list."""

    _store: Store

    if TYPE_CHECKING:

        def ingest(self, paths: Paths, options: IngestOptions | None = None) -> Iterator[FileOutcome]:
            """Add files to the store."""
            ...

        def _references(self) -> StoredReferences: ...

    def add_watch(
        self,
        value: PathLike,
        name: str | None = None,
        kind: WatchKind | None = None,
        options: IngestOptions | None = None,
    ) -> AddedWatch:
        """Watch for a file, words, an account or a list of hashes, and return the watch with what it finds in the store.

        Args:
            value: Path of an image, a video or a sound, or SHA-256 of an asset; `@handle`, `platform:handle` or the address of
                an account; name of a list of hashes; words as for `search`.
            name: Name of the watch; None for one made of the value.
            kind: Kind of the watch; None to choose it by the form of the value.
            options: Options by which a file that the store does not contain is ingested.

        Raises:
            UsageError: The value cannot be watched, or there is a watch of this name.
        """
        from mediafp.case.watching.watch_list import add_watch

        def ingest(path: Path) -> Iterator[FileOutcome]:
            return self.ingest(path, replace(options or IngestOptions(), match=False))

        return add_watch(self._store, self._references, ingest, os.fspath(value), name, kind)

    def watches(self) -> list[WatchSummary]:
        """Return the watch list with the number of hits of each watch, by name."""
        from mediafp.case.watching.watch_list import summarise_watches

        return summarise_watches(self._store)

    def check_watches(self, on_progress: Callable[[int, int], object] = lambda done, total: None) -> CheckedWatches:
        """Compare everything that came since the last check with the watch list; save and return the new hits.

        `ingest` does so with its own files; `watch_hits` returns the hits of both.

        Args:
            on_progress: Called with the numbers of assets that were compared, and that must be.
        """
        from mediafp.case.watching.watcher import Watcher

        return Watcher(self._store, self._references).check_all(on_progress)

    def watch_hits(self, name: str | None = None, *, only_new: bool = False) -> list[WatchHit]:
        """Return the hits of a watch, or of all, by time; with `only_new`, those that were not reported yet."""
        return self._store.watch_hits(name, only_new=only_new)

    def mark_hits_seen(self, hits: Sequence[WatchHit]) -> None:
        """Save that these hits were reported to a person."""
        with self._store.writing():
            self._store.mark_hits_reported(hits)

    def resume_watch(self, name: str) -> Watch:
        """Take a watch out of quarantine; what it would have found so far is no news.

        Raises:
            UsageError: There is no watch of this name, or it is in no quarantine.
        """
        from mediafp.case.watching.watch_list import resume_watch

        return resume_watch(self._store, self._references, name)

    def remove_watch(self, name: str) -> None:
        """Remove a watch and its hits. A file that was ingested to be watched stays in the store.

        Raises:
            UsageError: There is no watch of this name.
        """
        from mediafp.case.watching.watch_list import remove_watch

        remove_watch(self._store, name)
