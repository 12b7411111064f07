"""The scheduling of comparisons: threads compare, the caller's thread writes."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import count

from mediafp.case.blas import single_threaded_blas
from mediafp.case.comparison.pair import compare_pair
from mediafp.case.comparison.partners import Partner, find_partners
from mediafp.case.comparison.scripts import ScriptPartner, compare_scripts, find_script_partners
from mediafp.case.comparison.stored_sides import StoredSides
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.references import StoredReferences
from mediafp.store import Store
from mediafp.types.kept_matches import Channel, KeptMatch, PendingComparison, is_kept_partner

COMMIT_COMPARISONS = 64
"""Compared assets that share a commit. Chosen, not measured."""
COMMIT_SECONDS = 0.5
"""Seconds that a compared asset waits for others to share a commit. Chosen, not measured."""
POLL_SECONDS = 0.02
"""Seconds between two looks at what is done. Chosen, not measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedAsset:
    """Result of comparing an asset by one channel, not yet saved.

    Attributes:
        pending: What was compared.
        started: Number of the last entry of the custody log before it began.
        matches: The pairs that were compared.
    """

    pending: PendingComparison
    started: int
    matches: list[KeptMatch]


class Comparer:
    """Comparison of the pending assets of a store with all others. Several threads may call `compare`.

    Of two pending assets, the one that is begun first compares the pair, if the other one is in the index by then.
    """

    def __init__(self, store: Store, open_references: Callable[[], StoredReferences]) -> None:
        """Take a store.

        Args:
            store: The store.
            open_references: Function that returns its references, with everything that was ingested so far.
        """
        self._store, self._open_references = store, open_references
        self._lock = threading.Lock()
        self._sides: StoredSides | None = None
        self._begun: dict[tuple[str, str], tuple[int, int]] = {}
        """Order in which each asset and channel was begun, and the generation of the index then."""
        self._indexed: dict[str, int] = {}
        """Generation of the index from which on each pending asset is in it."""
        self._generation = 0
        self._order = count()

    def update(self, pending: Sequence[PendingComparison]) -> None:
        """Add what was ingested to the index, before these assets are compared. Call it in one thread."""
        references = self._open_references()
        with self._lock:
            self._generation += 1
            if self._sides is None or self._sides.references is not references:
                self._sides = StoredSides(self._store, references)
            for one in pending:
                self._indexed.setdefault(one.sha256, self._generation)
                self._begun.pop((one.sha256, one.channel), None)

    def compare(self, pending: PendingComparison) -> ComparedAsset:
        """Return the result of comparing an asset by one channel; it must be in the index."""
        with self._lock:
            sides = self._sides
            assert sides, "`update` is called first"
            self._begun[pending.sha256, pending.channel] = next(self._order), self._generation
        started = self._store.last_log_entry()[0]
        with single_threaded_blas().limit():
            if pending.channel == "script":
                matches = self._compare_scripts(pending.sha256, sides.references)
            elif sides.references.find_asset(pending.sha256) is None:
                # It is damaged, which was reported.
                matches = []
            else:
                matches = sides.references.without_unusable(lambda: self._compare_pictures(pending.sha256, sides))
        return ComparedAsset(pending=pending, started=started, matches=matches)

    def _compare_pictures(self, sha256: str, sides: StoredSides) -> list[KeptMatch]:
        return [
            compare_pair(sha256, one.sha256, one.promise, sides, self._store.ocr_lines)
            for one in self._choose(find_partners(sha256, sides), "picture")
            if not self._is_compared_from(one.sha256, sha256, "picture")
        ]

    def _compare_scripts(self, sha256: str, references: StoredReferences) -> list[KeptMatch]:
        return [
            compare_scripts(sha256, one, references)
            for one in self._choose(find_script_partners(sha256, references), "script")
            if not self._is_compared_from(one.sha256, sha256, "script")
        ]

    def _choose[P: Partner | ScriptPartner](self, partners: list[P], channel: Channel) -> list[P]:
        """Return the partners of an asset, the most promising first, that are compared for the sake of either side."""
        kept = [is_kept_partner(rank, one.promise_value) for rank, one in enumerate(partners)]
        others = [one.sha256 for one, is_kept in zip(partners, kept, strict=True) if not is_kept]
        limits = self._store.partner_limits(others, channel)
        return [
            one
            for one, is_kept in zip(partners, kept, strict=True)
            if is_kept or one.promise_value >= limits[one.sha256]
        ]

    def _is_compared_from(self, partner: str, sha256: str, channel: Channel) -> bool:
        """Return True if a partner was begun before an asset that was in the index, and so compares the pair itself."""
        with self._lock:
            begun = self._begun.get((partner, channel))
            return (
                begun is not None and begun[0] < self._begun[sha256, channel][0] and begun[1] >= self._indexed[sha256]
            )


def run_comparisons(
    store: Store, open_references: Callable[[], StoredReferences], *, jobs: int = 0
) -> Iterator[tuple[int, int]]:
    """Compare all pending assets of a store; yield the numbers of compared and of all pending ones after each commit.

    A run that is ended early loses what was not yielded; the next one goes on.

    Args:
        store: The store.
        open_references: Function that returns its references, with everything that was ingested so far.
        jobs: Threads; 0 for one per core.
    """
    pending = store.pending_comparisons(comparison_versions())
    if not pending:
        return
    run = ComparisonRun(store, open_references, jobs=jobs)
    try:
        run.add(pending)
        yield 0, len(pending)
        while run.is_busy:
            run.wait()
            yield run.save(), len(pending)
    finally:
        run.close()


class ComparisonRun:
    """Comparisons in progress. The caller's thread alone writes to the store."""

    def __init__(self, store: Store, open_references: Callable[[], StoredReferences], *, jobs: int = 0) -> None:
        """Start the threads.

        Args:
            store: The store.
            open_references: As in `Comparer`.
            jobs: Threads; 0 for one per core.
        """
        self._store = store
        self._comparer = Comparer(store, open_references)
        self._threads = ThreadPoolExecutor(jobs or os.cpu_count() or 1, thread_name_prefix="compare")
        self._running: set[Future[ComparedAsset]] = set()
        self._added: set[PendingComparison] = set()
        self._last_save = time.monotonic()
        self.saved = 0
        """Comparisons that were saved."""

    @property
    def is_busy(self) -> bool:
        """True if there are comparisons that are not saved yet."""
        return bool(self._running)

    @property
    def waiting(self) -> int:
        """Number of comparisons that are not saved yet."""
        return len(self._running)

    def add(self, pending: Sequence[PendingComparison]) -> None:
        """Begin to compare assets that are in the store, but for those that were begun in this state already."""
        new = [one for one in pending if one not in self._added]
        self._added.update(new)
        if new:
            self._comparer.update(new)
            self._running |= {self._threads.submit(self._comparer.compare, one) for one in new}

    def wait(self) -> None:
        """Wait until some comparisons are done, half a second at most."""
        wait(self._running, timeout=COMMIT_SECONDS, return_when=FIRST_COMPLETED)
        done = sum(future.done() for future in self._running)
        until = self._last_save + COMMIT_SECONDS
        while done < min(COMMIT_COMPARISONS, len(self._running)) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
            done = sum(future.done() for future in self._running)

    def save(self) -> int:
        """Save what is done, in one transaction, and return the number of all saved comparisons."""
        done = [future for future in self._running if future.done()]
        results = [future.result() for future in done]
        if results:
            versions = comparison_versions()
            with self._store.writing():
                for result in results:
                    self._store.save_comparison(
                        result.pending, versions[result.pending.channel], result.started, result.matches
                    )
            self._running.difference_update(done)
            self.saved += len(results)
        self._last_save = time.monotonic()
        return self.saved

    def close(self) -> None:
        """End the threads; what was not begun is skipped."""
        self._threads.shutdown(cancel_futures=True)
