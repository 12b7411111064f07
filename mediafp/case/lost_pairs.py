"""The pairs that no worker could compare, as they are reported."""

from mediafp.store import Store
from mediafp.types.kept_matches import LostPair


def find_lost_pairs(store: Store, sha256: str | None = None) -> list[LostPair]:
    """Return the pairs that no worker could compare, of an asset or of all, by both assets."""
    pairs = []
    for kept in store.lost_pairs(asset=sha256):
        assert kept.failure, "it was not compared"
        a, b = kept.pair
        a_uri, b_uri = ((store.uris(asset) or (asset,))[0] for asset in (a, b))
        message = f"cannot compare {a_uri!r} with {b_uri!r}: {kept.failure.reason}; to try it again: mediafp relate"
        pairs.append(LostPair(a=a, b=b, a_uri=a_uri, b_uri=b_uri, kind=kept.failure.kind, message=message))
    return pairs


def lost_warnings(store: Store, sha256: str) -> tuple[str, ...]:
    """Return a sentence for each pair of an asset that no worker could compare: a use may be missing."""
    return tuple(pair.message for pair in find_lost_pairs(store, sha256))
