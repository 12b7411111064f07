"""Assets, their fingerprints and their thumbnails in the database."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mediafp.store.sqlite import comparisons, custody_log
from mediafp.store.sqlite.content_hash import content_hash
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.sightings import insert_sighting
from mediafp.store.sqlite.source_passages import save_clues, save_sightings
from mediafp.store.sqlite.values import DAMAGE_ERRORS, canonical_json
from mediafp.types.contents import check_asset, check_warnings
from mediafp.types.errors import StoreError
from mediafp.types.fingerprints import Fingerprint, pack_fingerprint, unpack_fingerprint
from mediafp.types.media import Asset, Kind, Thumbnail
from mediafp.types.runs import IngestRecord
from mediafp.types.timestamps import utc_now


def add_record(database: Database, record: IngestRecord) -> bool:
    """Save and log what was computed from one file, and return True if its asset is new.

    An asset that lacks one of the fingerprints gets everything that the record contains: what is stored of its frames
    comes from one analysis. Fingerprints of older versions stay, except those of an asset whose kind was another one.
    """
    asset, sha256 = record.asset, record.asset.sha256
    properties, warnings = canonical_json(dict(asset.properties)), canonical_json(list(record.warnings))
    is_new = database.execute(
        "INSERT INTO asset VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (sha256, asset.kind, asset.bytes, properties, warnings, utc_now()),
    ).rowcount
    if is_new:
        _insert_rows(database, record)
        insert_sighting(database, record.sightings[0])
        details = {"sha256": sha256, "bytes": asset.bytes, "kind": asset.kind, "uri": record.sightings[0].uri}
        custody_log.append(database, "added", {**details, "content": content_hash(database.connection, sha256)})
        comparisons.note_media_change(database, asset)
        # The file may have been transcribed before it was ingested.
        comparisons.note_script_change(database, sha256)
    elif (is_other_kind := asset_kind(database, sha256) != asset.kind) or not has_fingerprints(
        database, sha256, {f.type: f.version for f in record.fingerprints}
    ):
        database.execute(
            "UPDATE asset SET kind = ?, properties = ?, warnings = ? WHERE sha256 = ?",
            (asset.kind, properties, warnings, sha256),
        )
        database.execute("DELETE FROM thumbnail WHERE sha256 = ?", (sha256,))
        if is_other_kind:
            database.execute("DELETE FROM fingerprint WHERE sha256 = ?", (sha256,))
        _insert_rows(database, record)
        details = {"sha256": sha256, "content": content_hash(database.connection, sha256)}
        if is_other_kind:
            details["kind"] = asset.kind
        custody_log.append(database, "refreshed", details)
        comparisons.note_media_change(database, asset)
    save_sightings(database, record.sightings)
    return bool(is_new)


def assets(database: Database, only: Collection[str] | None = None) -> list[Asset]:
    """Return the assets, by SHA-256, without damaged ones: all, or those in `only`."""
    query = (
        "SELECT sha256, kind, bytes, CAST(properties AS BLOB),"
        " EXISTS (SELECT 1 FROM sighting WHERE sighting.sha256 = asset.sha256) FROM asset WHERE TRUE"
    )
    undamaged = []
    for sha256, kind, size, properties, is_seen in _rows_of(database, query, (), only):
        if not is_seen:
            database.on_damage(sha256, "it has no sighting")
            continue
        try:
            undamaged.append(decode_asset(sha256, kind, size, properties))
        except DAMAGE_ERRORS as error:
            database.on_damage(sha256, f"its properties are damaged ({error})")
    return undamaged


def is_undamaged(database: Database, sha256: str) -> bool:
    """Return True if the properties of an asset can be read and it has a sighting; otherwise the damage is reported."""
    row = database.row("SELECT kind, bytes, CAST(properties AS BLOB) FROM asset WHERE sha256 = ?", (sha256,))
    if row is None or database.row("SELECT 1 FROM sighting WHERE sha256 = ?", (sha256,)) is None:
        database.on_damage(sha256, "it has no sighting")
        return False
    try:
        decode_asset(sha256, *row)
    except DAMAGE_ERRORS as error:
        database.on_damage(sha256, f"its properties are damaged ({error})")
        return False
    return True


def asset(database: Database, sha256: str) -> Asset:
    """Return one asset.

    Raises:
        StoreError: The store does not contain it, or it is damaged.
    """
    row = database.row("SELECT kind, bytes, CAST(properties AS BLOB) FROM asset WHERE sha256 = ?", (sha256,))
    if row is None:
        raise _missing_asset(database, sha256)
    try:
        return decode_asset(sha256, *row)
    except DAMAGE_ERRORS as error:
        raise StoreError(
            f"cannot read the properties of {sha256}: they are damaged ({error}); see: mediafp verify",
            kind="damaged",
        ) from error


def asset_kind(database: Database, sha256: str) -> Kind:
    """Return the kind of an asset, whatever else of it is damaged.

    Raises:
        StoreError: The store does not contain it.
    """
    row = database.row("SELECT kind = 'image' FROM asset WHERE sha256 = ?", (sha256,))
    if row is None:
        raise _missing_asset(database, sha256)
    return "image" if row[0] else "video"


def added_at(database: Database, sha256: str) -> str:
    """Return the time at which an asset was added, ISO 8601 in UTC; "" if it is damaged.

    Raises:
        StoreError: The store does not contain it.
    """
    row = database.row("SELECT CAST(added_at AS BLOB) FROM asset WHERE sha256 = ?", (sha256,))
    if row is None:
        raise _missing_asset(database, sha256)
    try:
        added: str = row[0].decode()
    except DAMAGE_ERRORS as error:
        database.on_damage(sha256, f"the time of its addition is damaged ({error})")
        return ""
    return added


def count_assets(database: Database) -> int:
    """Return the number of assets."""
    return sum(count for (count,) in database.rows("SELECT count(*) FROM asset"))


def warnings(database: Database, sha256: str) -> list[str]:
    """Return the warnings of an asset's analysis."""
    row = database.row("SELECT CAST(warnings AS BLOB) FROM asset WHERE sha256 = ?", (sha256,))
    try:
        return decode_warnings(row[0]) if row else []
    except DAMAGE_ERRORS as error:
        database.on_damage(sha256, f"its warnings are damaged ({error})")
        return []


def has_fingerprints(database: Database, sha256: str, versions: Mapping[str, str]) -> bool:
    """Return True if the asset exists with a fingerprint of each of these types in the given version."""
    exists = database.row("SELECT 1 FROM asset WHERE sha256 = ?", (sha256,)) is not None
    return exists and versions.items() <= set(fingerprint_types(database, sha256))


def fingerprints(
    database: Database, type: str, version: str, only: Collection[str] | None = None
) -> Iterator[Fingerprint]:
    """Yield the fingerprints of one type and version, by SHA-256: of all assets, or of those in `only`, undamaged ones."""
    query = "SELECT sha256, data FROM fingerprint WHERE type = ? AND version = ?"
    for sha256, data in _rows_of(database, query, (type, version), only):
        yield from _unpacked(database, sha256, type, version, data)


def asset_fingerprints(database: Database, sha256: str, versions: Mapping[str, str]) -> list[Fingerprint]:
    """Return the undamaged fingerprints of an asset that are of one of these types, in the version that it has here."""
    places = ", ".join("?" * len(versions))
    query = f"SELECT type, version, data FROM fingerprint WHERE sha256 = ? AND type IN ({places})"
    found = []
    for type, version, data in database.rows(query, (sha256, *versions)):
        if versions[type] == version:
            found += _unpacked(database, sha256, type, version, data)
    return found


def fingerprinted(database: Database, type: str, version: str, only: Collection[str] | None = None) -> Iterator[str]:
    """Yield the SHA-256 of each asset with a fingerprint of one type and version, in order: of all, or of those in `only`."""
    query = "SELECT sha256 FROM fingerprint WHERE type = ? AND version = ?"
    for (sha256,) in _rows_of(database, query, (type, version), only):
        yield sha256


def fingerprint_types(database: Database, sha256: str) -> list[tuple[str, str]]:
    """Return type and version of each fingerprint of an asset, sorted."""
    rows = database.rows("SELECT type, version FROM fingerprint WHERE sha256 = ? ORDER BY 1, 2", (sha256,))
    return [(type, version) for type, version in rows]


def versions(database: Database, type: str) -> set[str]:
    """Return the versions of one fingerprint type that the store contains."""
    rows = database.rows("SELECT DISTINCT version FROM fingerprint WHERE type = ?", (type,))
    return {version for (version,) in rows}


def thumbnail(database: Database, sha256: str, seconds: float | None = None) -> bytes | None:
    """Return the JPEG of the frame shown at a time (None: the first frame), or None if there is no thumbnail."""
    found = find_thumbnail(database, sha256, seconds or 0.0)
    return found.jpeg if found else None


def find_thumbnail(database: Database, sha256: str, seconds: float) -> Thumbnail | None:
    """Return the thumbnail of the frame shown at a time, or None if there is none."""
    row = database.row(
        "SELECT position, seconds, jpeg FROM thumbnail WHERE sha256 = ?"
        " ORDER BY seconds > ?, abs(seconds - ?), position LIMIT 1",
        (sha256, seconds, seconds),
    )
    return Thumbnail(position=row[0], seconds=row[1], jpeg=row[2]) if row else None


def row_thumbnail(database: Database, sha256: str, position: int) -> bytes | None:
    """Return the JPEG of one fingerprint row, or None if there is no thumbnail."""
    row = database.row("SELECT jpeg FROM thumbnail WHERE sha256 = ? AND position = ?", (sha256, position))
    return row[0] if row else None


def _unpacked(database: Database, sha256: str, type: str, version: str, data: bytes) -> list[Fingerprint]:
    """Return the fingerprint with this stored value, or none if it is damaged."""
    try:
        return [unpack_fingerprint(sha256, type, version, data)]
    except DAMAGE_ERRORS as error:
        database.on_damage(sha256, f"its fingerprint {type} is damaged ({error})")
        return []


def _rows_of(
    database: Database, query: str, values: tuple[str, ...], only: Collection[str] | None
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query with a condition, by SHA-256: all, or those of the assets in `only`."""
    if only is not None:
        query, values = f"{query} AND sha256 IN (SELECT value FROM json_each(?))", (*values, json.dumps(sorted(only)))
    yield from database.rows(f"{query} ORDER BY sha256", values)


def _missing_asset(database: Database, sha256: str) -> StoreError:
    return StoreError(f"cannot find asset {sha256} in the store '{database.folder}'; ingest its file", kind="unknown")


def _insert_rows(database: Database, record: IngestRecord) -> None:
    sha256 = record.asset.sha256
    database.connection.executemany(
        "INSERT OR REPLACE INTO fingerprint VALUES (?, ?, ?, ?)",
        [(sha256, f.type, f.version, pack_fingerprint(f)) for f in record.fingerprints],
    )
    database.connection.executemany(
        "INSERT OR REPLACE INTO thumbnail VALUES (?, ?, ?, ?)",
        # One at a time: those of a long video may lie in a file.
        ((sha256, t.position, t.seconds, t.jpeg) for t in record.thumbnails),
    )
    save_clues(database, sha256, "", record.clues)


def decode_asset(sha256: str, kind: Kind, size: int, properties: bytes) -> Asset:
    """Return an asset from its stored values. Raises one of DAMAGE_ERRORS if they are damaged."""
    asset = Asset(sha256=sha256, kind=kind, bytes=size, properties=json.loads(properties))
    check_asset(asset)
    return asset


def decode_warnings(data: bytes) -> list[str]:
    """Return stored warnings. Raises one of DAMAGE_ERRORS if they are damaged."""
    warnings: list[str] = json.loads(data)
    check_warnings(warnings)
    return warnings
