"""Methods of a case about the matches between its assets, and what follows from them."""

import logging
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mediafp.case.exports import iter_match_records
from mediafp.case.incomplete_matches import case_warnings, find_lost_pairs, partial_search_warning
from mediafp.case.sources import PathLike
from mediafp.store import Store
from mediafp.store.interface import READ_ONLY_REASON
from mediafp.types.accounts import Account
from mediafp.types.clusters import Clustering
from mediafp.types.coshares import DEFAULT_WINDOW_SECONDS, Cosharing
from mediafp.types.errors import StoreError, UsageError
from mediafp.types.kept_matches import KeptMatch, LostPair, LostPairHandler, MatchRecord, UncomparedAssets
from mediafp.types.matches import Clip, QueryResult
from mediafp.types.timelines import Timeline

# A method that needs the engine, the models or the report templates imports them: a case that is only searched, listed
# or counted opens without them.
if TYPE_CHECKING:
    from mediafp.case.references import StoredReferences
    from mediafp.case.thumbnail_decoder import ThumbnailDecoder
    from mediafp.engine.interface import Engine


_logger = logging.getLogger(__name__)


class RelationMethods:
    """The part of `Case` about kept matches, clusters, accounts and reports."""

    _store: Store
    _on_lost: LostPairHandler
    _comparison_warnings: tuple[str, ...] = ()

    if TYPE_CHECKING:
        _start_engine: Callable[[], Engine]

        @property
        def _engine(self) -> Engine: ...

        @property
        def _thumbnails(self) -> ThumbnailDecoder: ...

        def _references(self) -> StoredReferences: ...

    def relate(self, on_progress: Callable[[int, int], object] = lambda done, total: None) -> int:
        """Compare every asset that was not compared yet with all others, keep the matches, and return their number.

        Pairs that no worker could compare before are compared again, and count as one each; and so are assets of which a part of
        the candidates was searched, if all can be searched now.

        Args:
            on_progress: Called with the numbers of assets that were compared, and that must be.
        """
        return self._complete_matches(on_progress, complete=True)

    def lost_pairs(self, exclude: Collection[LostPair] = ()) -> list[LostPair]:
        """Return the pairs that no worker could compare, by both assets; `relate` compares them again.

        Args:
            exclude: Pairs that are omitted, such as those that were lost before.
        """
        known = {(pair.a, pair.b) for pair in exclude}
        return [pair for pair in find_lost_pairs(self._store) if (pair.a, pair.b) not in known]

    def _complete_matches(self, on_progress: Callable[[int, int], object], *, complete: bool = False) -> int:
        """Compare what was not compared yet, and report what no worker could compare; arguments as of `run_comparisons`."""
        from mediafp.case.comparison.run import run_comparisons

        total, self._comparison_warnings = 0, ()
        if self._store.is_read_only:
            if complete:
                raise StoreError(
                    f"cannot compare the files of '{self._store.folder}': {READ_ONLY_REASON}", kind="read_only"
                )
            self._comparison_warnings = case_warnings(self._store)
            for reason in self._comparison_warnings:
                _logger.warning("%s", reason)
            return 0
        for done, total in run_comparisons(
            self._store, self._references, start_engine=self._start_engine, complete=complete
        ):
            on_progress(done, total)
            if done == total:
                # As long as the nodes search.
                self._comparison_warnings = self._references().search_warnings()
        for pair in self.lost_pairs():
            self._on_lost(pair)
        if warning := partial_search_warning(self._store):
            self._comparison_warnings = self._comparison_warnings or (warning,)
            if not complete:
                _logger.warning("%s", warning)
        return total

    def comparison_warnings(self) -> tuple[str, ...]:
        """Return what limits the kept matches: a sentence for each index of which the last comparing searched a part.

        If it compared nothing, one sentence about the files of which an earlier one did. The nodes of a cluster search all rows
        of an index of which this machine searches a part.
        """
        return self._comparison_warnings

    def count_uncompared(self) -> UncomparedAssets:
        """Return the number of assets that `relate` would compare."""
        from mediafp.case.comparison.versions import comparison_versions

        return self._store.count_uncompared(comparison_versions())

    def kept_matches(self) -> Iterator[KeptMatch]:
        """Yield every match between two assets of the store once, improbable ones included; `relate` finds missing ones."""
        return self._store.kept_matches()

    def cluster(self, on_progress: Callable[[int, int], object] = lambda done, total: None) -> Clustering:
        """Return the clusters of near-duplicates; `on_progress` as for `relate`, which is called first."""
        from mediafp.case.clusters import cluster_store

        self._complete_matches(on_progress)
        return cluster_store(self._store)

    def accounts(self, on_progress: Callable[[int, int], object] = lambda done, total: None) -> list[Account]:
        """Return the accounts that sightings name, by their first time; `on_progress` as for `relate`, which is called first."""
        from mediafp.case.accounts import load_accounts

        self._complete_matches(on_progress)
        return list(load_accounts(self._store).accounts.values())

    def timeline(
        self,
        target: PathLike | None = None,
        on_progress: Callable[[int, int], object] = lambda done, total: None,
    ) -> Timeline:
        """Return what was posted, captured and removed, oldest first; `on_progress` as for `relate`, which is called first.

        Args:
            target: SHA-256 of an asset, id of a cluster, path, or name of an account; None for all of the store. With an
                account come the others of its line of iterations.
            on_progress: See above.

        Raises:
            UsageError: The store contains nothing of this name.
        """
        from mediafp.case.accounts import load_timeline

        self._complete_matches(on_progress)
        return load_timeline(self._store, None if target is None else os.fspath(target))

    def coshare(
        self,
        window: float = DEFAULT_WINDOW_SECONDS,
        on_progress: Callable[[int, int], object] = lambda done, total: None,
    ) -> Cosharing:
        """Return the pairs of accounts that posted the same media; `on_progress` as for `relate`, which is called first.

        Args:
            window: Seconds within which two posts of one item count.
            on_progress: See above.

        Raises:
            UsageError: `window` is not a positive number.
        """
        from mediafp.case.coshare import find_coshares

        if not 0 < window < float("inf"):
            raise UsageError(f"cannot use the time window {window}: give a number of seconds above 0")
        self._complete_matches(on_progress)
        return find_coshares(self._store, window)

    def pairwise_results(self) -> Sequence[QueryResult]:
        """Return the probable kept matches, each pair once, by query; `relate` finds missing ones."""
        from mediafp.case.kept_results import KeptResults

        return KeptResults(self._store)

    def report(
        self,
        page: PathLike,
        *,
        paths: bool = False,
        clips: bool = False,
        on_progress: Callable[[int, int], object] = lambda done, total: None,
        on_card: Callable[[int, int], object] = lambda done, total: None,
        on_clip: Callable[[], object] = lambda: None,
    ) -> list[Clip]:
        """Write every match with its evidence, by cluster, to an HTML page; return the clips.

        Args:
            page: The page to write. If its images are too large for one file, they lie in a folder next to it.
            paths: Show the whole paths of files, not only their names.
            clips: Cut the matching segments of videos into a folder next to the page.
            on_progress: As for `relate`, which is called first.
            on_card: Called after each match with the number written so far, and the number of all; the page is begun
                anew if its images are too large for one file.
            on_clip: Called after each clip.

        Raises:
            UsageError: The page cannot be written, or FFmpeg is missing.
        """
        from mediafp.case.reports import prepare_report, write_evidence

        page = Path(page)
        cut_clips = self._engine.clip_cutter() if clips else None
        prepare_report(page, clips=clips)
        self._complete_matches(on_progress)
        return write_evidence(
            page,
            self._store,
            self._engine,
            self._thumbnails,
            paths=paths,
            cut_clips=cut_clips,
            on_card=on_card,
            on_clip=on_clip,
        )

    def export_matches(
        self, on_progress: Callable[[int, int], object] = lambda done, total: None
    ) -> Iterator[MatchRecord]:
        """Yield every kept match with both sightings; `on_progress` as for `relate`, which is called first."""
        self._complete_matches(on_progress)
        yield from iter_match_records(self._store)
