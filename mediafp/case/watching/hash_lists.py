"""Hits of watched lists of hashes."""

from collections.abc import Iterator, Sequence

from mediafp.case.hash_lists import find_listed
from mediafp.store import Store
from mediafp.types.hashes import HASH_BYTES, ListedHit
from mediafp.types.watches import Watch, WatchHit


def find_listed_hits(store: Store, watches: Sequence[Watch], sha256: str) -> Iterator[WatchHit]:
    """Yield the hits of an asset by watches of lists, without paths: for each watch the nearest listed hash."""
    nearest: dict[str, ListedHit] = {}
    for hit in find_listed(store, sha256):
        nearest.setdefault(hit.list, hit)
    for watch in watches:
        if found := nearest.get(watch.value):
            yield WatchHit(watch=watch.name, sha256=sha256, uri="", why=_reason(found))


def _reason(hit: ListedHit) -> str:
    label = f" ({hit.label})" if hit.label else ""
    of_list = f"a hash of the list {hit.list!r}{label}"
    if hit.algorithm == "sha256":
        return f"the same bytes as {of_list}"
    return f"{hit.distance} of {8 * HASH_BYTES[hit.algorithm]} bits of the {hit.algorithm} from {of_list}"
