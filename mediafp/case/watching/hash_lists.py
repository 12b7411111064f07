"""Lists of hashes that were imported into a store, as the watch list consults them."""

from typing import NamedTuple

from mediafp.store import Store


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


def listed_reason(found: ListedHash) -> str:
    """Return in words which hash an asset is near."""
    label = f" ({found.label})" if found.label else ""
    return f"{found.distance} bits from a hash of the list {found.list!r}{label}"
