"""Sightings in the database."""

from collections.abc import Sequence
from typing import Any

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
    """Return the sightings of an asset: dated ones first, oldest first, then by path. Equal texts are one object."""
    rows = database.rows(
        f"SELECT uri, {', '.join(SIGHTING_COLUMNS)} FROM sighting WHERE sha256 = ?"
        " ORDER BY posted_at IS NULL, posted_at, uri",
        (sha256,),
    )
    texts: dict[str, str | None] = {}
    return [_sighting(database, sha256, uri, fields, texts) for uri, *fields in rows]


def sighting(database: Database, sha256: str, uri: str) -> Sighting | None:
    """Return one sighting; None if the store does not contain it."""
    row = database.row(
        f"SELECT {', '.join(SIGHTING_COLUMNS)} FROM sighting WHERE sha256 = ? AND uri = ?", (sha256, path_bytes(uri))
    )
    return _sighting(database, sha256, path_bytes(uri), row, {}) if row else None


def captions(database: Database, sha256: str) -> list[str]:
    """Return the titles and texts of an asset's sightings."""
    return [text for sighting in sightings(database, sha256) for text in sighting.captions]


def uris(database: Database, sha256: str) -> tuple[str, ...]:
    """Return the paths of an asset's sightings."""
    rows = database.rows(
        "SELECT uri FROM sighting WHERE sha256 = ? ORDER BY posted_at IS NULL, posted_at, uri", (sha256,)
    )
    return tuple(path_string(uri) for (uri,) in rows)


def _sighting(
    database: Database, sha256: str, uri: bytes, columns: Sequence[Any], texts: dict[str, str | None]
) -> Sighting:
    """Return a sighting from its columns; `texts` keeps the texts that were read, by their SHA-256."""
    fields = dict(zip(SIGHTING_COLUMNS, columns, strict=True))
    text_key = fields.pop("text_sha256")
    if text_key is not None and text_key not in texts:
        row = database.row("SELECT text FROM post_text WHERE sha256 = ?", (text_key,))
        texts[text_key] = row[0] if row else None
    return Sighting(sha256=sha256, uri=path_string(uri), text=texts.get(text_key), **fields)


def _column_value(sighting: Sighting, column: str) -> str | int | None:
    """Return the value of a column for a sighting; None or "" if the sighting does not state it."""
    if column == "text_sha256":
        return text_sha256(replace_surrogates(sighting.text)) if sighting.text else None
    value: str | int | None = getattr(sighting, column)
    return replace_surrogates(value) if isinstance(value, str) else value
