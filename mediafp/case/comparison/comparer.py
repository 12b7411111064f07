"""The comparison of an asset with all others: its partners, and the process that compares each pair."""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from mediafp.case.comparison.pair import NO_WORKERS, compare_pair, keep_failure, keep_match
from mediafp.case.comparison.partners import AudioPartner, Partner, find_partners
from mediafp.case.comparison.scripts import compare_scripts, find_script_partners
from mediafp.case.comparison.sounds import SoundPromises, compare_stored_sounds, find_sound_partners
from mediafp.case.comparison.spread import SpreadPairs
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.references import StoredReferences
from mediafp.engine.blas import single_threaded_blas
from mediafp.engine.comparison.pair import FoundMatch
from mediafp.engine.comparison.sides import StoredSides
from mediafp.engine.interface import Engine
from mediafp.matching.promise import Promise, pair_promise
from mediafp.store import Store, shard_service, single_threaded_search
from mediafp.types.errors import SandboxError, UsageError
from mediafp.types.kept_matches import Channel, KeptMatch, PairFailure, PendingComparison, is_kept_partner
from mediafp.types.node_services import ServiceNode

MIN_SPREAD_ASSETS = 64
"""Assets that wait to be compared from which on workers of this machine compare them: each starts in two seconds, and has 260 MB.
Chosen, not measured."""
MIN_SPREAD_CORES = 8
"""Pairs that are compared at once from which on workers of this machine compare them. One thread holds the lock of Python for .13
of its time (gilknocker, 300 pairs of photos), so that seven threads keep each other from working; workers take 1.15 times the CPU
time of threads (scripts/bench/relate_cost.py)."""
MAX_LOST_PAIRS = 8
"""Pairs in a row, each of two other assets, that no worker could compare, after which a run ends: the cause is then in the
machines, such as too little memory. Chosen, not measured."""

_logger = logging.getLogger(__name__)


AssetChannel = tuple[str, Channel]
"""SHA-256 of an asset, and a channel by which it is compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedAsset:
    """Result of comparing an asset by one channel, or a lost pair again, not yet saved.

    Attributes:
        pending: The asset and the channel; None for a lost pair.
        started: Number of the last entry of the custody log before the references were read with which it was compared.
        matches: The pairs that were compared.
        is_partial: True if a part of the candidates was searched.
    """

    pending: PendingComparison | None
    started: int
    matches: list[KeptMatch]
    is_partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """A state of the store that assets are compared in.

    Attributes:
        sides: Its assets.
        spread: Their comparison by workers; None without an engine.
        promises: Promises of their audio that were found.
        started: Number of the last entry of the custody log before the references were read.
        generation: Number of the state.
    """

    sides: StoredSides[StoredReferences]
    spread: SpreadPairs | None
    promises: SoundPromises
    started: int
    generation: int


class Comparer:
    """Comparison of the pending assets of a store with all others. Several threads may call `compare`.

    Of two pending assets, the one that comes first to the pair compares it. An asset of a pair that no worker could compare is
    compared by workers alone from then on: to the end of the run, and by later runs as long as it is one of the store's suspects.
    """

    def __init__(
        self, store: Store, open_references: Callable[[], StoredReferences], engine: Engine | None = None
    ) -> None:
        """Take a store.

        Args:
            store: The store.
            open_references: Function that returns its references, with everything that was ingested so far.
            engine: Engine whose workers compare pairs; None to compare all in this process.
        """
        self._store, self._open_references, self._engine = store, open_references, engine
        self._is_spread = False
        """True if workers compare all pairs."""
        self._suspects: set[str] = set()
        """Assets of pairs that no worker could compare, also with one that was forgotten since."""
        self._reasons: dict[tuple[str, str], PairFailure] = {}
        """Why no worker could compare a pair, by both assets, the smaller SHA-256 first."""
        self._no_workers = NO_WORKERS
        """Why no worker is asked, if there is none."""
        self._again: set[tuple[str, str]] = set()
        """Pairs that `compare_again` compares, the smaller SHA-256 first."""
        self._losses: list[ComparedAsset] = []
        """Pairs in a row that no worker could compare, each of two assets that were not suspects."""
        self._nodes: Sequence[ServiceNode] | None = None
        """Nodes that search the indexes; None as long as they were not started."""
        self._close_services: Callable[[], None] = lambda: None
        """Ends what was started on them."""
        self._lock = threading.Lock()
        self._state: _State | None = None
        self._newest: dict[AssetChannel, tuple[PendingComparison, int]] = {}
        """Newest state of each asset and channel that is not compared yet, and the generation of the index that has it."""
        self._taken: dict[AssetChannel, set[str]] = {}
        """Assets that compare the pair with such an asset in its newest state."""

    def update(self, pending: Sequence[PendingComparison], lost: Sequence[KeptMatch] = ()) -> None:
        """Add what was ingested to the index, before these assets are compared. Call it in one thread.

        Args:
            pending: Assets for `compare`.
            lost: Pairs for `compare_again`, to which `compare` leaves them.
        """
        # Before the references are read: what changes from now on may not be in them.
        started = self._store.last_log_entry()[0]
        references = self._open_references()
        if not self._state or self._state.sides.references is not references:
            self._share(references)
        suspects = self._store.suspects()
        reasons = {one.pair: one.failure for one in self._store.lost_pairs() if one.failure}
        with self._lock:
            self._suspects |= suspects
            self._reasons |= reasons
            self._again.update(one.pair for one in lost)
            generation = self._state.generation + 1 if self._state else 1
            if self._state and self._state.sides.references is references:
                sides, spread, promises = self._state.sides, self._state.spread, self._state.promises
            else:
                sides = StoredSides(references)
                spread = SpreadPairs(self._engine, self._store, sides) if self._engine else None
                promises = SoundPromises()
            self._state = _State(sides=sides, spread=spread, promises=promises, started=started, generation=generation)
            for one in pending:
                self._newest[one.sha256, one.channel] = one, generation
                self._taken.pop((one.sha256, one.channel), None)
            self._is_spread = self._is_spread or (self._engine is not None and self._is_worth_spreading(self._engine))

    def close(self) -> None:
        """Have this machine search the indexes again; searches in progress wait for no node."""
        if self._state:
            self._state.sides.references.share(())
        self._close_services()

    def _share(self, references: StoredReferences) -> None:
        """Have the nodes of a cluster search the indexes, if they lie where nodes can read them."""
        if self._engine and references.shared_rows:
            if self._nodes is None:
                self._close_services = self._engine.close_services
                self._nodes = self._engine.open_services(shard_service())
            references.share(self._nodes)

    def compare(self, pending: PendingComparison) -> ComparedAsset:
        """Return the result of comparing an asset by one channel; it must be in the index."""
        key = pending.sha256, pending.channel
        with self._lock:
            state = self._current_state()
            newest = self._newest.get(key)
        sides, started, generation = state.sides, state.started, state.generation
        if newest is None or newest[0] != pending:
            # It has changed again, and its newest state is compared: this result would not be saved.
            return ComparedAsset(pending=pending, started=started, matches=[])
        # Sounds and words are compared with all rows.
        is_partial = pending.channel == "picture" and not self.searches_all
        with single_threaded_blas().limit(), self._limit_search():
            if pending.channel == "script":
                matches = self._compare_scripts(pending.sha256, sides.references, generation)
            elif sides.references.find_asset(pending.sha256) is None:
                # It is damaged, which was reported.
                matches = []
            elif pending.channel == "voice":
                matches = self._compare_sounds(pending.sha256, state, newest[1])
            else:
                matches = sides.references.without_unusable(lambda: self._compare_pictures(pending.sha256, state))
        with self._lock:
            if self._newest.get(key) == newest:
                del self._newest[key]
                self._taken.pop(key, None)
                if pending.channel == "voice":
                    state.promises.drop(pending.sha256)
        # Another run over the same references may have begun or ended meanwhile.
        is_partial = is_partial or (pending.channel == "picture" and not self.searches_all)
        return ComparedAsset(pending=pending, started=started, matches=matches, is_partial=is_partial)

    @property
    def searches_all(self) -> bool:
        """True if all rows of all indexes are searched."""
        return not self._current_state().sides.references.search_warnings()

    def compare_again(self, lost: KeptMatch) -> ComparedAsset:
        """Return the result of comparing a pair that no worker could compare; both assets must be in the index.

        A pair that promises nothing any more does not match: else each later run would try it again. One with a damaged asset,
        which is reported, stays lost, so that workers alone compare its files after they were repaired.
        """
        with self._lock:
            state = self._current_state()
        sides = state.sides

        def compare() -> list[KeptMatch]:
            a, b = lost.pair
            if not sides.references.find_asset(a) or not sides.references.find_asset(b):
                return []
            promise = pair_promise(sides.rows(a), sides.rows(b))
            if promise is None:
                return [replace(lost, promise=0.0, failure=None)]
            return [self._compare_pair(a, b, promise, state)]

        with single_threaded_blas().limit():
            matches = sides.references.without_unusable(compare)
        return ComparedAsset(pending=None, started=state.started, matches=matches)

    def _limit_search(self) -> AbstractContextManager[None]:
        """Return a block in which a search uses one thread, if as many assets wait as there are processors for them."""
        with self._lock:
            waiting = len(self._newest)
        return single_threaded_search() if waiting >= (os.cpu_count() or 1) else nullcontext()

    def _current_state(self) -> _State:
        assert self._state, "`update` is called first"
        return self._state

    def _is_worth_spreading(self, engine: Engine) -> bool:
        """Return True if the workers of an engine compare what waits sooner than this process."""
        is_local = engine.name == "local"
        return not is_local or (len(self._newest) >= MIN_SPREAD_ASSETS and engine.concurrency >= MIN_SPREAD_CORES)

    def _compare_pair(self, sha256: str, partner: str, promise: Promise, state: _State) -> KeptMatch:
        # In this order: that of the rows of the promise.
        pair, text = (sha256, partner), self._store.ocr_lines
        is_suspect = not self._suspects.isdisjoint(pair)
        if self._is_spread or is_suspect:
            self._check_losses(state.sides.references)
            found = self._compare_by_workers(pair, promise, state)
            if found is None and is_suspect:
                # Why workers have lost the pair stays.
                found = self._reasons.get(_sorted_pair(*pair), self._no_workers)
            if isinstance(found, PairFailure):
                lost = keep_failure(pair, promise, found)
                self._add_loss(lost, state)
                return lost
            if found:
                with self._lock:
                    self._reasons.pop(_sorted_pair(*pair), None)
                    if len(self._losses) < MAX_LOST_PAIRS:
                        self._losses.clear()
                return keep_match(pair, promise, found, state.sides.references, text)
        return compare_pair(sha256, partner, promise, state.sides, text)

    @property
    def losses(self) -> list[ComparedAsset]:
        """Lost pairs that a run which ends before the results of their assets must save: this process never compares them."""
        with self._lock:
            return list(self._losses)

    def _add_loss(self, lost: KeptMatch, state: _State) -> None:
        with self._lock:
            # A hostile file may lose every pair that it is in, which counts once.
            if self._suspects.isdisjoint(lost.pair) and len(self._losses) < MAX_LOST_PAIRS:
                self._losses.append(ComparedAsset(pending=None, started=state.started, matches=[lost]))
            self._suspects.update(lost.pair)
            self._reasons[lost.pair] = lost.failure or self._no_workers

    def _check_losses(self, references: StoredReferences) -> None:
        """Raise UsageError if workers are lost whatever they compare."""
        with self._lock:
            if len(self._losses) < MAX_LOST_PAIRS:
                return
            (last,) = self._losses[-1].matches
        a, b = ((references.uris(asset) or (asset,))[0] for asset in last.pair)
        reason = last.failure.reason if last.failure else ""
        raise UsageError(
            f"cannot compare the files: no worker could compare {MAX_LOST_PAIRS} pairs of different files in a row, the last"
            f" of them {a!r} with {b!r} ({reason}); check the memory of the machines, then: mediafp relate"
        )

    def _compare_by_workers(
        self, pair: tuple[str, str], promise: Promise, state: _State
    ) -> FoundMatch | PairFailure | None:
        """Return the match of a pair, or why there is none; None if there are no workers."""
        if state.spread is None:
            return None
        try:
            return state.spread.find_match(*pair, promise)
        except SandboxError as error:
            if self._is_spread:
                # Other workers decode the thumbnails; if they cannot start either, their error ends the run.
                _logger.warning("all files are compared by this process: %s", error)
            self._is_spread, self._engine = False, None
            self._no_workers = PairFailure("crash", str(error))
            return None

    def _compare_pictures(self, sha256: str, state: _State) -> list[KeptMatch]:
        return [
            self._compare_pair(sha256, one.sha256, one.promise, state)
            for one in self._choose(find_partners(sha256, state.sides), "picture")
            if _sorted_pair(sha256, one.sha256) not in self._again
            and self._take(sha256, one.sha256, "picture", state.generation)
        ]

    def _compare_scripts(self, sha256: str, references: StoredReferences, generation: int) -> list[KeptMatch]:
        # Of one property access: another thread may replace the index.
        transcripts = references.transcripts
        return [
            compare_scripts(sha256, one, transcripts, references)
            for one in self._choose(find_script_partners(sha256, transcripts, references), "script")
            if self._take(sha256, one.sha256, "script", generation)
        ]

    def _compare_sounds(self, sha256: str, state: _State, since: int) -> list[KeptMatch]:
        """Return the result of comparing the audio of an asset, which the index has since a generation."""
        references = state.sides.references
        with self._lock:
            searched, known = state.promises.known(sha256, since)
        partners = find_sound_partners(references.sounds(sha256), references, exclude=searched | {sha256}, known=known)
        with self._lock:
            promises = {one.sha256: one.promise_value for one in partners if (one.sha256, "voice") in self._newest}
            state.promises.add(sha256, state.generation, promises)
        return [
            compare_stored_sounds(sha256, one, references)
            for one in self._choose(partners, "voice")
            if self._take(sha256, one.sha256, "voice", state.generation)
        ]

    def _choose[P: Partner | AudioPartner](self, partners: list[P], channel: Channel) -> list[P]:
        """Return the partners of an asset, the most promising first, that are compared for the sake of either side."""
        kept = [is_kept_partner(rank, one.promise_value) for rank, one in enumerate(partners)]
        others = [one.sha256 for one, is_kept in zip(partners, kept, strict=True) if not is_kept]
        limits = self._store.partner_limits(others, channel, comparison_versions()[channel])
        return [
            one
            for one, is_kept in zip(partners, kept, strict=True)
            if is_kept or one.promise_value >= limits[one.sha256]
        ]

    def _take(self, sha256: str, partner: str, channel: Channel, generation: int) -> bool:
        """Return True if an asset, compared with this generation of the index, compares the pair with a partner itself."""
        with self._lock:
            if partner in self._taken.get((sha256, channel), ()):
                return False
            newest = self._newest.get((partner, channel))
            if newest and generation >= newest[1]:
                # Else the partner has changed since, and its newest state is compared with this asset anew.
                self._taken.setdefault((partner, channel), set()).add(sha256)
            return True


def _sorted_pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)
