"""Stored fingerprints that keep the invariants of their type and asset; the others are skipped."""

from collections.abc import Iterable, Iterator

from mediafp.store import Store
from mediafp.types.contents import check_fingerprint, check_fingerprints
from mediafp.types.fingerprint_types import FingerprintDeclaration
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset

BATCH_ROWS = 4096
"""Rows from which on no more fingerprints are checked at once, which takes a tenth of the time for images. Chosen, not
measured."""


def load_fingerprints(
    store: Store, declaration: FingerprintDeclaration, stored: Iterable[Fingerprint]
) -> Iterator[Fingerprint]:
    """Yield the undamaged ones of some fingerprints of one type, those of undamaged assets.

    Args:
        store: The store, which gets the damaged ones.
        declaration: Declaration of the type.
        stored: The fingerprints.
    """
    for batch in _batches(stored):
        assets = {asset.sha256: asset for asset in store.assets({fingerprint.sha256 for fingerprint in batch})}
        owned = [(assets[fingerprint.sha256], fingerprint) for fingerprint in batch if fingerprint.sha256 in assets]
        try:
            check_fingerprints(declaration, owned)
        except ValueError:
            # One of them is damaged: each is checked by itself.
            owned = [pair for pair in owned if is_undamaged(store, declaration, *pair)]
        yield from (fingerprint for _, fingerprint in owned)


def _batches(fingerprints: Iterable[Fingerprint]) -> Iterator[list[Fingerprint]]:
    batch: list[Fingerprint] = []
    rows = 0
    for fingerprint in fingerprints:
        batch.append(fingerprint)
        rows += len(fingerprint.vectors)
        if rows > BATCH_ROWS or len(batch) > BATCH_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def is_undamaged(store: Store, declaration: FingerprintDeclaration, asset: Asset, fingerprint: Fingerprint) -> bool:
    """Return True if a fingerprint keeps the invariants of its type and asset; the store gets it otherwise."""
    try:
        check_fingerprint(asset, declaration, fingerprint)
    except ValueError as error:
        store.on_damage(asset.sha256, f"its fingerprint {declaration.name} is damaged ({error})")
        return False
    return True
