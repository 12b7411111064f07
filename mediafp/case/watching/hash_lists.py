"""Lists of hashes that were imported into a store, as the watch list consults them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mediafp.store import Store
from mediafp.types.watches import Watch, WatchHit


class ListedHash(NamedTuple):
    """Hash of a list that an asset is near."""

    list: str
    label: str
    distance: int
    """Hamming distance, bits."""


def hash_list_names(store: Store) -> list[str]:
    """Return the names of the lists of a store, sorted; none, as no store has one yet."""
    return []


def find_listed(store: Store, sha256: str) -> list[ListedHash]:
    """Return the hashes of all lists that an asset is near; none, as no store has one yet."""
    return []


def find_listed_hits(store: Store, watches: Sequence[Watch], sha256: str) -> Iterator[WatchHit]:
    """Yield the hits of an asset by watches of lists, without paths."""
    near = find_listed(store, sha256)
    for watch in watches:
        for one in near:
            if one.list == watch.value:
                label = f" ({one.label})" if one.label else ""
                why = f"{one.distance} bits from a hash of the list {one.list!r}{label}"
                yield WatchHit(watch=watch.name, sha256=sha256, uri="", why=why)
