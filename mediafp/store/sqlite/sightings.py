"""Sightings in the database."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from mediafp.store.sqlite import custody_log
from mediafp.store.sqlite.database import Database
from mediafp.store.sqlite.values import path_bytes, path_string, replace_surrogates, text_sha256
from mediafp.types.sightings import STATED_FIELDS, Sighting

SIGHTING_COLUMNS: Final = (*(name if name != "text" else "text_sha256" for name in STATED_FIELDS), "source")
"""Columns of a sighting beside its asset, path and position, named as the fields of `Sighting`.

`text_sha256` refers to the text of the post: a channel posts one text with many files, and it is stored once.
"""
_TEXT_COLUMN: Final = SIGHTING_COLUMNS.index("text_sha256")


def insert_sighting(database: Database, sighting: Sighting) -> None:
    """Insert a sighting with its path alone, without an entry in the custody log."""
    database.execute(
        "INSERT INTO sighting (sha256, uri, position, source) VALUES (?, ?, 0, '')",
        (sighting.sha256, path_bytes(sighting.uri)),
    )


def save_sightings(database: Database, stated: Sequence[Sighting]) -> tuple[dict[str, str], list[str]] | None:
    """Save what is known about a file at its path, in place of what is stored about it, and log it.

    If all that the sightings state is the path, what is stored stays.

    Returns:
        The texts of posts that were added, by their SHA-256, and the SHA-256 of those that were removed; None if nothing
        has changed.
    """
    first = stated[0]
    key = {"sha256": first.sha256, "uri": first.uri}
    row_key = (first.sha256, path_bytes(first.uri))
    query = f"SELECT {', '.join(SIGHTING_COLUMNS)} FROM sighting WHERE sha256 = ? AND uri = ? ORDER BY position"
    stored = list(database.rows(query, row_key))
    if not stored:
        insert_sighting(database, first)
        custody_log.append(database, "seen", key)
    columns = [tuple(_column_value(sighting, name) for name in SIGHTING_COLUMNS) for sighting in stated]
    if columns == stored or not any(map(any, columns)):
        return None
    # Before the rows that are replaced: they may refer to the same texts.
    new_texts = {}
    for text in {replace_surrogates(sighting.text) for sighting in stated if sighting.text}:
        key_of_text = text_sha256(text)
        if database.execute("INSERT OR IGNORE INTO post_text VALUES (?, ?)", (key_of_text, text)).rowcount:
            new_texts[key_of_text] = text
    database.execute("DELETE FROM sighting WHERE sha256 = ? AND uri = ?", row_key)
    places = ", ".join("?" * (3 + len(SIGHTING_COLUMNS)))
    for position, values in enumerate(columns):
        database.execute(
            f"INSERT INTO sighting (sha256, uri, position, {', '.join(SIGHTING_COLUMNS)}) VALUES ({places})",
            (*row_key, position, *values),
        )
    fields = [
        {name: value for name, value in zip(SIGHTING_COLUMNS, values, strict=True) if value not in (None, "")}
        for values in columns
    ]
    custody_log.append(database, "sighted", {**key, "sightings": fields})
    return new_texts, remove_unused_texts(database, {values[_TEXT_COLUMN] for values in stored})


def remove_unused_texts(database: Database, keys: Iterable[str | None]) -> list[str]:
    """Remove those of these texts that no sighting refers to, and return their keys."""
    return [
        key
        for key in sorted(filter(None, keys))
        if database.execute(
            "DELETE FROM post_text"
            " WHERE sha256 = ? AND NOT EXISTS (SELECT 1 FROM sighting WHERE text_sha256 = post_text.sha256)",
            (key,),
        ).rowcount
    ]


def sightings(database: Database, sha256: str) -> list[Sighting]:
    """Return the sightings of an asset: dated ones first, oldest first, then by path. Equal texts are one object."""
    rows = database.rows(
        f"SELECT uri, {', '.join(SIGHTING_COLUMNS)} FROM sighting WHERE sha256 = ?"
        " ORDER BY posted_at IS NULL, posted_at, uri, position",
        (sha256,),
    )
    texts: dict[str, str | None] = {}
    return [_sighting(database, sha256, uri, fields, texts) for uri, *fields in rows]


def sightings_at(database: Database, sha256: str, uri: str) -> list[Sighting]:
    """Return the sightings of an asset at one path; none if the store does not contain it there."""
    path = path_bytes(uri)
    rows = database.rows(
        f"SELECT {', '.join(SIGHTING_COLUMNS)} FROM sighting WHERE sha256 = ? AND uri = ? ORDER BY position",
        (sha256, path),
    )
    texts: dict[str, str | None] = {}
    return [_sighting(database, sha256, path, row, texts) for row in rows]


def iter_sightings(database: Database) -> Iterator[Sighting]:
    """Yield all sightings, by SHA-256, path and position, in one query."""
    columns = ", ".join(name if name != "text_sha256" else "post_text.text" for name in SIGHTING_COLUMNS)
    rows = database.rows(
        f"SELECT sighting.sha256, uri, {columns} FROM sighting"
        " LEFT JOIN post_text ON post_text.sha256 = sighting.text_sha256 ORDER BY sighting.sha256, uri, position"
    )
    names = ("sha256", "uri", *(name if name != "text_sha256" else "text" for name in SIGHTING_COLUMNS))
    for sha256, uri, *fields in rows:
        yield Sighting(**dict(zip(names, (sha256, path_string(uri), *fields), strict=True)))


def captions(database: Database, sha256: str) -> list[str]:
    """Return the titles and texts of an asset's sightings."""
    return [text for sighting in sightings(database, sha256) for text in sighting.captions]


def uris(database: Database, sha256: str) -> tuple[str, ...]:
    """Return the paths of an asset's sightings."""
    rows = database.rows(
        "SELECT uri FROM sighting WHERE sha256 = ? ORDER BY posted_at IS NULL, posted_at, uri, position", (sha256,)
    )
    return tuple(dict.fromkeys(path_string(uri) for (uri,) in rows))


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
