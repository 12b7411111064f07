"""Sightings in the database."""

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import path_bytes, path_string, replace_surrogates, text_sha256
from mediafp.types.media import Sighting

SIGHTING_COLUMNS = (
    "account",
    "platform",
    "url",
    "title",
    "text_sha256",
    "posted_at",
    "captured_at",
    "removed_at",
    "views",
    "source",
)
"""Columns of a sighting beside its asset and path, named as the fields of `Sighting`.

`text_sha256` refers to the text of the post: a channel posts one text with many files, and it is stored once.
"""
_SIGHTING_FIELDS = tuple("text" if column == "text_sha256" else column for column in SIGHTING_COLUMNS)
"""Fields of a sighting beside its asset and path."""


def insert_sighting(database: Database, sighting: Sighting) -> None:
    """Insert a sighting with its path alone, without an entry in the custody log."""
    database.execute(
        "INSERT INTO sighting (sha256, uri, source) VALUES (?, ?, '')", (sighting.sha256, path_bytes(sighting.uri))
    )


def add_sighting(database: Database, sighting: Sighting) -> None:
    """Save a sighting, or the fields of it that are new, and log them; an empty field keeps the stored value."""
    key = {"sha256": sighting.sha256, "uri": sighting.uri}
    stored = database.row(
        f"SELECT {', '.join(SIGHTING_COLUMNS)} FROM sighting WHERE sha256 = ? AND uri = ?",
        (sighting.sha256, path_bytes(sighting.uri)),
    )
    if stored is None:
        insert_sighting(database, sighting)
        custody_log.append(database, "seen", key)
    before = dict(zip(SIGHTING_COLUMNS, stored or (), strict=False))
    after = {name: _column_value(sighting, name) for name in SIGHTING_COLUMNS}
    changed = {name: value for name, value in after.items() if value not in (None, "", before.get(name))}
    if changed:
        if "text_sha256" in changed and sighting.text:
            text = replace_surrogates(sighting.text)
            database.execute("INSERT OR IGNORE INTO post_text VALUES (?, ?)", (changed["text_sha256"], text))
        database.execute(
            f"UPDATE sighting SET {', '.join(f'{name} = ?' for name in changed)} WHERE sha256 = ? AND uri = ?",
            (*changed.values(), sighting.sha256, path_bytes(sighting.uri)),
        )
        custody_log.append(database, "sighted", {**key, "fields": changed})


def sightings(database: Database, sha256: str) -> list[Sighting]:
    """Return the sightings of an asset: dated ones first, oldest first, then by path."""
    rows = database.rows(
        f"SELECT uri, {', '.join(_SIGHTING_FIELDS)} FROM sighting LEFT JOIN post_text ON post_text.sha256 = text_sha256"
        " WHERE sighting.sha256 = ? ORDER BY posted_at IS NULL, posted_at, uri",
        (sha256,),
    )
    return [
        Sighting(sha256=sha256, uri=path_string(uri), **dict(zip(_SIGHTING_FIELDS, fields, strict=True)))
        for uri, *fields in rows
    ]


def captions(database: Database, sha256: str) -> list[str]:
    """Return the titles and texts of an asset's sightings."""
    return [text for sighting in sightings(database, sha256) for text in sighting.captions]


def uris(database: Database, sha256: str) -> tuple[str, ...]:
    """Return the paths of an asset's sightings."""
    return tuple(sighting.uri for sighting in sightings(database, sha256))


def _column_value(sighting: Sighting, column: str) -> str | int | None:
    """Return the value of a column for a sighting; None or "" if the sighting does not state it."""
    if column == "text_sha256":
        return text_sha256(replace_surrogates(sighting.text)) if sighting.text else None
    value: str | int | None = getattr(sighting, column)
    return replace_surrogates(value) if isinstance(value, str) else value
