"""The scheduling of comparisons: threads compare, the caller's thread writes."""

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue

from mediafp.case.comparison.comparer import ComparedAsset, Comparer
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.references import StoredReferences
from mediafp.engine.interface import Engine
from mediafp.store import Store
from mediafp.types.kept_matches import KeptMatch, PendingComparison

COMMIT_COMPARISONS = 64
"""Compared assets that share a commit. Chosen, not measured."""
COMMIT_SECONDS = 0.5
"""Seconds that a compared asset waits for others to share a commit. Chosen, not measured."""


def run_comparisons(
    store: Store,
    open_references: Callable[[], StoredReferences],
    *,
    start_engine: Callable[[], Engine] | None = None,
    jobs: int = 0,
    assets: Collection[str] | None = None,
    complete: bool = False,
) -> Iterator[tuple[int, int]]:
    """Compare the pending assets of a store; yield the numbers of compared and of all pending ones after each commit.

    A run that is ended early loses what was not yielded; the next one goes on.

    Args:
        store: The store.
        open_references: Function that returns its references, with everything that was ingested so far.
        start_engine: Function that returns a new engine, whose workers compare pairs; None to compare all in this process.
        jobs: Pairs that are compared at once; 0 for as many as the engine says, or one per core.
        assets: Compare these assets alone; None for all.
        complete: Compare again the pairs that no worker could compare, which count as an asset each, and, if all candidates can
            be searched now, the assets of which a part of them was searched.

    Raises:
        UsageError: There is no cluster, or workers are lost whatever they compare.
    """
    versions = comparison_versions()
    pending = store.pending_comparisons(versions, assets=assets)
    lost = store.lost_pairs() if complete else []
    partial = store.partial_comparisons(versions) if complete else []
    if not pending and not lost and not partial:
        return
    with ExitStack() as stack:
        engine = stack.enter_context(start_engine()) if start_engine else None
        run = ComparisonRun(store, open_references, engine=engine, jobs=jobs)
        stack.callback(run.close)
        # Before the assets, which leave these pairs to them.
        run.add_lost(lost)
        run.add(pending)
        if partial:
            run.add_if_all_is_searched(partial)
        if not (total := run.waiting):
            return
        yield 0, total
        while run.is_busy:
            run.wait()
            yield run.save(), total


class ComparisonRun:
    """Comparisons in progress. The caller's thread alone writes to the store."""

    def __init__(
        self,
        store: Store,
        open_references: Callable[[], StoredReferences],
        *,
        engine: Engine | None = None,
        jobs: int = 0,
    ) -> None:
        """Start the threads.

        Args:
            store: The store.
            open_references: As in `Comparer`.
            engine: As in `Comparer`.
            jobs: Pairs that are compared at once; 0 for as many as the engine says, or one per core.

        Raises:
            UsageError: There is no cluster, or it has no node that is fit.
        """
        self._store = store
        self._comparer = Comparer(store, open_references, engine)
        # Asked for in any case: it connects to a cluster, which this thread may be interrupted in.
        concurrency = engine.concurrency if engine else os.cpu_count() or 1
        self._threads = ThreadPoolExecutor(jobs or concurrency, thread_name_prefix="compare")
        self._added: set[PendingComparison] = set()
        self._lost = 0
        """Lost pairs that were begun."""
        self._done: SimpleQueue[Future[ComparedAsset]] = SimpleQueue()
        """Comparisons in the order in which they are done: there may be a million, too many to look at each."""
        self._finished: list[Future[ComparedAsset]] = []
        """Those that were taken from the queue and wait for a commit."""
        self.saved = 0
        """Comparisons that were saved."""

    @property
    def is_busy(self) -> bool:
        """True if there are comparisons that are not saved yet."""
        return self.waiting > 0

    @property
    def waiting(self) -> int:
        """Number of comparisons that are not saved yet."""
        return len(self._added) + self._lost - self.saved

    def add(self, pending: Sequence[PendingComparison]) -> None:
        """Begin to compare assets that are in the store, but for those that were begun in this state already."""
        new = [one for one in pending if one not in self._added]
        if new:
            self._comparer.update(new)
        for one in new:
            self._added.add(one)
            self._threads.submit(self._comparer.compare, one).add_done_callback(self._done.put)

    def add_lost(self, lost: Sequence[KeptMatch]) -> None:
        """Begin to compare pairs again that no worker could compare."""
        if lost:
            self._comparer.update([], lost)
        self._lost += len(lost)
        for one in lost:
            self._threads.submit(self._comparer.compare_again, one).add_done_callback(self._done.put)

    def add_if_all_is_searched(self, partial: Sequence[PendingComparison]) -> None:
        """Begin to compare assets of which a part of the candidates was searched, if all are searched now."""
        self._comparer.update([])
        if self._comparer.searches_all:
            self.add(partial)

    def wait(self) -> None:
        """Wait until enough comparisons for a commit are done, half a second at most."""
        until = time.monotonic() + COMMIT_SECONDS
        with suppress(Empty):
            while len(self._finished) < min(COMMIT_COMPARISONS, self.waiting):
                self._finished.append(self._done.get(timeout=max(0.0, until - time.monotonic())))

    def save(self) -> int:
        """Save what is done, in one transaction, and return the number of all saved comparisons.

        Raises:
            UsageError: Workers are lost whatever they compare, or there is no cluster any more. The rest is saved.
        """
        with suppress(Empty):
            while True:
                self._finished.append(self._done.get_nowait())
        errors = [error for future in self._finished if (error := future.exception())]
        results = [future.result() for future in self._finished if not future.exception()]
        if errors:
            results += self._comparer.losses
        if results:
            versions = comparison_versions()
            with self._store.writing():
                for result in results:
                    if result.pending is None:
                        self._store.save_pairs(versions["picture"], result.started, result.matches)
                        continue
                    self._store.save_comparison(
                        result.pending,
                        versions[result.pending.channel],
                        result.started,
                        result.matches,
                        is_partial=result.is_partial,
                    )
        if errors:
            raise errors[0]
        self.saved += len(self._finished)
        self._finished.clear()
        return self.saved

    def close(self) -> None:
        """End the threads; what was not begun is skipped."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        # Before it waits for the threads: they may wait for a node that reads millions of rows.
        self._comparer.close()
        self._threads.shutdown()
