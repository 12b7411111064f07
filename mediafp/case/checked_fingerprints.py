"""Stored fingerprints that keep the invariants of their type and asset; the others are skipped."""

from collections.abc import Iterable, Iterator, Mapping

from mediafp.store import Store
from mediafp.types.contents import check_fingerprint, check_fingerprints
from mediafp.types.fingerprint_types import FingerprintDeclaration
from mediafp.types.fingerprints import Fingerprint
from mediafp.types.media import Asset

BATCH_ROWS = 4096
"""Rows from which on no more fingerprints are checked at once, which takes a tenth of the time for images. Chosen, not
measured."""


def load_fingerprints(
    store: Store, declaration: FingerprintDeclaration, assets: Mapping[str, Asset], stored: Iterable[Fingerprint]
) -> dict[str, Fingerprint]:
    """Return the undamaged ones of some fingerprints of one type, by the SHA-256 of their assets.

    Args:
        store: The store, which gets the damaged ones.
        declaration: Declaration of the type.
        assets: Assets by SHA-256; fingerprints of others are skipped.
        stored: The fingerprints.
    """
    checked: dict[str, Fingerprint] = {}
    owned = ((assets[fingerprint.sha256], fingerprint) for fingerprint in stored if fingerprint.sha256 in assets)
    for batch in _batches(owned):
        try:
            check_fingerprints(declaration, batch)
        except ValueError:
            # One of them is damaged: each is checked by itself.
            batch = [pair for pair in batch if _is_undamaged(store, declaration, *pair)]
        checked.update((asset.sha256, fingerprint) for asset, fingerprint in batch)
    return checked


def _batches(owned: Iterable[tuple[Asset, Fingerprint]]) -> Iterator[list[tuple[Asset, Fingerprint]]]:
    batch: list[tuple[Asset, Fingerprint]] = []
    rows = 0
    for asset, fingerprint in owned:
        batch.append((asset, fingerprint))
        rows += len(fingerprint.vectors)
        if rows > BATCH_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch


def _is_undamaged(store: Store, declaration: FingerprintDeclaration, asset: Asset, fingerprint: Fingerprint) -> bool:
    try:
        check_fingerprint(asset, declaration, fingerprint)
    except ValueError as error:
        store.on_damage(asset.sha256, f"its fingerprint {declaration.name} is damaged ({error})")
        return False
    return True
