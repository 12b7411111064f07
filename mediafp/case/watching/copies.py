"""The assets of a store that are probably the same media as a watched one."""

from collections.abc import Callable, Iterator

from mediafp.case.comparison.run import run_comparisons
from mediafp.case.comparison.versions import comparison_versions
from mediafp.case.references import StoredReferences
from mediafp.case.watching.watched_assets import WatchedAssets, asset_hit, probable_matches
from mediafp.store import Store
from mediafp.types.kept_matches import CHANNELS
from mediafp.types.watches import Watch, WatchHit


def find_copies(store: Store, open_references: Callable[[], StoredReferences], watch: Watch) -> Iterator[WatchHit]:
    """Yield the hits, without paths, of a watch of an asset in the whole store: from its kept matches, which are completed first.

    Args:
        store: The store.
        open_references: Function that returns its references, with everything that was ingested so far.
        watch: The watch.
    """
    sha256 = watch.value
    uncompared = {one.sha256 for one in store.pending_comparisons(comparison_versions())}
    for _ in run_comparisons(store, open_references, assets={sha256}):
        pass
    found = set()
    # The fitted probability of a match may be above that of the model.
    for kept in probable_matches(list(store.kept_matches(sha256)), store):
        other = kept.reference if kept.query == sha256 else kept.query
        if other not in found:
            found.add(other)
            yield asset_hit(watch.name, other, kept)
    # If the asset was compared before these were ingested.
    watched = WatchedAssets(store, open_references, {sha256})
    for other in sorted(uncompared - found) if sha256 not in uncompared else ():
        if match := watched.find_matches(other, CHANNELS).get(sha256):
            yield asset_hit(watch.name, other, match)
