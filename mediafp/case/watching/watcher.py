"""The comparison of new files with the watch list."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from mediafp.case.references import StoredReferences
from mediafp.case.watching.copies import find_copies
from mediafp.case.watching.hash_lists import find_listed_hits
from mediafp.case.watching.stated_accounts import (
    AccountFinder,
    WatchedAccount,
    account_reason,
    find_account,
    stated_account,
)
from mediafp.case.watching.text_hits import find_texts
from mediafp.case.watching.too_common import new_hits_reason
from mediafp.case.watching.watched_assets import WatchedAssets, asset_hit
from mediafp.store import Store
from mediafp.store.watch_interface import ChangedAsset
from mediafp.types.kept_matches import Channel
from mediafp.types.matches import SAME_BYTES
from mediafp.types.watches import CheckedWatches, Watch, WatchHit, WatchKind

type SeenFile = tuple[str, str]
"""SHA-256 and path of a file."""


class Watcher:
    """The watch list of a store as it is now, without what is in quarantine. One thread uses it."""

    def __init__(self, store: Store, open_references: Callable[[], StoredReferences]) -> None:
        """Read the watch list.

        Args:
            store: The store.
            open_references: Function that returns its references, with everything that was ingested so far.
        """
        self._store, self._open_references = store, open_references
        self._watches = {watch.name: watch for watch in store.watches() if watch.quarantine is None}
        self._finders = {watch.name: AccountFinder(WatchedAccount.parse(watch.value)) for watch in self._of("account")}
        self._assets = WatchedAssets(store, open_references, {watch.value for watch in self._of("asset")})
        self._compared: set[ChangedAsset] = set()
        if self._finders:
            stated = list(store.stated_accounts())
            for finder in self._finders.values():
                finder.learn(stated)

    @property
    def is_idle(self) -> bool:
        """True if nothing is watched."""
        return not self._watches

    def check_files(self, files: Sequence[SeenFile], *, compare: bool) -> CheckedWatches:
        """Save and return the new hits of files that were just written to the store.

        Args:
            files: The files.
            compare: Compare them with watched assets and lists of hashes too.
        """
        assets = {sha256 for sha256, _ in files}
        found = [hit for watch in self._of("text") for hit in find_texts(self._store, watch, assets)]
        found += self._find_repeated(assets)
        if compare:
            found += self._compare(self._changed(assets))
        paths = defaultdict(list)
        for sha256, uri in files:
            paths[sha256].append(uri)
        hits = [replace(hit, uri=uri) for hit in found for uri in paths[hit.sha256]]
        same = [self._same_file(watch, uri) for watch in self._of("asset") for uri in paths.get(watch.value, ())]
        return self._save([*same, *hits, *self._find_accounts_of(files)])

    def compare_rest(self, on_progress: Callable[[int, int], object] = lambda done, total: None) -> CheckedWatches:
        """Compare what was added or has changed since the last check, by whatever run, with watched assets and lists of hashes.

        Args:
            on_progress: Called with the numbers of assets that were compared, and that must be.
        """
        # What is added from now on is left to the next check.
        started = self._store.last_log_entry()[0]
        changed = self._changed(None)
        found = self._compare(changed, on_progress)
        for watch in self._of("asset"):
            # Such as one whose transcript is new.
            if watch.value in {one.sha256 for one in changed}:
                found += find_copies(self._store, self._open_references, watch)
        checked = self._save([replace(hit, uri=uri) for hit in found for uri in self._store.uris(hit.sha256)])
        if self._compared:
            with self._store.writing():
                self._store.save_checked([watch.name for watch in self._of("asset", "hashes")], started)
            self._compared.clear()
        return checked

    def check_all(self, on_progress: Callable[[int, int], object] = lambda done, total: None) -> CheckedWatches:
        """Save and return the new hits in the whole store; `on_progress` as for `compare_rest`."""
        compared = self.compare_rest(on_progress)
        texts = [
            replace(hit, uri=uri)
            for watch in self._of("text")
            for hit in find_texts(self._store, watch)
            for uri in self._store.uris(hit.sha256)
        ]
        accounts = [hit for watch in self._of("account") for hit in find_account(self._store, watch)]
        same = [self._same_file(watch, uri) for watch in self._of("asset") for uri in self._store.uris(watch.value)]
        return compared.joined(self._save([*texts, *accounts, *same])).joined(self._save(self._store.repeated_hits()))

    def _of(self, *kinds: WatchKind) -> list[Watch]:
        return [watch for watch in self._watches.values() if watch.kind in kinds]

    def _changed(self, assets: Collection[str] | None) -> list[ChangedAsset]:
        """Return what was added or has changed since the last check, of these assets or of all, and was not compared yet."""
        watches = self._of("asset", "hashes")
        if not watches:
            return []
        changed = self._store.changed_assets(min(watch.checked for watch in watches), assets)
        return [one for one in changed if one not in self._compared]

    def _compare(
        self, changed: Sequence[ChangedAsset], on_progress: Callable[[int, int], object] = lambda done, total: None
    ) -> list[WatchHit]:
        """Return the hits of assets by watched assets and by lists of hashes, without paths."""
        channels: defaultdict[str, set[Channel]] = defaultdict(set)
        for one in changed:
            channels[one.sha256].add(one.channel)
        hits: list[WatchHit] = []
        for done, (sha256, by) in enumerate(channels.items(), 1):
            if watched := self._of("asset"):
                matches = self._assets.find_matches(sha256, by)
                hits += [
                    asset_hit(watch.name, sha256, matches[watch.value]) for watch in watched if watch.value in matches
                ]
            if lists := self._of("hashes"):
                hits += find_listed_hits(self._store, lists, sha256)
            on_progress(done, len(channels))
        self._compared.update(changed)
        return hits

    def _same_file(self, watch: Watch, uri: str) -> WatchHit:
        return WatchHit(
            watch=watch.name,
            sha256=watch.value,
            uri=uri,
            why=SAME_BYTES,
            relation="copy" if self._store.asset_kind(watch.value) == "image" else "same_video",
            verdict="copy",
            probability=1.0,
        )

    def _find_repeated(self, assets: Collection[str]) -> Iterator[WatchHit]:
        """Yield the hits of assets that a watch has found before, which may be at another path now."""
        names = {watch.name for watch in self._of("asset", "hashes")}
        for sha256 in sorted(assets) if names else ():
            for hit in self._store.found_watches(sha256):
                if hit.watch in names:
                    yield replace(hit, is_news=True, reported_at=None)

    def _find_accounts_of(self, files: Sequence[SeenFile]) -> Iterator[WatchHit]:
        """Yield the hits of the sightings of files by watched accounts."""
        for sha256, uri in files if self._finders else ():
            stated = [stated_account(one) for one in self._store.sightings_at(sha256, uri)]
            for name, finder in self._finders.items():
                finder.learn(stated)
                for one in filter(finder.accepts, stated):
                    yield WatchHit(watch=name, sha256=sha256, uri=uri, why=account_reason(one))

    def _save(self, hits: Sequence[WatchHit]) -> CheckedWatches:
        """Save hits, and put watches that have too many into quarantine; return the new ones of the others."""
        if not hits:
            return CheckedWatches()
        quarantined: list[Watch] = []
        with self._store.writing():
            new = [hit for hit in self._store.save_watch_hits(hits) if hit.watch in self._watches]
            for name in sorted({hit.watch for hit in new}):
                if reason := new_hits_reason(self._store, self._watches[name]):
                    self._store.quarantine_watch(name, reason)
                    quarantined.append(replace(self._watches.pop(name), quarantine=reason))
                    self._finders.pop(name, None)
        return CheckedWatches(
            hits=tuple(hit for hit in new if hit.watch in self._watches), quarantined=tuple(quarantined)
        )
