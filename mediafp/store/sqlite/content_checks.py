"""The check of what is stored of each asset against the invariants that later code relies on."""

from collections.abc import Iterator, Mapping

from mediafp.store.sqlite.assets import decode_asset, decode_warnings
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import DAMAGE_ERRORS
from mediafp.types.contents import check_fingerprint, check_thumbnail, check_time
from mediafp.types.fingerprint_types import FingerprintDeclaration
from mediafp.types.fingerprints import unpack_fingerprint
from mediafp.types.media import Asset


def check_contents(database: Database, declarations: Mapping[str, FingerprintDeclaration]) -> Iterator[str]:
    """Yield the problems of the assets: their properties, warnings, fingerprints and thumbnails, and how these agree.

    Args:
        database: The database of the store.
        declarations: Declarations of fingerprint types, by name. Of the fingerprints of other types only the shapes are
            checked.
    """
    for sha256, kind, size, properties, warnings in database.execute(
        "SELECT sha256, kind, bytes, CAST(properties AS BLOB), CAST(warnings AS BLOB) FROM asset ORDER BY sha256"
    ):
        try:
            asset = decode_asset(sha256, kind, size, properties)
        except DAMAGE_ERRORS as error:
            yield f"the properties of {sha256} are damaged: {error}"
        else:
            yield from _check_rows(database, asset, declarations)
        try:
            decode_warnings(warnings)
        except DAMAGE_ERRORS as error:
            yield f"the warnings of {sha256} are damaged: {error}"


def _check_rows(database: Database, asset: Asset, declarations: Mapping[str, FingerprintDeclaration]) -> Iterator[str]:
    """Yield the problems of the fingerprints and the thumbnails of an asset."""
    sha256 = asset.sha256
    # Numbers of rows, one for each version, by type.
    frame_counts: dict[str, set[int]] = {}
    has_fingerprint = False
    for type, version, data in database.execute(
        "SELECT type, version, data FROM fingerprint WHERE sha256 = ? ORDER BY type, version", (sha256,)
    ):
        has_fingerprint = True
        try:
            stored = unpack_fingerprint(sha256, type, version, data)
            if declaration := declarations.get(type):
                check_fingerprint(asset, declaration, stored)
                if declaration.consumes == "frames":
                    frame_counts.setdefault(type, set()).add(len(stored.spans))
        except DAMAGE_ERRORS as error:
            yield f"fingerprint {type} of {sha256} is damaged: {error}"
    if not has_fingerprint:
        yield f"asset {sha256} has no fingerprint"
    thumbnails = 0
    for position, seconds, jpeg in database.execute(
        "SELECT position, seconds, jpeg FROM thumbnail WHERE sha256 = ? ORDER BY position", (sha256,)
    ):
        try:
            if position != thumbnails:
                raise ValueError(f"it follows number {thumbnails - 1}")
            check_time(seconds, "its time")
            check_thumbnail(asset, position, jpeg)
        except DAMAGE_ERRORS as error:
            yield f"thumbnail {position} of {sha256} is damaged: {error}"
        thumbnails += 1
    # The thumbnails come from the newest analysis; older versions of a fingerprint may have another number of rows.
    counts = frame_counts.values()
    if any(thumbnails not in count for count in counts):
        yield f"asset {sha256} has {thumbnails} thumbnails and fingerprints of {sorted(set().union(*counts))} rows"
