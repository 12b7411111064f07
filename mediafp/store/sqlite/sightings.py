"""Sightings in the database."""

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import path_bytes, path_string, replace_surrogates
from mediafp.types.media import Sighting

SIGHTING_FIELDS = (
    "account",
    "platform",
    "url",
    "title",
    "text",
    "posted_at",
    "captured_at",
    "removed_at",
    "views",
    "source",
)
"""Columns of a sighting beside its asset and path, named as the fields of `Sighting`."""


def insert_sighting(database: Database, sighting: Sighting) -> None:
    """Insert a sighting with its path alone, without an entry in the custody log."""
    database.execute(
        "INSERT INTO sighting (sha256, uri, source) VALUES (?, ?, '')", (sighting.sha256, path_bytes(sighting.uri))
    )


def add_sighting(database: Database, sighting: Sighting) -> None:
    """Save a sighting, or the fields of it that are new, and log them; an empty field keeps the stored value."""
    key = {"sha256": sighting.sha256, "uri": sighting.uri}
    stored = database.row(
        f"SELECT {', '.join(SIGHTING_FIELDS)} FROM sighting WHERE sha256 = ? AND uri = ?",
        (sighting.sha256, path_bytes(sighting.uri)),
    )
    if stored is None:
        insert_sighting(database, sighting)
        custody_log.append(database, "seen", key)
    before = dict(zip(SIGHTING_FIELDS, stored or (), strict=False))
    after = {name: _storable(getattr(sighting, name)) for name in SIGHTING_FIELDS}
    changed = {name: value for name, value in after.items() if value not in (None, "", before.get(name))}
    if changed:
        database.execute(
            f"UPDATE sighting SET {', '.join(f'{name} = ?' for name in changed)} WHERE sha256 = ? AND uri = ?",
            (*changed.values(), sighting.sha256, path_bytes(sighting.uri)),
        )
        custody_log.append(database, "sighted", {**key, "fields": changed})


def sightings(database: Database, sha256: str) -> list[Sighting]:
    """Return the sightings of an asset: dated ones first, oldest first, then by path."""
    rows = database.rows(
        f"SELECT uri, {', '.join(SIGHTING_FIELDS)} FROM sighting WHERE sha256 = ?"
        " ORDER BY posted_at IS NULL, posted_at, uri",
        (sha256,),
    )
    return [
        Sighting(sha256=sha256, uri=path_string(uri), **dict(zip(SIGHTING_FIELDS, fields, strict=True)))
        for uri, *fields in rows
    ]


def captions(database: Database, sha256: str) -> list[str]:
    """Return the titles and texts of an asset's sightings."""
    return [text for sighting in sightings(database, sha256) for text in sighting.captions]


def uris(database: Database, sha256: str) -> tuple[str, ...]:
    """Return the paths of an asset's sightings."""
    return tuple(sighting.uri for sighting in sightings(database, sha256))


def _storable(value: str | int | None) -> str | int | None:
    return replace_surrogates(value) if isinstance(value, str) else value
