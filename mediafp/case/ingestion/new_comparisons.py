"""Comparisons of the assets that an ingest adds, while it goes on."""

from collections.abc import Callable

from mediafp.case.comparison.run import ComparisonRun
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.references import StoredReferences
from mediafp.engine.interface import Engine
from mediafp.store import Store


class NewComparisons:
    """Comparisons of new assets with all others. The thread of the ingest alone calls the methods."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        open_references: Callable[[], StoredReferences],
        on_compared: Callable[[int, int], object],
        *,
        jobs: int,
    ) -> None:
        """Start the threads.

        Args:
            store: The store.
            engine: The engine, whose workers may compare pairs.
            open_references: As for `run_ingest`.
            on_compared: As for `run_ingest`.
            jobs: Pairs that are compared at once.
        """
        self._store, self._on_compared = store, on_compared
        self._run = ComparisonRun(store, open_references, engine=engine, jobs=jobs)

    def begin(self, assets: set[str] | None) -> None:
        """Begin to compare these assets, or all that have changed and were not begun yet."""
        if assets != set():
            self._run.add(self._store.pending_comparisons(comparison_versions(), only_changed=True, assets=assets))

    def save(self) -> None:
        """Save what is done."""
        if self._run.is_busy:
            done = self._run.save()
            self._on_compared(done, done + self._run.waiting)

    def finish(self) -> None:
        """Compare what is left, also what an earlier run left that was ended."""
        self.begin(None)
        while self._run.is_busy:
            self._run.wait()
            self.save()

    def close(self) -> None:
        """End the threads; what was not begun is skipped."""
        self._run.close()
